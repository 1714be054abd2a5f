"""A client and a server of the opening handshake (RFC 6455 4) that are right, as simple as can be:
what those of broken_opening.py spoil. Shares nothing with the peer."""

import base64
import binascii
import hashlib
import os
import re
import socket
import struct
import time
import urllib.parse

from echo import CLOSE, GUID, PATIENCE_S, Echo, Fail, Server

HEAD_MAX, FIELDS_MAX, INTERIM_MAX = 16384, 100, 8
SHOWN = 64  # octets of a message
STATUS_LINE = re.compile(rb'HTTP/1\.1 ([1-9][0-9][0-9]) [\t -~\x80-\xff]*')
REQUEST_LINE = re.compile(rb'GET ((?:/|http://)[!-~]*) HTTP/1\.1')
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t -~\x80-\xff]*?)[\t ]*")


class Malformed(Exception):
    pass


class TooLarge(Exception):
    pass


class Refused(Exception):
    """`word` is a code for a client, a status for a server."""

    def __init__(self, word):
        super().__init__(word)
        self.word = word


def require(condition, word):
    if not condition:
        raise Refused(word)


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def tokens(values):
    return {token.strip(' \t').lower() for value in values for token in value.split(',')}


class Head:
    """Lines and fields off a socket, with a deadline for all of them."""

    def __init__(self, sock, timeout_s):
        self.sock, self.timeout_s = sock, timeout_s
        self.deadline = time.monotonic() + timeout_s
        self.rest, self.size = b'', 0

    def receive(self):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.rest += data

    def line(self):
        """Without its end."""
        while b'\n' not in self.rest:
            self.check_line(self.rest)
            self.receive()
        line, _end, self.rest = self.rest.partition(b'\n')
        self.check_line(line)
        self.size += len(line) + 1
        return self.without_cr(line)

    def without_cr(self, line):
        if not line.endswith(b'\r'):
            raise Malformed
        return line[:-1]

    def check_line(self, line):
        if self.size + len(line) + 1 > HEAD_MAX:
            raise TooLarge
        if b'\r' in line[:-1]:
            raise Malformed

    def first(self, pattern):
        self.size = 0
        found = pattern.fullmatch(self.line())
        if not found:
            raise Malformed
        return found[1].decode()

    def fields(self):
        """Values by name."""
        fields, count = {}, 0
        for line in self.field_lines():
            found = FIELD.fullmatch(line)
            if not found:
                raise Malformed
            count += 1
            if count > FIELDS_MAX:
                raise TooLarge
            fields.setdefault(found[1].decode().lower(), []).append(found[2].decode('latin-1'))
        return fields

    def field_lines(self):
        while line := self.line():
            yield line


class AnswerHead(Head):
    """LF ends a line with or without CR (RFC 9112 2.2), and a line that begins with a space or a
    tab goes on with the value before it (5.2)."""

    def without_cr(self, line):
        return line.removesuffix(b'\r')

    def field_lines(self):
        field = b''
        for line in super().field_lines():
            if line[:1] not in (b' ', b'\t'):
                if field:
                    yield field
                field = line
            elif not field:
                raise Malformed
            else:
                field += b' ' + line.strip(b' \t')
        if field:
            yield field


# --- the client ---


class FirstMessage(Echo):
    """Closes when a message has come."""

    def begin(self):
        self.message, self.closing = '', False

    def check_head(self, head):
        super().check_head(head)
        if head.key != b'\0\0\0\0':
            raise Fail(1002)

    def on_message(self, opcode, fragments):
        if not self.closing:
            self.message, self.closing = b''.join(fragments).decode()[:SHOWN], True
            self.send(CLOSE, struct.pack('>H', 1000))

    def on_close(self, payload):
        if not self.closing:
            self.send(CLOSE, payload[:2])
        self.end()

    def outcome(self):
        """None, or what went wrong."""
        self.begin()
        try:
            while not self.over:
                self.frame()
        except Fail:
            return 'WSUV_EPROTOCOL'
        except EOFError:
            return 'EOF'
        except OSError:
            return 'ECONNRESET'
        return None


class OpeningClient:
    """A connection up to the first message. This one is right."""

    head_kind = AnswerHead

    def __init__(self, url, offers, timeout_s):
        self.url, self.offers, self.timeout_s = urllib.parse.urlsplit(url), offers, timeout_s
        self.key, self.status = base64.b64encode(os.urandom(16)).decode(), 0

    def line(self):
        """What handshake_client prints."""
        try:
            with socket.create_connection((self.url.hostname, self.url.port)) as self.sock:
                return self.open()
        except Refused as refused:
            word = f'WSUV_{refused.word}'
        except Malformed:
            word = 'WSUV_EHTTP'
        except TooLarge:
            word = 'WSUV_EHEADERS'
        except EOFError:
            word = 'EOF'
        except OSError as error:
            word = 'ETIMEDOUT' if isinstance(error, TimeoutError) else 'ECONNRESET'
        return f'{word} handshake {self.status}'

    def open(self):
        self.sock.sendall(self.request().encode())
        head = self.head_kind(self.sock, self.timeout_s)
        fields = self.answer(head)
        self.check(fields)
        subprotocol = ''.join(fields.get('sec-websocket-protocol', ())) or '-'
        echo = self.connection(fields, self.behind(head))
        wrong = echo.outcome()
        if wrong:
            return f'{wrong} open {self.status} {echo.message}'
        return f'open {subprotocol} {echo.message or "-"}'

    def connection(self, _fields, rest):
        return FirstMessage(self.sock, True, rest)

    def request(self):
        offers = f'Sec-WebSocket-Protocol: {", ".join(self.offers)}\r\n' if self.offers else ''
        return (f'GET {self.url.path} HTTP/1.1\r\nHost: {self.url.netloc}\r\nUpgrade: websocket\r\n'
                f'Connection: Upgrade\r\nSec-WebSocket-Key: {self.key}\r\n'
                f'Sec-WebSocket-Version: 13\r\n{offers}{self.extensions()}\r\n')

    def extensions(self):
        """The line, if there is one."""
        return ''

    def answer(self, head):
        """The fields of the first answer that is not to be passed over."""
        for _i in range(INTERIM_MAX + 1):
            status = int(head.first(self.status_line()))
            fields = head.fields()
            if not self.is_interim(status):
                self.status = status
                return fields
        raise TooLarge

    def status_line(self):
        return STATUS_LINE

    def is_interim(self, status):
        return status < 200 and status != 101

    def check(self, fields):
        self.check_status()
        self.check_upgrade(fields)
        self.check_connection(fields)
        self.check_accept(fields)
        self.check_subprotocol(fields.get('sec-websocket-protocol', []))
        self.check_extensions(fields)

    def check_status(self):
        require(self.status == 101, 'ESTATUS')

    def check_upgrade(self, fields):
        values = [value.lower() for value in fields.get('upgrade', [])]
        require(values == ['websocket'], 'EUPGRADE')

    def check_connection(self, fields):
        require('upgrade' in tokens(fields.get('connection', [])), 'EUPGRADE')

    def check_accept(self, fields):
        require(fields.get('sec-websocket-accept') == [accept_of(self.key)], 'EACCEPT')

    def check_subprotocol(self, values):
        require(not values or len(values) == 1 and values[0] in self.offers, 'ESUBPROTOCOL')

    def check_extensions(self, fields):
        require('sec-websocket-extensions' not in fields, 'EEXTENSION')

    def behind(self, head):
        """What came with the head."""
        return head.rest


# --- the server ---


class OpeningServer:
    """A connection that is accepted and echoed, or refused. This one is right."""

    head_kind, subprotocol = Head, 'chat'

    def __init__(self, sock):
        self.sock = sock

    def run(self):
        with self.sock:
            try:
                self.serve()
            except Malformed:
                self.refuse(400)
            except TooLarge:
                self.refuse(431)
            except Refused as refused:
                self.refuse(refused.word)
            except (EOFError, OSError):
                pass

    def serve(self):
        head = self.head_kind(self.sock, PATIENCE_S)
        head.first(self.request_line())
        fields = head.fields()
        self.check(fields)
        self.sock.sendall(self.answer(fields).encode())
        self.connection(fields, self.behind(head)).run()

    def connection(self, _fields, rest):
        return Echo(self.sock, False, rest)

    def refuse(self, status):
        """And read on, so that a reset does not eat the answer."""
        try:
            self.sock.sendall(self.refusal(status).encode())
            self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(65536):
                pass
        except OSError:
            pass

    def refusal(self, status):
        more = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' if status == 426 else ''
        return (f'HTTP/1.1 {status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n{more}'
                '\r\n')

    def request_line(self):
        return REQUEST_LINE

    def check(self, fields):
        self.check_host(fields.get('host', []))
        self.check_upgrade(fields)
        self.check_connection(fields)
        self.check_version(fields.get('sec-websocket-version'))
        self.check_key(fields.get('sec-websocket-key', []))

    def check_host(self, values):
        require(len(values) == 1 and values[0], 400)

    def check_upgrade(self, fields):
        require('websocket' in tokens(fields.get('upgrade', [])), 426)

    def check_connection(self, fields):
        require('upgrade' in tokens(fields.get('connection', [])), 400)

    def check_version(self, values):
        require(values == ['13'], 426)

    def check_key(self, values):
        try:
            size = len(base64.b64decode(values[0], validate=True)) if len(values) == 1 else 0
        except binascii.Error:
            size = 0
        require(size == 16 and len(values[0]) == 24, 400)

    def answer(self, fields):
        lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
                 f'Sec-WebSocket-Accept: {self.accept(fields)}']
        if self.chooses(fields.get('sec-websocket-protocol', [])):
            lines.append(f'Sec-WebSocket-Protocol: {self.subprotocol}')
        lines += self.extensions(fields)
        return '\r\n'.join([*lines, '', ''])

    def extensions(self, _fields):
        return []

    def accept(self, fields):
        return accept_of(''.join(fields.get('sec-websocket-key', [])))

    def chooses(self, values):
        offers = [offer.strip(' \t') for value in values for offer in value.split(',')]
        return self.subprotocol in offers

    def behind(self, head):
        return head.rest


class Listener(Server):
    """On threads, until stop()."""

    def serve(self, sock):
        self.kind(sock).run()
