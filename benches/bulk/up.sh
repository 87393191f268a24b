#!/usr/bin/env bash
# Builds what is measured and starts the farm, in which every name has its own end entity: name server and addresses are
# those of PERF (the folder with farm_up.sh), the TLS servers are ours (farm.rs). Root; nginx, nsd, dig, openssl, cargo.
#   benches/bulk/up.sh [NAMES]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
export FARM_NAMES="${1:-100000}"
(cd "$root" && cargo build -q --release --bin tlsmend --example farm)
if [ ! -x "$PERF_DIR/bin/floor-rs" ]; then
  mkdir -p "$PERF_DIR/bin" && cp -r "$PERF/floor-rs" "$PERF_DIR/floor" && chmod -R u+w "$PERF_DIR/floor"
  (cd "$PERF_DIR/floor" && AWS_LC_SYS_NO_JITTER_ENTROPY=1 CARGO_TARGET_DIR="$PERF_DIR/t" cargo build -q --release)
  cp "$PERF_DIR/t/release/floor-rs" "$PERF_DIR/bin/"
fi
"$PERF/farm_up.sh"
# Its servers have one certificate for all names: ours take their place, and its pid file, so that farm_down.sh stops them.
pid_file=$PERF_DIR/farm/nginx/nginx.pid
kill "$(cat "$pid_file")"; sleep 1
for kind in ec rsa; do
  openssl pkcs8 -topk8 -nocrypt -in "$PERF_DIR/pki/$kind.int.key" -out "$PERF_DIR/pki/$kind.int.p8"
done
ulimit -n 65536 2>/dev/null || true
"$CARGO_TARGET_DIR/release/examples/farm" "$PERF_DIR/pki" "$FARM_NET" "$FARM_IPS" "$FARM_NET.254:8480" \
  > "$PERF_DIR/farm/farm.log" 2>&1 &
pid=$!; echo $pid > "$pid_file"
for _ in $(seq 100); do
  kill -0 $pid 2>/dev/null || { cat "$PERF_DIR/farm/farm.log" >&2; exit 1; }
  openssl s_client -connect "$FARM_NET.1:8444" -servername t0000000.farm.test </dev/null >/dev/null 2>&1 && break
  sleep 0.2
done
echo "up: an end entity for each of $FARM_NAMES names"
