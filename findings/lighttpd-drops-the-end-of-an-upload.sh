#!/bin/bash
# Wrong guess: a proxy that reads the end of TCP from a client first passes on what the client sent
# before it, and then the end.
#
# lighttpd 1.4.69 stops writing to the server as soon as it has read the end from the client. What
# the server has not taken by then, up to some 100 KiB, stays in lighttpd, and so does the end: the
# server waits, for a frame that has come in part, until server.max-write-idle (by default 360 s)
# ends the connection. If the server has taken everything, the end is passed on at once. In the
# other direction nothing is lost. So a client that sends much has to wait for an answer, such as
# the server's close frame, before it ends TCP; a browser whose page is left does not wait. A server
# behind lighttpd should ask by pings whether its client is there.
#
# Needs Debian 12's apt and Python. Takes 20 seconds. Prints what is seen, and fails if it changes.
set -euo pipefail

version=1.4.69-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq lighttpd="$version"
dpkg -x ./*.deb root

cat >play.py <<'END'
import socket
import struct
import subprocess
import threading
import time

CONFIG = '''
server.modules = ("mod_proxy")
server.document-root = "."
server.bind = "127.0.0.1"
server.port = {port}
server.max-write-idle = {idle}
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {server})))
proxy.header = ("upgrade" => "enable")
'''
IDLE = 2  # seconds
SESSIONS = 5  # in some of them, lighttpd has written all when it reads the end
LEN = 8 << 20
MESSAGE = b'\x82\xff' + struct.pack('>Q', LEN) + bytes(4) + bytes(LEN)  # masked with zeros
CLOSE = b'\x88\x82\0\0\0\0\x03\xe8'
REQUEST = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
RESPONSE = (b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')


def head_of(sock):
    data = b''
    while not data.endswith(b'\r\n\r\n'):
        data += sock.recv(1)


def connect(port):
    while True:
        try:
            return socket.create_connection(('127.0.0.1', port))
        except ConnectionRefusedError:
            time.sleep(0.05)


def open_session(server, port):
    client = connect(port)
    client.sendall(REQUEST)
    conn, _ = server.accept()
    head_of(conn)
    conn.sendall(RESPONSE)
    head_of(client)
    return client, conn


def transfer(sender, receiver, waits):
    """If all arrives, and if the end does at once. The sender ends TCP when it has sent, or when
       the other has received."""
    arrived = threading.Event()

    def send():
        sender.sendall(MESSAGE + CLOSE)
        if waits:
            arrived.wait()
        sender.close()

    thread = threading.Thread(target=send)
    thread.start()
    count, last = 0, time.monotonic()
    while data := receiver.recv(16384):
        count, last = count + len(data), time.monotonic()
        if count == len(MESSAGE + CLOSE):
            arrived.set()
    is_at_once = time.monotonic() - last < IDLE / 2
    thread.join()
    receiver.close()
    return count == len(MESSAGE + CLOSE), is_at_once


def play(what, get_pair, waits):
    results = [transfer(*get_pair(), waits) for _ in range(SESSIONS)]
    whole = all(is_whole for is_whole, _ in results)
    at_once = all(is_at_once for _, is_at_once in results)
    print(f'{what}: {"all bytes arrive" if whole else "bytes are missing"}, '
          f'the end {"at once" if at_once else "late"}')


with socket.socket() as server, socket.socket() as free:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)  # it reads no faster than others
    server.bind(('127.0.0.1', 0))
    server.listen()
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
    free.close()
    with open('config', 'w') as config:
        config.write(CONFIG.format(port=port, server=server.getsockname()[1], idle=IDLE))
    lighttpd = subprocess.Popen(['root/usr/sbin/lighttpd', '-D', '-f', 'config', '-m',
                                 'root/usr/lib/lighttpd'], stderr=subprocess.DEVNULL)
    try:
        connect(port).close()  # it listens
        direct = server.getsockname()[1]
        play('no proxy', lambda: open_session(server, direct), False)
        play('the client ends TCP when the server has all', lambda: open_session(server, port),
             True)
        play('the client ends TCP when it has sent all', lambda: open_session(server, port), False)
        play('the server ends TCP when it has sent all',
             lambda: open_session(server, port)[::-1], False)
    finally:
        lighttpd.terminate()
        lighttpd.wait()
END
{
  echo "lighttpd ${version%-*}"
  /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
lighttpd 1.4.69
no proxy: all bytes arrive, the end at once
the client ends TCP when the server has all: all bytes arrive, the end at once
the client ends TCP when it has sent all: bytes are missing, the end late
the server ends TCP when it has sent all: all bytes arrive, the end at once
END
diff expected seen
