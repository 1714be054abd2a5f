#!/bin/bash
# Wrong guess: the pong of a server that answers each ping has the payload of the ping (RFC 6455
# 5.5.3), so a client may know its answer by it.
#
# uWSGI 2.0.21 answers each ping with an empty pong. A client that counts any pong, or anything that
# arrives, stays open; one that looks for the payload of its ping ends the session. The client of
# websockets 10.4 (Python), which does so by default each 20 s, closes with 1011 while all its
# messages are answered, and stays open at a server of websockets. A client should take each frame
# for a sign of life, and the payload for a measurement only.
#
# Needs Debian 12's apt and Python. Takes 10 seconds. Prints what is seen, and fails if it changes.
set -euo pipefail

version=2.0.21-5.1
client_version=10.4-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in uwsgi-core="$version" uwsgi-plugin-python3="$version" libyajl2 libpython3.11 \
  python3-websockets="$client_version"; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >echo.py <<'END'
import uwsgi


def application(environ, start_response):
    uwsgi.websocket_handshake(environ['HTTP_SEC_WEBSOCKET_KEY'])
    while True:
        uwsgi.websocket_send(uwsgi.websocket_recv())
END

cat >play.py <<'END'
import asyncio
import glob
import socket
import subprocess
import time

import websockets

FIN, CLOSE, PING = 0x80, 8, 9
INTERVAL, END = 1, 4  # seconds
REQUEST = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')


def frame(opcode, payload):
    """With a masking key of zeros, which leaves the payload as it is."""
    return bytes([FIN | opcode, 0x80 | len(payload)]) + bytes(4) + payload


def connect(port):
    while True:
        try:
            return socket.create_connection(('127.0.0.1', port))
        except ConnectionRefusedError:
            time.sleep(0.05)


def answer(port, payload):
    """The frame that answers a ping, as it comes."""
    with connect(port) as sock:
        sock.sendall(REQUEST)
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += sock.recv(1)
        sock.sendall(frame(PING, payload))
        pong = sock.recv(65536)
        sock.sendall(frame(CLOSE, b'\x03\xe8'))
        while sock.recv(65536):
            pass
    return pong.hex(' ')


async def talk(port):
    """A session in which each message is answered."""
    begun = time.monotonic()
    try:
        async with websockets.connect(f'ws://127.0.0.1:{port}', ping_interval=INTERVAL,
                                      ping_timeout=INTERVAL) as session:
            while time.monotonic() - begun < END:
                await session.send('text')
                assert await session.recv() == 'text'
                await asyncio.sleep(INTERVAL / 4)
            return f'open after {END} s'
    except websockets.ConnectionClosedError as error:
        return f'closed by the client with {error.sent.code}'


async def play(name, port):
    frame = await asyncio.to_thread(answer, port, b'abc')
    print(f'{name}: a ping of "abc" is answered with {frame}')
    print(f'{name}: a session of websockets is {await talk(port)}')


async def echo(session):
    async for text in session:
        await session.send(text)


async def main():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    plugin, = glob.glob('root/usr/lib/uwsgi/plugins/python3*_plugin.so')
    command = ['root/usr/bin/uwsgi-core', '--plugin', plugin, '--wsgi-file', 'echo.py',
               '--http-socket', f'127.0.0.1:{port}']
    with open('log', 'w') as log:
        uwsgi = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        await play('uwsgi', port)
    finally:
        uwsgi.kill()
        uwsgi.wait()
    async with websockets.serve(echo, '127.0.0.1', 0) as server:
        await play('websockets', server.sockets[0].getsockname()[1])


asyncio.run(main())
END
lib=$(dirname "$(find "$PWD/root" -name 'libyajl.so.2')")
{
  echo "uWSGI ${version%-*}, websockets ${client_version%-*}"
  LD_LIBRARY_PATH=$lib PYTHONPATH=root/usr/lib/python3/dist-packages timeout 40 \
    /usr/bin/python3 -S play.py
} | tee seen

cat >expected <<'END'
uWSGI 2.0.21, websockets 10.4
uwsgi: a ping of "abc" is answered with 8a 00
uwsgi: a session of websockets is closed by the client with 1011
websockets: a ping of "abc" is answered with 8a 03 61 62 63
websockets: a session of websockets is open after 4 s
END
diff expected seen
