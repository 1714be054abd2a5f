"""An echo client and an echo server that are right, as slow and simple as can be: what those of
broken.py spoil. Shares nothing with the peer, so that no mistake is made on both sides."""

import base64
import codecs
import hashlib
import os
import socket
import struct
import threading
import urllib.parse
from typing import NamedTuple

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
PATIENCE_S = 20
CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}


class Fail(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Head(NamedTuple):
    final: bool
    rsv: int
    opcode: int
    length: int
    key: bytes


def xor(data, key, offset):
    n = len(data)
    stream = (key[offset % 4:] + key * (n // 4 + 1))[:n]
    return (int.from_bytes(data, 'big') ^ int.from_bytes(stream, 'big')).to_bytes(n, 'big')


def extended(n):
    if n < 126:
        return n, b''
    return (126, struct.pack('>H', n)) if n < 65536 else (127, struct.pack('>Q', n))


class Echo:
    """One connection, behind the opening handshake. This one is right."""

    offer = None  # of extensions, by a client

    def __init__(self, sock, is_client, early=b''):
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.is_client, self.buffer = sock, is_client, bytearray(early)
        self.opcode, self.fragments, self.over = None, [], False

    @classmethod
    def answer_to_offer(cls, _offered):
        """What a server answers to a client's extensions; None: nothing."""
        return None

    def agree(self, offered, answered):
        """The extensions, None for none."""

    def run(self):
        try:
            self.begin()
            while not self.over:
                self.frame()
        except Fail as fail:
            self.fail(fail.code)
        except (EOFError, OSError):
            pass
        finally:
            self.sock.close()

    def begin(self):
        """Something to do before the first frame."""

    # --- reading ---

    def receive(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise EOFError
        self.buffer += data

    def read(self, n):
        while len(self.buffer) < n:
            self.receive()
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    def read_head(self):
        first, second = self.read(2)
        length = second & 127
        if length > 125:
            length = int.from_bytes(self.read(2 if length == 126 else 8), 'big')
        key = self.read(4) if second >> 7 else b'\0\0\0\0'
        return Head(bool(first >> 7), first >> 4 & 7, first & 15, length, key)

    def pieces(self, head):
        done = 0
        while done < head.length:
            if not self.buffer:
                self.receive()
            piece = self.read(min(head.length - done, len(self.buffer)))
            yield xor(piece, head.key, done)
            done += len(piece)

    def frame(self):
        head = self.read_head()
        self.check_head(head)
        if head.opcode >= CLOSE:
            self.control(head.opcode, b''.join(self.pieces(head)))
        else:
            self.data(head)

    def check_head(self, head):
        self.check_rsv(head)
        self.check_opcode(head)
        self.check_control(head)
        self.check_sequence(head)

    def check_rsv(self, head):
        if head.rsv:
            raise Fail(1002)

    def check_opcode(self, head):
        if 3 <= head.opcode <= 7 or head.opcode >= 11:
            raise Fail(1002)

    def check_control(self, head):
        if head.opcode >= CLOSE and (not head.final or head.length > 125):
            raise Fail(1002)

    def check_sequence(self, head):
        if head.opcode < CLOSE and (head.opcode == 0) != (self.opcode is not None):
            raise Fail(1002)

    # --- data ---

    def data(self, head):
        if head.opcode:
            self.opcode, self.fragments = head.opcode, []
            self.utf8 = codecs.getincrementaldecoder('utf-8')()
        self.read_fragment(head)
        if head.final:
            self.check_text(b'', True)
            opcode, self.opcode = self.opcode, None
            self.on_message(opcode, self.fragments)

    def read_fragment(self, head):
        fragment = []
        for piece in self.pieces(head):
            self.check_text(piece, False)
            fragment.append(piece)
        self.fragments.append(b''.join(fragment))

    def check_text(self, piece, final):
        if self.opcode != TEXT:
            return
        try:
            self.utf8.decode(piece, final)
        except UnicodeDecodeError:
            raise Fail(1007) from None

    def on_message(self, opcode, fragments):
        self.send(opcode, b''.join(fragments))

    # --- control ---

    def control(self, opcode, payload):
        if opcode == CLOSE:
            self.on_close(payload)
        elif opcode == PING:
            self.on_ping(payload)

    def on_ping(self, payload):
        self.send(PONG, payload)

    def on_close(self, payload):
        self.check_close(payload)
        self.send(CLOSE, self.answer_to(payload))
        self.end()

    def check_close(self, payload):
        if len(payload) == 1:
            raise Fail(1002)
        if payload and int.from_bytes(payload[:2], 'big') not in CODES:
            raise Fail(1002)
        self.check_reason(payload[2:])

    def check_reason(self, reason):
        try:
            reason.decode()
        except UnicodeDecodeError:
            raise Fail(1007) from None

    def answer_to(self, payload):
        return payload[:2]

    def fail(self, code):
        try:
            self.send(CLOSE, struct.pack('>H', code))
            self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(1 << 18):
                pass
        except OSError:
            pass

    def end(self):
        """A server ends TCP, a client waits for that (RFC 6455 7.1.1)."""
        self.over = True
        if self.is_client:
            self.wait_for_end()

    def wait_for_end(self):
        while self.sock.recv(1 << 18):
            pass

    # --- writing ---

    def masks(self):
        return self.is_client

    def send(self, opcode, payload=b'', final=True, rsv=0):
        self.sock.sendall(self.encode(opcode, payload, final, rsv))

    def encode(self, opcode, payload, final=True, rsv=0):
        short, rest = extended(len(payload))
        first = final << 7 | rsv << 4 | opcode
        if not self.masks():
            return bytes([first, short]) + rest + payload
        key = os.urandom(4)
        return bytes([first, short | 128]) + rest + key + xor(payload, key, 0)


# --- the opening handshake (RFC 6455 4), and the two programs ---


def read_head(sock):
    data = b''
    while b'\r\n\r\n' not in data:
        more = sock.recv(65536)
        if not more:
            raise EOFError
        data += more
    head, rest = data.split(b'\r\n\r\n', 1)
    return head.decode('latin-1'), rest


def fields_of(head):
    return dict(line.lower().split(': ', 1) for line in head.split('\r\n')[1:])


def extensions_line(value):
    return f'Sec-WebSocket-Extensions: {value}\r\n' if value else ''


def accept(sock, kind):
    """A connection of that kind, which is open."""
    head, rest = read_head(sock)
    fields = fields_of(head)
    offered = fields.get('sec-websocket-extensions')
    answered = kind.answer_to_offer(offered) if offered else None
    # The key is case sensitive, so it is taken from the head itself.
    start = head.lower().index('sec-websocket-key: ') + len('sec-websocket-key: ')
    key = head[start:start + len(fields['sec-websocket-key'])].encode()
    value = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    sock.sendall('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                 f'Connection: Upgrade\r\nSec-WebSocket-Accept: {value}\r\n'
                 f'{extensions_line(answered)}\r\n'.encode())
    connection = kind(sock, False, rest)
    connection.agree(offered, answered)
    return connection


def connect(kind, base, target):
    """The same for a client."""
    address = urllib.parse.urlsplit(base)
    sock = socket.create_connection((address.hostname, address.port), PATIENCE_S)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(f'GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n'
                 f'Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n'
                 f'Sec-WebSocket-Version: 13\r\n{extensions_line(kind.offer)}\r\n'.encode())
    head, rest = read_head(sock)
    connection = kind(sock, True, rest)
    connection.agree(kind.offer, fields_of(head).get('sec-websocket-extensions'))
    return connection


class Server:
    """On threads, until stop()."""

    def __init__(self, kind):
        self.kind, self.listener = kind, socket.create_server(('127.0.0.1', 0))
        self.url = f'ws://127.0.0.1:{self.listener.getsockname()[1]}'
        self.thread = threading.Thread(target=self.accept_all, daemon=True)
        self.thread.start()

    def accept_all(self):
        while True:
            try:
                sock, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            connection = accept(sock, self.kind)
        except (EOFError, OSError):
            sock.close()
        else:
            connection.run()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def ask_count(base):
    told = []
    asking = connect(Echo, base, '/getCaseCount')
    asking.on_message = lambda opcode, fragments: told.append(int(b''.join(fragments)))
    asking.run()
    return told[0]


def run_client(kind, base, agent):
    for i in range(1, ask_count(base) + 1):
        connect(kind, base, f'/runCase?case={i}&agent={agent}').run()
    connect(Echo, base, f'/updateReports?agent={agent}').run()
