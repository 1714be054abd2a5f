#!/bin/sh
# System calls of the client for each message of the load `pipe`.
#   syscalls.sh WSUV_BENCH WSUV_ECHO|PORT [MESSAGES]
# The second argument is the echo server to start, or the port of one that runs on 127.0.0.1.
set -eu

if [ $# -lt 2 ]; then
  sed -n '2,4s/^# //p' "$0" >&2
  exit 1
fi
bench=$1 server=$2 messages=${3:-100000}
dir=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || kill "$pid"
  rm -r "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM

case $server in
*[!0-9]*)
  mkfifo "$dir/address"
  "$server" 0 >"$dir/address" &
  pid=$!
  read -r address <"$dir/address"
  port=${address##*:}
  ;;
*) port=$server ;;
esac

strace -c -f -o "$dir/calls" "$bench" pipe "$messages" -p "$port"
cat "$dir/calls"
awk -v n="$messages" '$NF == "total" { printf "%.4f system calls a message\n", $4 / n }' \
  "$dir/calls"
