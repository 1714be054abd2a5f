// The page of chat_server: enters a room, and shows what comes. The lines that the server sends are
// described at the beginning of chat_server.c.
//
// What of a line comes from other people is only ever set as text, never as HTML.

'use strict';

const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 30000;
const LINES_MOST = 500;

const element = (id) => document.getElementById(id);

let socket = null;
let retry = null; // the timer until the next attempt
let delay = RETRY_FIRST_MS;

function show(text, isNote) {
  const line = document.createElement('li');
  const lines = element('lines');
  line.textContent = text;
  if (isNote) line.className = 'note';
  lines.append(line);
  while (lines.childElementCount > LINES_MOST) lines.firstElementChild.remove();
  line.scrollIntoView();
}

function addMember(name) {
  const entry = document.createElement('li');
  entry.textContent = name;
  element('members').append(entry);
}

function removeMember(name) {
  const entries = [...element('members').children];
  entries.find((entry) => entry.textContent === name)?.remove();
}

function onMessage(event) {
  const [, kind, name, text] = event.data.match(/^([^ ]+) ([^ ]+)(?: ([^]*))?$/);
  switch (kind) {
    case 'here': addMember(name); break;
    case 'join': addMember(name); show(`${name} has come`, true); break;
    case 'leave': removeMember(name); show(`${name} has gone`, true); break;
    case 'say': show(`${name}: ${text}`, false); break;
  }
}

function setState(text, open) {
  element('state').textContent = text;
  element('text').disabled = element('send').disabled = !open;
  element('members').replaceChildren();
}

// Codes from 4000 on are the server's answer to what was entered, which another attempt would not
// change. After everything else the page tries again: later each time, and not all pages at once.
function onClose(event) {
  if (event.code >= 4000) {
    setState(`${event.reason} (${event.code})`, false);
    return;
  }
  const wait = delay * (0.5 + Math.random() / 2);
  delay = Math.min(2 * delay, RETRY_MOST_MS);
  setState(`Connection lost (${event.code}), trying again`, false);
  retry = setTimeout(connect, wait);
}

function onOpen() {
  delay = RETRY_FIRST_MS;
  setState(`In ${element('room').value} as ${element('name').value}`, true);
  element('text').focus();
}

function connect() {
  const room = encodeURIComponent(element('room').value);
  const name = encodeURIComponent(element('name').value);
  setState('Connecting', false);
  const attempt = new WebSocket(`${element('server').value}/chat/${room}?name=${name}`);
  const ifCurrent = (handler) => (event) => attempt === socket && handler(event);
  attempt.onopen = ifCurrent(onOpen);
  attempt.onmessage = ifCurrent(onMessage);
  attempt.onclose = ifCurrent(onClose);
  socket = attempt;
}

element('enter').onsubmit = (event) => {
  event.preventDefault();
  clearTimeout(retry);
  socket?.close(1000);
  element('lines').replaceChildren();
  connect();
};

element('say').onsubmit = (event) => {
  event.preventDefault();
  const text = element('text').value;
  if (text === '') return;
  socket.send(text); // comes back as everybody's does
  element('text').value = '';
};

// Chromium keeps a page that was left, and its connection, for the way back: without this, its
// member would stay in the room. When the page is shown again, onClose connects again.
window.addEventListener('pagehide', () => socket?.close(1000));

// chat_server is where this page comes from, unless it is a file.
element('server').value = location.protocol === 'file:'
  ? 'ws://localhost:9001'
  : `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`;
