"""What the tests of the program wsuv have in common: peers of it on bare sockets, which can do what
no library would, and the signals that a test begins with."""

import contextlib
import os
import select
import signal
import socket
import struct
import threading

PATIENCE = 20  # seconds, for anything that has to come
STALL = 0.5    # seconds without room, until a stream is taken for full

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
CLOSED, OURS, REFUSED, LOST, CODE, UNFINISHED = range(6)  # exit statuses


def heed_signals():
    """Signals that were ignored when a test began, as SIGHUP is under nohup, would be ignored in
    the programs that it starts, too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def reset(sock):
    """Close a connection of TCP with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def write_until_stalled(fd, data):
    """Write to a pipe or socket, without waiting, until there is no room for a while: what could
    not be written."""
    blocking = os.get_blocking(fd)
    os.set_blocking(fd, False)
    rest = memoryview(data)
    while rest and select.select([], [fd], [], STALL)[1]:
        with contextlib.suppress(BlockingIOError):  # less room than a pipe takes at a time
            rest = rest[os.write(fd, rest[:65536]):]
    os.set_blocking(fd, blocking)
    return rest


class FrameSocket:
    """One end of a connection that carries frames. A client has a masking key for the frames that
    it sends, and only a client has."""

    MASKING_KEY = b''

    def __init__(self, sock):
        sock.settimeout(PATIENCE)
        self.sock, self.buffer = sock, b''

    def read_until(self, mark):
        while mark not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def read(self, n):
        parts, have = [self.buffer], len(self.buffer)
        while have < n:
            data = self.sock.recv(1 << 20)
            if not data:
                raise EOFError
            parts.append(data)
            have += len(data)
        whole = b''.join(parts)
        self.buffer = whole[n:]
        return whole[:n]

    @classmethod
    def frame(cls, opcode, payload=b'', fin=True):
        """The payload is not masked: a masking key has to be one of zeros."""
        n, masked = len(payload), 0x80 if cls.MASKING_KEY else 0
        if n < 126:
            length = bytes([masked | n])
        elif n < 65536:
            length = bytes([masked | 126]) + struct.pack('>H', n)
        else:
            length = bytes([masked | 127]) + struct.pack('>Q', n)
        return bytes([fin << 7 | opcode]) + length + cls.MASKING_KEY + payload

    def send(self, opcode, payload=b'', fin=True):
        self.sock.sendall(self.frame(opcode, payload, fin))

    def receive_frame(self):
        """The next frame, masked if it comes from a client, and only then: opcode, payload, whether
        it is final."""
        first, second = self.read(2)
        n = second & 127
        if n == 126:
            n, = struct.unpack('>H', self.read(2))
        elif n == 127:
            n, = struct.unpack('>Q', self.read(8))
        if bool(second & 0x80) == bool(self.MASKING_KEY):
            raise AssertionError('masked' if self.MASKING_KEY else 'unmasked')
        key = b'' if self.MASKING_KEY else self.read(4)
        payload = self.read(n)
        if key:
            mask = int.from_bytes((key * (n // 4 + 1))[:n], 'big')
            payload = (int.from_bytes(payload, 'big') ^ mask).to_bytes(n, 'big')
        return first & 15, payload, bool(first & 0x80)

    def receive_pieces(self):
        """The next message, with nothing between its frames: opcode, payload, number of frames."""
        opcode, payload, fin = self.receive_frame()
        parts = [payload]
        while not fin:
            continuation, payload, fin = self.receive_frame()
            parts.append(payload)
            if continuation != CONTINUATION:
                raise AssertionError('a message inside another')
        return opcode, b''.join(parts), len(parts)

    def receive(self):
        """The next message or control frame: opcode, payload."""
        return self.receive_pieces()[:2]

    def reset(self):
        reset(self.sock)

    def wait_for_end(self):
        with contextlib.suppress(ConnectionResetError):
            while self.sock.recv(65536):
                pass


class ScriptedServer:
    """Listens on a port of its own, or at the path of a Unix socket, and plays `script(socket)` for
    the one connection that comes; errors surface at the end of the `with` block."""

    def __init__(self, script, path=None):
        self.script, self.error, self.port = script, None, 0
        if path is None:
            self.listener = socket.create_server(('127.0.0.1', 0))
            self.port = self.listener.getsockname()[1]
        else:
            self.listener = socket.create_server(path, family=socket.AF_UNIX)
        self.listener.settimeout(PATIENCE)
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        try:
            sock, _ = self.listener.accept()
            with sock:
                sock.settimeout(PATIENCE)
                self.play(sock)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def play(self, sock):
        self.script(sock)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.thread.join(PATIENCE if kind is None else 0)
        self.listener.close()
        if kind is None and self.error is not None:
            raise self.error
