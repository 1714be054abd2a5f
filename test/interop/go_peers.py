#!/usr/bin/python3
"""The libraries of Go, gorilla/websocket and nhooyr.io/websocket, against ours: their clients
against wsuv_echo, over TCP, TLS and a Unix socket, and the program wsuv against their servers, each
with compression and without.

    go_peers.py WSUV ECHO [unittest's arguments]

The libraries are Debian's packages, without modules and without a network.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import certs
import field
import run
import tls_peers

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = '/usr/share/gocode'
PACKAGES = {
    'gorilla': 'golang-github-gorilla-websocket-dev',
    'nhooyr': 'golang-nhooyr-websocket-dev',
}
COMPILE = 300  # seconds
ORIGIN = 'http://good.test'
WSUV = ECHO = FOLDER = None


def path(name):
    return os.path.join(FOLDER, name)


def build(library):
    """The library's program, which is client and server."""
    run.require(['go', 'version'], 'Go', 'golang-go')
    sources = [os.path.join(HERE, 'go', f'{name}.go') for name in ('cases', library)]
    environment = {**os.environ, 'GOPATH': SOURCES, 'GO111MODULE': 'off', 'GOFLAGS': '',
                   'GOCACHE': path('cache')}
    done = subprocess.run(['go', 'build', '-o', path(library), *sources], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMPILE)
    if done.returncode != 0:
        raise run.Failure(f'cannot be compiled (packages: golang-go, {PACKAGES[library]})\n'
                          f'{done.stdout.decode(errors="replace")}')


class Clients(unittest.TestCase):

    def play(self, library, server_options, client_options, url_of):
        """All cases, with compression and without. The last case ends the server, which must have
        lost nothing."""
        for deflate in ([], ['-deflate']):
            with self.subTest(deflate=deflate):
                command = [ECHO, *run.SUBPROTOCOLS, '--origin', ORIGIN, *server_options]
                command += ['--deflate'] if deflate else []
                server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
                try:
                    address = server.stdout.readline().rstrip().removeprefix('listening on ')
                    run.run_client([path(library), *deflate, *client_options, url_of(address),
                                    str(server.pid)])
                    run.stop(server, f'{library}-vs-server')
                finally:
                    server.kill()
                    server.wait()
                    server.stdout.close()

    def over_tcp(self, library):
        self.play(library, [], [], lambda address: address)

    def over_tls(self, library):
        self.play(library, ['--cert', path('good.crt'), '--key', path('good.key')],
                  ['-ca', path('root.crt')],
                  lambda address: address.replace('127.0.0.1', 'localhost'))

    def over_a_unix_socket(self, library):
        socket = path('echo.sock')
        self.play(library, ['--unix', socket], ['-unix', socket], lambda _: 'ws://localhost')
        self.assertFalse(os.path.exists(socket))

    def test_gorilla_over_tcp(self):
        self.over_tcp('gorilla')

    def test_gorilla_over_tls(self):
        self.over_tls('gorilla')

    def test_gorilla_over_a_unix_socket(self):
        self.over_a_unix_socket('gorilla')

    def test_nhooyr_over_tcp(self):
        self.over_tcp('nhooyr')

    def test_nhooyr_over_tls(self):
        self.over_tls('nhooyr')

    def test_nhooyr_over_a_unix_socket(self):
        self.over_a_unix_socket('nhooyr')


class Servers(unittest.TestCase):

    def serves(self, library, agreed):
        """Without and with compression; `agreed` is what the server's response says of it."""
        for deflate in ([], ['-deflate']):
            with self.subTest(deflate=deflate), \
                    tls_peers.Process(path(library), *deflate, '-serve',
                                      stdout=subprocess.PIPE) as server:
                url = f'ws://127.0.0.1:{run.port_of(server.process)}/'
                client = field.Field(WSUV, ECHO, FOLDER)
                client.echoes(url)
                client.echoes(url, '--deflate')
                log = client.client(url, '-m', 'hello', '-n', '1', '--deflate').log
                found = re.findall(r'^\* extensions: (.*)$', log, re.M)
                self.assertEqual(found, [agreed] if deflate else [], log)

    def test_gorilla(self):
        self.serves('gorilla', 'permessage-deflate; server_no_context_takeover; '
                               'client_no_context_takeover')

    def test_nhooyr(self):
        self.serves('nhooyr', 'permessage-deflate')


def main(arguments):
    global WSUV, ECHO, FOLDER
    WSUV, ECHO = (os.path.abspath(program) for program in arguments[1:3])
    with tempfile.TemporaryDirectory() as FOLDER:
        certs.make_good(FOLDER)
        for library in PACKAGES:
            build(library)
        unittest.main(argv=[arguments[0], *arguments[3:]])


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv)
