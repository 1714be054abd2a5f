#!/bin/bash
# Wrong guess: a deflater with windowBits n finds what stood up to 2^n bytes before, so that a
# permessage-deflate sender with a window of 9 bits profits from the last 512 bytes of its context.
#
# zlib keeps 262 bytes of the window for its lookahead, and never looks further back than 2^n - 262:
# 250 bytes for 9 bits, 762 for 10. A message that repeats every 300 bytes does not shrink at all with
# a window of 9 bits, though everything in it stands in the window of the receiver. With 10 bits it
# does. The smallest windows, which devices with little memory ask for, are worth half of what their
# number says.
#
# Needs Debian 12's apt and a C compiler. Prints what is seen, and fails if it changes.
set -euo pipefail

version=1:1.2.13.dfsg-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in zlib1g-dev zlib1g; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >reach.c <<'END'
#include <stdio.h>

#include <zlib.h>

enum { TEXT_MAX = 8192, COPIES = 4 };

/* Whether `period` bytes without repetition, four times over, shrink to less than three quarters. */
static int shrinks(int bits, int period) {
  unsigned char text[TEXT_MAX], out[2 * TEXT_MAX];
  unsigned seed = 1;
  z_stream z = {0};
  for (int i = 0; i < COPIES * period; i++) {
    seed = seed * 1103515245 + 12345;
    text[i] = i < period ? (unsigned char) (seed >> 16) : text[i - period];
  }
  deflateInit2(&z, 9, Z_DEFLATED, -bits, 9, Z_DEFAULT_STRATEGY);
  z.next_in = text;
  z.avail_in = (unsigned) (COPIES * period);
  z.next_out = out;
  z.avail_out = sizeof out;
  deflate(&z, Z_SYNC_FLUSH);
  int size = (int) z.total_out;
  deflateEnd(&z);
  return size < 3 * period;
}

/* The longest distance at which a repetition is found. */
static int reach(int bits) {
  int longest = 0;
  for (int period = 100; COPIES * period <= TEXT_MAX; period++) {
    if (shrinks(bits, period)) longest = period;
  }
  return longest;
}

int main(void) {
  printf("zlib %s\n", zlibVersion());
  for (int bits = 9; bits <= 10; bits++) {
    printf("window of %d bits, %d bytes: reaches %d bytes back\n", bits, 1 << bits, reach(bits));
  }
  return 0;
}
END
lib=$(dirname "$(find root -name 'libz.so.1')")
cc -o reach reach.c -I root/usr/include -I "$(dirname "$(find root -name zconf.h)")" "$lib/libz.so.1"
LD_LIBRARY_PATH=$lib ./reach | tee seen

cat >expected <<'END'
zlib 1.2.13
window of 9 bits, 512 bytes: reaches 250 bytes back
window of 10 bits, 1024 bytes: reaches 762 bytes back
END
diff expected seen
