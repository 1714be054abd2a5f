#!/usr/bin/env python3
"""A server that floods each session until the session ends.

    hostile.py empty|bombs [PORT] [--tls]

empty: empty messages. bombs: messages of 16 MiB in frames of 16 KiB, if the client offers
permessage-deflate. Prints its URL when it listens; PORT 0, the default, is any.
"""

import argparse
import pathlib
import socket
import ssl
import sys
import threading
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'conform'))
from peer import frames, handshake  # noqa: E402
from yardstick import certificate  # noqa: E402

BOMB_SIZE = (16 << 20) - 1  # bytes; within the default of max_message_size
BLOCK = 1 << 20  # bytes that are written at once, about
EXTENSIONS = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
RSV1 = 4


def bomb():
    """RFC 7692 7.2.1: without the last four bytes."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = deflater.compress(bytes(BOMB_SIZE)) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return frames.encode(frames.Frame(frames.BIN, data[:-4], rsv=RSV1), masked=False)


def empty():
    return frames.encode(frames.Frame(frames.BIN), masked=False)


FLOODS = {'empty': (empty, None), 'bombs': (bomb, EXTENSIONS)}


def tls_context():
    with certificate() as files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
    return context


def flood(sock, context, block, extensions):
    try:
        with context.wrap_socket(sock, server_side=True) if context else sock as link:
            head = b''
            while not head.endswith(b'\r\n\r\n'):
                head += link.recv(1)
            link.sendall(handshake.answer(head, extensions))
            while True:
                link.sendall(block)
    except OSError:
        pass  # the session has ended


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('flood', choices=FLOODS)
    parser.add_argument('port', nargs='?', type=int, default=0)
    parser.add_argument('--tls', action='store_true')
    options = parser.parse_args()
    make, extensions = FLOODS[options.flood]
    frame = make()
    block = frame * (BLOCK // len(frame))
    context = tls_context() if options.tls else None
    with socket.create_server(('127.0.0.1', options.port)) as listener:
        scheme = 'wss' if context else 'ws'
        print(f'{scheme}://127.0.0.1:{listener.getsockname()[1]}/', flush=True)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=flood, args=(sock, context, block, extensions),
                             daemon=True).start()


if __name__ == '__main__':
    main()
