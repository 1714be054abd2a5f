#!/bin/bash
# clang-tidy on the library and the programs.
#
#   .ci/tidy.sh BUILD [NODES]
#
# BUILD is a build folder of clang's. The static analyzer follows each function for at most NODES
# states of the program (4000). Its own limit is 225000, which .ci/nightly.sh takes, and which takes
# nearly all of the time then.
set -u
cd "$(dirname "$0")/.." || exit 1

build=$1
nodes=${2:-4000}
failed=0

# Files from the standard input, so many at a time: a third of the time that a short file takes is
# the program's start. What it says on the standard error is how many warnings it holds back.
tidy() {
  xargs -0 -r -P "$(nproc)" -n "$1" clang-tidy -p "$build" --quiet --extra-arg=-Xclang \
    --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg="max-nodes=$nodes" 2>/dev/null
}

# clang-tidy 14 takes every va_list for uninitialized in the files that follow the first that has
# one, so those have one run each.
find lib examples -name '*.c' -exec grep -LZ va_list {} + | tidy 8 || failed=1
find lib examples -name '*.c' -exec grep -lZ va_list {} + | tidy 1 || failed=1
exit "$failed"
