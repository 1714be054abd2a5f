#!/usr/bin/env node
// The echo server under test of peer.py, on ws: others_server.js [--deflate].
'use strict';

const { WebSocketServer } = require('ws');

const LIMIT = 64 * 1024 * 1024; // bytes of a message
const perMessageDeflate = process.argv[2] === '--deflate' ? { threshold: 0 } : false;

const server = new WebSocketServer({
  host: '127.0.0.1', port: 0, perMessageDeflate, maxPayload: LIMIT,
}, () => {
  console.log(`listening on ws://127.0.0.1:${server.address().port}`);
});
server.on('connection', (ws) => {
  ws.on('error', () => {}); // what many cases are about
  ws.on('message', (data, binary) => ws.send(data, { binary }));
});
process.on('SIGTERM', () => process.exit(0));
