#!/bin/bash
# The tests on another Debian than this machine's: for what differs between the versions of the
# libraries.
#
#   .ci/lane.sh SUITE [--all]
#
# In a fresh root of SUITE, made by .ci/stranger.sh, which says what that takes, the files as they
# stand now are built with gcc, which has warnings of its own, and with both TLS libraries: the
# library, the program wsuv, and the tests that depend on the versions of libraries, which are those
# of units and of TLS, but for some that take long and have little to do with other libraries; of
# OpenSSL, those with itself and with the program openssl.
# With --all, which the nightly job is for, all is built, and all tests are run but those of sources
# and papers; those of OpenSSL with mbedTLS, too. A simulated scenario, in which libraries have
# little part, is played once. The last line is "N passed, N failed", with exit
# status 0 only if every test passed. Where it cannot be tried the exit status is 77, and the last
# line is "not run: WHY".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# In the root.
if [ "${1:-}" = --inside ]; then
  build="build-lane"
  setup=(-Dtls=both -Dwerror=true -Ddebug=false)
  left_out=(lint doc)
  if [ "${2:-}" = --all ]; then
    packages=tokens
    targets=(all)
    setup+=(-Doptimization=1) # gcc gives some warnings only then
  else
    packages=units
    setup+=(-Doptimization=0) # it takes longer to compile than to run
    targets=(examples/wsuv test/fuzz_engines
      test/test_{proto,whole,tls,tls_torture,openssl_torture})
    # In these, libraries have little part, or none, or they take long.
    left_out+=(peers conform program examples interop rows connect send receive close)
    left_out+=(extension testkit sim proxy client server own walks)
    export WSUV_TEST_STRIDE=5
    left_out+=(openssl-mbedtls mbedtls-openssl)
  fi
  if .ci/packages.sh "$packages" && CC=gcc meson setup "${setup[@]}" "$build" &&
    ninja -C "$build" "${targets[@]}"; then
    # Without --no-rebuild all other programs would be built, too.
    WSUV_TEST_SEEDS=1 meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 3 \
      --num-processes $((2 * $(nproc))) "${left_out[@]/#/--no-suite=}"
    exec python3 test/count.py "$build" "${left_out[@]}"
  fi
  echo '0 passed, 1 failed'
  exit 1
fi

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "${2:---all}" != --all ]; then
  echo "usage: $0 SUITE [--all]" >&2
  exit 2
fi

output=$(mktemp)
trap 'rm -f "$output"' EXIT
.ci/stranger.sh --suite "$1" --worktree -- .ci/lane.sh --inside "${@:2}" 2>&1 | tee "$output"
status=${PIPESTATUS[0]}

echo
if [ "$status" -eq 77 ]; then
  echo "not run: $(sed -n 's/^stranger: CANNOT BE TRIED HERE: //p' "$output")"
  exit 77
fi
summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$output" | tail -n 1)
if [ "$status" -ne 0 ] && [[ $summary = *', 0 failed' ]]; then summary=; fi
echo "${summary:-0 passed, 1 failed}"
[ "$status" -eq 0 ] && [ -n "$summary" ]
