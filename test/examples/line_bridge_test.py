#!/usr/bin/python3
"""The program line_bridge: TCP clients on one side, on the other the peers of the interoperability
tests and scripted ones.

    line_bridge_test.py LINE_BRIDGE [unittest's arguments]
"""

import os
import signal
import socket
import sys
import tempfile
import threading
import unittest

from support import PATIENCE, PEERS, TEXT, Peer, Program, Server, write_until_stalled

BRIDGE = ''
LINE = b'x' * 3999 + b'\n'


class Bridge(Program):
    """Ends well, and has nothing to say at the end but what is expected."""

    def __init__(self, url):
        super().__init__(BRIDGE, '0', url)
        self.port = int(self.err.find(r'^listening on port (\d+)$').group(1))

    def wait_open(self):
        self.err.find('^upstream: open$')

    def stop(self):
        self.signal(signal.SIGINT)
        return self.finish()


class Caller:
    def __init__(self, bridge, receive_buffer=None):
        self.sock = socket.socket()
        self.sock.settimeout(PATIENCE)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.connect(('127.0.0.1', bridge.port))
        self.file = self.sock.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    def send(self, *lines):
        self.sock.sendall(b''.join(line + b'\n' for line in lines))

    def line(self):
        return self.file.readline().rstrip(b'\n')

    def dropped(self):
        """Reads up to the end, which may be a reset."""
        try:
            while self.sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return True


class BridgeTest(unittest.TestCase):
    def ask(self, caller, line):
        caller.send(line)
        self.assertEqual(caller.line(), line)

    def check_end(self, bridge):
        status, out, err = bridge.stop()
        self.assertEqual((status, out), (0, b''), err)
        self.assertRegex(err, r'upstream: closing: success$')


class AgainstBothPeers(BridgeTest):
    def each(self):
        for name in PEERS:
            with self.subTest(peer=name), Peer(name) as peer, Bridge(peer.url + '/echo') as bridge:
                yield bridge

    def test_each_caller_gets_its_own_answers(self):
        for bridge in self.each():
            with Caller(bridge) as one, Caller(bridge) as two, Caller(bridge) as three:
                callers = (one, two, three)
                for i in range(300):
                    for name, caller in enumerate(callers):
                        caller.send(b'%d of %d' % (i, name))
                for i in range(300):
                    for name, caller in enumerate(callers):
                        self.assertEqual(caller.line(), b'%d of %d' % (i, name))
                self.ask(two, b'')
                self.check_end(bridge)
                self.assertTrue(all(caller.dropped() for caller in callers))

    def test_line_may_come_in_pieces(self):
        for bridge in self.each():
            with Caller(bridge) as one, Caller(bridge) as two:
                one.sock.sendall(b'beginning')
                self.ask(two, b'between')
                one.send(b' and end')
                self.assertEqual(one.line(), b'beginning and end')
                self.check_end(bridge)

    def test_line_that_is_too_long_drops_its_caller(self):
        for bridge in self.each():
            with Caller(bridge) as one, Caller(bridge) as two:
                self.ask(one, b'y' * 4095)
                one.sock.sendall(b'y' * 4096)
                self.assertTrue(one.dropped())
                bridge.err.find('^caller 00000001: line too long$')
                self.ask(two, b'still there')
                self.check_end(bridge)

    def test_line_that_is_not_utf8_drops_its_caller(self):
        for bridge in self.each():
            with Caller(bridge) as one, Caller(bridge) as two:
                one.send(b'\xff')
                self.assertTrue(one.dropped())
                bridge.err.find('^caller 00000001: invalid Unicode character$')
                self.ask(two, b'still there')
                self.check_end(bridge)

    def test_caller_that_does_not_read_is_dropped(self):
        for bridge in self.each():
            with Caller(bridge, 4096) as slow, Caller(bridge) as quick:
                sending = threading.Thread(target=self.send_until_dropped, args=(slow,))
                sending.start()
                for i in range(100):
                    self.ask(quick, b'%d' % i)
                sending.join(PATIENCE)
                bridge.err.find('^caller 0000000[12]: does not read its answers$')
                self.ask(quick, b'still there')
                self.check_end(bridge)

    @staticmethod
    def send_until_dropped(caller):
        try:
            while True:
                caller.sock.sendall(LINE)
        except (ConnectionResetError, BrokenPipeError):
            pass


class Upstream(BridgeTest):
    """Scripted, at the path of a Unix socket, so that it can come back in the same place."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, 'socket')
        self.url = 'ws+unix://%s:/' % self.path

    def serve(self, script):
        self.server = Server(script, self.path)
        return self.server

    def vanish(self):
        """From here on nobody can connect; the connection that there is stays."""
        self.server.listener.close()
        os.unlink(self.path)

    @staticmethod
    def echo(peer):
        """Up to the close, which is answered."""
        while True:
            opcode, payload = peer.receive()
            if opcode != TEXT:
                peer.close(int.from_bytes(payload[:2], 'big'))
                return
            peer.send(TEXT, payload)

    def accept_and_echo(self, peer):
        peer.accept()
        self.echo(peer)

    def test_restart_of_upstream_is_survived(self):
        def echo_one_and_die(peer):
            self.vanish()
            peer.accept()
            peer.send(*peer.receive())
            peer.receive()  # and leave it unanswered

        with self.serve(echo_one_and_die), Bridge(self.url) as bridge:
            with Caller(bridge) as one, Caller(bridge) as two:
                self.ask(one, b'before')
                two.send(b'lost')
                bridge.err.find('^upstream: open: end of file$')
                one.send(b'meanwhile')
                with Caller(bridge) as three:
                    three.send(b'new')
                    bridge.err.find('^upstream: connect: ')
                    with self.serve(self.accept_and_echo):
                        self.assertEqual(one.line(), b'meanwhile')
                        self.assertEqual(three.line(), b'new')
                        self.ask(two, b'after')
                        self.check_end(bridge)

    def test_close_by_upstream_is_survived(self):
        closed, line_sent = threading.Event(), threading.Event()

        def close(peer):
            self.vanish()
            peer.accept()
            peer.close(1012)
            self.assertEqual(peer.receive_close(), 1012)
            closed.set()
            self.assertTrue(line_sent.wait(PATIENCE))

        with self.serve(close), Bridge(self.url) as bridge, Caller(bridge) as one:
            self.assertTrue(closed.wait(PATIENCE))
            one.send(b'inside the closing')
            self.wait_for_reading(bridge)
            line_sent.set()
            bridge.err.find('^upstream: closing: success$')
            with self.serve(self.accept_and_echo):
                self.assertEqual(one.line(), b'inside the closing')
                self.ask(one, b'after')
                self.check_end(bridge)

    @staticmethod
    def wait_for_reading(bridge):
        """What callers have sent before has been read, when this line has."""
        with Caller(bridge) as caller:
            caller.sock.sendall(b'y' * 4096)
            bridge.err.find('line too long$')

    def test_callers_wait_for_an_upstream_that_does_not_read(self):
        full = threading.Event()

        def script(peer):
            peer.accept()
            self.assertTrue(full.wait(2 * PATIENCE))
            self.echo(peer)

        count = 8000  # 32 MB: more than kernels and queue hold
        with self.serve(script), Bridge(self.url) as bridge:
            with Caller(bridge) as one, Caller(bridge) as two:
                rest = write_until_stalled(one.sock.fileno(), LINE * count)
                self.assertGreater(len(rest), 0)
                rest_of_two = write_until_stalled(two.sock.fileno(), LINE * count)
                self.assertGreater(len(rest_of_two), 0)
                written = count * len(LINE) - len(rest)
                # What was begun is finished, and all that was written is answered.
                tail = -written % len(LINE)
                full.set()
                reading = threading.Thread(target=two.dropped)
                reading.start()
                finishing = threading.Thread(target=one.sock.sendall, args=(rest[:tail],))
                finishing.start()
                for _ in range((written + tail) // len(LINE)):
                    self.assertEqual(one.file.readline(), LINE)
                finishing.join(PATIENCE)
                self.check_end(bridge)
                reading.join(PATIENCE)

    def test_answers_for_nobody_are_passed_over(self):
        def script(peer):
            peer.accept()
            _, line = peer.receive()
            for answer in (b'', b'00000001', b'0000000g x', b'00000063 x', line[:9] + b'right'):
                peer.send(TEXT, answer)
            self.echo(peer)

        with self.serve(script), Bridge(self.url) as bridge, Caller(bridge) as one:
            one.send(b'hello')
            self.assertEqual(one.line(), b'right')
            self.check_end(bridge)

    def test_caller_that_goes_before_its_answer_is_forgotten(self):
        gone = threading.Event()

        def script(peer):
            peer.accept()
            _, line = peer.receive()
            self.assertTrue(gone.wait(PATIENCE))
            peer.send(TEXT, line)
            self.echo(peer)

        with self.serve(script), Bridge(self.url) as bridge, Caller(bridge) as two:
            with Caller(bridge) as one:
                one.send(b'bye')
            bridge.err.find('^caller 0000000[12]: end of file$')
            gone.set()
            self.ask(two, b'still there')
            self.check_end(bridge)

    def test_one_caller_too_many_is_dropped(self):
        with self.serve(self.accept_and_echo), Bridge(self.url) as bridge:
            callers = []
            try:
                for _ in range(64):
                    callers.append(Caller(bridge))
                    self.ask(callers[-1], b'here')
                with Caller(bridge) as late:
                    self.assertTrue(late.dropped())
                bridge.err.find('^caller 00000041: too many callers$')
                self.ask(callers[0], b'still there')
                callers.pop().__exit__()
                bridge.err.find('^caller 00000040: end of file$')
                callers.append(Caller(bridge))
                self.ask(callers[-1], b'in its place')
                self.check_end(bridge)
            finally:
                for caller in callers:
                    caller.__exit__()

    def test_interrupt_ends_while_upstream_is_away(self):
        with Bridge(self.url) as bridge, Caller(bridge):
            bridge.err.find('^upstream: connect: ')
            self.assertEqual(bridge.stop()[:2], (0, b''))

    def test_second_interrupt_does_not_wait(self):
        done = threading.Event()

        def script(peer):
            peer.accept()
            self.assertTrue(done.wait(PATIENCE))

        with self.serve(script), Bridge(self.url) as bridge, Caller(bridge):
            bridge.wait_open()
            bridge.signal(signal.SIGINT)
            bridge.err.find('the bridge is closing$')
            status, _, err = bridge.stop()
            done.set()
            self.assertEqual(status, 0)
            self.assertRegex(err, 'upstream: closing: operation canceled$')


class CommandLine(unittest.TestCase):
    def check(self, *args, err):
        with Program(BRIDGE, *args) as program:
            status, out, text = program.finish()
        self.assertEqual((status, out), (1, b''))
        self.assertRegex(text, err)

    def test_usage(self):
        for args in ([], ['0'], ['x', 'ws://a'], ['65536', 'ws://a'], ['', 'ws://a']):
            with self.subTest(args=args):
                self.check(*args, err='^usage: line_bridge PORT URL$')

    def test_bad_url(self):
        self.check('0', 'nonsense', err='malformed or unsupported URL$')

    def test_port_that_is_taken(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            port = str(listener.getsockname()[1])
            self.check(port, 'ws://127.0.0.1:%s' % port, err='address already in use$')


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BRIDGE = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
