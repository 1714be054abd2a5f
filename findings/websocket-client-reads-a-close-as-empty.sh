#!/bin/bash
# Wrong guess: recv() of websocket-client (Python) returns what the peer has sent as messages, and
# tells by an exception that the peer has closed.
#
# websocket-client 1.2.3 returns '' for a close frame, which is what it returns for an empty message
# too; the exception comes from the next call. A loop that ends at '' loses what the peer sends
# behind an empty message, and one that does not takes each close for a message. recv() drops the
# close code and the reason, and the answer is 1000 whatever the code was. A program that wants them
# has to call recv_data_frame(True), which returns the opcode and the frame. A server should not
# send empty messages to such programs, nor expect its own close code in the answer.
#
# Needs Debian 12's apt and Python. Prints what both ends get, and fails if it changes.
set -euo pipefail

version=1.2.3-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq python3-websocket="$version"
dpkg -x ./*.deb root

cat >play.py <<'END'
import base64
import hashlib
import re
import socket
import struct
import threading

import websocket

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
RESPONSE = (b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            b'Sec-WebSocket-Accept: %s\r\n\r\n')


def text(payload):
    return bytes([0x81, len(payload)]) + payload


def close(code, reason):
    return bytes([0x88, 2 + len(reason)]) + struct.pack('!H', code) + reason


def serve(server, last, answers):
    conn, _ = server.accept()
    with conn:
        head = b''
        while b'\r\n\r\n' not in head:
            head += conn.recv(65536)
        key = re.search(rb'(?i)sec-websocket-key: *(\S+)', head)[1]
        conn.sendall(RESPONSE % base64.b64encode(hashlib.sha1(key + GUID).digest()) + last)
        conn.shutdown(socket.SHUT_WR)
        data = b''
        while piece := conn.recv(65536):
            data += piece
        payload = bytes(byte ^ data[2 + i % 4] for i, byte in enumerate(data[6:]))
        answers.append(struct.unpack('!H', payload[:2])[0])


def play(name, last, receive):
    answers = []
    with socket.create_server(('127.0.0.1', 0)) as server:
        thread = threading.Thread(target=serve, args=(server, last, answers), daemon=True)
        thread.start()
        client = websocket.create_connection(f'ws://127.0.0.1:{server.getsockname()[1]}')
        got = receive(client)
        thread.join()
    print(f'{name}: {got}, the server gets {answers[0]}')


def until_exception(client):
    got = []
    try:
        while True:
            got.append(client.recv())
    except websocket.WebSocketConnectionClosedException:
        client.shutdown()
        return got


def until_empty(client):
    got = list(iter(client.recv, ''))
    client.close()
    return got


def whole_frame(client):
    opcode, frame = client.recv_data_frame(True)
    client.shutdown()
    return opcode, frame.data


print('websocket-client', websocket.__version__)
MESSAGES = text(b'one') + text(b'') + text(b'three')
play('messages and 1001, up to the exception', MESSAGES + close(1001, b''), until_exception)
play('messages and 1001, up to an empty one', MESSAGES + close(1001, b''), until_empty)
play('4001 with a reason, by recv', close(4001, b'full'), until_exception)
play('4001 with a reason, by recv_data_frame', close(4001, b'full'), whole_frame)
END
PYTHONPATH=root/usr/lib/python3/dist-packages /usr/bin/python3 -S play.py | tee seen

cat >expected <<'END'
websocket-client 1.2.3
messages and 1001, up to the exception: ['one', '', 'three', ''], the server gets 1000
messages and 1001, up to an empty one: ['one'], the server gets 1000
4001 with a reason, by recv: [''], the server gets 1000
4001 with a reason, by recv_data_frame: (8, b'\x0f\xa1full'), the server gets 1000
END
diff expected seen
