#!/usr/bin/env python3
"""The command-line server, `wsuv --listen`, without memory: each of its allocations fails once.

    memory_test.py WSUV FAIL_MALLOC [unittest's arguments]

FAIL_MALLOC is the library of fail_malloc.c. Where it cannot be preloaded nothing fails, and the
test does.
"""

import os
import struct
import sys
import unittest

import listen_test
from listen_test import Caller, Many, Server, echo
from programs import CLOSE, CLOSED, OURS, TEXT, heed_signals

FAIL_MALLOC = ''
MANY = 5000  # allocations; there are fewer
STRIDE = int(os.environ.get('WSUV_TEST_STRIDE', '1'))
GOING_AWAY, INTERNAL_ERROR = 1001, 1011


class Ended(Exception):
    """The server closes all sessions."""


class Talk(Caller):
    """A session. A part of it that fails is what a failed allocation explains: a refusal, the code
    1011, or the end of the connection; then it is lost, and no further part is played."""

    def __init__(self, server, lines):
        super().__init__(server)
        self.server, self.lines, self.lost = server, lines, False

    def play(self, part):
        if not self.lost:
            try:
                self.lost = not part()
            except (EOFError, ConnectionError):
                self.lost = True
        return not self.lost

    def begin(self):
        status = self.open()
        if status not in (101, 500, 502):
            raise AssertionError(status)
        return status == 101

    def talk(self):
        """It gets back what it sends, or a line of standard input."""
        if self.lines:
            self.server.write(b'hello\n')
        else:
            self.send(TEXT, b'hello')
        return self.hear()

    def hear(self):
        opcode, payload = self.receive()
        if opcode != CLOSE:
            if payload not in (b'hello', b'hello\n'):
                raise AssertionError(payload)
            return True
        self.send(CLOSE, payload)
        code, = struct.unpack('>H', payload[:2])
        if code == GOING_AWAY:
            raise Ended
        if code != INTERNAL_ERROR:
            raise AssertionError(code)
        return False

    def end(self):
        self.close()
        return True


class Memory(unittest.TestCase):
    def visit(self, server, lines):
        """While one session is open, another comes and goes. One of both may be lost."""
        with Talk(server, lines) as first:
            first.play(first.begin)
            with Talk(server, lines) as second:
                second.play(second.begin)
                if second.play(second.talk) and lines:
                    first.play(first.hear)
                second.play(second.end)
            first.play(first.talk)
            first.play(first.end)
            self.assertFalse(first.lost and second.lost)
            if first.lost or second.lost:
                with Talk(server, lines) as third:
                    parts = (third.begin, third.talk, third.end)
                    self.assertTrue(all(third.play(part) for part in parts))

    def check(self, *args, lines=False):
        """Each allocation since the first connection fails once, or with WSUV_TEST_STRIDE=N each
        N-th: how many there were."""
        for n in range(0, MANY, STRIDE):
            env = {'PATH': os.environ['PATH'], 'LD_PRELOAD': FAIL_MALLOC, 'FAIL_MALLOC': str(n)}
            with self.subTest(n=n), Server(*args, env=env) as server:
                try:
                    self.visit(server, lines)
                    self.assertEqual(server.stop(), CLOSED)
                except Ended:
                    self.assertEqual(server.finish(), OURS)
                    self.assertIn(b'memory', server.err)
                if b'fail_malloc: ' not in server.err:
                    return n
        return 0

    def test_room(self):
        self.assertGreater(self.check(lines=True), 10)

    def test_echo(self):
        self.assertGreater(self.check('--echo'), 10)

    def test_exec(self):
        self.assertGreater(self.check('--exec', 'cat', '--', '-u'), 10)

    def test_relay(self):
        with Many(echo) as target:
            self.assertGreater(self.check('--to', target.address), 10)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    listen_test.WSUV, FAIL_MALLOC = sys.argv[1], os.path.abspath(sys.argv[2])
    heed_signals()
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
