#!/usr/bin/env node
// The client of ws against wsuv_echo, which was started with `-p chat2 -p chat3`.
//
//   node_client.js URL PID [deflate]
//
// With `deflate` the server compresses, and so do all cases but those that say otherwise. Runs all
// cases one after the other and tells of each; the last one ends the server, whose process is PID.
'use strict';

const assert = require('assert').strict;
const { once } = require('events');
const http = require('http');
const https = require('https');
const WebSocket = require('ws');

const [url, pid, deflate] = process.argv.slice(2);
const PATIENCE_MS = 20000; // for one case
const BIG = 16 * 1024 * 1024; // bytes
const SERVER_MAX = 64 * 1024 * 1024; // bytes of a message that the server takes
const SIZES = [0, 1, 125, 126, 65535, 65536]; // around the encodings of the length
const PERIOD = 251; // of the pattern
const MANY = 10000; // messages
const CROWD = 100; // sessions
const PIECE = 64 * 1024; // bytes of a message for the slow reader
const SLOW_MS = 1; // between two messages of the slow reader

const pattern = Buffer.from(Array.from({ length: PERIOD }, (_, i) => i));
const bytes = (length) => Buffer.alloc(length, pattern);

async function open(protocols = [], options = {}) {
  const ws = new WebSocket(`${url}/echo`, protocols, { maxPayload: SERVER_MAX, ...options });
  ws.on('upgrade', (response) => {
    ws.agreed = response.headers['sec-websocket-extensions'];
  });
  await once(ws, 'open');
  return ws;
}

// The next messages, as text or Buffer by their type.
function receive(ws, count) {
  const messages = [];
  return new Promise((resolve, reject) => {
    ws.on('message', (data, binary) => {
      messages.push(binary ? data : data.toString());
      if (messages.length === count) resolve(messages);
    });
    ws.on('close', (code) => reject(new Error(`closed with ${code}`)));
    ws.on('error', reject);
  });
}

async function echoes(ws, data) {
  const received = receive(ws, 1);
  ws.send(data);
  const [answer] = await received;
  if (typeof data === 'string') assert.equal(answer, data);
  else assert.equal(Buffer.compare(answer, data), 0);
}

// Returns what the close frame of the server says.
async function closed(ws) {
  const [code, reason] = await once(ws, 'close');
  return { code, reason: reason.toString() };
}

async function finish(ws) {
  ws.close(1000);
  assert.equal((await closed(ws)).code, 1000);
}

async function echoCase(data) {
  const ws = await open();
  await echoes(ws, data);
  await finish(ws);
}

async function sizesCase() {
  for (const size of SIZES) await echoCase(bytes(size));
}

async function manyCase() {
  const ws = await open();
  const received = receive(ws, MANY);
  const sent = Array.from({ length: MANY }, (_, i) => `message ${i}`);
  for (const text of sent) ws.send(text);
  assert.deepEqual(await received, sent);
  await finish(ws);
}

// The euro sign is cut in two.
async function fragmentsCase() {
  const ws = await open();
  const received = receive(ws, 1);
  const pong = once(ws, 'pong');
  const text = Buffer.from('one \u20ac two');
  ws.send(text.subarray(0, 6), { binary: false, fin: false });
  ws.ping('between');
  ws.send('', { binary: false, fin: false });
  ws.send(text.subarray(6), { binary: false, fin: true });
  assert.equal((await pong)[0].toString(), 'between');
  assert.deepEqual(await received, ['one \u20ac two']);
  await finish(ws);
}

async function bigFragmentsCase() {
  const ws = await open();
  const received = receive(ws, 1);
  const message = bytes(BIG);
  for (let at = 0; at < BIG; at += BIG / 16) {
    ws.send(message.subarray(at, at + BIG / 16), { fin: at + BIG / 16 === BIG });
  }
  assert.equal(Buffer.compare((await received)[0], message), 0);
  await finish(ws);
}

async function pingCase(payload) {
  const ws = await open();
  const pong = once(ws, 'pong');
  ws.ping(payload);
  assert.equal(Buffer.compare((await pong)[0], payload), 0);
  await finish(ws);
}

async function unaskedPongCase() {
  const ws = await open();
  ws.pong('unasked');
  await echoes(ws, 'still here');
  await finish(ws);
}

async function subprotocolCase(offered, agreed) {
  const ws = await open(offered);
  assert.equal(ws.protocol, agreed);
  await echoes(ws, 'hello');
  await finish(ws);
}

async function noSubprotocolCase() {
  await assert.rejects(open(['chat1']), /response: 400/);
}

// What ws would not compress by itself, since it is short, is compressed, too.
async function deflateCase(options, answered) {
  const ws = await open([], { perMessageDeflate: { threshold: 1, ...options } });
  assert.equal(ws.agreed, deflate ? answered : undefined);
  for (let i = 0; i < 5; i++) {
    await echoes(ws, 'taken over or not');
    await echoes(ws, 'once more '.repeat(10000 * i));
    await echoes(ws, bytes(1000));
  }
  await finish(ws);
}

async function body(response) {
  const parts = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function refusedCase() {
  const ws = new WebSocket(`${url}/refuse?status=401`);
  const [, response] = await once(ws, 'unexpected-response');
  assert.equal(response.statusCode, 401);
  assert.equal(await body(response), 'refused\n');
}

function get() {
  const [scheme, path] = url.split('://');
  if (scheme === 'ws+unix') return http.get({ socketPath: path.slice(0, -1) });
  return scheme === 'wss' ? https.get(`https://${path}`) : http.get(`http://${path}`);
}

async function noUpgradeCase() {
  const [response] = await once(get(), 'response');
  assert.equal(response.statusCode, 426);
  await body(response);
}

async function closeCase(...words) {
  const ws = await open();
  ws.close(...words);
  assert.equal((await closed(ws)).code, words[0] || 1005);
}

async function failedCase(code, data, options) {
  const ws = await open();
  ws.on('error', () => {});
  ws.send(data, options);
  assert.equal((await closed(ws)).code, code);
}

// What the server makes of it is told by the session after it.
async function dyingCase() {
  const ws = await open();
  ws.send('half of', { fin: false });
  ws.terminate();
  assert.equal((await closed(ws)).code, 1006);
  await echoCase('still there');
}

async function slowCase() {
  const ws = await open();
  const count = BIG / PIECE;
  const received = receive(ws, count);
  ws.on('message', () => {
    ws.pause();
    setTimeout(() => ws.resume(), SLOW_MS);
  });
  for (let i = 0; i < count; i++) ws.send(bytes(PIECE));
  for (const answer of await received) assert.equal(Buffer.compare(answer, bytes(PIECE)), 0);
  ws.removeAllListeners('message');
  await finish(ws);
}

async function crowdCase() {
  const crowd = await Promise.all(Array.from({ length: CROWD }, () => open()));
  await Promise.all(crowd.map((ws, i) => echoes(ws, `session ${i}`)));
  await Promise.all(crowd.map(finish));
}

async function leavingServerCase() {
  const ws = await open();
  const end = closed(ws);
  process.kill(Number(pid), 'SIGTERM');
  assert.equal((await end).code, 1001);
}

const cases = [
  ['text', echoCase, 'hello'],
  ['empty text', echoCase, ''],
  ['text in UTF-8', echoCase, '\u007f\u0080 gr\u00fc\u00df \u07ff\u0800 \uffff\u{10000} \u{1f600}'],
  ['binary, of all encodings of the length', sizesCase],
  ['10000 messages at once come back in order', manyCase],
  ['16 MiB', echoCase, bytes(BIG)],
  ['fragments, with a ping in between', fragmentsCase],
  ['16 MiB in fragments', bigFragmentsCase],
  ['a ping is answered with its payload', pingCase, bytes(125)],
  ['an empty ping is answered', pingCase, bytes(0)],
  ['a pong that nobody asked for is ignored', unaskedPongCase],
  ['a subprotocol is agreed upon', subprotocolCase, ['chat1', 'chat2'], 'chat2'],
  ['the first of the server is chosen', subprotocolCase, ['chat3', 'chat2'], 'chat2'],
  ['no subprotocol is offered', subprotocolCase, [], ''],
  ['no subprotocol can be agreed upon', noSubprotocolCase],
  ['permessage-deflate is accepted if installed', deflateCase, {}, 'permessage-deflate'],
  // What the client says of itself is a hint, which need not be answered.
  ['permessage-deflate without context takeover', deflateCase,
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    'permessage-deflate; server_no_context_takeover'],
  ['permessage-deflate with small windows', deflateCase,
    { serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
    'permessage-deflate; server_max_window_bits=9; client_max_window_bits=10'],
  ['a refusal has status and body', refusedCase],
  ['a request without upgrade is refused', noUpgradeCase],
  ['closed without a code', closeCase],
  ['closed with 1000', closeCase, 1000],
  ['closed with 1001 and a reason', closeCase, 1001, 'gr\u00fc\u00dfe'],
  ['closed with 3000', closeCase, 3000],
  ['closed with 4999 and a long reason', closeCase, 4999, 'r'.repeat(123)],
  ['text that is not UTF-8 is answered by 1007', failedCase, 1007, Buffer.from([0xc3, 0x28]),
    { binary: false }],
  ['a message over the limit is answered by 1009', failedCase, 1009, bytes(SERVER_MAX + 1)],
  ['a client that dies inside a message', dyingCase],
  ['a client that reads slowly', slowCase],
  ['100 sessions at once', crowdCase],
  ['a server that goes away says 1001', leavingServerCase],
];

function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function main() {
  let failed = 0;
  for (const [i, [name, run, ...args]] of cases.entries()) {
    try {
      await inTime(run(...args));
      console.log(`ok ${i + 1} - ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${i + 1} - ${name}\n# ${String(error.stack).replace(/\n/g, '\n# ')}`);
    }
  }
  console.log(`1..${cases.length}\n# ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

main();
