#!/usr/bin/env bash
# Throughput with one target in a hundred that accepts a connection and never answers, beside that without. The clock runs to
# the end of the last of them, so the list is long beside the time-out.
#   benches/bulk/hanging.sh [TARGETS [ROUNDS]]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
count=${1:-100000} work=$PERF_DIR/hanging
mkdir -p "$work"
python3 "$PERF/targets.py" lists --count "$count" --net "$FARM_NET" --out "$work/lists"
awk -v net="$FARM_NET" 'NR % 100 == 50 { print net ".251:8443"; next } { print }' "$work/lists/hostport.txt" > "$work/hanging.txt"
run() { # run LIST: targets a second
  local begun; begun=$(date +%s.%N)
  "$TLSMEND" scan "$1" --resolver "$FARM_NET.253:5300" --roots "$PERF_DIR/pki/roots.pem" --no-cache --concurrency 100 \
    --timeout 2s > "$work/out.ndjson" || [ $? -le 4 ]
  [ "$(wc -l < "$work/out.ndjson")" = "$count" ] || { echo "lines are lost" >&2; exit 1; }
  echo "$count $begun $(date +%s.%N)" | awk '{ printf "%.0f", $1 / ($3 - $2) }'
}
for _ in $(seq "${2:-3}"); do
  without=$(run "$work/lists/hostport.txt"); with=$(run "$work/hanging.txt")
  echo "without $without/s, with 1 % hanging $with/s: $(awk "BEGIN { printf \"%.2f\", $with / $without }")"
done
