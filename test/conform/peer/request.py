"""What a case of the opening handshake's first half is: a request that is played to a server, and
what it has to answer.

    GET /chat HTTP/1.1                          RFC 6455 4.1, 4.2.1, RFC 9112 3
    Host: server.example
    Upgrade: websocket
    Connection: Upgrade
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
    Sec-WebSocket-Version: 13

Texts are octets, one character each. <key> stands for a new key, <host> for the server's address.
"""

from dataclasses import dataclass
from typing import Callable, Tuple

from .frames import TEXT, Frame, encode
from .steps import whole

LINE = 'GET / HTTP/1.1'
FIELDS = {
    'Host': ('Host: <host>',),
    'Upgrade': ('Upgrade: websocket',),
    'Connection': ('Connection: Upgrade',),
    'Key': ('Sec-WebSocket-Key: <key>',),
    'Version': ('Sec-WebSocket-Version: 13',),
}
ANY_KEY, ANY_HOST = 'dGhlIHNhbXBsZSBub25jZQ==', '127.0.0.1:65535'

# What is expected: see asking.py. A text message is glued to each request; a good one has to be
# answered by 101 and the message's echo.
OPEN = '101 - echo'
REFUSED = '4?? *'  # RFC 6455 4.2.1: an appropriate error, such as 400
NOT_OPEN = '4?? *|5?? *|end'  # or TCP's end without an answer, for what is no request


@dataclass(frozen=True)
class Request:
    id: str
    head: str  # with the empty line that ends it
    expected: str  # patterns with | between
    way: Callable = whole  # to write it
    offers: Tuple[str, ...] = ()
    deflate: bool = False  # the extension is looked at: 101 - echo deflate, 101 - echo plain


def head(line=LINE, *extra, **fields):
    """The good request, with another first line, with more fields, with other lines in the place
    of a field's (none: it is missing)."""
    lines = [line]
    for own in {**FIELDS, **fields}.values():
        lines += own
    return '\r\n'.join([*lines, *extra]) + '\r\n\r\n'


def requests(group, table, make, **rest):
    """Of rows (name, what `make` takes, expected)."""
    for name, what, expected in table:
        yield Request(f'{group}.{name}', make(what), expected, **rest)


def octets_of(case, key=ANY_KEY, host=ANY_HOST):
    """All that is written, in one piece."""
    found = case.head.replace('<key>', key).replace('<host>', host).encode('latin-1')
    return found + encode(Frame(TEXT, case.id.encode()), masked=True)
