#!/usr/bin/env node
// The library ws on the loads of README.md:
//
//   node_peer.js client LOAD N [-p PORT | -t PORT] [-s SIZE] [-w WINDOW] [-k KIND] [-e openssl]
//   node_peer.js server PORT
'use strict';

const { parseArgs } = require('util');
const { WebSocket, WebSocketServer } = require('ws');

const LIMIT = 64 * 1024 * 1024; // bytes of a message
const DEFAULTS = { pp: [32, 1], pipe: [64, 256], big: [1 << 20, 1], stream: [16384, 1],
  conns: [0, 100] };

function serve(port) {
  const server = new WebSocketServer({ host: '127.0.0.1', port, maxPayload: LIMIT, backlog: 4096 });
  server.on('listening', () => console.log('listening'));
  server.on('connection', (ws) => {
    ws.on('message', (data, binary) => ws.send(data, { binary }));
  });
}

const begin = {};
let bytes = 0;

function beginMeasuring() {
  Object.assign(begin, { rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
}

function finish(n, size) {
  const cpu = process.cpuUsage(begin.cpu);
  const rss = process.memoryUsage().rss;
  console.log(JSON.stringify({ n, size, user: cpu.user / 1e6, sys: cpu.system / 1e6, bytes, rss,
    rss_conn: (rss - begin.rss) / n }));
  process.exit(0);
}

function client(load, n, options) {
  const size = Number(options.s || DEFAULTS[load][0]);
  const window = Number(options.w || DEFAULTS[load][1]);
  const base = options.t ? `wss://127.0.0.1:${options.t}` : `ws://127.0.0.1:${options.p}`;
  const path = load === 'stream' ? `/stream-${options.k || 'bin'}?n=${n}&size=${size}` : '/echo';
  const payload = Buffer.alloc(size, 'x');
  let sent = 0;
  let received = 0;

  function open() {
    sent++;
    const ws = new WebSocket(base + path, { perMessageDeflate: false, rejectUnauthorized: false,
      maxPayload: LIMIT });
    ws.on('open', () => {
      received++;
      if (received === n) finish(n, size);
      if (sent < n) open();
    });
  }

  function exchange() {
    const ws = new WebSocket(base + path, { perMessageDeflate: false, rejectUnauthorized: false,
      maxPayload: LIMIT });
    const send = () => {
      sent++;
      ws.send(load === 'stream' ? 'go' : payload);
    };
    ws.on('open', () => {
      beginMeasuring();
      while (sent < window && sent < n) send();
    });
    ws.on('message', (data) => {
      bytes += data.length;
      received++;
      if (received === n) finish(n, size);
      if (load !== 'stream' && sent < n) send();
    });
  }

  if (load !== 'conns') {
    exchange();
    return;
  }
  beginMeasuring();
  while (sent < window && sent < n) open();
}

const names = 'ptswkde';
const { values, positionals } = parseArgs({ allowPositionals: true,
  options: Object.fromEntries([...names].map((name) => [name, { type: 'string', short: name }])) });
if (positionals[0] === 'server') serve(Number(positionals[1]));
else client(positionals[1], Number(positionals[2]), values);
