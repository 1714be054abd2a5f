#!/usr/bin/env node
// Two servers of node's http for redirects.py, on 127.0.0.1 and any ports. Prints "listening PORT
// PORT", and then each request that has come, as JSON.
//
//    redirects_node.js
//
// The first has no listener for upgrades, so node treats a request with an upgrade as any other.
// The second has one, and node calls that instead. /CODE?to=URL is answered with a redirect. All
// others get a session of ws from the second server, and 404 from the first.
'use strict';

const http = require('http');
const { WebSocketServer } = require('ws');

const sessions = new WebSocketServer({ noServer: true });
sessions.on('connection', (ws) => ws.on('message', (data, binary) => ws.send(data, { binary })));

function redirect({ url }) {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  const location = searchParams.get('to');
  return location === null ? null : { status: Number(pathname.slice(1)), location };
}

function show({ url, headers, socket }) {
  const { authorization, cookie } = headers;
  console.log(JSON.stringify({ port: socket.localPort, uri: url, authorization, cookie }));
}

function answer(request, response) {
  const to = redirect(request);
  show(request);
  response.statusCode = to === null ? 404 : to.status;
  if (to !== null) response.setHeader('Location', to.location);
  response.setHeader('Set-Cookie', ['seen=1; Path=/; HttpOnly', 'deep=1; Path=/deep']);
  response.write('Moved ');
  response.end('over there');
}

function upgrade(request, socket, head) {
  const to = redirect(request);
  show(request);
  if (to === null) {
    sessions.handleUpgrade(request, socket, head, (ws) => sessions.emit('connection', ws));
  } else {
    socket.end(`HTTP/1.1 ${to.status} ${http.STATUS_CODES[to.status]}\r\n` +
      `Location: ${to.location}\r\nConnection: close\r\n\r\n`);
  }
}

const requests = http.createServer(answer);
const upgrades = http.createServer(answer);
upgrades.on('upgrade', upgrade);
requests.listen(0, '127.0.0.1', () => upgrades.listen(0, '127.0.0.1', () =>
  console.log('listening', requests.address().port, upgrades.address().port)));
