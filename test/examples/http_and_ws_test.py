#!/usr/bin/python3
"""The program http_and_ws: pages over HTTP, and WebSockets on the same port.

    http_and_ws_test.py HTTP_AND_WS [unittest's arguments]
"""

import asyncio
import contextlib
import http.client
import json
import socket
import sys
import unittest

from support import PATIENCE, Program

try:
    from websockets.asyncio.client import connect
except ImportError:
    from websockets.client import connect

PROGRAM = ''
REQUEST = (
    'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n'
)


def port_of(program):
    return int(program.out.find(r'^port (\d+)$').group(1))


def get(connection, target, method='GET'):
    connection.request(method, target)
    answer = connection.getresponse()
    return answer.status, answer.read()


def ask(port, text):
    """What comes for a text, up to the end of the connection."""
    with socket.create_connection(('127.0.0.1', port), PATIENCE) as s:
        s.sendall(text.encode())
        return b''.join(iter(lambda: s.recv(65536), b''))


async def until(ws, wanted):
    while json.loads(await ws.recv()) != wanted:
        pass


async def watch(port):
    url = 'ws://127.0.0.1:%d/live' % port
    loop = asyncio.get_running_loop()
    async with connect(url) as ws:
        await until(ws, {'people': 1, 'pages': 0})
        async with connect(url):
            await until(ws, {'people': 2, 'pages': 0})
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=PATIENCE)
            await loop.run_in_executor(None, get, connection, '/')
            connection.close()
            await until(ws, {'people': 2, 'pages': 1})
        await until(ws, {'people': 1, 'pages': 1})


class HttpAndWs(unittest.TestCase):
    def setUp(self):
        self.program = Program(PROGRAM).__enter__()
        self.addCleanup(self.program.__exit__)
        self.port = port_of(self.program)

    def test_pages_and_what_is_none(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE)
        for _ in range(2):
            status, body = get(connection, '/')
            self.assertEqual(status, 200)
            self.assertIn(b'new WebSocket', body)
            self.assertEqual(get(connection, '/nowhere')[0], 404)
        self.assertEqual(get(connection, '/live')[0], 404)
        self.assertEqual(get(connection, '/', 'POST')[0], 405)
        connection.close()

    def test_nothing_is_answered_behind_a_response_that_ends_the_connection(self):
        post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
        page = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
        answer = ask(self.port, post + page)
        self.assertTrue(answer.startswith(b'HTTP/1.1 405 '), answer)
        self.assertEqual(answer.count(b'HTTP/1.1 '), 1, answer)

    def test_client_that_reads_no_response_is_dropped(self):
        count = 20000
        with socket.socket() as s:
            for buffer in socket.SO_RCVBUF, socket.SO_SNDBUF:
                s.setsockopt(socket.SOL_SOCKET, buffer, 4096)
            s.settimeout(PATIENCE)
            s.connect(('127.0.0.1', self.port))
            answer = b''
            with contextlib.suppress(ConnectionError):
                s.sendall(count * b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
                s.sendall(b'GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
                answer = b''.join(iter(lambda: s.recv(65536), b''))
        self.assertLess(answer.count(b'HTTP/1.1 200 '), count)

    def test_everyone_sees_who_is_there(self):
        asyncio.run(asyncio.wait_for(watch(self.port), PATIENCE))

    def test_upgrade_behind_a_page_on_one_connection(self):
        page = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
        close = b'\x88\x80\0\0\0\0'
        text = (page + REQUEST % ('/live', self.port, '')).encode() + close
        with socket.create_connection(('127.0.0.1', self.port), PATIENCE) as s:
            s.sendall(text)
            answer = b''.join(iter(lambda: s.recv(65536), b''))
        before, after = answer.split(b'</script>\n', 1)
        self.assertTrue(before.startswith(b'HTTP/1.1 200 '))
        self.assertTrue(after.startswith(b'HTTP/1.1 101 '))
        self.assertTrue(after.endswith(b'\x88\x00'))

    def test_refusals(self):
        for target, fields, status in (
            ('/nowhere', '', 404),
            ('/live', 'Origin: http://evil.example\r\n', 403),
            ('/live', 'X: %s\r\n' % ('y' * 9000), 431),
            ('/live', 'X: y\r\n' * 70, 431),
        ):
            with self.subTest(target=target, fields=fields[:20]):
                answer = ask(self.port, REQUEST % (target, self.port, fields))
                self.assertTrue(answer.startswith(b'HTTP/1.1 %d ' % status), answer)

    def test_no_http_at_all(self):
        self.assertTrue(ask(self.port, '\x16\x03\x01\r\n\r\n').startswith(b'HTTP/1.1 400 '))


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
