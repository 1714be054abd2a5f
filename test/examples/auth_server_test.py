#!/usr/bin/python3
"""The program auth_server, with a Redis that is stopped, killed and started again.

    auth_server_test.py AUTH_SERVER REDIS_SERVER [unittest's arguments]
"""

import asyncio
import http.client
import os
import signal
import socket
import sys
import tempfile
import unittest

from support import PATIENCE, Program
from chat_server_test import closed, connect_url, receive

AUTH_SERVER = REDIS_SERVER = ''
UPGRADE = {'Upgrade': 'websocket', 'Connection': 'upgrade', 'Sec-WebSocket-Version': '13',
           'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA=='}


class Redis(Program):
    """A server on a Unix socket in a folder, which knows one session."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'redis.sock')
        super().__init__(REDIS_SERVER, '--port', '0', '--unixsocket', self.path, '--save', '',
                         '--dir', folder, stderr=None)
        self.out.find('ready to accept connections')
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self.path)
            sock.sendall(b'SET session:good Ada\r\n')
            assert sock.recv(100) == b'+OK\r\n'


class AuthServer(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.redis = self.enterContext(Redis(self.folder))
        self.program = self.enterContext(Program(AUTH_SERVER, self.redis.path))
        self.port = int(self.program.out.find(r'^port (\d+)$').group(1))
        self.url = 'ws://127.0.0.1:%d/live' % self.port

    def request(self, token):
        """A request that is not answered yet."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request('GET', '/live?token=' + token, headers=UPGRADE)
        return connection

    def status(self, token):
        return self.request(token).getresponse().status

    def first_message(self, query='', **headers):
        async def play():
            name = 'additional_headers' if 'asyncio' in connect_url.__module__ else 'extra_headers'
            async with connect_url(self.url + query, **{name: headers}) as ws:
                message = await receive(ws)
                await ws.send('x')
                self.assertEqual(await receive(ws), 'x')
                return message
        return asyncio.run(play())

    def test_token_in_the_query_or_in_a_cookie(self):
        self.assertEqual(self.first_message('?token=good'), 'welcome Ada')
        for cookies in ('session=good', 'other=session; session=good', 'a=b;  session=good; c=d'):
            with self.subTest(cookies=cookies):
                self.assertEqual(self.first_message(Cookie=cookies), 'welcome Ada')

    def test_program_without_a_valid_token_gets_401_and_is_told_why(self):
        for token in 'bad', '', 'good%20', 'good%00', 'x%0D%0ASET':
            with self.subTest(token=token):
                response = self.request(token).getresponse()
                self.assertEqual(response.status, 401)
                self.assertEqual(response.headers['WWW-Authenticate'], 'Bearer realm="live"')
                self.assertIn(b'token', response.read())

    def test_cookies_of_other_names_do_not_count(self):
        for cookies in 'xsession=good', 'session =good', 'a="; session=good', 'session=':
            connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE)
            connection.request('GET', '/live', headers=dict(UPGRADE, Cookie=cookies))
            status = connection.getresponse().status
            connection.close()
            # A quote has no meaning in a list of cookies, RFC 6265 5.4.
            self.assertEqual(status, 101 if cookies.startswith('a=') else 401, cookies)

    def test_page_without_a_valid_token_gets_4401(self):
        async def play(token):
            async with connect_url(self.url + '?token=' + token,
                                   origin='http://127.0.0.1:%d' % self.port) as ws:
                return await closed(ws)
        self.assertEqual(asyncio.run(play('bad')), (4401, 'sign in first'))
        self.assertEqual(asyncio.run(play('')), (4401, 'sign in first'))

    def test_page_of_another_origin_does_not_reach_redis(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        headers = dict(UPGRADE, Cookie='session=good', Origin='http://other.example')
        connection.request('GET', '/live', headers=headers)
        self.assertEqual(connection.getresponse().status, 403)

    def test_answer_that_comes_after_the_peer_has_gone(self):
        self.assertEqual(self.status('bad'), 401)  # Redis is connected
        self.redis.signal(signal.SIGSTOP)
        for _ in range(20):
            self.request('good').close()
        self.assertEqual(self.status(''), 401)  # and the ends before it were seen
        self.redis.signal(signal.SIGCONT)
        self.assertEqual(self.first_message('?token=good'), 'welcome Ada')

    def test_redis_that_does_not_answer_is_503(self):
        self.assertEqual(self.status('bad'), 401)
        self.redis.signal(signal.SIGSTOP)
        waiting = [self.request('good') for _ in range(20)]
        self.assertEqual({c.getresponse().status for c in waiting}, {503})
        self.redis.signal(signal.SIGCONT)
        self.assertEqual(self.first_message('?token=good'), 'welcome Ada')

    def test_redis_that_is_gone_is_503_until_it_is_back(self):
        self.assertEqual(self.status('bad'), 401)
        self.redis.signal(signal.SIGSTOP)
        waiting = [self.request('good') for _ in range(20)]
        self.redis.__exit__()
        self.assertEqual({c.getresponse().status for c in waiting}, {503})
        response = self.request('good').getresponse()
        self.assertEqual((response.status, response.headers['Retry-After']), (503, '5'))
        with Redis(self.folder):
            self.assertEqual(self.first_message('?token=good'), 'welcome Ada')

    def test_end_while_redis_is_asked(self):
        self.assertEqual(self.status('bad'), 401)
        self.redis.signal(signal.SIGSTOP)
        waiting = self.request('good')
        self.assertEqual(self.status(''), 401)  # so the one before was read
        self.program.signal(signal.SIGTERM)
        self.assertEqual(waiting.getresponse().status, 503)
        self.assertEqual(self.program.finish(), (0, b'', ''))

    def test_first_connection_to_redis_is_made_when_it_is_needed(self):
        self.redis.__exit__()
        self.assertEqual(self.status('good'), 503)
        with Redis(self.folder):
            self.assertEqual(self.first_message('?token=good'), 'welcome Ada')


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    AUTH_SERVER, REDIS_SERVER = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
