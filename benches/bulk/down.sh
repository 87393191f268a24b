#!/usr/bin/env bash
# Stops what up.sh started, by pid file.
here=$(cd "$(dirname "$0")" && pwd); : "${PERF:=$here/../../../shared/perf}" "${PERF_DIR:=/tmp/perf}"
export PERF_DIR
exec "$PERF/farm_down.sh"
