#!/bin/bash
# Wrong guess: nginx cuts a WebSocket when its server has sent nothing for proxy_read_timeout, as
# its manual says, whatever the client sends meanwhile.
#
# Behind a 101, nginx 1.22.1 starts that time again with all that it passes on, in either direction.
# A client that sends something, be it pings that nobody answers, keeps its connection to a server
# that has stopped. So proxy_read_timeout finds no dead server, and a client has to count the
# answers to its pings. The pings of one end are enough to keep a session: a server need not send
# any if its clients do.
#
# Needs Debian 12's apt and Python. Takes 15 seconds. Prints what is seen, and fails if it changes.
set -euo pipefail

version=1.22.1-9+deb12u11
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq nginx="$version"
dpkg -x ./*.deb root

cat >play.py <<'END'
import os
import select
import socket
import subprocess
import time

CONFIG = '''
daemon off;
master_process off;
pid nginx.pid;
error_log stderr notice;
events {{ }}
http {{
  access_log off;
  client_body_temp_path temp;
  proxy_temp_path temp;
  fastcgi_temp_path temp;
  uwsgi_temp_path temp;
  scgi_temp_path temp;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{server};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout {timeout}s;
    }}
  }}
}}
'''
TIMEOUT, INTERVAL, END = 3, 0.5, 12  # seconds
PING = b'\x89\x80\0\0\0\0'


def head_of(sock):
    data = b''
    while b'\r\n\r\n' not in data:
        data += sock.recv(65536)


def play(server, port, interval):
    """How it ends, if the server sends nothing, and the client a ping in each interval."""
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
            while time.monotonic() - begun < END:
                if select.select([client], [], [], interval)[0]:
                    assert client.recv(1) == b''
                    return 'cut'
                client.sendall(PING)
            return 'open'


with socket.create_server(('127.0.0.1', 0)) as server, socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
    free.close()
    with open('config', 'w') as config:
        config.write(CONFIG.format(port=port, server=server.getsockname()[1], timeout=TIMEOUT))
    nginx = subprocess.Popen(['root/usr/sbin/nginx', '-p', os.getcwd(), '-c', 'config',
                              '-e', 'stderr'], stderr=subprocess.PIPE, text=True)
    try:
        assert any(' nginx/' in line for line in nginx.stderr)  # it listens
        print(f'proxy_read_timeout {TIMEOUT}s')
        print(f'nobody sends: after {END} s', play(server, port, END))
        print(f'the client sends unanswered pings: after {END} s', play(server, port, INTERVAL))
    finally:
        nginx.terminate()
        nginx.wait()
END
{
  echo "nginx ${version%%-*}"
  /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
nginx 1.22.1
proxy_read_timeout 3s
nobody sends: after 12 s cut
the client sends unanswered pings: after 12 s open
END
diff expected seen
