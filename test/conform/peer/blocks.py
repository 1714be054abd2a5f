"""Beyond the suite: single frames with permessage-deflate on. The examples of RFC 7692 7.2.3,
blocks of all types, and what has to fail the connection."""

import zlib

from . import frames
from .case import (
    Case, Closing, N, P, Terms, U, binary, close, close_frame, cont, echo, kill, ping, pong,
    raw_close, text,
)
from .compressed import NONE
from .deflate import TAIL
from .deflate_data import source

RSV1 = 4
HELLO = text('Hello')
PLAIN = text('plain')
TERMS = Terms((NONE,), ({'client_max_window_bits': None},))
FRESH = {'server_no_context_takeover': None, 'client_no_context_takeover': None}
FRESH_TERMS = Terms((FRESH,), ({**FRESH, 'client_max_window_bits': None},))
SMALL = {'server_max_window_bits': '9', 'client_max_window_bits': '9'}
SMALL_TERMS = Terms((SMALL,), (SMALL,))
D = Closing('D', 'peer', (1002, 1007), False)  # RFC 7692 names no code

NOISE = source('noise').randbytes(32000)
FAR = NOISE + b'far away, but within' + NOISE[:500]

# RFC 7692 7.2.3.
ONE_BLOCK = 'f248cdc9c90700'
SHARED = 'f200110000'  # the same, as a reference to it
STORED = '000500faff48656c6c6f00'
FINAL = 'f348cdc9c9070000'
TWO_BLOCKS = 'f24805000000ffffcac9c90700'


def compressed(octets, make=text, **fields):
    payload = bytes.fromhex(octets) if isinstance(octets, str) else octets
    return make(payload, rsv=RSV1, **fields)


def deflated(payload, bits=15):
    deflater = zlib.compressobj(6, zlib.DEFLATED, -bits)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-len(TAIL)]


def right(name, sent, *received, terms=TERMS):
    return Case(f'block.{name}', tuple(sent), close(2), echo(*received), N, deflate=terms)


def wrong(name, sent, *received, closing=P, terms=TERMS):
    """What was right before may be lost."""
    ok = echo(*received)
    return Case(f'block.{name}', tuple(sent), kill(2), ok, closing, deflate=terms,
                non_strict=() if ok else None)


def examples():
    first = compressed(ONE_BLOCK)
    yield right('one', [first], HELLO)
    whole = bytes.fromhex(ONE_BLOCK)
    parts = compressed(whole[:3], fin=False), cont(whole[3:])
    yield right('fragments', parts, HELLO)
    yield right('shared-window', [first, compressed(SHARED)], HELLO, HELLO)
    yield right('no-takeover', [first, first], HELLO, HELLO, terms=FRESH_TERMS)
    yield right('stored', [compressed(STORED)], HELLO)
    yield right('final', [compressed(FINAL)], HELLO)
    yield right('final-then-more', [compressed(FINAL), first], HELLO, HELLO)
    yield right('final-then-shared', [compressed(FINAL), compressed(SHARED)], HELLO, HELLO)
    yield right('final-within', [compressed('f348cdc9c90700' + ONE_BLOCK)], text('HelloHello'))
    yield right('two', [compressed(TWO_BLOCKS)], HELLO)


def taken():
    first, empty = compressed(ONE_BLOCK), compressed('00')
    payload = bytes.fromhex(ONE_BLOCK)
    yield right('empty', [empty], text())
    yield right('empty-between', [first, empty, compressed(SHARED)], HELLO, text(), HELLO)
    yield right('plain', [PLAIN], PLAIN)
    yield right('plain-between', [first, PLAIN, compressed(SHARED)], HELLO, PLAIN, HELLO)
    yield right('plain-fragments', [text('Hel', fin=False), cont('lo')], HELLO)
    octets = [compressed(payload[:1], fin=False), *(cont(payload[i:i + 1], fin=False)
                                                    for i in range(1, len(payload))), cont()]
    yield right('octet-by-octet', octets, HELLO)
    yield right('empty-first', [compressed('', fin=False), cont(payload)], HELLO)
    yield right('chopped', [compressed(payload, cut=1)], HELLO)
    euro = text('\u20ac').payload
    blocks = deflated(euro[:1]) + TAIL + deflated(euro[1:])
    yield right('character-in-two', [compressed(blocks)], text(euro))
    amid = [compressed(payload[:3], fin=False), ping('amid'), cont(payload[3:])]
    yield Case('block.ping-amid', tuple(amid), close(2),
               ((frames.PONG, b'amid'), *echo(HELLO)), N, deflate=TERMS)
    yield right('pong-amid', [amid[0], pong('amid'), amid[2]], HELLO)
    zeros = bytes(1 << 20)
    yield right('many', [compressed(deflated(zeros), binary)], binary(zeros))
    yield right('far', [compressed(deflated(FAR), binary)], binary(FAR))
    near = deflated(FAR[:400] * 3, 9)
    yield right('near', [compressed(near, binary)], binary(FAR[:400] * 3), terms=SMALL_TERMS)


def reserved_bits():
    first = compressed(ONE_BLOCK)
    half = compressed(bytes.fromhex(ONE_BLOCK)[:3], fin=False)
    rest = bytes.fromhex(ONE_BLOCK)[3:]
    yield wrong('rsv1-continuation', [half, cont(rest, rsv=RSV1)])
    yield wrong('rsv1-plain-continuation', [text('Hel', fin=False), cont('lo', rsv=RSV1)])
    yield wrong('rsv1-ping', [ping('p', rsv=RSV1)])
    yield wrong('rsv1-pong', [pong('p', rsv=RSV1)])
    yield wrong('rsv1-close', [close_frame(1000, rsv=RSV1)])
    yield wrong('rsv1-empty-close', [raw_close(rsv=RSV1)])
    yield wrong('rsv1-ping-amid', [half, ping('p', rsv=RSV1), cont(rest)])
    for rsv in (1, 2, 3):
        yield wrong(f'rsv-{rsv}', [text('Hello', rsv=rsv)])
        yield wrong(f'rsv-{rsv}-with-1', [text(first.payload, rsv=RSV1 | rsv)])
    yield wrong('rsv1-behind-right', [first, ping('p', rsv=RSV1)], HELLO)


def corrupt(is_client):
    def case(name, octets, *before, terms=TERMS):
        received = [HELLO] * len(before)
        return wrong(name, [*before, compressed(octets)], *received, closing=D, terms=terms)

    first = compressed(ONE_BLOCK)
    yield case('type-3', 'ff')
    yield case('stored-length', '000500faf048656c6c6f00')
    yield case('no-deflate', b'Hello')
    yield case('before-the-start', SHARED)
    if not is_client:
        # A server need not take a client at its word (RFC 7692 7.1.1.2).
        yield case('window-gone', SHARED, first, terms=FRESH_TERMS)
    yield case('bad-behind-right', 'ff', first)
    yield case('codes', 'fcffff')
    # What is put behind it is no end of a block then (RFC 7692 7.2.2).
    yield case('truncated', 'f248')
    yield case('truncated-stored', '000500faff4865')
    yield case('truncated-head', 'edfdffff')


def utf8():
    surrogate = b'\xed\xa0\x80'
    yield wrong('utf8', [compressed(deflated(b'Hello' + surrogate))], closing=U)
    yield wrong('utf8-cut', [compressed(deflated(b'Hello\xe2\x82'))], closing=U)
    # RFC 6455 8.1: as soon as it has come.
    fast = compressed(deflated(b'Hello' + surrogate) + TAIL, fin=False)
    yield wrong('utf8-fast', [fast], closing=U)
    yield right('binary-not-utf8', [compressed(deflated(surrogate), binary)], binary(surrogate))


def closing():
    half = compressed(bytes.fromhex(ONE_BLOCK)[:3], fin=False)
    yield right('close-amid', [half, close_frame(1000)])


def cases(is_client):
    yield from examples()
    yield from taken()
    yield from reserved_bits()
    yield from corrupt(is_client)
    yield from utf8()
    yield from closing()
