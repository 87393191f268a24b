#!/usr/bin/env bash
# CPU of one question to the name server, A and AAAA of names with none to three aliases (dns.rs).
#   benches/bulk/dns.sh [NAMES [ROUNDS]]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
count=${1:-20000} work=$PERF_DIR/dns
python3 "$PERF/targets.py" lists --count "$count" --net "$FARM_NET" --out "$work"
(cd "$root" && cargo build -q --release --example dns_cost)
for _ in $(seq "${2:-5}"); do
  "$CARGO_TARGET_DIR/release/examples/dns_cost" "$work/names.txt" "$FARM_NET.253:5300"
done
