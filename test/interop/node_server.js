#!/usr/bin/env node
// The peer for the program interop, on ws: serves by path on 127.0.0.1 and any port, and prints
// "listening PORT". py_server.py serves the same paths in the same way.
//
//    node_server.js [--cert FILE --key FILE [--client-ca FILE] [--tls-min VERSION]
//                    [--tls-max VERSION] [--ciphers LIST] [--sigalgs LIST]]
//
// With a certificate it serves TLS; with --client-ca it asks for one of that authority's, too.
// Versions are as "TLSv1.2". It is the server's order of preference that counts.
'use strict';

const fs = require('fs');
const http = require('http');
const https = require('https');
const { parseArgs } = require('util');
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

// Closes when the ping inside the fragments is answered.
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

// At the first message; with `inside`, inside one of ours; by FIN, or by RST.
function die(ws, query, socket) {
  ws.on('message', () => {
    if (query.has('inside')) ws.send('half of', { fin: false });
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

// What the server knows of the TLS below a session; null without any.
function tls(ws, query, socket) {
  if (!socket.encrypted) return ws.send('null');
  const { subject } = socket.getPeerCertificate() || {};
  const facts = {
    version: socket.getProtocol(),
    cipher: socket.getCipher().name,
    resumed: socket.isSessionReused(),
    alpn: socket.alpnProtocol || null,
    sni: socket.servername || null,
    client: (subject && subject.CN) || null,
  };
  return ws.send(JSON.stringify(facts));
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
  '/tls': tls,
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
  perMessageDeflate: { threshold: 1 },
  handleProtocols: (offered) => (offered.has('chat2') ? 'chat2' : false),
});

function createServer() {
  const names = ['cert', 'key', 'client-ca', 'tls-min', 'tls-max', 'ciphers', 'sigalgs'];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  const { values } = parseArgs({ options });
  if (!values.cert) return http.createServer();
  return https.createServer({
    cert: fs.readFileSync(values.cert),
    key: fs.readFileSync(values.key),
    ca: values['client-ca'] && fs.readFileSync(values['client-ca']),
    requestCert: 'client-ca' in values,
    minVersion: values['tls-min'],
    maxVersion: values['tls-max'],
    ciphers: values.ciphers,
    sigalgs: values.sigalgs,
  });
}

const server = createServer();

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
