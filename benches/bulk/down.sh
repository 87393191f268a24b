#!/usr/bin/env bash
# Stops what up.sh started, by pid file.
. "$(dirname "$0")/lib.sh"
exec "$PERF/farm_down.sh"
