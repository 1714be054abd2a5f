#!/usr/bin/env node
// The client under test of peer.py, on ws: others_client.js [--deflate] BASEURL AGENT.
'use strict';

const WebSocket = require('ws');

const LIMIT = 64 * 1024 * 1024; // bytes of a message
const words = process.argv.slice(2);
const perMessageDeflate = words[0] === '--deflate' ? { threshold: 0 } : false;
const [base, agent] = words.slice(-2);

function session(target, onMessage) {
  return new Promise((resolve) => {
    const ws = new WebSocket(base + target, { perMessageDeflate, maxPayload: LIMIT });
    ws.on('message', (data, binary) => onMessage(ws, data, binary));
    ws.on('error', () => {}); // what many cases are about
    ws.on('close', resolve);
  });
}

async function main() {
  let count = 0;
  await session('/getCaseCount', (ws, data) => { count = Number(data); });
  for (let i = 1; i <= count; i++) {
    await session(`/runCase?case=${i}&agent=${agent}`,
      (ws, data, binary) => ws.send(data, { binary }));
  }
  await session(`/updateReports?agent=${agent}`, () => {});
}

main();
