#!/usr/bin/python3
"""`wsuv --listen --exec` and `--to` beside websocketd and websockify.

    peers_test.py WSUV [unittest's arguments]

The same commands and the same servers, by their documented use, give the same lines and bytes. What
is different on purpose is in doc/guide/command-line-server.md. Without those programs the exit
status is 77.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import listen_test
from listen_test import MIB, Caller, Many, Server, echo
from programs import BINARY, PATIENCE, TEXT

WEBSOCKETD, WEBSOCKIFY = shutil.which('websocketd'), shutil.which('websockify')


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Other:
    """Another server, on a port that was free a moment ago; it is ready when it accepts."""

    def __init__(self, *command):
        self.port = free_port()
        command = [word.replace('PORT', str(self.port)) for word in command]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        pause = threading.Event()
        for _ in range(50 * PATIENCE):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(('127.0.0.1', self.port)).close()
                return
            pause.wait(0.02)
        raise AssertionError('%s does not listen' % command)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """How it ends by itself is no subject here: websockify can miss a SIGTERM."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def websocketd(*args):
    return Other(WEBSOCKETD, '--address', '127.0.0.1', '--port', 'PORT', *args)


def lines_to_the_end(caller):
    """The messages up to the end, with a close frame or, as websocketd has it, without one."""
    lines = []
    with contextlib.suppress(EOFError, ConnectionResetError):
        while True:
            opcode, payload = caller.receive()
            if opcode not in (TEXT, BINARY):
                break
            lines.append(payload)
    return lines


class Websocketd(unittest.TestCase):
    def both(self, script, messages=(), target='/', fields=(), binary=False):
        """What callers of both get."""
        theirs = ['--binary'] if binary else []
        ours = ['-b'] if binary else []
        with tempfile.NamedTemporaryFile('w', suffix='.sh') as file:
            file.write(script)
            file.flush()
            for server in (websocketd(*theirs, 'sh', file.name),
                           Server(*ours, '--exec', 'sh', '--', file.name)):
                with server, Caller(server) as caller:
                    if caller.open(target, *fields) != 101:
                        raise AssertionError(caller.fields)
                    for message in messages:
                        caller.send(BINARY if binary else TEXT, message)
                    yield lines_to_the_end(caller)

    def test_lines(self):
        for script in 'seq 10', 'echo one; echo; echo two', 'seq 20000', 'exit 3':
            with self.subTest(script=script):
                theirs, ours = self.both(script)
                self.assertEqual(theirs, ours)

    def test_messages(self):
        script = 'while read -r line; do echo "got $line"; [ "$line" = end ] && exit; done'
        for messages in ((b'a', b'b', b'end'), (b'a\nb', b'', b'c d\\e', b'end')):
            with self.subTest(messages=messages):
                theirs, ours = self.both(script, messages)
                self.assertEqual(theirs, ours)
                self.assertEqual(ours[-1], b'got end')

    def test_bytes(self):
        script = 'head -c 12'
        theirs, ours = self.both(script, (b'\0\xff\n', b'binary', b'xyz'), binary=True)
        self.assertEqual(b''.join(theirs), b''.join(ours))
        self.assertEqual(b''.join(ours), b'\0\xff\nbinaryxyz')

    def test_environment(self):
        names = ('REMOTE_ADDR', 'REMOTE_HOST', 'SERVER_NAME', 'SERVER_PROTOCOL', 'REQUEST_METHOD',
                 'REQUEST_URI', 'PATH_INFO', 'QUERY_STRING', 'HTTP_COOKIE', 'HTTP_USER_AGENT',
                 'HTTP_X_A', 'HTTP_SEC_WEBSOCKET_KEY', 'HTTP_UPGRADE', 'HTTP_AUTHORIZATION')
        script = ''.join('echo "%s=$%s"\n' % (name, name) for name in names)
        theirs, ours = self.both(script, target='/a%20b?x=%20&y',
                                 fields=('Cookie: a=1', 'User-Agent: me', 'X-A: 1', 'X-A: 2',
                                         'Authorization: Basic eDp5'))
        self.assertEqual(theirs, ours)
        self.assertEqual(len(ours), len(names))

    def test_a_last_line_without_an_end_is_only_in_ours(self):
        theirs, ours = self.both('echo one; printf two')
        self.assertEqual((theirs, ours), ([b'one'], [b'one', b'two']))

    def test_beyond_the_limit(self):
        with websocketd('--maxforks', '1', 'cat') as theirs, \
                Server('--max', '1', '--exec', 'cat') as ours:
            for server in theirs, ours:
                with Caller(server) as first, Caller(server) as second:
                    self.assertEqual(first.open(), 101)
                    first.send(TEXT, b'here')
                    self.assertEqual(first.receive_text(), 'here')
                    # Theirs says 429.
                    self.assertIn(second.open(), (429, 503))


class Websockify(unittest.TestCase):
    def through(self, program, address):
        if program == 'wsuv':
            return Server('--to', address)
        return Other(WEBSOCKIFY, '127.0.0.1:PORT', address)

    def talk(self, script, *fields):
        """The script of a target, and a caller that is connected to it, through both."""
        for program in 'websockify', 'wsuv':
            with Many(script) as target, self.through(program, target.address) as server:
                with Caller(server) as caller:
                    if caller.open('/', *fields) != 101:
                        raise AssertionError(caller.fields)
                    yield caller

    def test_no_byte_is_lost(self):
        data = os.urandom(MIB)
        for caller in self.talk(echo):
            self.assertEqual(caller.pass_through(data), data)

    def test_subprotocol(self):
        for caller in self.talk(echo, 'Sec-WebSocket-Protocol: binary'):
            self.assertEqual(caller.fields['sec-websocket-protocol'], 'binary')
        for caller in self.talk(echo):
            self.assertNotIn('sec-websocket-protocol', caller.fields)

    def test_the_end_of_the_target(self):
        for caller in self.talk(lambda conn: conn.sendall(b'all of it')):
            self.assertEqual(caller.receive_all(), ([b'all of it'], 1000))


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if WEBSOCKETD is None or WEBSOCKIFY is None:
        print('not run: websocketd and websockify are not installed')
        sys.exit(77)
    listen_test.WSUV = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
