#!/usr/bin/env python3
"""Messages of more than 4 GiB through `wsuv --stream`, and what memory that takes.

    flat_memory.py WSUV [BYTES]

For each way that a message can go, one line of JSON: what the client's resident memory came to at
most (VmHWM), and how long it took. Ends with status 1 if a message did not go through whole. The
server is one here, on a bare socket, so that it can send frames of any length.
"""

import base64
import hashlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

BYTES = (4 << 30) + 1
BLOCK = 1 << 20  # bytes that are written and read at once
FRAGMENT = (1 << 20) - 1  # bytes; no divisor of anything
GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
CONTINUATION, BINARY, CLOSE = 0, 2, 8

block = random.Random(1).randbytes(BLOCK)


def stream(size):
    """The blocks that a message is made of."""
    for done in range(0, size, BLOCK):
        yield block[:size - done]


def header(opcode, fin, length):
    first = fin << 7 | opcode
    if length < 126:
        return bytes([first, length])
    if length < 65536:
        return struct.pack('>BBH', first, 126, length)
    return struct.pack('>BBQ', first, 127, length)


class Server:
    """The server's side of one connection, in clear but for what it only counts."""

    def __init__(self, listener):
        self.sock, _ = listener.accept()
        self.view = memoryview(bytearray(BLOCK))
        self.size = self.frames = 0  # of what has come
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += self.sock.recv(1)
        key = re.search(rb'(?i)sec-websocket-key: *(\S+)', head).group(1)
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.sock.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                          b'Connection: Upgrade\r\nSec-WebSocket-Accept: ' + accept + b'\r\n\r\n')

    def skip(self, n):
        while n > 0:
            have = self.sock.recv_into(self.view[:min(n, BLOCK)])
            if have == 0:
                raise EOFError
            n -= have

    def read_int(self, n):
        return int.from_bytes(self.sock.recv(n, socket.MSG_WAITALL), 'big')

    def receive_until_close(self):
        """Read one binary message, if any, and the close frame; payloads stay masked."""
        while True:
            first, length = self.read_int(1), self.read_int(1) & 127
            if length >= 126:
                length = self.read_int(2 if length == 126 else 8)
            self.skip(4 + length)
            if first & 15 == CLOSE:
                return
            if first & 15 != (CONTINUATION if self.frames else BINARY):
                raise ValueError(f'opcode {first & 15} in frame {self.frames}')
            self.size += length
            self.frames += 1

    def send_nothing(self, size):
        pass

    def send_frame(self, size):
        self.sock.sendall(header(BINARY, True, size))
        for part in stream(size):
            self.sock.sendall(part)

    def send_fragments(self, size):
        """The same bytes, cut elsewhere."""
        twice = block + block
        for done in range(0, size, FRAGMENT):
            n, at = min(FRAGMENT, size - done), done % BLOCK
            opcode = CONTINUATION if done else BINARY
            self.sock.sendall(header(opcode, done + n == size, n) + twice[at:at + n])

    def answer_close(self):
        self.sock.sendall(bytes([0x80 | CLOSE, 0]))
        self.sock.shutdown(socket.SHUT_WR)


class Client:
    """`wsuv --stream`: fed with one message, and read until another has been printed."""

    def __init__(self, wsuv, url, fed, printed):
        self.fed, self.wanted = fed, printed
        self.printed = self.crc = 0
        self.all_printed = threading.Event()
        self.process = subprocess.Popen([wsuv, '--stream', '-b', url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        for task in self.feed, self.take:
            threading.Thread(target=task, daemon=True).start()

    def feed(self):
        """The client closes at the end of its input, so that has to wait for all output."""
        for part in stream(self.fed):
            self.process.stdin.write(part)
        self.process.stdin.flush()
        self.all_printed.wait()
        self.process.stdin.close()

    def take(self):
        while self.printed < self.wanted:
            part = os.read(self.process.stdout.fileno(), BLOCK)
            if not part:
                break
            self.printed += len(part)
            self.crc = zlib.crc32(part, self.crc)
        self.all_printed.set()

    def peak_kib(self):
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as status:
            return int(re.search(r'VmHWM:\s*(\d+)', status.read()).group(1))


def crc_of(size):
    crc = 0
    for part in stream(size):
        crc = zlib.crc32(part, crc)
    return crc


def measure(wsuv, name, send, sent, received):
    """One run: the server sends `sent` bytes by `send`, the client `received` bytes."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        began = time.monotonic()
        url = 'ws://127.0.0.1:%d/' % listener.getsockname()[1]
        client = Client(wsuv, url, received, sent)
        server = Server(listener)
        threading.Thread(target=send, args=(server, sent), daemon=True).start()
        server.receive_until_close()
        took, peak = time.monotonic() - began, client.peak_kib()
        server.answer_close()
        status = client.process.wait()
        server.sock.close()
    whole = (status == 0 and server.size == received and client.printed == sent
             and client.crc == crc_of(sent))
    print(json.dumps({'way': name, 'received': client.printed, 'sent': server.size,
                      'frames_sent': server.frames, 'whole': whole, 'peak_kib': peak,
                      'seconds': round(took, 1)}), flush=True)
    return whole


def main(wsuv, size=BYTES):
    size = int(size)
    runs = [
        ('nothing', Server.send_nothing, 0, 0),
        ('in, one frame', Server.send_frame, size, 0),
        ('in, fragments', Server.send_fragments, size, 0),
        ('out', Server.send_nothing, 0, size),
        ('both at once', Server.send_frame, size, size),
    ]
    return 0 if all([measure(wsuv, *run) for run in runs]) else 1


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:3]))
