#!/bin/bash
# Wrong guess: closeCode() of a QWebSocket whose connection has ended without a close frame is 1006,
# for which Qt has a name (CloseCodeAbnormalDisconnection), and behind an empty close frame it is
# 1005.
#
# Both are 1000, in Qt 5.15 and 6.4: the object begins with this code, and only a close frame with a
# code changes it. So after a reset, after an end within a frame, and when nobody listens at the
# port, the program reads the code of a session that was closed in order; closeReason() is empty. A
# program that connects again unless the code is 1000 never does. It has to look at error(), which
# is -1 (UnknownSocketError) if nothing went wrong. A server that closes for a reason should send a
# code.
#
# Needs Debian 12's apt and Python. Prints what the program gets, and fails if it changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq libqt5websockets5=5.15.8-2 \
  libqt5core5a=5.15.8+dfsg-11+deb12u3 libqt5network5=5.15.8+dfsg-11+deb12u3 \
  python3-pyqt5=5.15.9+dfsg-1 python3-pyqt5.sip python3-pyqt5.qtwebsockets=5.15.9+dfsg-1 \
  libqt6websockets6=6.4.2-1 libqt6core6=6.4.2+dfsg-10 libqt6network6=6.4.2+dfsg-10 \
  python3-pyqt6=6.4.2-1 python3-pyqt6.sip python3-pyqt6.qtwebsockets=6.4.2-1 \
  libdouble-conversion3 libpcre2-16-0 libicu72 libglib2.0-0 libproxy1v5 libts0 libb2-1 libgomp1 \
  libbrotli1 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1
for file in ./*.deb; do dpkg -x "$file" root; done

cat >play.py <<'END'
import base64
import hashlib
import importlib
import os
import re
import socket
import struct
import sys
import threading

qt = f'PyQt{sys.argv[1]}'
core = importlib.import_module(f'{qt}.QtCore')
QWebSocket = importlib.import_module(f'{qt}.QtWebSockets').QWebSocket
GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
RESPONSE = (b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            b'Sec-WebSocket-Accept: %s\r\n\r\n')
CASES = [('a close frame with 4001', b'\x88\x02' + struct.pack('!H', 4001)),
         ('a close frame with 1000', b'\x88\x02' + struct.pack('!H', 1000)),
         ('a close frame without a code', b'\x88\x00'),
         ('the end of TCP behind a message', b'\x81\x02hi'),
         ('the end of TCP within a frame', b'\x81\x05hi'),
         ('a reset', None)]


def serve(server, last):
    conn, _ = server.accept()
    with conn:
        head = b''
        while b'\r\n\r\n' not in head:
            head += conn.recv(65536)
        key = re.search(rb'(?i)sec-websocket-key: *(\S+)', head)[1]
        conn.sendall(RESPONSE % base64.b64encode(hashlib.sha1(key + GUID).digest()))
        conn.recv(65536)  # the message that says that it is open
        if last is None:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            return
        conn.sendall(last)
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(65536):
            pass


def number(value):
    return value if isinstance(value, int) else value.value


def play(name, port):
    client = QWebSocket()
    client.connected.connect(lambda: client.sendTextMessage('open'))
    client.disconnected.connect(app.quit)
    client.error.connect(app.quit)
    client.open(core.QUrl(f'ws://127.0.0.1:{port}'))
    getattr(app, 'exec', getattr(app, 'exec_', None))()
    print(f'  {name}: closeCode {number(client.closeCode())}, error {number(client.error())}')


app = core.QCoreApplication([])
print('Qt', core.qVersion())
for name, last in CASES:
    with socket.create_server(('127.0.0.1', 0)) as server:
        thread = threading.Thread(target=serve, args=(server, last), daemon=True)
        thread.start()
        play(name, server.getsockname()[1])
        thread.join()
with socket.socket() as unused:
    unused.bind(('127.0.0.1', 0))
    play('nobody listens', unused.getsockname()[1])
sys.stdout.flush()
os._exit(0)  # once, Qt 6 did not end by itself
END
lib=$(dirname "$(find "$PWD/root" -name libQt5Core.so.5)")
for major in 5 6; do
  QT_LOGGING_RULES='qt.network.ssl=false' LD_LIBRARY_PATH=$lib \
    PYTHONPATH=root/usr/lib/python3/dist-packages /usr/bin/python3 play.py $major
done | tee seen

for version in 5.15.8 6.4.2; do
  cat <<END
Qt $version
  a close frame with 4001: closeCode 4001, error -1
  a close frame with 1000: closeCode 1000, error -1
  a close frame without a code: closeCode 1000, error -1
  the end of TCP behind a message: closeCode 1000, error 1
  the end of TCP within a frame: closeCode 1000, error 1
  a reset: closeCode 1000, error 1
  nobody listens: closeCode 1000, error 0
END
done >expected
diff expected seen
