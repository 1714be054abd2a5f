#!/bin/bash
# What README.md tells a stranger to do, done to the letter, in the current folder, on a machine
# that may be thrown away: it installs packages, and wsuv itself, into the system.
#
#   .ci/stranger_inside.sh [--no-tests]
#
# The commands are taken from the README, and so is the first program; it is built in both ways
# that the README names and run against the echo server, as is that of the guide, if it is there.
set -euo pipefail

tests=true
if [ "${1:-}" = --no-tests ]; then tests=false; fi
scratch=$(mktemp -d)

fail() {
  printf '\nstranger: %s\n' "$1" >&2
  exit 1
}

say() {
  printf '\n== stranger: %s\n' "$1"
}

# The fenced blocks of a section of README.md, without their fences.
blocks() {
  awk -v title="## $1" '
    /^```/ { fenced = !fenced; next }
    /^## / && !fenced { wanted = $0 == title }
    fenced && wanted' README.md
}

# The first block of C in a file that is a whole program.
first_program() {
  awk '
    /^```/ { if (whole) exit; fenced = /^```c$/; text = ""; next }
    fenced { text = text $0 "\n" }
    fenced && /^int main\(/ { whole = 1 }
    END { if (whole) printf "%s", text }' "$1"
}

# A command of the README. Who is root, and has no sudo, leaves that word out.
run() {
  local line=$1
  if ! command -v sudo >/dev/null; then line=${line#sudo }; fi
  say "$1"
  bash -c "$line" || fail "fails: $1"
}

try_it() {
  local command commands
  mapfile -t commands < <(blocks 'Try it' | sed -n 's/^\$ \(\.\/.*\)/\1/p')
  [ ${#commands[@]} -ge 2 ] || fail 'README.md has lost the commands of "Try it"'
  for command in "${commands[@]}"; do
    case $command in
      *test*) if $tests; then run "$command"; fi ;;
      *) run "$command" ;;
    esac
  done
}

# Lines that begin with "cc" make programs, for later; the others build and install.
links=()
build_and_install() {
  local line lines
  mapfile -t lines < <(blocks 'Build and install')
  for line in "${lines[@]}"; do
    case $line in
      'cc '*) links+=("$line") ;;
      *) run "$line" ;;
    esac
  done
  [ ${#links[@]} -eq 2 ] || fail 'README.md has lost a way of linking'
}

url=
server=
start_echo_server() {
  coproc echo_server { exec build-quickstart/test/wsuv_echo; }
  server=$echo_server_PID
  trap 'kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
  read -r -t 10 url <&"${echo_server[0]}" || fail 'the echo server does not start'
  url=${url#listening on }
}

# Built in a folder of its own, where only the system is found.
link_and_run() {
  local program=$1 link=$2 answer
  say "$program: $link"
  (cd "$scratch" && rm -f program && bash -c "$link") || fail "does not build: $link"
  if [[ $link = *libwsuv.a* ]]; then
    if readelf -d "$scratch/program" | grep -q 'NEEDED.*libwsuv'; then fail 'not static'; fi
  else
    readelf -d "$scratch/program" | grep -q 'NEEDED.*libwsuv\.so\.' || fail 'not shared'
  fi
  answer=$(timeout 20 "$scratch/program" "$url") || fail 'the program fails'
  echo "$answer"
  [[ $answer = *hello ]] || fail "the program prints no echo of its hello"
}

first_programs() {
  local file link
  for file in README.md doc/guide/first-steps.md; do
    if [ ! -e "$file" ]; then continue; fi
    first_program "$file" >"$scratch/program.c"
    [ -s "$scratch/program.c" ] || fail "$file has no whole program"
    for link in "${links[@]}"; do link_and_run "the first program of $file" "$link"; done
  done
}

installed_command() {
  local answer
  say 'the program wsuv that was installed'
  answer=$(cd / && timeout 20 wsuv -m hi "$url") || fail 'it fails'
  echo "$answer"
  [ "$answer" = hi ] || fail 'it prints something else than the echo'
}

try_it
build_and_install
start_echo_server
first_programs
installed_command
