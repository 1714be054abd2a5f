#!/bin/bash
# Run what writes to the network under valgrind: no byte that was never set goes out, or decides
# anything; and no block of tests in memory is lost.
#
#   .ci/memcheck.sh [BUILD [--all | TEST...]]
#
# BUILD is a build folder without sanitizers (build-test). A TEST is PROGRAM/FILE, as in the lists
# below, or examples/PROGRAM. Without one the first list is taken, which has a test of each way out;
# with --all, which the nightly job `memcheck` is for, the second, too. WSUV_TEST_TLS chooses TLS
# libraries, as for all tests. A TEST of which nothing was run has failed. The last line is
# "N passed, M failed"; the exit status is 0 only if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${1:-build-test}
tests=("${@:2}")
# Each with the program that has it.
samples=(proto/conn proto/conn_send proto/handshake_request proto/conn_close connect/connect
  send/send close/ping close/close_by_us)
others=(proto/out_queue proto/conn_receive proto/frame proto/h1_client proto/h1_server
  receive/messages close/close_by_peer send/flush send/backpressure)
case ${2:-} in
  '') tests=("${samples[@]}") ;;
  --all) tests=("${samples[@]}" "${others[@]}") ;;
esac

if ! command -v valgrind >/dev/null; then
  echo "$0: valgrind is not installed" >&2
  echo "0 passed, 1 failed"
  exit 1
fi

# Memory as malloc gives it. Scenarios are played over real sockets, where valgrind sees what is
# written.
export WSUV_TEST_UNSET_MEMORY=1

# Print the output of a test only if it failed; then a line that says how it ended.
check() {
  local output status=0 which='*' program=${1%/*} leaks=no
  case $1 in
    proto/* | whole/*) ;;
    testkit/*) leaks=full ;;
    examples/*) leaks=full program=${1#*/} ;;
    tls/*) which='*, libuv*' ;; # with TLS, too; elsewhere this would be the same once more
    *) which='*, libuv' ;;
  esac
  output=$(valgrind --quiet --leak-check=$leaks --error-exitcode=9 \
    "$build/test/test_$program" "${1#*/}" "$which" 2>&1) || status=$?
  if [ "$status" -eq 0 ] && ! grep -q 'Running [1-9]' <<<"$output"; then status=no-test; fi
  [ "$status" = 0 ] || printf '%s\n' "$output"
  printf '%s: exit status %s\n' "$1" "$status"
}
export build
export -f check

# Each test is a process of one thread.
results=$(printf '%s\n' "${tests[@]}" | xargs -P "$(nproc)" -I {} bash -c 'check {}')
printf '%s\n' "$results"
passed=$(grep -c ': exit status 0$' <<<"$results")
failed=$((${#tests[@]} - passed))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
