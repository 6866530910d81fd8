#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# measure.sh FOLDER COMMAND...: runs a load with a sigmad of its own beside it, whose CSV files go to FOLDER, which is
# made. The load finds the server by STATSD_HOST and STATSD_PORT. The exit status is that of the load.
#
#   SIGMAD    the server (default: sigmad)
#   INTERVAL  length of a window (default: 1s; a run should have 60 windows or more)
set -euo pipefail

folder=$1
shift
mkdir -p "$folder"
log=$folder/sigmad.log
fifo=$(mktemp -u)
mkfifo "$fifo"
trap 'rm -f "$fifo"' EXIT

"${SIGMAD:-sigmad}" -c /dev/null --set server.udp=127.0.0.1:0 --set http.listen= --set state.file= \
    --set "csv.directory=$(realpath "$folder")" --set "flush.interval=${INTERVAL:-1s}" 2>"$fifo" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$fifo"' EXIT

# The log goes to a file; the first line of a server that listens has its address. No such line: it could not start.
exec 3<"$fifo"
port=
while [ -z "$port" ] && IFS= read -r line <&3; do
    printf '%s\n' "$line" >>"$log"
    [[ $line =~ msg=ready.*udp=127\.0\.0\.1:([0-9]+) ]] && port=${BASH_REMATCH[1]}
done
if [ -z "$port" ]; then
    cat "$log" >&2
    exit 1
fi
cat <&3 >>"$log" &

status=0
STATSD_HOST=127.0.0.1 STATSD_PORT=$port "$@" || status=$?

# SIGTERM takes in what has arrived and closes the last window.
kill -TERM "$server"
wait "$server" || status=$?
exit "$status"
