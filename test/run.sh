#!/bin/bash
# Install what is missing, build wsuv, and run all of its tests.
#
#   test/run.sh [OPTION_OF_MESON_SETUP...]
#
# From the environment: BUILD, the build folder (build-test); CC, the compiler (gcc); LEFT_OUT,
# suites of tests that are not run; and BUILD_ONLY, which is not empty if nothing is to be run. The
# last line is "N passed, N failed"; the exit status is 0 only if every test passed.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${BUILD:-build-test}
export CC=${CC:-gcc}

# A report of a sanitizer ends the test. Sanitizers make tests slow: a simulated scenario is played
# with fewer seeds; tests that run no code of the library are left out, and so are tables with a
# process for each row. Nothing is built that no test runs.
asan=detect_leaks=1:strict_string_checks=1:quarantine_size_mb=16
# What is freed is taken again soon: to give it back to the system costs page faults.
asan+=:allocator_release_to_os_interval_ms=-1
export ASAN_OPTIONS=${ASAN_OPTIONS:-$asan}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
read -r -a left_out <<<"${LEFT_OUT:-}"
case "$*" in
  *b_sanitize*)
    slowness=5
    left_out+=(lint doc peers rows)
    export WSUV_TEST_SEEDS=${WSUV_TEST_SEEDS:-3}
    ;;
  *)
    slowness=1
    ;;
esac

# A folder that was set up in another way, or not to its end, is of no use.
configure() {
  local setup="$CC $*"
  if [ "$(cat "$build/setup" 2>/dev/null)" = "$setup" ]; then return 0; fi
  rm -rf "$build"
  meson setup "$build" "$@" && echo "$setup" >"$build/setup"
}

targets() {
  [ "$slowness" -eq 1 ] || python3 test/needed.py "$build" "${left_out[@]}"
}

# Who stops it can wait until ninja has removed what is not complete.
[ -z "${BUILD_ONLY:-}" ] || trap 'exit 143' TERM

if .ci/packages.sh test && configure "$@" && readarray -t needed < <(targets) &&
  ninja -C "$build" "${needed[@]}"; then
  if [ -n "${BUILD_ONLY:-}" ]; then exit 0; fi
  rm -f "$build/meson-logs/testlog.json"
  # Many tests wait for something most of the time.
  meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier "$slowness" \
    --num-processes $((3 * $(nproc))) "${left_out[@]/#/--no-suite=}"
  echo
  exec python3 test/count.py "$build" "${left_out[@]}"
fi
echo "$0: there is nothing to test, since it could not be built" >&2
echo
echo "0 passed, 1 failed"
exit 1
