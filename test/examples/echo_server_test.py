#!/usr/bin/python3
"""The program echo_server: it prints its port, and sends each message back.

    echo_server_test.py ECHO_SERVER [unittest's arguments]
"""

import asyncio
import socket
import sys
import unittest

from support import BINARY, CLOSE, TEXT, FrameSocket, Program

try:
    from websockets.asyncio.client import connect
except ImportError:
    from websockets.client import connect

ECHO_SERVER = ''
MESSAGES = ('hello', '', 'gr\u00fc\u00dfe', b'\x00\xff', b'x' * 70000)


def port_of(program):
    return int(program.out.find(r'^port (\d+)$').group(1))


async def echoes(url, messages):
    async with connect(url) as ws:
        for message in messages:
            await ws.send(message)
        return tuple([await ws.recv() for _ in messages])


class Caller(FrameSocket):
    """One that has a session, and whose kernel takes little."""

    MASKING_KEY = bytes(4)

    def __init__(self, port):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.connect(('127.0.0.1', port))
        super().__init__(sock)
        sock.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n'
                     b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
                     b'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n')
        self.read_until(b'\r\n\r\n')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def receive_all(self):
        """How many binary messages come, and the code of a close frame behind them, or None if a
        text is."""
        got = 0
        while True:
            opcode, payload = self.receive()
            if opcode != BINARY:
                return got, int.from_bytes(payload[:2], 'big') if opcode == CLOSE else None
            got += 1


class EchoServer(unittest.TestCase):
    def test_messages_come_back_on_every_path(self):
        with Program(ECHO_SERVER, '0') as program:
            port = port_of(program)
            for host, path in (('127.0.0.1', '/'), ('localhost', '/some/path?query')):
                url = f'ws://{host}:{port}{path}'
                self.assertEqual(asyncio.run(echoes(url, MESSAGES)), MESSAGES)

    def test_no_message_is_left_out_for_a_peer_that_does_not_read(self):
        count, size = 64, 1 << 20  # more than the server and the kernels keep
        with Program(ECHO_SERVER, '0') as program, Caller(port_of(program)) as caller:
            caller.sock.sendall(count * caller.frame(BINARY, bytes(size)))
            caller.send(TEXT, b'end')
            got, code = caller.receive_all()
        self.assertTrue(code == 1008 or got == count, (got, code))

    def test_port_that_is_taken_is_told_by_the_status(self):
        with socket.socket(socket.AF_INET6) as holder:
            holder.bind(('::', 0))
            holder.listen()
            with Program(ECHO_SERVER, str(holder.getsockname()[1])) as program:
                status, out, err = program.finish()
        self.assertEqual((status, out), (1, b''))
        self.assertRegex(err, 'address already in use')

    def test_usage_is_told_by_the_status(self):
        with Program(ECHO_SERVER) as program:
            self.assertEqual(program.finish(), (1, b'', ''))


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ECHO_SERVER = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
