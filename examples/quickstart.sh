#!/bin/bash
# From a fresh machine to an echo: installs what is missing, builds the library and the program
# `wsuv`, starts an echo server on this machine, and sends it a message.
set -euo pipefail
cd "$(dirname "$0")/.."

build="build-quickstart"
message='Hello from wsuv'

.ci/packages.sh build
if [ ! -f "$build/build.ninja" ]; then meson setup "$build" -Dtests=false; fi
ninja -C "$build" all test/wsuv_echo

coproc echo_server { exec "$build/test/wsuv_echo"; }
server=$echo_server_PID
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
read -r -t 10 line <&"${echo_server[0]}"
url=${line#listening on }

echo
echo "\$ $build/examples/wsuv -m '$message' $url"
answer=$("$build/examples/wsuv" -m "$message" "$url")
echo "$answer"
[ "$answer" = "$message" ]
