#!/usr/bin/env node
// The peer for the program interop, on ws: serves by path on 127.0.0.1 and any port, and prints
// "listening PORT". py_server.py serves the same paths in the same way.
'use strict';

const http = require('http');
const { WebSocketServer } = require('ws');

const LIMIT = 64 * 1024 * 1024; // bytes of a message
const PERIOD = 251; // of the pattern that large messages are made of
const SLOW_MS = 1; // between two messages on /slow

const pattern = Buffer.from(Array.from({ length: PERIOD }, (_, i) => i));

function echo(ws) {
  ws.on('message', (data, binary) => ws.send(data, { binary }));
}

function close(ws, query) {
  if (!query.has('code')) ws.close();
  else ws.close(Number(query.get('code')), query.get('reason') || '');
}

function ping(ws) {
  ws.on('pong', (payload) => ws.send(payload.toString()));
  ws.ping('are you there');
}

function fragment(ws) {
  ws.send('one ', { fin: false });
  ws.ping('first');
  ws.send('two ', { fin: false });
  ws.ping('second');
  ws.send('', { fin: false });
  ws.send('three', { fin: true });
}

let closed; // how the last session on /raw ended, as the other side told

// Closes when the ping amid the fragments is answered.
function raw(ws) {
  closed = new Promise((resolve) => {
    ws.on('close', (code, reason) => resolve(`${code} ${reason}`));
  });
  ws.on('pong', () => ws.close(3001, 'well'));
  ws.send('one ', { fin: false });
  ws.ping('by hand');
  ws.send('two ', { fin: false });
  ws.send('three', { fin: true });
}

async function tellClosed(ws) {
  ws.send(await closed);
}

function big(ws, query) {
  ws.send(Buffer.alloc(Number(query.get('size')), pattern));
}

// At the first message; with `amid`, in the middle of one of ours; by FIN, or by RST.
function die(ws, query, socket) {
  ws.on('message', () => {
    if (query.has('amid')) ws.send('half of', { fin: false });
    if (query.has('reset')) socket.resetAndDestroy();
    else socket.destroySoon();
  });
}

// A text message asks for the number of bytes that came in binary ones.
function count(ws) {
  let bytes = 0;
  ws.on('message', (data, binary) => {
    if (binary) bytes += data.length;
    else ws.send(String(bytes));
  });
}

function slow(ws) {
  count(ws);
  ws.on('message', () => {
    ws.pause();
    setTimeout(() => ws.resume(), SLOW_MS);
  });
}

function request(ws, query, socket, req) {
  const { origin, 'user-agent': agent, 'x-interop': extra } = req.headers;
  ws.send([req.url, origin, agent, extra].join('\n'));
}

const paths = {
  '/echo': echo,
  '/subprotocol': echo,
  '/close': close,
  '/ping': ping,
  '/fragment': fragment,
  '/raw': raw,
  '/closed': tellClosed,
  '/big': big,
  '/die': die,
  '/count': count,
  '/slow': slow,
  '/request': request,
};

function answer(socket, status, body) {
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n` +
      'WWW-Authenticate: Basic realm="interop"\r\n' +
      'X-Interop: refused\r\n' +
      'Content-Type: text/plain\r\n' +
      `Content-Length: ${body.length}\r\n` +
      'Connection: close\r\n\r\n' +
      body
  );
}

const sessions = new WebSocketServer({
  noServer: true,
  maxPayload: LIMIT,
  handleProtocols: (offered) => (offered.has('chat2') ? 'chat2' : false),
});

const server = http.createServer();

server.on('upgrade', (req, socket, head) => {
  const { pathname, searchParams } = new URL(req.url, 'ws://127.0.0.1');
  if (pathname === '/refuse') {
    answer(socket, 401, 'no entry\n'.repeat(Number(searchParams.get('lines') || 1)));
  } else if (!(pathname in paths)) {
    answer(socket, 404, '');
  } else {
    sessions.handleUpgrade(req, socket, head, (ws) => {
      ws.on('error', (error) => console.error(`${req.url}: ${error.message}`));
      paths[pathname](ws, searchParams, socket, req);
    });
  }
});

server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
