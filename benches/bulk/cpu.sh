#!/usr/bin/env bash
# Client CPU a target beside the floor with one DNS query, both kinds of chains, both depths.
#   benches/bulk/cpu.sh [SIZES [ROUNDS]]       such as 2000,10000,100000 and 7
set -euo pipefail
. "$(dirname "$0")/lib.sh"
for port in 8443 8444; do
  for depth in handshake chain; do
    echo "== port $port ($([ $port = 8443 ] && echo P-256 || echo RSA-2048)), --depth $depth"
    scan_with --depth $depth
    "$PERF/bulk.py" --sizes "${1:-2000}" --rounds "${2:-7}" --port $port --cmds floor-rs-dns,tool --base floor-rs-dns
  done
done
