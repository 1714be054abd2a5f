#!/bin/bash
# A stranger's hour: what README.md says to somebody new, done on a Debian that has nothing yet.
#
#   .ci/stranger.sh [--suite SUITE] [--worktree] [--no-tests] [-- COMMAND...]
#
# Needs root, mmdebstrap, and a Debian mirror in the machine's own apt sources. In a fresh root of
# SUITE (bookworm) goes a clean copy of the last commit, or of the files as they stand now
# (--worktree), and in it .ci/stranger_inside.sh is run, or COMMAND. --no-tests leaves test/run.sh
# out. The root, as it was when fresh, and the packages are kept in the folder that STRANGER_CACHE
# names (build-stranger); delete it to begin with newer ones.
#
# The last line is "stranger: all is well", with exit status 0. Otherwise 1: something in the
# README does not work as it says; 2: usage; 77: it cannot be tried on this machine, and why.
#
# Everything runs, and everything is mounted, in namespaces of its own: when they end, however they
# end, nothing is left running or mounted.
set -euo pipefail

suite=bookworm
worktree=false
inside=()
command=()
while [ $# -gt 0 ]; do
  case $1 in
    --suite) suite=${2:-}; shift $(($# > 1)) ;;
    --worktree) worktree=true ;;
    --no-tests) inside=(--no-tests) ;;
    --) shift; command=("$@"); break ;;
    *) suite= ;;
  esac
  shift
done
if ! [[ $suite =~ ^[a-z]+$ ]]; then
  echo "usage: $0 [--suite SUITE] [--worktree] [--no-tests] [-- COMMAND...]" >&2
  exit 2
fi

cannot() {
  printf '\nstranger: CANNOT BE TRIED HERE: %s\n' "$1" >&2
  exit 77
}

[ "$(id -u)" -eq 0 ] || cannot 'not root'
command -v mmdebstrap >/dev/null || cannot 'no mmdebstrap; it is a package of that name'
unshare --mount --pid --fork true || cannot 'no right to make namespaces'

cd "$(dirname "$0")/.."
mkdir -p "${STRANGER_CACHE:-build-stranger}"
cache=$(realpath "${STRANGER_CACHE:-build-stranger}")
debs=$cache/$suite.debs
base=$cache/$suite.tar
scratch=$cache/$suite.scratch
root=$scratch/root

# Lines of sources.list for SUITE, from those of this machine's that are Debian's for its own.
sources() {
  local own uri release component
  # shellcheck disable=SC1091
  own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    while read -r uri release component; do
      case $component/$release in
        "main/$own" | "main/$own"-*) echo "deb $uri ${release/#$own/$suite} main" ;;
      esac
    done
}

# What this machine says of proxies and of clocks holds for a guest, too.
apt_settings() {
  apt-config dump | grep -E '^Acquire::(https?|Check-[A-Za-z-]+)(::| )' || true
}

copy_of_the_tree() {
  if $worktree; then
    git ls-files -z --cached --others --exclude-standard |
      while IFS= read -r -d '' file; do
        if [ -e "$file" ]; then printf '%s\0' "$file"; fi
      done | tar -c --null --no-recursion -T -
  else
    git archive HEAD
  fi
}

make_base() {
  sources >"$scratch/sources"
  grep -q "^deb [^ ]* $suite " "$scratch/sources" ||
    cannot "no Debian mirror in this machine's apt sources"
  apt_settings >"$scratch/settings"
  echo "stranger: making a fresh $suite"
  if ! mmdebstrap --mode=root --variant=minbase --aptopt="$scratch/settings" "$suite" "$root" \
    "$scratch/sources" >"$scratch/log" 2>&1; then
    tail -n 20 "$scratch/log" >&2
    cannot "mmdebstrap failed; is the mirror within reach, and has it $suite?"
  fi
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
  tar -C "$root" -cf "$base.new" .
  mv "$base.new" "$base"
}

# In the namespaces, which end with it.
# shellcheck disable=SC2016
enter='
set -eu
root=$1 debs=$2
shift 2
mount -t proc proc "$root/proc"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount --bind "$debs" "$root/var/cache/apt/archives"
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
  chroot "$root" sh -c "cd /src/wsuv && exec \"\$@\"" sh "$@"
'

# One at a time for each suite: apt locks the folder of packages.
mkdir -p "$debs"
exec {lock}>"$cache/$suite.lock"
flock "$lock"

child=
# What runs inside dies with its first process.
cleanup() {
  set +e
  if [ -n "$child" ]; then
    kill -KILL "$child"
    wait "$child"
  fi 2>/dev/null
  rm -rf --one-file-system "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

rm -rf --one-file-system "$scratch"
mkdir -p "$root"
if [ -e "$base" ]; then tar -C "$root" -xf "$base"; else make_base; fi
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir -p "$root/src/wsuv"
copy_of_the_tree | tar -C "$root/src/wsuv" -x --no-same-owner
if [ ${#command[@]} -eq 0 ]; then
  install -D .ci/stranger_inside.sh "$root/src/inside.sh"
  command=(/src/inside.sh "${inside[@]}")
fi

setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child \
  sh -c "$enter" sh "$root" "$debs" "${command[@]}" {lock}>&- &
child=$!
status=0
wait "$child" || status=$?
child=
if [ "$status" -ne 0 ]; then
  echo "stranger: NOT well: exit status $status" >&2
  exit 1
fi
echo 'stranger: all is well'
