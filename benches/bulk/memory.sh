#!/usr/bin/env bash
# Peak memory by number of targets and concurrency.
#   benches/bulk/memory.sh [SIZES]             such as 1000,100000,1000000 (then: up.sh 1000000)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
ulimit -n 65536 2>/dev/null || true
scan_with --depth handshake
for conc in 100 1000; do
  echo "== concurrency $conc"
  "$PERF/bulk.py" --sizes "${1:-1000,100000}" --rounds 1 --conc $conc --cmds tool --base tool --limit 7200
done
