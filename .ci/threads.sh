#!/bin/bash
# Run what other threads may call under ThreadSanitizer.
#
#   .ci/threads.sh [BUILD]
#
# BUILD is a build folder of its own (build-tsan). The last line is "N passed, M failed"; the exit
# status is 0 only if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${1:-build-tsan}
tests='post env_contract'

if [ ! -e "$build/build.ninja" ]; then
  CC=gcc meson setup "$build" -Doptimization=0 -Db_sanitize=thread || exit 1
fi
ninja -C "$build" test/test_client || exit 1

passed=0
failed=0
for test in $tests; do
  if TSAN_OPTIONS=halt_on_error=1 "$build/test/test_client" "$test"; then
    passed=$((passed + 1))
  else
    echo "$test: FAILED"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
