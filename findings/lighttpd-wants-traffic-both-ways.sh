#!/bin/bash
# Wrong guess: a WebSocket through lighttpd is cut when it is silent, and stays open while its
# server or its client sends.
#
# Each direction has a limit of its own in lighttpd 1.4.69, and what flows the other way does not
# count. server.max-read-idle (by default 60 s) is for what the client sends, and
# server.max-write-idle (360 s) for what lighttpd writes to the client. So a server that only
# sends, however often, is cut after a minute, and so is a client that only sends, later. Pings of
# either end are enough, because the pongs flow the other way; pongs that nobody asked for are not.
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
import select
import socket
import subprocess
import time

CONFIG = '''
server.modules = ("mod_proxy")
server.document-root = "."
server.bind = "127.0.0.1"
server.port = {port}
server.max-read-idle = {read}
server.max-write-idle = {write}
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {server})))
proxy.header = ("upgrade" => "enable")
'''
SHORT, LONG, INTERVAL, END = 3, 60, 0.5, 8  # seconds
TO_SERVER, TO_CLIENT = b'\x8a\x80\0\0\0\0', b'\x8a\0'  # unsolicited pongs
REQUEST = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
RESPONSE = (b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')


def head_of(sock):
    data = b''
    while b'\r\n\r\n' not in data:
        data += sock.recv(65536)


def connect(port):
    while True:
        try:
            return socket.create_connection(('127.0.0.1', port))
        except ConnectionRefusedError:
            time.sleep(0.05)


class Session:
    def __init__(self, server, port, senders):
        self.senders = senders
        self.is_cut = False
        self.client = connect(port)
        self.client.sendall(REQUEST)
        self.conn, _ = server.accept()
        head_of(self.conn)
        self.conn.sendall(RESPONSE)
        head_of(self.client)

    def exchange(self):
        try:
            if 'client' in self.senders:
                self.client.sendall(TO_SERVER)
            if 'server' in self.senders:
                self.conn.sendall(TO_CLIENT)
            for sock in select.select([self.client, self.conn], [], [], 0)[0]:
                self.is_cut |= sock.recv(65536) == b''
        except (BrokenPipeError, ConnectionResetError):
            self.is_cut = True


def play(server, read, write):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with open('config', 'w') as config:
        config.write(CONFIG.format(port=port, server=server.getsockname()[1], read=read,
                                   write=write))
    lighttpd = subprocess.Popen(['root/usr/sbin/lighttpd', '-D', '-f', 'config', '-m',
                                 'root/usr/lib/lighttpd'], stderr=subprocess.DEVNULL)
    try:
        connect(port).close()  # it listens
        names = [], ['client'], ['server'], ['client', 'server']
        sessions = [Session(server, port, senders) for senders in names]
        begun = time.monotonic()
        while time.monotonic() - begun < END:
            for session in sessions:
                if not session.is_cut:
                    session.exchange()
            time.sleep(INTERVAL)
    finally:
        lighttpd.terminate()
        lighttpd.wait()
    print(f'max-read-idle {read} s, max-write-idle {write} s: after {END} s')
    for session in sessions:
        who = ' and '.join(session.senders) or 'nobody'
        print(f'  {who} sending: {"cut" if session.is_cut else "open"}')


with socket.create_server(('127.0.0.1', 0)) as server:
    play(server, SHORT, LONG)
    play(server, LONG, SHORT)
END
{
  echo "lighttpd ${version%-*}"
  /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
lighttpd 1.4.69
max-read-idle 3 s, max-write-idle 60 s: after 8 s
  nobody sending: cut
  client sending: open
  server sending: cut
  client and server sending: open
max-read-idle 60 s, max-write-idle 3 s: after 8 s
  nobody sending: cut
  client sending: cut
  server sending: open
  client and server sending: open
END
diff expected seen
