#!/bin/sh
# Install what is missing to build wsuv, to test it, or to check it, on Debian and its kin.
#
#   .ci/packages.sh [build|units|test|lint|peers|browsers|tokens]
#
# Each set holds the one before it, but the last three hold that of `test` only. `units` is for the
# tests that need no other program but openssl; `tokens` is there from Debian 13 on. Does nothing,
# and needs neither root nor a network, when all of it is there.
set -eu

build='gcc libc6-dev meson ninja-build pkgconf|pkg-config libuv1-dev zlib1g-dev'
build="$build libllhttp-dev|node-llhttp libmbedtls-dev libc-ares-dev libedit-dev"
units='libcmocka-dev libcjson-dev libmsgpack-c-dev|libmsgpack-dev python3 python3-websockets'
units="$units openssl libssl-dev"
test='g++ nodejs node-ws nginx-light gnutls-bin groff-base|mandoc iproute2'
test="$test libhiredis-dev redis-server haproxy curl tinyproxy-bin microsocks"
lint='clang libclang-rt-dev lld clang-format clang-tidy doxygen mmdebstrap valgrind'

peers='python3-ws4py golang-go golang-github-gorilla-websocket-dev golang-nhooyr-websocket-dev'
peers="$peers websocketd websockify apache2-bin caddy squid dante-server stunnel4"
tokens='softhsm2 pkcs11-provider'
browsers='chromium firefox-esr libnss3-tools'

case ${1:-build} in
  build) wanted=$build ;;
  units) wanted="$build $units" ;;
  test) wanted="$build $units $test" ;;
  lint) wanted="$build $units $test $lint" ;;
  peers) wanted="$build $units $test $peers" ;;
  browsers) wanted="$build $units $test $browsers" ;;
  tokens) wanted="$build $units $test $tokens" ;;
  *) echo "usage: $0 [build|units|test|lint|peers|browsers|tokens]" >&2; exit 2 ;;
esac

installed() {
  dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

available() {
  apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'
}

# Whether one of the packages of `a|b` is there.
any_installed() {
  for package in $(echo "$1" | tr '|' ' '); do
    if installed "$package"; then return 0; fi
  done
  return 1
}

# Name the first package of each `a|b` that can be had.
choose() {
  for group; do
    found=
    for package in $(echo "$group" | tr '|' ' '); do
      if available "$package"; then found=$package; break; fi
    done
    if [ -z "$found" ]; then return 1; fi
    echo "$found"
  done
}

if ! command -v apt-get >/dev/null; then
  echo "No apt-get here: taking it that these are installed: $wanted" >&2
  exit 0
fi

missing=
for group in $wanted; do
  any_installed "$group" || missing="$missing $group"
done
if [ -z "$missing" ]; then exit 0; fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  as_root=sudo
  if ! command -v sudo >/dev/null; then
    echo "Missing, and neither root nor sudo to install them:$missing" >&2
    exit 1
  fi
fi

apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

install_missing() {
  chosen=$(choose $missing) && apt install --no-install-recommends $chosen
}

# The programs are started by the tests that need them, and by nothing else (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap '$as_root rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
  $as_root chmod 755 $policy
fi

# The lists may be absent, or too old to find the packages by.
echo "Installing:$missing"
install_missing || { apt update && install_missing; }
