#!/bin/bash
# Wrong guess: what a proxy sends to a server comes from a client, or has at least the form of a
# client's frames.
#
# Caddy 2.6.2 ends all WebSockets that it passes on when it reads its configuration again. It writes
# a close frame with 1001 to both ends, and that to the server has no masking key, which RFC 6455 5.1
# demands of clients. A server that is correct fails the connection with 1002. So such a protocol
# error is no sign of an attack, and many of them at the same moment are a reload of caddy. The change
# that masks the frame is caddyserver/caddy pull request 5199, of a later version.
#
# Needs Debian 12's apt and Python. Prints what both ends get, and fails if it changes.
set -euo pipefail

version=2.6.2-5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq caddy="$version"
dpkg -x ./*.deb root

cat >play.py <<'END'
import os
import socket
import subprocess

CONFIG = '''
{{
  admin unix//{folder}/admin.sock
  auto_https off
  storage file_system {folder}
}}
http://:{port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{server}
}}
'''
CADDY = 'root/usr/bin/caddy'
OPTIONS = ['--adapter', 'caddyfile', '--config', 'config']


def head_of(sock):
    data = b''
    while b'\r\n\r\n' not in data:
        data += sock.recv(65536)


def rest_of(sock):
    data = b''
    while piece := sock.recv(65536):
        data += piece
    return data.hex(' ')


def play(server, port):
    with socket.create_connection(('127.0.0.1', port)) as client:
        client.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n'
                       b'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
                       b'Sec-WebSocket-Version: 13\r\n\r\n')
        conn, _ = server.accept()
        with conn:
            head_of(conn)
            conn.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                         b'Connection: Upgrade\r\n'
                         b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
            head_of(client)
            subprocess.run([CADDY, 'reload', '--force', *OPTIONS], check=True,
                           stderr=subprocess.DEVNULL)
            print('the client got:', rest_of(client))
            print('the server got:', rest_of(conn))


with socket.create_server(('127.0.0.1', 0)) as server, socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
    free.close()
    with open('config', 'w') as config:
        config.write(CONFIG.format(folder=os.getcwd(), port=port, server=server.getsockname()[1]))
    caddy = subprocess.Popen([CADDY, 'run', *OPTIONS], stderr=subprocess.PIPE, text=True)
    try:
        assert any('serving initial configuration' in line for line in caddy.stderr)  # it listens
        play(server, port)
    finally:
        caddy.terminate()
        caddy.wait()
END
{
  echo "caddy ${version%%-*}"
  /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
caddy 2.6.2
the client got: 88 02 03 e9
the server got: 88 02 03 e9
END
diff expected seen
