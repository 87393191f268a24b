#!/usr/bin/env bash
# Starts the farm for bulk measurements, in which every name has its own end entity: name servers and addresses are those
# of PERF (the folder with farm_up.sh), the TLS servers are ours (farm.rs). Needs root, nginx, nsd, dig, openssl, cargo.
#   benches/bulk/up.sh [NAMES]        down again: benches/bulk/down.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); : "${PERF:=$here/../../../shared/perf}" "${PERF_DIR:=/tmp/perf}"
: "${FARM_NET:=127.0.1}" "${FARM_IPS:=200}" "${CARGO_TARGET_DIR:=$here/../../target}"
export PERF_DIR FARM_NET FARM_IPS FARM_NAMES="${1:-100000}"
[ -x "$PERF/farm_up.sh" ] || { echo "PERF: no farm_up.sh in $PERF" >&2; exit 1; }
CARGO_TARGET_DIR=$CARGO_TARGET_DIR cargo build -q --release --example farm --manifest-path "$here/../../Cargo.toml"
"$PERF/farm_up.sh"
# Its servers have one certificate for all names: ours take their place.
kill "$(cat "$PERF_DIR/farm/nginx/nginx.pid")"; sleep 1
for kind in ec rsa; do
  openssl pkcs8 -topk8 -nocrypt -in "$PERF_DIR/pki/$kind.int.key" -out "$PERF_DIR/pki/$kind.int.p8"
done
ulimit -n 65536 2>/dev/null || true
"$CARGO_TARGET_DIR/release/examples/farm" "$PERF_DIR/pki" "$FARM_NET" "$FARM_IPS" "$FARM_NET.254:8480" \
  > "$PERF_DIR/farm/farm.log" 2>&1 &
echo $! > "$PERF_DIR/farm/nginx/nginx.pid"
for _ in $(seq 100); do
  openssl s_client -connect "$FARM_NET.1:8443" -servername t0000000.farm.test </dev/null >/dev/null 2>&1 && break; sleep 0.2
done
kill -0 "$(cat "$PERF_DIR/farm/nginx/nginx.pid")" || { cat "$PERF_DIR/farm/farm.log" >&2; exit 1; }
echo "up: an end entity for each of $FARM_NAMES names"
