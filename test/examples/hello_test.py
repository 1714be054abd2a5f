#!/usr/bin/python3
"""The program hello: what it prints, and its exit status.

    hello_test.py HELLO [unittest's arguments]
"""

import socket
import sys
import unittest

from support import TEXT, Program, Server

HELLO = ''


def run(url):
    with Program(HELLO, url) as program:
        return program.finish()


def echo_once(peer):
    peer.accept()
    peer.send(TEXT, peer.receive()[1])
    peer.answer_close()


def vanish(peer):
    peer.accept()
    peer.receive()


class Hello(unittest.TestCase):
    def test_the_answer_is_printed(self):
        with Server(echo_once) as server:
            self.assertEqual(run(server.url), (0, b'hello', ''))

    def test_only_the_first_answer_is_printed(self):
        def script(peer):
            peer.accept()
            peer.receive()
            peer.sock.sendall(peer.frame(TEXT, b'first') + peer.frame(TEXT, b'second'))
            peer.answer_close()
        with Server(script) as server:
            self.assertEqual(run(server.url), (0, b'first', ''))

    def test_session_that_fails_is_told_by_the_status(self):
        with Server(vanish) as server:
            status, out, err = run(server.url)
        self.assertEqual((status, out), (1, b''))
        self.assertRegex(err, '^open: ')

    def test_server_that_is_not_there_is_told_by_the_status(self):
        with socket.socket() as holder:  # bound, and does not listen
            holder.bind(('127.0.0.1', 0))
            url = 'ws://127.0.0.1:%d' % holder.getsockname()[1]
            self.assertEqual(run(url), (1, b'', 'connect: connection refused'))

    def test_bad_url_is_told_by_the_status(self):
        status, out, _ = run('gopher://localhost')
        self.assertEqual((status, out), (1, b''))


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    HELLO = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
