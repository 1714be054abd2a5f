#!/usr/bin/python3
"""The program feed_monitor, against a server on websockets that drops connections at random.

    feed_monitor_test.py FEED_MONITOR [unittest's arguments]
"""

import asyncio
import os
import random
import signal
import socket
import sys
import threading
import time
import unittest

from websockets.exceptions import ConnectionClosed

from support import PATIENCE, Peer, Program, Server

try:
    from websockets.asyncio.server import serve
except ImportError:
    from websockets.server import serve

MONITOR = ''
SEED = 6455
CLOSE_TIMEOUT_S = 5  # wsuv's default
LINE = (r'^connected (\d+)/(\d+), reconnects (\d+), '
        r'messages (\d+) \(\+(\d+)\), bytes (\d+) \(\+(\d+)\)$')
PAYLOAD = b'x' * 100


class Figures:
    def __init__(self, match):
        (self.connected, self.sessions, self.reconnects, self.messages, self.new_messages,
         self.bytes, self.new_bytes) = map(int, match.groups())


class FlakyServer:
    """Greets each session, then drops it, until it has dropped enough; keeps the others."""

    def __init__(self, drops, sessions):
        self.random = random.Random(SEED)
        self.drops_left, self.sessions = drops, sessions
        self.drops, self.live, self.codes = 0, set(), []
        self.listening = threading.Event()
        self.all_there, self.all_gone = threading.Event(), threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.run(),))

    async def run(self):
        self.end = self.loop.create_future()
        async with serve(self.handle, '127.0.0.1', 0, ping_interval=None) as server:
            self.url = 'ws://127.0.0.1:%d/' % server.sockets[0].getsockname()[1]
            self.listening.set()
            await self.end

    def __enter__(self):
        self.thread.start()
        assert self.listening.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.end.set_result, None)
        self.thread.join(PATIENCE)
        self.loop.close()

    async def handle(self, ws):
        if self.drops_left > 0 and self.random.random() < 0.7:
            self.drops_left -= 1
            self.drops += 1
            await self.drop(ws)
        else:
            await self.keep(ws)

    async def drop(self, ws):
        """After a while or at once; with or without a close frame."""
        await ws.send(PAYLOAD)
        await asyncio.sleep(self.random.choice((0, 0.01, 0.05)))
        if self.random.random() < 0.5:
            ws.transport.abort()
        else:
            await ws.close(self.random.choice((1000, 1001, 1012)))

    async def keep(self, ws):
        self.live.add(ws)
        if len(self.live) == self.sessions:
            self.all_there.set()
        await ws.wait_closed()
        self.codes.append(ws.close_code)
        if len(self.codes) == self.sessions:
            self.all_gone.set()

    def feed(self, rounds):
        """So many messages to each."""
        asyncio.run_coroutine_threadsafe(self.send_all(rounds), self.loop)

    async def send_all(self, rounds):
        try:
            for _ in range(rounds):
                for ws in self.live:
                    await ws.send(PAYLOAD)
        except ConnectionClosed:
            pass


class MonitorTest(unittest.TestCase):
    def find(self, program):
        return Figures(program.out.find(LINE))

    def check_end(self, program):
        """The figures of the last line."""
        status, out, err = program.finish()
        self.assertEqual((status, err), (0, ''))
        last = out.decode().splitlines()[-1]
        self.assertRegex(last, LINE)
        return last


class AgainstFlakyServer(MonitorTest):
    def test_all_reconnect_and_the_last_message_ends_it(self):
        with FlakyServer(drops=150, sessions=100) as server:
            with Program(MONITOR, server.url, '100', '3000') as program:
                self.assertTrue(server.all_there.wait(PATIENCE))
                self.assertEqual(server.drops, 150)
                server.feed(rounds=40)
                self.assertRegex(self.check_end(program),
                                 r'^connected 100/100, reconnects 150, messages 3000 ')
            self.assertTrue(server.all_gone.wait(PATIENCE))
            self.assertEqual(server.codes, [1001] * 100)

    def test_figures_are_told_each_second(self):
        with FlakyServer(drops=3, sessions=10) as server:
            with Program(MONITOR, server.url, '10') as program:
                self.assertTrue(server.all_there.wait(PATIENCE))
                figures, new_messages, new_bytes = None, 0, 0
                for expected in (70, 140):
                    server.feed(rounds=7)
                    while not figures or figures.messages < expected:
                        figures = self.find(program)
                        new_messages += figures.new_messages
                        new_bytes += figures.new_bytes
                self.assertEqual((figures.connected, figures.sessions), (10, 10))
                self.assertEqual(figures.reconnects, 3)
                self.assertEqual(new_messages, figures.messages)
                self.assertEqual(figures.bytes, 100 * figures.messages)
                self.assertEqual(new_bytes, figures.bytes)
                program.signal(signal.SIGINT)
                self.check_end(program)
            self.assertTrue(server.all_gone.wait(PATIENCE))
            self.assertEqual(server.codes, [1001] * 10)

    def test_a_hundred_sessions_are_the_default(self):
        with FlakyServer(drops=0, sessions=100) as server, Program(MONITOR, server.url) as program:
            self.assertTrue(server.all_there.wait(PATIENCE))
            program.signal(signal.SIGINT)
            self.check_end(program)


class Reconnecting(MonitorTest):
    def test_delays_grow(self):
        """Three failures are followed by half of 100, 200 and 400 ms at least."""
        with socket.create_server(('127.0.0.1', 0)) as listener:
            listener.settimeout(PATIENCE)
            url = 'ws://127.0.0.1:%d/' % listener.getsockname()[1]
            times = []
            with Program(MONITOR, url, '1') as program:
                for _ in range(4):
                    sock, _ = listener.accept()
                    sock.recv(1)
                    times.append(time.monotonic())
                    sock.close()
                program.signal(signal.SIGINT)
                self.check_end(program)
        for i, least_s in enumerate((0.05, 0.1, 0.2)):
            self.assertGreater(times[i + 1] - times[i], least_s - 0.005)

    def test_server_that_is_not_there_is_waited_for(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            url = 'ws://127.0.0.1:%d/' % listener.getsockname()[1]
        with Program(MONITOR, url, '3') as program:
            figures = self.find(program)
            self.assertEqual((figures.connected, figures.sessions), (0, 3))
            program.signal(signal.SIGINT)
            self.check_end(program)

    def test_refusal_for_good_ends_it(self):
        with Peer('python') as peer, Program(MONITOR, peer.url + '/nowhere', '5') as program:
            status, _, err = program.finish()
            self.assertEqual(status, 1)
            self.assertEqual(err, 'refused: upgrade refused')

    def test_second_interrupt_does_not_wait(self):
        done = threading.Event()

        def script(peer):
            peer.accept()
            self.assertTrue(done.wait(PATIENCE))

        with Server(script) as server, Program(MONITOR, server.url, '1') as program:
            while self.find(program).connected == 0:
                pass
            program.signal(signal.SIGINT)
            self.find(program)
            begun = time.monotonic()
            program.signal(signal.SIGINT)
            self.assertEqual(program.finish(), (0, b'', ''))
            self.assertLess(time.monotonic() - begun, CLOSE_TIMEOUT_S - 1)
            done.set()


class CommandLine(unittest.TestCase):
    def test_standard_output_that_nobody_reads_ends_it(self):
        reader, writer = os.pipe()
        os.close(reader)
        with socket.create_server(('127.0.0.1', 0)) as listener:
            url = 'ws://127.0.0.1:%d/' % listener.getsockname()[1]
            with Program(MONITOR, url, '1', stdout=writer) as program:
                os.close(writer)
                listener.close()
                self.assertEqual(program.finish(), (1, b'', 'standard output: broken pipe'))

    def check(self, *args, err):
        with Program(MONITOR, *args) as program:
            status, _, text = program.finish()
        self.assertEqual(status, 1)
        self.assertRegex(text, err)

    def test_usage(self):
        for args in ([], ['ws://a', '0'], ['ws://a', 'x'], ['ws://a', '1', '0'],
                     ['ws://a', '10001'], ['ws://a', '1', '1', '1'], ['ws://a', '-1']):
            with self.subTest(args=args):
                self.check(*args, err='^usage: feed_monitor ')

    def test_bad_url(self):
        self.check('nonsense', err='^nonsense: malformed or unsupported URL$')


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    MONITOR = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
