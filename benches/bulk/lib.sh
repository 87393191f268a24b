# Sourced by the scripts here. PERF: the folder with bulk.py; PERF_DIR: where its state lives; TLSMEND: the program measured.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
: "${PERF:=$root/../shared/perf}" "${PERF_DIR:=/tmp/perf}" "${FARM_NET:=127.0.1}" "${FARM_IPS:=200}"
: "${CARGO_TARGET_DIR:=$root/target}" "${TLSMEND:=$CARGO_TARGET_DIR/release/tlsmend}"
export PERF_DIR FARM_NET FARM_IPS CARGO_TARGET_DIR
[ -x "$PERF/bulk.py" ] || { echo "no bulk.py in $PERF: set PERF" >&2; exit 1; }

# scan_with OPTIONS...: what bulk.py runs as `tool`; a target counts when a client accepted its chain.
scan_with() {
  export TOOL_BULK="$TLSMEND scan {hostport} --resolver {dns} --roots {roots} --concurrency {conc} --no-cache $* > {out}"
  export TOOL_OK="grep -c '\"curl\":\"accept\"' {out}"
}
