#!/bin/bash
# Wrong guess: a server library hands its program a message in fragments either whole, or fragment
# by fragment.
#
# uWSGI 2.0.21 gathers it, but its websocket_recv() also returns for each fragment that is not the
# last, with one NUL byte, although the documentation says that it returns messages. The program
# cannot tell it from a message of that byte: it gets as many of them as fragments come before the
# last one, and then the whole message. A program whose messages are never a lone NUL can drop them.
# A client should send its messages in one frame each.
#
# Needs Debian 12's apt and Python. Prints what is seen, and fails if it changes.
set -euo pipefail

version=2.0.21-5.1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in uwsgi-core="$version" uwsgi-plugin-python3="$version" libyajl2 libpython3.11; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

# Sends back what it has got, as Python writes it.
cat >server.py <<'END'
import uwsgi


def application(environ, start_response):
    uwsgi.websocket_handshake(environ['HTTP_SEC_WEBSOCKET_KEY'])
    while True:
        uwsgi.websocket_send(repr(uwsgi.websocket_recv()))
END

cat >play.py <<'END'
import glob
import socket
import subprocess
import time

FIN, CONTINUATION, TEXT, BINARY, CLOSE = 0x80, 0, 1, 2, 8
REQUEST = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')


def frame(first, payload):
    """With a masking key of zeros, which leaves the payload as it is."""
    return bytes([first, 0x80 | len(payload)]) + bytes(4) + payload


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


def play(port, what, *frames):
    """What the program gets before it gets 'end'."""
    got = []
    with connect(port) as sock:
        sock.sendall(REQUEST)
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += read(sock, 1)
        for data in (*frames, frame(FIN | TEXT, b'end')):
            sock.sendall(data)
        while "b'end'" not in got:
            _, length = read(sock, 2)
            got.append(read(sock, length).decode())
        sock.sendall(frame(FIN | CLOSE, b'\x03\xe8'))
        while sock.recv(65536):
            pass
    print(f'{what}: {", ".join(got[:-1])}')


with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
plugin, = glob.glob('root/usr/lib/uwsgi/plugins/python3*_plugin.so')
command = ['root/usr/bin/uwsgi-core', '--plugin', plugin, '--wsgi-file', 'server.py',
           '--http-socket', f'127.0.0.1:{port}']
with open('log', 'w') as log:
    server = subprocess.Popen(command, stdout=log, stderr=log)
try:
    for name, opcode in ('text', TEXT), ('binary', BINARY):
        play(port, f'{name} in one frame', frame(FIN | opcode, b'abcdef'))
        play(port, f'{name} in three', frame(opcode, b'ab'), frame(CONTINUATION, b'cd'),
             frame(FIN | CONTINUATION, b'ef'))
    play(port, 'a NUL byte in one frame', frame(FIN | BINARY, b'\0'))
finally:
    server.kill()
    server.wait()
END
lib=$(dirname "$(find "$PWD/root" -name 'libyajl.so.2')")
{
  echo "uWSGI ${version%-*}"
  LD_LIBRARY_PATH=$lib timeout 40 /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
uWSGI 2.0.21
text in one frame: b'abcdef'
text in three: b'\x00', b'\x00', b'abcdef'
binary in one frame: b'abcdef'
binary in three: b'\x00', b'\x00', b'abcdef'
a NUL byte in one frame: b'\x00'
END
diff expected seen
