"""The opening handshake, both sides (RFC 6455 4)."""

import base64
import binascii
import hashlib
import os

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
PATIENCE_S = 5  # from TCP's connection to the end of the opening handshake


class Refused(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Refused(what)


def accept_value(key):
    return base64.b64encode(hashlib.sha1(key.encode('latin-1') + GUID).digest()).decode()


def parse(head):
    """The first line, and the fields; repeated ones are joined (RFC 9110 5.3)."""
    line, *rest = head.decode('latin-1').rstrip('\r\n').split('\r\n')
    fields = {}
    for field in rest:
        name, colon, value = field.partition(':')
        require(colon and name == name.strip(), f'header field {field!r}')
        name, value = name.lower(), value.strip()
        fields[name] = f'{fields[name]}, {value}' if name in fields else value
    return line, fields


def tokens(fields, name):
    return {token.strip().lower() for token in fields.get(name, '').split(',')}


def require_upgrade(fields):
    require('websocket' in tokens(fields, 'upgrade'), 'no Upgrade: websocket')
    require('upgrade' in tokens(fields, 'connection'), 'no Connection: Upgrade')


def extensions_line(value):
    return f'Sec-WebSocket-Extensions: {value}\r\n' if value else ''


def extensions_of(head):
    """What is offered or answered; None: nothing."""
    return parse(head)[1].get('sec-websocket-extensions')


# --- the server's side ---


def target_of(head):
    """The request's target, of any request that has one."""
    words = parse(head)[0].split(' ')
    require(len(words) == 3, 'request line')
    return words[1]


def answer(head, extensions=None):
    """RFC 6455 4.2.1, 4.2.2. Upgrade is in capitals on purpose: it is compared without case."""
    line, fields = parse(head)
    require(line.startswith('GET ') and line.endswith(' HTTP/1.1'), f'request {line!r}')
    require(fields.get('host'), 'no Host')
    require_upgrade(fields)
    require(fields.get('sec-websocket-version') == '13', 'no Sec-WebSocket-Version: 13')
    key = fields.get('sec-websocket-key', '')
    try:
        require(len(base64.b64decode(key, validate=True)) == 16, 'length of Sec-WebSocket-Key')
    except binascii.Error:
        raise Refused('Sec-WebSocket-Key is not base64') from None
    return ('HTTP/1.1 101 Switching Protocols\r\nServer: peer\r\nUpgrade: WebSocket\r\n'
            f'Connection: Upgrade\r\nSec-WebSocket-Accept: {accept_value(key)}\r\n'
            f'{extensions_line(extensions)}\r\n').encode()


def refusal(status):
    return f'HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'.encode()


# --- the client's side ---


def request(host, target, extensions=None):
    """The request and its key."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (f'GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n'
            f'Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n'
            f'{extensions_line(extensions)}\r\n').encode(), key


def check_answer(head, key, offers=(), extensible=False):
    """RFC 6455 4.1, the client's requirements, but for the extensions that were chosen if some were
    offered. The subprotocol that was chosen, or ''."""
    line, fields = parse(head)
    require(line.startswith('HTTP/1.1 101'), f'answer {line!r}')
    require_upgrade(fields)
    require(fields['upgrade'].lower() == 'websocket', 'more in Upgrade than websocket')
    require(fields.get('sec-websocket-accept') == accept_value(key), 'wrong Sec-WebSocket-Accept')
    for name in ('sec-websocket-extensions', 'content-length', 'transfer-encoding'):
        allowed = extensible and name == 'sec-websocket-extensions'
        require(allowed or name not in fields, f'unasked {name}')
    chosen = fields.get('sec-websocket-protocol')
    require(chosen is None or chosen in offers, f'unasked subprotocol {chosen!r}')
    return chosen or ''
