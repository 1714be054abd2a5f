#!/usr/bin/python3
"""The program chat_server, with clients of another library.

    chat_server_test.py CHAT_SERVER PAGE [unittest's arguments]

PAGE is the folder with the page.

What the page does in browsers is tested in test/browser.
"""

import asyncio
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import unittest

from support import PATIENCE, Program, node

try:
    from websockets.asyncio.client import connect as connect_url
except ImportError:
    from websockets.client import connect as connect_url
from websockets.exceptions import ConnectionClosed

CHAT_SERVER = PAGE = ''
SPEAKERS = 10
REQUEST = (b'GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n'
           b'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n')

# What the page shows of lines: a script of Node with as much of a browser as that needs.
SHOW = '''
const element = () => ({
  children: [], append(child) { this.children.push(child); }, scrollIntoView() {},
  get childElementCount() { return this.children.length; },
});
const elements = {}, [file, ...lines] = process.argv.slice(1);
const page = require('vm').createContext({
  document: { getElementById: (id) => elements[id] ??= element(), createElement: element },
  window: { addEventListener() {} }, location: {},
});
require('vm').runInContext(require('fs').readFileSync(file, 'utf8'), page);
for (const line of lines) page.onMessage({ data: line });
console.log(JSON.stringify(elements.lines.children.map((child) => child.textContent)));
'''


def chat_server(*args):
    return Program(CHAT_SERVER, *args)


def url_of(program):
    return 'ws://127.0.0.1:%s' % program.out.find(r'^port (\d+)$').group(1)


def connect(url, path):
    return connect_url(url + path)


async def receive(ws):
    return await asyncio.wait_for(ws.recv(), PATIENCE)


async def lines(ws, *expected):
    for line in expected:
        assert (got := await receive(ws)) == line, (got, line)


async def closed(ws):
    """The code and reason that the session is closed with, whatever comes before."""
    try:
        while True:
            await receive(ws)
    except ConnectionClosed:
        return ws.close_code, ws.close_reason


def silent_member(url, path):
    """A socket of a member who reads nothing, and whose kernel takes little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(('127.0.0.1', int(url.split(':')[2])))
    sock.sendall(REQUEST % path.encode())
    return sock


async def talk_until(ws, name, last):
    """Says something whenever the last was heard, until a line comes. What is said stays long when
    it is compressed."""
    text = secrets.token_hex(2000)
    await ws.send(text)
    async for line in ws:
        if line == last:
            return
        if line.startswith('say %s ' % name):
            await ws.send(text)
    raise EOFError(last)


class Rooms(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # it makes everything slow
        self.program = self.enterContext(chat_server())
        self.url = url_of(self.program)

    async def test_members_see_who_comes_says_and_goes(self):
        async with connect(self.url, '/chat/tea?name=Ada') as ada:
            await lines(ada, 'here Ada')
            async with connect(self.url, '/chat/tea?name=B%C3%B6b') as bob:
                await lines(ada, 'join Böb')
                await lines(bob, 'here Ada', 'here Böb')
                await bob.send('good day, all')
                for ws in ada, bob:
                    await lines(ws, 'say Böb good day, all')
                await ada.send('')
                for ws in ada, bob:
                    await lines(ws, 'say Ada ')
            await lines(ada, 'leave Böb')

    async def test_rooms_do_not_hear_each_other(self):
        async with connect(self.url, '/chat/tea?name=Ada') as tea, \
                connect(self.url, '/chat/coffee?name=Ada') as coffee:
            await lines(tea, 'here Ada')
            await lines(coffee, 'here Ada')
            await tea.send('tea')
            await coffee.send('coffee')
            await lines(tea, 'say Ada tea')
            await lines(coffee, 'say Ada coffee')

    async def test_name_that_is_taken_is_free_again_afterwards(self):
        async with connect(self.url, '/chat/tea?name=Ada') as ada:
            await lines(ada, 'here Ada')
            async with connect(self.url, '/chat/tea?name=Ada') as other:
                self.assertEqual(await closed(other), (4409, 'the name is taken'))
        async with connect(self.url, '/chat/tea?name=Ada') as ada:
            await lines(ada, 'here Ada')

    async def test_names_that_cannot_be_shown_are_turned_away(self):
        for path in ('/chat/tea', '/chat/tea?name=', '/chat/tea?name=a+b', '/chat/tea?name=%0A',
                     '/chat/tea?name=%FF', '/chat/tea?name=' + 33 * 'x', '/chat/a%20b?name=Ada'):
            with self.subTest(path=path):
                async with connect(self.url, path) as ws:
                    self.assertEqual((await closed(ws))[0], 4400)

    async def test_full_room_turns_away(self):
        members = [await connect(self.url, '/chat/tea?name=%d' % i) for i in range(200)]
        async with connect(self.url, '/chat/tea?name=late') as late:
            self.assertEqual(await closed(late), (4403, 'the room is full'))
        for ws in members:
            ws.transport.abort()

    async def test_binary_message_and_long_text_end_the_session(self):
        for message, code in ((b'\0', 1003), (4097 * 'x', 1009)):
            async with connect(self.url, '/chat/tea?name=Ada') as ada:
                await ada.send(message)
                self.assertEqual((await closed(ada))[0], code)

    async def test_reader_who_is_too_slow_is_dropped_and_hurts_nobody(self):
        speakers = [await connect(self.url, '/chat/tea?name=%d' % i) for i in range(SPEAKERS)]
        with silent_member(self.url, '/chat/tea?name=Slow') as slow:
            await asyncio.gather(
                *[talk_until(ws, i, 'leave Slow') for i, ws in enumerate(speakers)])
            slow.recv(1)  # what came before it was dropped
        for ws in speakers:
            await ws.close()

    async def test_sigterm_closes_all_with_1001(self):
        async with connect(self.url, '/chat/tea?name=Ada') as ada:
            await lines(ada, 'here Ada')
            self.program.signal(signal.SIGTERM)
            self.assertEqual((await closed(ada))[0], 1001)
        status, out, err = self.program.finish()
        self.assertEqual((status, err), (0, ''))
        self.assertRegex(out.decode(), r'^127\.0\.0\.1 - - \[\S+ \+0000\] "GET /chat/tea HTTP/1\.1"'
                                       r' 101 \d+ "-" "[^"]*" subprotocol="-" close=1001 by=us'
                                       r' result=OK seconds=\S+ in=0/0 out=1/8$')


class Page(unittest.TestCase):
    def request(self, program, method, path):
        self.url = self.url or url_of(program)
        connection = http.client.HTTPConnection(self.url[5:], timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers['Content-Type'], response.read()

    def setUp(self):
        self.url = None

    def test_page_comes_from_the_server(self):
        with chat_server('-p', PAGE) as program:
            for path, name, kind in (('/', 'index.html', 'text/html'),
                                     ('/chat.js', 'chat.js', 'text/javascript'),
                                     ('/chat.css', 'chat.css', 'text/css')):
                with open(os.path.join(PAGE, name), 'rb') as file:
                    text = file.read()
                kind += '; charset=utf-8'
                self.assertEqual(self.request(program, 'GET', path), (200, kind, text))
                self.assertEqual(self.request(program, 'HEAD', path), (200, kind, b''))

    def test_page_takes_a_line_apart_at_spaces_only(self):
        names = 'Ada', 'A\u00a0B', 'C\u3000D'  # no space, but white space of JavaScript
        lines = ['say %s good day\nall' % name for name in names]
        command = [node('node_server.js')[0], '-e', SHOW, os.path.join(PAGE, 'chat.js'), *lines]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
        self.assertEqual(json.loads(done.stdout), ['%s: good day\nall' % name for name in names])

    def test_nothing_else_does(self):
        with chat_server('-p', PAGE) as program:
            for path in '/index.html', '/../page/index.html', '/chat.js/', '/x':
                self.assertEqual(self.request(program, 'GET', path)[0], 404)
            self.assertEqual(self.request(program, 'POST', '/')[0], 404)
            self.assertEqual(self.request(program, 'GET', '/chat/tea')[0], 426)

    def test_without_the_option_there_is_no_page(self):
        with chat_server() as program:
            self.assertEqual(self.request(program, 'GET', '/')[0], 404)

    def test_page_that_is_not_there(self):
        with chat_server('-p', '/nowhere') as program:
            self.assertEqual(program.finish(),
                             (1, b'', 'chat_server: cannot read /nowhere/index.html'))


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    CHAT_SERVER, PAGE = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
