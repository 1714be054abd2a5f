#!/usr/bin/python3
"""The program wsuv against the library's own server, wsuv_echo: over TCP, TLS and a Unix socket,
each with compression on no side, on one, and on both.

    own.py WSUV ECHO [unittest's arguments]
"""

import os
import subprocess
import sys
import tempfile
import unittest

import certs
from echo_program import Echo

PATIENCE = 20  # seconds, for anything that has to come
PATTERN = bytes(range(251)) * 12000  # 3 MB
TEXTS = ('', 'hello', 'gr\u00fc\u00dfe', 'once more ' * 1000)
FIELD = 'sec-websocket-extensions: permessage-deflate'
WSUV = ECHO = FOLDER = None


def path(name):
    return os.path.join(FOLDER, name)


def run(url, *options, data=b''):
    return subprocess.run([WSUV, *options, url], input=data, capture_output=True,
                          timeout=PATIENCE, check=False)


class Own(unittest.TestCase):

    def both_ways(self, server_options, client_options, url_of):
        """With each side's compression on and off."""
        for server_deflate in ([], ['--deflate']):
            with Echo(ECHO, '-p', 'chat', *server_options, *server_deflate) as server:
                for deflate in ([], ['--deflate']):
                    with self.subTest(server=server_deflate, client=deflate):
                        url = url_of(server.address)
                        self.texts(url, *client_options, *deflate)
                        self.binary(url, *client_options, *deflate)
                        self.fields(url, bool(server_deflate and deflate), *client_options,
                                    *deflate)

    def texts(self, url, *options):
        for text in TEXTS:
            options += ('-m', text)
        done = run(url, '-n', str(len(TEXTS)), *options)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        self.assertEqual(done.stdout.decode().splitlines(), list(TEXTS))

    def binary(self, url, *options):
        done = run(url, '-b', '-n', '1', *options, data=PATTERN)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        self.assertTrue(done.stdout == PATTERN)

    def fields(self, url, compressed, *options):
        done = run(url, '--include', '-p', 'chat', '-m', 'hello', '-n', '1', *options)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        answer = done.stdout.decode().lower()
        self.assertIn('sec-websocket-protocol: chat', answer)
        self.assertEqual(FIELD in answer, compressed, answer)

    def test_over_tcp(self):
        self.both_ways([], [], lambda address: address + '/echo')

    def test_over_tls(self):
        self.both_ways(['--cert', path('good.crt'), '--key', path('good.key')],
                       ['--cacert', path('root.crt')],
                       lambda address: address.replace('127.0.0.1', 'localhost') + '/echo')

    def test_over_a_unix_socket(self):
        self.both_ways(['--unix', path('echo.sock')], [],
                       lambda address: f'ws+unix://{address}:/echo')
        self.assertFalse(os.path.exists(path('echo.sock')))

    def test_refusal(self):
        with Echo(ECHO, '-p', 'chat') as server:
            done = run(server.address + '/refuse?status=503', '-m', 'hello')
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(), '503.*: refused')


def main(arguments):
    global WSUV, ECHO, FOLDER
    WSUV, ECHO = arguments[1:3]
    with tempfile.TemporaryDirectory() as FOLDER:
        certs.make_good(FOLDER)
        unittest.main(argv=[arguments[0], *arguments[3:]])


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv)
