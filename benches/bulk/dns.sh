#!/usr/bin/env bash
# CPU of the name system alone: names that do not exist cost two questions (A and AAAA), a line, and no connection. Half of the
# figure is an upper bound for one question.
#   benches/bulk/dns.sh [NAMES [ROUNDS]]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
count=${1:-20000} work=$PERF_DIR/dns
mkdir -p "$work"
seq -f 'n%07.0f.nowhere.test' "$count" > "$work/names.txt"
for _ in $(seq "${2:-5}"); do
  python3 - "$TLSMEND" "$work/names.txt" "$FARM_NET.253:5300" "$count" <<'P'
import resource, subprocess, sys
tlsmend, names, server, count = sys.argv[1:]
before = resource.getrusage(resource.RUSAGE_CHILDREN)
subprocess.run([tlsmend, "scan", names, "--resolver", server, "--no-cache"], stdout=subprocess.DEVNULL)
after = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(f"{cpu / int(count) * 1e6:.1f} us a name, {cpu / int(count) / 2 * 1e6:.1f} us a question")
P
done
