#!/bin/bash
# The tables of doc/performance.md, from nothing: installs what is missing of Debian's packages,
# builds for release, measures, and prints the tables.
#
#   test/bench/run.sh [OPTION...]          the tables; the options are those of run.py
#   test/bench/run.sh growth [OPTION...]   the figures of growth.py, and its plot in doc/growth.svg
#   test/bench/run.sh micro                masking, UTF-8, messages and heads alone
#
# BUILD is the build folder (build-bench).
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${BUILD:-build-bench}
.ci/packages.sh test
if [ ! -e "$build/build.ninja" ]; then
  meson setup "$build" --buildtype=release -Dtests=false -Dtls=both
fi
ninja -C "$build" test/wsuv_echo \
  test/bench/{wsuv_bench,floor_client,floor_server,server_load,micro_bench}

case ${1:-} in
  growth) shift; exec /usr/bin/python3 test/bench/growth.py "$build" "$@" ;;
  micro) exec "$build/test/bench/micro_bench" ;;
  *) exec /usr/bin/python3 test/bench/run.py "$build" "$@" ;;
esac
