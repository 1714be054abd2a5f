#!/bin/bash
# Install what a build folder holds under a prefix, then build examples/hello.c against what was
# installed, with the shared library and with the static one, by the lines that README.md gives, and
# run both and the program `wsuv` against an echo server. The tests in examples/testkit are built
# and run in the same way, with libwsuv-testkit.
#
#   .ci/install.sh BUILD PREFIX
#
# BUILD is a build folder of gcc's without sanitizers; PREFIX becomes its prefix, for which nothing
# is compiled anew.
set -euo pipefail
cd "$(dirname "$0")/.."

build=$1
prefix=$(realpath -m "$2")
cc=${CC:-gcc}

meson configure "$build" --prefix="$prefix"
meson install -C "$build"
ninja -C "$build" test/wsuv_echo

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name wsuv.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir wsuv)
shared_line=$(grep '^cc .*--cflags --libs wsuv' README.md)
static_line=$(grep '^cc .*libwsuv\.a' README.md)
cp examples/hello.c "$prefix/program.c"

link() {
  echo "$1: $2"
  (cd "$prefix" && bash -c "$2" && mv program "$1")
}

link hello "${shared_line/#cc/$cc} -Wl,-rpath,$libdir"
link hello-static "${static_line/#cc/$cc}"

# The one needs the library, the other does not.
readelf -d "$prefix/hello" | grep -q 'NEEDED.*libwsuv\.so\.0'
if readelf -d "$prefix/hello-static" | grep -q 'NEEDED.*libwsuv'; then exit 1; fi

# The tests of a program: libwsuv-testkit is shared, or static as all of wsuv is.
mkdir -p "$prefix/testkit"
cp examples/testkit/*.[ch] "$prefix/testkit"
shared_kit="$(pkg-config --cflags --libs wsuv-testkit cmocka) -Wl,-rpath,$libdir"
static_kit=$(pkg-config --static --cflags --libs wsuv-testkit |
  sed 's/-l\(wsuv[a-z-]*\)/-l:lib\1.a/g')

run_test() {
  local line="$cc -o $1 $1.c counter.c clicker.c $2"
  echo "$line"
  (cd "$prefix/testkit" && bash -c "$line" && timeout 60 "./$1")
}

run_test test_cmocka "$shared_kit"
run_test test_plain "$shared_kit"
run_test test_loop "$shared_kit"
run_test test_plain "$static_kit"
if readelf -d "$prefix/testkit/test_plain" | grep -q 'NEEDED.*libwsuv'; then exit 1; fi

coproc echo_server { exec "$build/test/wsuv_echo"; }
server=$echo_server_PID
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
read -r -t 10 line <&"${echo_server[0]}"
url=${line#listening on }

expect() {
  local answer
  answer=$(shift; timeout 10 "$@")
  echo "$2: $answer"
  [ "$answer" = "$1" ]
}

expect hello "$prefix/hello" "$url"
expect hello "$prefix/hello-static" "$url"
expect hi "$prefix/bin/wsuv" -m hi "$url"
