#!/bin/bash
# Wrong guess: an inflater with a window of 2^n bytes either takes a distance beyond its window, or
# refuses it.
#
# inflate() looks for the bytes of a match in the output of the same call first, and only then in its
# window. So a match 600 bytes back is copied by an inflater of 9 bits (512 bytes) if all input comes
# in one call, and is "invalid distance too far back" if it comes in pieces. A receiver of
# permessage-deflate that has agreed upon a small window thus takes or fails the same message,
# depending on how it was cut on the way.
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

cat >window.c <<'END'
#include <stdio.h>
#include <string.h>

#include <zlib.h>

enum { BITS = 9, LETTERS = 600, SIZE = 4096 };

/* 600 bytes that have no repetition, then the first 100 of them again. */
static size_t compress_text(unsigned char *to) {
  unsigned char text[LETTERS + 100];
  unsigned seed = 1;
  z_stream z = {0};
  for (int i = 0; i < LETTERS; i++) {
    seed = seed * 1103515245 + 12345;
    text[i] = (unsigned char) (seed >> 16);
  }
  memcpy(text + LETTERS, text, 100);
  deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  z.next_in = text;
  z.avail_in = sizeof text;
  z.next_out = to;
  z.avail_out = SIZE;
  deflate(&z, Z_FINISH);
  deflateEnd(&z);
  return SIZE - z.avail_out;
}

static void inflate_in(const char *name, unsigned char *data, size_t len, size_t piece) {
  unsigned char out[SIZE];
  z_stream z = {0};
  int r = Z_OK;
  inflateInit2(&z, -BITS);
  z.next_out = out;
  z.avail_out = sizeof out;
  for (size_t at = 0; r == Z_OK && at < len; at += piece) {
    z.next_in = data + at;
    z.avail_in = (uInt) (len - at < piece ? len - at : piece);
    r = inflate(&z, Z_SYNC_FLUSH);
  }
  printf("%s: %s, %lu bytes\n", name, r == Z_STREAM_END ? "end" : z.msg, z.total_out);
  inflateEnd(&z);
}

int main(void) {
  unsigned char data[SIZE];
  size_t len = compress_text(data);
  printf("zlib %s, window of %d bytes\n", zlibVersion(), 1 << BITS);
  inflate_in("in one call", data, len, len);
  inflate_in("in pieces of 10", data, len, 10);
  return 0;
}
END
lib=$(dirname "$(find root -name 'libz.so.1')")
cc -o window window.c -I root/usr/include "$lib/libz.so.1"
LD_LIBRARY_PATH=$lib ./window | tee seen

cat >expected <<'END'
zlib 1.2.13, window of 512 bytes
in one call: end, 700 bytes
in pieces of 10: invalid distance too far back, 601 bytes
END
diff expected seen
