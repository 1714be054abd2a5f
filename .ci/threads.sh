#!/bin/bash
# Run what other threads may call under ThreadSanitizer.
#
#   .ci/threads.sh [BUILD]
#
# BUILD is a build folder of gcc's (build-test). In one without sanitizers only the sources that
# share something with other threads are watched; in one that was set up with -Db_sanitize=thread,
# as that of the nightly job `threads`, all of the library. The last line is "N passed, M failed";
# the exit status is 0 only if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${1:-build-test}
tests='post env_contract'

ninja -C "$build" test/test_threads || exit 1

passed=0
failed=0
for test in $tests; do
  if TSAN_OPTIONS=halt_on_error=1 "$build/test/test_threads" "$test"; then
    passed=$((passed + 1))
  else
    echo "$test: FAILED"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
