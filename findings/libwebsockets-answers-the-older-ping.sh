#!/bin/bash
# Wrong guess: of two pings that arrive together, a peer answers both, or the newer one, as RFC 6455
# 5.5.3 allows.
#
# libwebsockets 4.1.6 sends a pong when the socket can be written, and drops each ping that arrives
# before. So of pings that are read together, only the first is answered, and never the last, also
# if messages lie between them. A client that waits for the pong of its newest ping waits in vain.
# It should take the pong of any ping that it has sent for a sign of life, or have one ping at a
# time on the way.
#
# Needs Debian 12's apt and Python. Prints what is seen, and fails if it changes.
set -euo pipefail

version=4.1.6-3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libwebsockets-test-server="$version" libwebsockets17="$version" libcap2; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >play.py <<'END'
import socket
import subprocess
import time

FIN, TEXT, PING, PONG, CLOSE = 0x80, 1, 9, 10, 8
REQUEST = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
           b'Sec-WebSocket-Protocol: lws-mirror-protocol\r\n\r\n')


def frame(opcode, payload):
    """With a masking key of zeros, which leaves the payload as it is."""
    return bytes([FIN | opcode, 0x80 | len(payload)]) + bytes(4) + payload


def connect(port):
    while True:
        try:
            return socket.create_connection(('127.0.0.1', port))
        except ConnectionRefusedError:
            time.sleep(0.05)


def read(sock, count):
    data = b''
    while len(data) < count:
        data += sock.recv(count - len(data))
    return data


def read_frame(sock):
    first, length = read(sock, 2)
    return first & 0xf, read(sock, length).decode()


def open_session(port):
    sock = connect(port)
    sock.sendall(REQUEST)
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += read(sock, 1)
    return sock


def play(port, what, frames, waits):
    """The answers until that to the last text, which the server sends back."""
    pongs = []
    with open_session(port) as sock:
        if not waits:
            sock.sendall(b''.join(frames))
        for data in frames:
            if waits:
                sock.sendall(data)
                pongs.append(read_frame(sock)[1])
        sock.sendall(frame(TEXT, b'end'))
        while (received := read_frame(sock)) != (TEXT, 'end'):
            if received[0] == PONG:
                pongs.append(received[1])
        sock.sendall(frame(CLOSE, b'\x03\xe8'))
    print(f'{what}: pongs {pongs}')


with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
server = subprocess.Popen(['root/usr/bin/libwebsockets-test-server', '-p', str(port)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    pings = [frame(PING, text) for text in (b'one', b'two', b'three')]
    play(port, 'each ping after the pong before', pings, True)
    play(port, 'three pings together', pings, False)
    play(port, 'two pings together, a text between', [pings[0], frame(TEXT, b'text'), pings[1]],
         False)
finally:
    server.terminate()
    server.wait()
END
lib=$(dirname "$(find "$PWD/root" -name 'libwebsockets.so.17')")
{
  echo "libwebsockets ${version%-*}"
  LD_LIBRARY_PATH=$lib timeout 30 /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
libwebsockets 4.1.6
each ping after the pong before: pongs ['one', 'two', 'three']
three pings together: pongs ['one']
two pings together, a text between: pongs ['one']
END
diff expected seen
