#!/bin/bash
# Wrong guess: a proxy that has asked for credentials with 407 answers 407 again if they are wrong.
#
# Tinyproxy asks with 407 and Proxy-Authenticate, but answers a wrong Proxy-Authorization with 401 and
# WWW-Authenticate, which are the server's (RFC 9110 11.6.1), to CONNECT, too. A client that takes 401
# for the server's reports the wrong password of the two. Behind a CONNECT every response is the
# proxy's until it has sent a 2xx.
#
# Needs Debian 12's apt and Python. Prints what is seen, and fails if it changes.
set -euo pipefail

version=1.11.1-2.1+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq "tinyproxy-bin=$version"
dpkg -x ./*.deb root

cat >play.py <<'END'
import base64
import socket
import subprocess
import threading

with socket.create_server(('127.0.0.1', 0)) as free:
    port = free.getsockname()[1]
with open('config', 'w') as file:
    file.write(f'Port {port}\nListen 127.0.0.1\nBasicAuth me right\n')
proxy = subprocess.Popen(['root/usr/bin/tinyproxy', '-d', '-c', 'config'],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def connect():
    """It says nothing when it listens."""
    pause = threading.Event()
    while proxy.poll() is None:
        try:
            return socket.create_connection(('127.0.0.1', port))
        except ConnectionRefusedError:
            pause.wait(0.02)
    raise EOFError('tinyproxy has ended')


with socket.create_server(('127.0.0.1', 0)) as listener:
    to = 'localhost:%d' % listener.getsockname()[1]
    for password in None, 'wrong', 'right':
        with connect() as sock, sock.makefile('rb') as file:
            field = ''
            if password is not None:
                credentials = base64.b64encode(f'me:{password}'.encode()).decode()
                field = f'Proxy-Authorization: Basic {credentials}\r\n'
            sock.sendall(f'CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{field}\r\n'.encode())
            lines = [line.decode().rstrip() for line in iter(file.readline, b'\r\n')]
            fields = [line for line in lines if 'Authenticate:' in line]
            print(f'password {password}: {lines[0]}', *fields, sep='; ')
proxy.terminate()
proxy.wait()
END
echo "tinyproxy $version" | tee seen
python3 play.py | tee -a seen

cat >expected <<'END'
tinyproxy 1.11.1-2.1+deb12u1
password None: HTTP/1.0 407 Proxy Authentication Required; Proxy-Authenticate: Basic realm="Tinyproxy"
password wrong: HTTP/1.0 401 Unauthorized; WWW-Authenticate: Basic realm="Tinyproxy"
password right: HTTP/1.0 200 Connection established
END
diff expected seen
