#!/bin/bash
# Wrong guess: ProxyTimeout of apache is the time after which a WebSocket that it passes on is cut
# when nothing is sent, so that a short one finds dead servers soon.
#
# Apache 2.4.71 takes the longer of the timeouts of the two connections: Timeout, which is the
# client's (60 s; Debian's configuration: 300 s), and ProxyTimeout, which is the server's. A short
# ProxyTimeout changes nothing unless Timeout is as short, and a long one of either keeps the session.
# For a server this means that its pings must come within the longer one only; and that it cannot
# count on ProxyTimeout to end sessions whose client is gone, but has to send pings itself.
#
# Needs Debian 12's apt and Python. Takes ten seconds. Prints what is seen, and fails if it changes.
set -euo pipefail

version=2.4.71-1~deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in apache2-bin="$version" libapr1 libaprutil1; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >play.py <<'END'
import os
import socket
import subprocess
import time

CONFIG = '''
LoadModule mpm_event_module {root}/usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module {root}/usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module {root}/usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module {root}/usr/lib/apache2/modules/mod_proxy_http.so
ServerRoot {root}
ServerName localhost
PidFile {root}/pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
ProxyPass / http://127.0.0.1:{server}/ upgrade=websocket
Timeout {timeout}
ProxyTimeout {proxy_timeout}
'''


def head_of(sock):
    data = b''
    while b'\r\n\r\n' not in data:
        data += sock.recv(65536)


def play(server, port):
    """Seconds until the silent session is cut."""
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
            begun = time.monotonic()
            client.recv(1)
            return round(time.monotonic() - begun)


root = os.path.join(os.getcwd(), 'root')
for timeout, proxy_timeout in (1, 1), (4, 1), (1, 4):
    with socket.create_server(('127.0.0.1', 0)) as server, socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
        free.close()
        with open('config', 'w') as config:
            config.write(CONFIG.format(root=root, port=port, server=server.getsockname()[1],
                                       timeout=timeout, proxy_timeout=proxy_timeout))
        apache = subprocess.Popen([f'{root}/usr/sbin/apache2', '-DFOREGROUND', '-f',
                                   f'{root}/../config'], stderr=subprocess.PIPE, text=True)
        try:
            assert any('resuming normal operations' in line for line in apache.stderr)  # it listens
            print(f'Timeout {timeout}, ProxyTimeout {proxy_timeout}: '
                  f'cut after {play(server, port)} s')
        finally:
            apache.terminate()
            apache.wait()
END
lib=$(dirname "$(find "$PWD/root" -name 'libapr-1.so.0')")
{
  echo "apache ${version%%-*}"
  LD_LIBRARY_PATH=$lib /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
apache 2.4.71
Timeout 1, ProxyTimeout 1: cut after 1 s
Timeout 4, ProxyTimeout 1: cut after 4 s
Timeout 1, ProxyTimeout 4: cut after 4 s
END
diff expected seen
