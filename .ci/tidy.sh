#!/bin/bash
# clang-tidy on the library and the programs.
#
#   .ci/tidy.sh BUILD [NODES]
#
# BUILD is a build folder of clang's. The static analyzer takes nearly all of the time; it follows
# each function for at most NODES states of the program (20000). Its own limit is 225000, which
# .ci/nightly.sh takes.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

analyzer=(-Xclang -analyzer-config -Xclang "max-nodes=${2:-20000}")

# One file at a time: clang-tidy 14 takes every va_list for uninitialized in those that follow. What
# it says on the standard error is how many warnings it holds back.
find lib examples -name '*.c' -print0 |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy -p "$1" --quiet "${analyzer[@]/#/--extra-arg=}" 2>/dev/null
