#!/usr/bin/python3
"""The program counter over sockets; its tests in memory are in examples/testkit.

    counter_test.py COUNTER [unittest's arguments]
"""

import signal
import sys
import unittest

from support import Program

COUNTER = ''


def click(port, room, times):
    with Program(COUNTER, 'click', f'ws://127.0.0.1:{port}/counter/{room}', times) as program:
        return program.finish()


class Counter(unittest.TestCase):
    def test_server_counts_for_clients(self):
        with Program(COUNTER, 'serve', 'secret', '0') as server:
            port = server.out.find(r'^port (\d+)$').group(1)
            self.assertEqual(click(port, 'tea', '3'), (0, b'3', ''))
            self.assertEqual(click(port, 'coffee', '1'), (0, b'1', ''))
            self.assertEqual(click(port, 'tea', '0'), (0, b'0', ''))
            status, out, _ = click(port, 'x' * 40, '1')
            self.assertEqual((status, out), (1, b''))
            server.signal(signal.SIGTERM)
            status, _, err = server.finish()
            self.assertEqual((status, err), (0, ''))

    def test_usage_is_told_by_the_status(self):
        with Program(COUNTER, 'count') as program:
            status, out, err = program.finish()
        self.assertEqual((status, out), (1, b''))
        self.assertRegex(err, '^usage: ')


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    COUNTER = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
