#!/bin/bash
# What takes too long for every change, in jobs that have names.
#
#   .ci/nightly.sh [JOB...]
#   .ci/nightly.sh --list
#
# All jobs without an argument. From the environment: BUILD, the build folder (build-nightly), and
# SIM_LEDGER, the file in which the job `sim` adds up (BUILD/sim.ledger); and FUZZ_SECONDS, how long
# the job `fuzz-engines` runs (3600). The last line is "N passed, M failed", in jobs; the exit
# status is 0 only if nothing failed.
#
# A job is a function below whose name begins with job_, after a comment of one line, which --list
# prints.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${BUILD:-build-nightly}
here=.ci/nightly.sh
# An abort lets a program say with which seed it was.
sanitize_asan=detect_leaks=1:strict_string_checks=1:quarantine_size_mb=16:abort_on_error=1
sanitize_ubsan=halt_on_error=1:print_stacktrace=1:abort_on_error=1

# Groups 12 and 13 of the Autobahn cases, played to a program in a role with all their messages.
all_messages() {
  python3 test/conform/run.py "$1" "$build/test/$2" --deflate --messages 1000 --limit 3600
}

# The 1,000 messages of each compression case, with wsuv as the client.
job_messages_client() {
  all_messages client autobahn_client
}

# The same with wsuv as the server.
job_messages_server() {
  all_messages server wsuv_echo
}

# That each broken peer fails in the conformance cases that are meant to catch it.
job_broken_peers() {
  python3 test/conform/broken_test.py
}

# The same for the cases of permessage-deflate.
job_broken_peers_deflate() {
  python3 test/conform/broken_deflate_test.py
}

# That other libraries pass the cases of permessage-deflate, in both roles.
job_other_libraries() {
  python3 test/conform/others_test.py
}

# That a client which is known to be good passes the rows of TLS.
job_tls_peers() {
  python3 test/interop/tls.py --self-test
}

# A build folder with both TLS libraries: build_engines FOLDER [OPTION_OF_MESON_SETUP...].
build_engines() {
  if [ ! -e "$1/build.ninja" ]; then
    .ci/packages.sh test && meson setup "$1" -Dtls=both -Dwerror=true "${@:2}" || return 1
  fi
  ninja -C "$1"
}

# The tests of TLS with OpenSSL, and with each library against the other.
job_engines() {
  build_engines "$build-engines" && meson test -C "$build-engines" --no-rebuild --suite engines
}

# The same with sanitizers, tables of certificates included.
job_engines_sanitizers() {
  .ci/packages.sh lint &&
    CC=clang build_engines "$build-engines-sanitizers" -Db_sanitize=address,undefined \
      -Db_lundef=false &&
    ASAN_OPTIONS=$sanitize_asan UBSAN_OPTIONS=$sanitize_ubsan meson test \
      -C "$build-engines-sanitizers" --no-rebuild --suite engines --timeout-multiplier 10
}

# Both TLS libraries are fed what no peer sends, with sanitizers, for FUZZ_SECONDS (an hour).
job_fuzz_engines() {
  .ci/packages.sh lint &&
    CC=clang build_engines "$build-engines-sanitizers" -Db_sanitize=address,undefined \
      -Db_lundef=false &&
    ASAN_OPTIONS=$sanitize_asan UBSAN_OPTIONS=$sanitize_ubsan \
      "$build-engines-sanitizers/test/fuzz_engines" --seconds "${FUZZ_SECONDS:-3600}" \
      --seed "$(date +%s)000000" # that no run has had
}

# The tests of TLS with OpenSSL under valgrind.
job_memcheck_engines() {
  local file tests=()
  .ci/packages.sh lint && build_engines "$build-engines" || return 1
  for file in test/unit/test_tls_*.c; do
    file=${file##*/test_}
    # A program of its own, which is linked to libraries in another way.
    [ "$file" = tls_torture.c ] || tests+=("whole/${file%.c}")
  done
  for file in test/net/tls/test_*.c; do
    file=${file##*/test_}
    tests+=("tls/${file%.c}")
  done
  WSUV_TEST_TLS=openssl:openssl .ci/memcheck.sh "$build-engines" "${tests[@]}"
}

# That the program wsuv gets on with servers of the field, in what is odd about each. Needs npm.
job_field_peers() {
  .ci/packages.sh peers && ninja -C "$build" examples/wsuv test/wsuv_echo &&
    /usr/bin/python3 test/interop/field.py "$build/examples/wsuv" "$build/test/wsuv_echo"
}

# The libraries of Go, with the library and the program wsuv at the other end.
job_go_peers() {
  .ci/packages.sh peers && ninja -C "$build" examples/wsuv test/wsuv_echo &&
    [ -z "$(gofmt -l test/interop/go)" ] &&
    /usr/bin/python3 test/interop/go_peers.py "$build/examples/wsuv" "$build/test/wsuv_echo"
}

# That Chromium and Firefox get on with a server of wsuv, and the page of the example chat_server.
job_browsers() {
  .ci/packages.sh browsers && ninja -C "$build" test/browser_server examples/chat_server &&
    /usr/bin/python3 test/browser/browsers.py "$build/test/browser_server" \
      "$build/examples/chat_server"
}

# That `wsuv --listen` does what websocketd and websockify do.
job_listen_peers() {
  .ci/packages.sh peers && ninja -C "$build" examples/wsuv &&
    /usr/bin/python3 test/cli/peers_test.py "$build/examples/wsuv"
}

# The clients of ws and websockets over TLS and a Unix socket; the gate has them over TCP.
job_other_transports() {
  local kind
  for kind in {node,python}-vs-server-{tls,unix}; do
    /usr/bin/python3 test/interop/run.py "$kind" "$build/test/wsuv_echo" || return 1
  done
}

# That a server learns from nginx, haproxy, apache and caddy who its clients are.
job_proxies() {
  .ci/packages.sh peers && ninja -C "$build" test/origin_server &&
    python3 test/interop/proxies.py "$build/test/origin_server" --all
}

# The same proxies when they reload, when a session is silent, and with 1 GiB both ways.
job_proxies_long() {
  .ci/packages.sh peers &&
    ninja -C "$build" test/origin_server test/wsuv_echo test/bulk_client &&
    python3 test/interop/proxies_long.py "$build"/test/{origin_server,wsuv_echo,bulk_client}
}

# The program wsuv through tinyproxy, squid, microsocks, dante, haproxy and stunnel. Needs root.
job_client_proxies() {
  .ci/packages.sh peers && ninja -C "$build" examples/wsuv &&
    /usr/bin/python3 test/interop/client_proxies.py "$build/examples/wsuv" --all
}

# All tests on Debian 13; the gate runs those that depend on the versions of libraries.
job_trixie() {
  .ci/lane.sh trixie --all
}

# All of the library under ThreadSanitizer; .ci/run watches the sources that threads share.
job_threads() {
  if [ ! -e build-tsan/build.ninja ]; then
    CC=gcc meson setup build-tsan -Doptimization=0 -Db_sanitize=thread || return 1
  fi
  .ci/threads.sh build-tsan
}

# The static analyzer with its own limit for each function.
job_analyzer() {
  .ci/packages.sh lint || return 1
  if [ ! -e build-clang/build.ninja ]; then CC=clang meson setup build-clang || return 1; fi
  .ci/tidy.sh build-clang 225000
}

# All tests without sanitizers, and each walk to its end; .ci/run leaves out some there.
job_all_tests() {
  BUILD=build-test test/run.sh -Dwerror=true
}

# The same with sanitizers, and optimized; .ci/run leaves out most of those of programs there.
job_sanitizers() {
  BUILD=build-sanitizers CC=clang test/run.sh -Dwerror=true -Db_sanitize=address,undefined \
    -Db_lundef=false && ninja -C build-sanitizers # and what no test runs
}

# A release build without the tests is installed and used; .ci/run installs that of its tests.
job_install() {
  local release=build-release
  if [ ! -e "$release/build.ninja" ]; then
    meson setup "$release" --buildtype=release -Dtests=false || return 1
  fi
  .ci/install.sh "$release" "$release/prefix"
}

# The instructions of a message are no more than 2 % above what they were.
job_instructions() {
  local release=build-release
  .ci/packages.sh lint || return 1
  if [ ! -e "$release/build.ninja" ]; then
    meson setup "$release" --buildtype=release -Dtests=false || return 1
  fi
  ninja -C "$release" test/bench/testkit_bench &&
    python3 test/bench/instructions.py "$release/test/bench/testkit_bench"
}

# A server with 10,000 sessions, whose clients are another process; 1,000 that come and go.
job_server_crowd() {
  ninja -C "$build" test/test_server &&
    WSUV_TEST_CROWD=10000 "$build/test/test_server" server_crowd &&
    WSUV_TEST_CROWD=1000 "$build/test/test_server" server_stop
}

# Each simulated scenario with many seeds.
job_seeds() {
  local subject suites=()
  for subject in test/net/*/; do suites+=(--suite "$(basename "$subject")"); done
  ninja -C "$build" &&
    WSUV_TEST_SEEDS=500 meson test -C "$build" --no-rebuild "${suites[@]}" --timeout-multiplier 30
}

# The same with sanitizers, which make tests slow: 20 seeds.
job_seeds_sanitizers() {
  WSUV_TEST_SEEDS=20 BUILD=build-sanitizers CC=clang LEFT_OUT='program examples interop conform' \
    test/run.sh -Dwerror=true -Db_sanitize=address,undefined -Db_lundef=false
}

# What writes to the network, under valgrind; .ci/run has some of it.
job_memcheck() {
  .ci/packages.sh lint && ninja -C "$build" test/test_{proto,connect,send,receive,close} &&
    .ci/memcheck.sh "$build" --all
}

# The tests of libwsuv-testkit, and of examples by it, under valgrind.
job_memcheck_testkit() {
  local file programs=() tests=()
  for file in test/net/testkit/test_*.c; do
    file=${file##*/test_}
    tests+=("testkit/${file%.c}")
  done
  for file in test/examples/test_*.c; do
    file=${file##*/test_}
    tests+=("examples/${file%.c}")
    programs+=("test/test_${file%.c}")
  done
  ninja -C "$build" test/test_testkit "${programs[@]}" && .ci/memcheck.sh "$build" "${tests[@]}"
}

# A million conversations by chance, with seeds that no run in the ledger has had.
job_sim() {
  ninja -C "$build" test/sim &&
    "$build/test/sim" --connections 1000000 --messages 100000000 \
      --ledger "${SIM_LEDGER:-$build/sim.ledger}"
}

jobs() {
  sed -n 's/^job_\([a-z_]*\)() {$/\1/p' "$here" | tr _ -
}

# Each job, and the comment above it.
list() {
  sed -n '/^# /{s/^# //;h}; /^job_/{s/^job_\([a-z_]*\).*/\1/;y/_/-/;G;s/\n/: /;p}' "$here"
}

if [ "${1:-}" = --list ]; then
  list
  exit 0
fi

[ $# -gt 0 ] || readarray -t all < <(jobs)
[ $# -gt 0 ] || set -- "${all[@]}"
for job; do
  if ! jobs | grep -qx -- "$job"; then
    echo "$0: no job '$job'; the jobs are: $(jobs | tr '\n' ' ')" >&2
    exit 2
  fi
done

.ci/packages.sh test || exit 1
if [ ! -e "$build/build.ninja" ]; then meson setup "$build" -Dbuildtype=debugoptimized || exit 1; fi
ninja -C "$build" test/autobahn_client test/wsuv_echo || exit 1

passed=0
failed=0
for job; do
  begun=$SECONDS
  printf '\n== %s\n' "$job"
  "job_${job//-/_}" 2>&1
  status=$?
  if [ "$status" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf -- '-- %s: exit status %d, %d s\n' "$job" "$status" $((SECONDS - begun))
done
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
