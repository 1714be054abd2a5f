#!/bin/bash
# What takes too long for every change: groups 12 and 13 of the conformance cases with all of their
# 1,000 messages, in both directions.
#
#   .ci/nightly.sh [BUILD]
#
# BUILD is a build folder (build-test). The last line is "N passed, M failed", in cases; the exit
# status is 0 only if nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${1:-build-test}
limit=3600 # seconds for all cases of one direction
messages=1000

if [ ! -e "$build/build.ninja" ]; then meson setup "$build" || exit 1; fi
ninja -C "$build" test/autobahn_client test/wsuv_echo || exit 1

scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
passed=0
failed=0

# Play all cases to a program in that role, and add them up.
play() {
  local begun=$SECONDS status
  printf '\n== %s\n' "$1"
  python3 test/conform/run.py "$1" "$build/test/$2" --deflate --messages "$messages" \
    --limit "$limit" 2>&1 | tee "$scratch"
  status=${PIPESTATUS[0]}
  printf -- '-- %s: exit status %d, %d s\n' "$1" "$status" $((SECONDS - begun))
  if [[ $(tail -n 1 "$scratch") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    # The program may have ended badly behind the last case.
    if [ "$status" -ne 0 ] && [ "${BASH_REMATCH[2]}" -eq 0 ]; then failed=$((failed + 1)); fi
  else
    failed=$((failed + 1))
  fi
}

play client autobahn_client
play server wsuv_echo
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
