#!/bin/bash
# Wrong guess: a proxy from WebSocket to TCP writes to TCP what it has received before a close frame,
# so that a client may send its last message and close (RFC 6455 7.1.6 lets it).
#
# websockify 0.10.0 reads messages and the close frame together when they have come together, and
# closes the connection to TCP before it has written the messages. TCP's end is in order, so the
# server behind it cannot see that bytes are missing. A client has to know by other means that its
# bytes have arrived, and then close. A program that passes bytes on must write what it has before
# it passes the end on.
#
# Needs Debian 12's apt and Python. Prints what is seen, and fails if it changes.
set -euo pipefail

version=0.10.0+dfsg1-4+b1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in python3-websockify="$version" python3-numpy libblas3 liblapack3 libgfortran5 \
  python3-pkg-resources; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >play.py <<'END'
import select
import socket
import struct
import subprocess
import sys


def frame(opcode, payload):
    """With a masking key of zeros, which leaves the payload as it is."""
    return struct.pack('>BBH', 0x80 | opcode, 0x80 | 126, len(payload)) + bytes(4) + payload


def open_session(port):
    sock = socket.create_connection(('127.0.0.1', port))
    sock.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n'
                 b'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
                 b'Sec-WebSocket-Version: 13\r\n\r\n')
    while b'\r\n\r\n' not in sock.recv(65536):
        pass
    return sock


def read(conn):
    count = 0
    while data := conn.recv(65536):
        count += len(data)
    return count


def play(port, target, together):
    with open_session(port) as sock:
        conn, _ = target.accept()
        message, close = frame(2, bytes(1000)), frame(8, struct.pack('>H', 1000))
        if together:
            sock.sendall(message + close)
        else:
            sock.sendall(message)
            select.select([conn], [], [])
            sock.sendall(close)
        count = read(conn)
    how = 'together with' if together else 'before'
    print(f'1000 bytes {how} the close frame: the server got {count}')


target = socket.create_server(('127.0.0.1', 0))
listener = socket.create_server(('127.0.0.1', 0))
command = [sys.executable, '-c', 'from websockify.websocketproxy import *; websockify_init()',
           '--inetd', f'127.0.0.1:{target.getsockname()[1]}']
with open('log', 'w') as log:
    server = subprocess.Popen(command, stdin=listener, stdout=log, stderr=log)
try:
    for together in False, True:
        play(listener.getsockname()[1], target, together)
finally:
    server.terminate()
    server.wait()
END
lib=$(dirname "$(find "$PWD/root" -name 'libgfortran.so.5')")
{
  echo "websockify ${version%%+*}"
  LD_LIBRARY_PATH=$lib:$lib/blas:$lib/lapack PYTHONPATH=root/usr/lib/python3/dist-packages \
    /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
websockify 0.10.0
1000 bytes before the close frame: the server got 1000
1000 bytes together with the close frame: the server got 0
END
diff expected seen
