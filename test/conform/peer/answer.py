"""What a case of the opening handshake's second half is: an answer that is played to a client, and
what has to become of it.

    HTTP/1.1 101 Switching Protocols            RFC 6455 4.2.2, RFC 9112 4
    Upgrade: websocket
    Connection: Upgrade
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=

Texts are octets, one character each. A word in angle brackets stands for what is made from the
request's key: <accept> is the right value.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Tuple

from .frames import TEXT, Frame, encode
from .handshake import GUID, accept_value
from .steps import whole

LINE = 'HTTP/1.1 101 Switching Protocols'
FIELDS = {
    'Upgrade': ('Upgrade: websocket',),
    'Connection': ('Connection: Upgrade',),
    'Accept': ('Sec-WebSocket-Accept: <accept>',),
}
ANY_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='  # of RFC 6455 1.3
SHORT_MS = 400  # for what has to run out of time


class Deflate(NamedTuple):
    """A client's settings of permessage-deflate, words with commas between, and the offer, by the
    names of its parameters, that has to come of them."""

    settings: str
    offer: tuple


@dataclass(frozen=True)
class Answer:
    """The first message, if there is to be one, is the name of the case."""

    id: str
    head: str  # with the empty line that ends it
    expected: str  # see patterns()
    behind: bytes = b''  # glued to the head
    way: Callable = whole  # to write it
    offers: Tuple[str, ...] = ()
    timeout_ms: int = 0  # of the client; 0: its default
    deflate: Optional[Deflate] = None  # of the client; None: no extension


# --- making them ---


def head(line=LINE, *extra, **fields):
    """The good answer, with another status line, with more lines of fields in front of its own,
    with other lines in the place of a field's (none: it is missing)."""
    lines = [line, *extra]
    for own in {**FIELDS, **fields}.values():
        lines += own
    return '\r\n'.join(lines) + '\r\n\r\n'


def text(message):
    return encode(Frame(TEXT, message.encode()), masked=False)


def answer(name, octets, expected, **rest):
    """A text message that is glued to the head has to be delivered if the answer is good, and may
    not be if it is bad."""
    rest.setdefault('behind', text(name))
    return Answer(name, octets, expected, **rest)


def answers(group, table, make, **rest):
    """Of rows (name, what `make` takes, expected)."""
    for name, what, expected in table:
        yield answer(f'{group}.{name}', make(what), expected, **rest)


# --- what goes out ---


def digest(key, guid=GUID):
    return hashlib.sha1(key.encode('latin-1') + guid).digest()


def loose(value):
    """The same octets for a decoder that does not look at the two last bits."""
    alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    return value[:-2] + alphabet[alphabet.index(value[-2]) ^ 1] + value[-1]


def words(key):
    right = accept_value(key)
    return {
        '<accept>': right,
        '<first half>': right[:14],
        '<second half>': right[14:],
        '<unpadded>': right.rstrip('='),
        '<last>': right[:26] + ('A' if right[26] != 'A' else 'B') + '=',
        '<lower>': right.lower(),
        '<swapped>': right.swapcase(),
        '<loose>': loose(right),
        '<other>': accept_value(ANY_KEY),
        '<key>': key,
        '<without guid>': base64.b64encode(digest(key, b'')).decode(),
        '<lower guid>': base64.b64encode(digest(key, GUID.lower())).decode(),
        '<hex>': digest(key).hex(),
        '<base64 of hex>': base64.b64encode(digest(key).hex().encode()).decode(),
    }


def octets_of(case, key=ANY_KEY):
    """All that is written, in one piece. The length is the same for every key."""
    found = case.head
    for word, value in words(key).items():
        found = found.replace(word, value)
    return found.encode('latin-1') + case.behind


# --- what has to come of it ---

LIBUV = {'EOF', 'ECONNRESET', 'ETIMEDOUT'}
BEHIND_101 = {'EUPGRADE', 'EACCEPT', 'ESUBPROTOCOL', 'EEXTENSION'}


def pattern(case_id, word):
    """The line that a word of `expected` stands for: `open`, `open:SUBPROTOCOL`, the name of a
    code, or CODE:STATUS. What has a space in it is the line."""
    if ' ' in word:
        return word
    name, _colon, rest = word.partition(':')
    if name == 'open':
        return f'open {rest or "-"} {case_id}'
    status = rest or ('101' if name in BEHIND_101 else '*')
    return f'{name if name in LIBUV else "WSUV_" + name} handshake {status}'


def patterns(case):
    """The lines that are right, as patterns; more than one where the texts leave a choice."""
    return [pattern(case.id, word) for word in case.expected.split('|')]
