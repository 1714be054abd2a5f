#!/bin/bash
# Wrong guess: deflate() with Z_SYNC_FLUSH ends with the bytes 00 00 ff ff each time, which a sender
# with permessage-deflate removes, so that an empty message becomes the byte 00.
#
# That is so for the first message only. A flush without new input behind a flush writes nothing and
# returns Z_BUF_ERROR, so each empty message behind another one becomes no byte at all. The 00 00 ff
# ff that the receiver appends then begin a block that is not complete, and the session fails there
# or at the next message. RFC 7692 7.2.3.6 has the byte 00 for this, which the sender must write
# itself. Mojolicious 9.31 does not: it sends empty payloads, and ws 8.23.0 fails at the next
# message. Its programs should send no empty messages, or not compress.
#
# Needs Debian 12's apt, a C compiler, Perl, and Node with npm, for a package that is not installed.
# Prints what zlib and Mojolicious make of messages, and what ws gets; fails if it changes.
set -euo pipefail

zlib_version=1:1.2.13.dfsg-1
version=9.31+dfsg-1
ws_version=8.23.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq "zlib1g-dev=$zlib_version" \
  "zlib1g=$zlib_version" "libmojolicious-perl=$version" libjs-bootstrap4 libjs-highlight.js \
  libjs-jquery libjs-popper.js
for file in ./*.deb; do dpkg -x "$file" root; done
mkdir ws
tar -xzf "$(npm pack --silent --cache "$folder/cache" "ws@$ws_version")" --strip-components=1 -C ws

cat >flush.c <<'END'
#include <stdio.h>
#include <string.h>

#include <zlib.h>

int main(void) {
  const char *messages[] = {"", "", "hello", ""};
  z_stream z = {0};
  printf("zlib %s\n", zlibVersion());
  deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  for (int i = 0; i < 4; i++) {
    unsigned char out[64];
    z.next_in = (z_const Bytef *) messages[i];
    z.avail_in = (unsigned) strlen(messages[i]);
    z.next_out = out;
    z.avail_out = sizeof out;
    int result = deflate(&z, Z_SYNC_FLUSH);
    printf("  '%s': %s,", messages[i], result == Z_BUF_ERROR ? "Z_BUF_ERROR" : "Z_OK");
    for (unsigned k = 0; k < sizeof out - z.avail_out; k++) printf(" %02x", out[k]);
    printf(" (%u bytes)\n", (unsigned) sizeof out - z.avail_out);
  }
  deflateEnd(&z);
  return 0;
}
END
lib=$(dirname "$(find root -name 'libz.so.1')")
cc -o flush flush.c -I root/usr/include -I "$(dirname "$(find root -name zconf.h)")" \
  "$lib/libz.so.1"

cat >server.pl <<'END'
use Mojolicious::Lite -signatures;
use Mojo::IOLoop;
use Mojo::Server::Daemon;

app->log->level('fatal');
websocket '/:order' => sub ($c) {
  my %messages = (first => ['', 'one'], second => ['', '', 'one'], behind => ['one', '', 'two']);
  $c->tx->with_compression;
  $c->send($_) for @{$messages{$c->param('order')}};
  $c->finish(1000);
};
my $daemon = Mojo::Server::Daemon->new(app => app, listen => ['http://127.0.0.1'], silent => 1);
$daemon->start;
$| = 1;
print $daemon->ports->[0], "\n";
Mojo::IOLoop->start;
END
cat >play.js <<'END'
'use strict';
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const WebSocket = require('./ws');

async function play(port, order) {
  const client = new WebSocket(`ws://127.0.0.1:${port}/${order}`);
  const got = [];
  client.on('message', (data) => got.push(data.toString()));
  client.on('error', (error) => got.push(error));
  const code = await new Promise((done) => { client.on('close', done); });
  const texts = got.map((one) => one instanceof Error ? one.message : `'${one}'`);
  console.log(`  ${order}: ${texts.join(', ')}; close code ${code}`);
}

(async () => {
  const env = { ...process.env, PERL5LIB: 'root/usr/share/perl5' };
  const server = spawn('perl', ['server.pl'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const port = parseInt((await once(server.stdout, 'data')).toString(), 10);
  try {
    for (const order of ['first', 'second', 'behind']) await play(port, order);
  } finally {
    server.kill();
  }
})();
END
{
  LD_LIBRARY_PATH=$lib ./flush
  echo "Mojolicious ${version%%+*}, read by ws $ws_version"
  node play.js
} | tee seen

cat >expected <<'END'
zlib 1.2.13
  '': Z_OK, 00 00 00 ff ff (5 bytes)
  '': Z_BUF_ERROR, (0 bytes)
  'hello': Z_OK, ca 48 cd c9 c9 07 00 00 00 ff ff (11 bytes)
  '': Z_BUF_ERROR, (0 bytes)
Mojolicious 9.31, read by ws 8.23.0
  first: '', 'one'; close code 1000
  second: '', '', invalid stored block lengths; close code 1006
  behind: 'one', '', invalid stored block lengths; close code 1006
END
diff expected seen
