#!/usr/bin/python3
"""The program chat, against the peers of the interoperability tests and scripted ones.

    chat_test.py CHAT [unittest's arguments]
"""

import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from support import PATIENCE, PEERS, TEXT, Peer, Program, Server, write_until_stalled

CHAT = ''
LINE = b'x' * 9999 + b'\n'


def chat(url, **kwargs):
    return Program(CHAT, url, **kwargs)


def receive_all(peer):
    """The lines that come, up to the close: the lines, and the code; the close is answered."""
    lines = []
    while True:
        opcode, payload = peer.receive()
        if opcode != TEXT:
            code = int.from_bytes(payload[:2], 'big')
            peer.close(code)
            return lines, code
        lines.append(payload)


class Recorder(Server):
    """Takes all that comes."""

    def __init__(self):
        super().__init__(self.take)

    def take(self, peer):
        peer.accept()
        self.lines, self.code = receive_all(peer)


class AgainstBothPeers(unittest.TestCase):
    def each(self):
        for name in PEERS:
            with self.subTest(peer=name), Peer(name) as peer:
                yield peer

    def test_lines_go_both_ways(self):
        for peer in self.each():
            with chat(peer.url + '/echo') as program:
                for line in (b'one', b'', 'zw\u00f6lf'.encode()):
                    program.write(line + b'\n')
                    self.assertEqual(program.out.read(), line)
                program.end_input()
                self.assertEqual(program.finish(), (0, b'', ''))

    def test_close_by_server_is_told(self):
        for peer in self.each():
            with chat(peer.url + '/close?code=4001&reason=enough') as program:
                self.assertEqual(program.finish(),
                                 (0, b'', 'closed by the server: 4001 enough'))

    def test_server_that_is_gone_is_told(self):
        for peer in self.each():
            with chat(peer.url + '/die') as program:
                program.write(b'die\n')
                status, _, err = program.finish()
                self.assertEqual(status, 1)
                self.assertRegex(err, '^open: ')

    def test_server_that_is_killed_is_noticed(self):
        for peer in self.each():
            with chat(peer.url + '/echo') as program:
                program.write(b'hello\n')
                self.assertEqual(program.out.read(), b'hello')
                peer.process.kill()
                status, _, err = program.finish()
                self.assertEqual(status, 1)
                self.assertRegex(err, '^open: ')

    def test_interrupt_closes(self):
        for peer in self.each():
            with chat(peer.url + '/echo') as program:
                program.write(b'hello\n')
                self.assertEqual(program.out.read(), b'hello')
                program.signal(signal.SIGINT)
                self.assertEqual(program.finish(), (0, b'', 'closing'))


class Input(unittest.TestCase):
    def check(self, server, program, lines, status=0, err=''):
        self.assertEqual(program.finish(), (status, b'', err))
        server.thread.join(PATIENCE)
        self.assertEqual(server.lines, lines)

    def test_pipe_is_sent_whole_before_the_close(self):
        lines = [b'line %d' % i for i in range(10000)]
        with Recorder() as server, chat(server.url) as program:
            program.write(b'\n'.join(lines))  # the last without an end
            program.end_input()
            self.check(server, program, lines)
        self.assertEqual(server.code, 1000)

    def test_file_is_sent_whole_before_the_close(self):
        lines = [b'%d ' % i + b'x' * (i % 9000) for i in range(1000)]
        with tempfile.TemporaryFile() as file:
            file.write(b'\n'.join(lines) + b'\n')
            file.seek(0)
            with Recorder() as server, chat(server.url, stdin=file) as program:
                self.check(server, program, lines)
        self.assertEqual(server.code, 1000)

    def test_nothing_is_sent_of_dev_null(self):
        with Recorder() as server, chat(server.url, stdin=subprocess.DEVNULL) as program:
            self.check(server, program, [])
        self.assertEqual(server.code, 1000)

    def test_terminal_is_read_until_its_end(self):
        controller, terminal = pty.openpty()
        try:
            with Recorder() as server, chat(server.url, stdin=terminal) as program:
                os.write(controller, b'typed\n\x04')
                self.check(server, program, [b'typed'])
        finally:
            os.close(controller)
            os.close(terminal)
        self.assertEqual(server.code, 1000)

    def check_socket(self, ours, theirs):
        with ours, theirs:
            with Recorder() as server, chat(server.url, stdin=theirs) as program:
                ours.sendall(b'one\ntwo')
                ours.shutdown(socket.SHUT_WR)
                self.check(server, program, [b'one', b'two'])
        self.assertEqual(server.code, 1000)

    def test_tcp_connection_is_read_until_its_end(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            self.check_socket(ours, listener.accept()[0])

    def test_unix_socket_is_read_until_its_end(self):
        self.check_socket(*socket.socketpair())

    def test_pipe_is_left_as_it_was_found(self):
        reader, writer = os.pipe()
        try:
            with Recorder() as server, chat(server.url, stdin=reader) as program:
                os.write(writer, b'one\n')
                os.close(writer)
                self.check(server, program, [b'one'])
            self.assertTrue(os.get_blocking(reader))
        finally:
            os.close(reader)

    def test_socket_may_be_standard_output_too(self):
        text = (1 << 20) * b'x'

        def script(peer):
            peer.accept()
            peer.send(TEXT, text)
            self.assertEqual(peer.answer_close(), 1000)

        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with ours, theirs, Server(script) as server:
            with chat(server.url, stdin=theirs, stdout=theirs) as program:
                got = b''
                while len(got) <= len(text):
                    got += ours.recv(65536)
                self.assertEqual(got, text + b'\n')
                ours.shutdown(socket.SHUT_WR)
                self.assertEqual(program.finish(), (0, b'', ''))

    def test_nothing_is_sent_of_closed_standard_input(self):
        with Recorder() as server:
            with Program('/bin/sh', '-c', 'exec "$0" "$1" <&-', CHAT, server.url) as program:
                self.check(server, program, [])
        self.assertEqual(server.code, 1000)

    def test_line_that_is_not_utf8_is_left_out(self):
        with Recorder() as server, chat(server.url) as program:
            program.write(b'one\n\xff\nthree\n')
            program.end_input()
            self.check(server, program, [b'one', b'three'], 0,
                       'line not sent: text is not valid UTF-8')

    def test_line_that_is_too_long_ends_the_chat(self):
        with Recorder() as server, chat(server.url) as program:
            program.write(b'one\n' + b'x' * 16384)
            self.check(server, program, [b'one'], 1, 'standard input: line too long')
        self.assertEqual(server.code, 1001)

    def test_longest_line_is_sent(self):
        line = b'x' * 16383
        with Recorder() as server, chat(server.url) as program:
            program.write(line + b'\n')
            program.end_input()
            self.check(server, program, [line])


class Backpressure(unittest.TestCase):
    def test_input_waits_for_a_server_that_does_not_read(self):
        full = threading.Event()
        result = []

        def script(peer):
            peer.accept()
            self.assertTrue(full.wait(PATIENCE))
            result.append(receive_all(peer))

        count = 2000  # 20 MB: more than kernels and queue hold
        with Server(script) as server, chat(server.url) as program:
            rest = write_until_stalled(program.process.stdin.fileno(), LINE * count)
            self.assertGreater(len(rest), 0)
            full.set()
            while rest:
                rest = rest[program.process.stdin.write(rest):]
            program.end_input()
            self.assertEqual(program.finish(), (0, b'', ''))
        lines, code = result[0]
        self.assertEqual(code, 1000)
        self.assertEqual(len(lines), count)
        self.assertEqual(set(lines), {LINE[:-1]})

    def test_interrupt_ends_a_chat_whose_server_does_not_read(self):
        done = threading.Event()

        def script(peer):
            peer.accept()
            self.assertTrue(done.wait(PATIENCE))

        with Server(script) as server, chat(server.url) as program:
            rest = write_until_stalled(program.process.stdin.fileno(), LINE * 2000)
            self.assertGreater(len(rest), 0)
            program.signal(signal.SIGINT)
            self.assertEqual(program.err.read(), b'closing')
            program.signal(signal.SIGINT)
            self.assertEqual(program.finish(), (0, b'', 'closing: operation canceled'))
            done.set()


class Terminal(unittest.TestCase):
    def test_control_characters_of_others_are_not_obeyed(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, 'a\x1b[2Jb\x9bc\x7f\td\u00a0e'.encode())
            peer.close(4001, b'f\x1b[2Jg')
            peer.receive_close()

        controller, terminal = pty.openpty()
        try:
            with Server(script) as server:
                with chat(server.url, stdout=terminal, stderr=terminal) as program:
                    os.close(terminal)
                    self.assertEqual(program.finish()[0], 0)
                    shown = os.read(controller, 4096).decode()
        finally:
            os.close(controller)
        self.assertIn('a?[2Jb?c?\td\u00a0e\r\n', shown)
        self.assertIn('closed by the server: 4001 f?[2Jg\r\n', shown)


class Interrupt(unittest.TestCase):
    def test_interrupt_ends_an_attempt_to_connect(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            with chat('ws://127.0.0.1:%d/' % listener.getsockname()[1]) as program:
                sock, _ = listener.accept()
                with sock:
                    sock.recv(1)  # of the opening handshake
                    program.signal(signal.SIGINT)
                    self.assertEqual(program.finish(),
                                     (0, b'', 'closing\nhandshake: operation canceled'))


class CommandLine(unittest.TestCase):
    def check(self, *args, err):
        with Program(CHAT, *args) as program:
            status, out, text = program.finish()
        self.assertEqual((status, out), (1, b''))
        self.assertRegex(text, err)

    def test_usage(self):
        self.check(err='^usage: chat URL$')

    def test_bad_url(self):
        self.check('nonsense', err='^malformed or unsupported URL$')

    def test_no_server(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            url = 'ws://127.0.0.1:%d/' % listener.getsockname()[1]
        self.check(url, err='^connect: connection refused$')

    def test_standard_output_that_nobody_reads(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'hello')
            self.assertEqual(peer.answer_close(), 1001)

        reader, writer = os.pipe()
        os.close(reader)
        with Server(script) as server:
            with chat(server.url, stdout=writer) as program:
                os.close(writer)
                self.assertEqual(program.finish(), (1, b'', 'standard output: cannot be written'))


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    CHAT = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
