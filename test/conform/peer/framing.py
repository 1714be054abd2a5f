"""Groups 1-5 and 10: framing, pings, reserved bits and opcodes, fragmentation."""

from . import frames
from .case import (
    FLUSH, Case, N, P, Split, Wait, binary, close, close_frame, cont, echo, frame_of, kill, ping,
    pong, raw_close, text,
)

HELLO = 'Hello, world!'
OCTETS = bytes.fromhex('00fffefdfcfb00ff')
RESERVED = 'reserved opcode payload'
ONE_AND_TWO = text('fragment1fragment2')

# Lengths on the borders of the three length forms, the seconds they are given, and chop.
LENGTHS = (
    (0, 1, None), (125, 1, None), (126, 1, None), (127, 1, None), (128, 1, None),
    (65535, 10, None), (65536, 10, None), (65536, 10, 997),
)


def lengths(section, make, octet):
    for i, (n, seconds, cut) in enumerate(LENGTHS, 1):
        frame = make(octet * n, cut=cut)
        yield Case(f'{section}.{i}', (frame,), kill(seconds), echo(frame), N)


def pings():
    """Group 2. 2.7-2.9: unasked pongs are ignored."""
    unasked, last = pong('unsolicited pong payload'), ping('ping payload')
    ten = [ping(f'payload-{i}') for i in range(10)]
    ten_chopped = [ping(frame.payload, cut=1) for frame in ten]
    bye = close_frame(1000)

    def case(number, sent, answered, timer=close(1), closing=N):
        answers = tuple((frames.PONG, frame.payload) for frame in answered)
        return Case(f'2.{number}', tuple(sent), timer, answers, closing)

    for i, payload in enumerate((b'', HELLO, OCTETS, b'\xfe' * 125), 1):
        yield case(i, [ping(payload)], [ping(payload)])
    yield case(5, [ping(b'\xfe' * 126)], [], kill(1), P)
    yield case(6, [ping(b'\xfe' * 125, cut=1)], [ping(b'\xfe' * 125)], close(2))
    yield case(7, [pong(), bye], [])
    yield case(8, [unasked, bye], [])
    yield case(9, [unasked, last], [last])
    yield case(10, ten, ten, close(3))
    yield case(11, ten_chopped, ten, close(3))


def wrong(number, *sent):
    """A case whose first frame has to fail the connection."""
    return Case(number, sent, kill(1), (), P)


def wrong_second(number, make, cut=None, **fields):
    """A message, a frame that has to fail the connection, and a ping that must not be answered.
    The message may be lost."""
    first = text(HELLO, cut=cut)
    sent = (first, make(cut=cut, **fields), ping(cut=cut))
    return Case(number, sent, kill(1), echo(first), P, non_strict=())


def reserved_bits():
    """Group 3."""
    yield wrong('3.1', text(HELLO, rsv=1))
    for i, cut in enumerate((None, FLUSH, 1), 2):
        yield wrong_second(f'3.{i}', text, cut, payload=HELLO, rsv=i)
    yield wrong('3.5', binary(OCTETS, rsv=5))
    yield wrong('3.6', binary(HELLO, rsv=6))
    yield wrong('3.7', raw_close(rsv=7))


def reserved_opcodes(section, first_opcode):
    """Group 4."""
    op = [frame_of(first_opcode + i) for i in range(5)]
    yield wrong(f'{section}.1', op[0]())
    yield wrong(f'{section}.2', op[1](RESERVED))
    yield wrong_second(f'{section}.3', op[2])
    yield wrong_second(f'{section}.4', op[3], payload=HELLO)
    yield wrong_second(f'{section}.5', op[4], cut=1, payload=HELLO)


def fragments():
    """5.1-5.8: two fragments, in three ways of writing, and with a ping between them."""
    yield wrong('5.1', ping('fragment1', fin=False), cont('fragment2'))
    yield wrong('5.2', pong('fragment1', fin=False), cont('fragment2'))
    for i, cut in enumerate((None, FLUSH, 1)):
        one, two = text('fragment1', fin=False, cut=cut), cont('fragment2', cut=cut)
        yield Case(f'5.{3 + i}', (one, two), close(1), echo(ONE_AND_TWO), N)
    for i, cut in enumerate((None, FLUSH, 1)):
        one, two = text('fragment1', fin=False, cut=cut), cont('fragment2', cut=cut)
        sent = (one, ping('ping payload', cut=cut), two)
        yield Case(f'5.{6 + i}', sent, close(1), echo(pong('ping payload'), ONE_AND_TWO), N)


def wrong_fragments():
    """5.9-5.18: continuations of nothing; a new message inside of one."""
    nothing, number = 'non-continuation payload', 9
    for fin in (True, False):
        for cut in (None, FLUSH, 1):
            yield wrong(f'5.{number}', cont(nothing, fin=fin, cut=cut), text(HELLO, cut=cut))
            number += 1
    sent = (text('fragment1', fin=False), cont('fragment2'), cont('fragment3', fin=False),
            text('fragment4'))
    yield Case('5.15', sent, kill(1), echo(ONE_AND_TWO), P, non_strict=())
    rest = (text('fragment2', fin=False), cont('fragment3'))
    for number, fin in ((16, False), (17, True)):
        yield wrong(f'5.{number}', *(cont('fragment1', fin=fin), *rest) * 2)
    yield wrong('5.18', text('fragment1', fin=False), text('fragment2'))


def pause(number, cut):
    """5.19, 5.20: the first ping has to be answered while the message is still open."""
    pings_sent = ping('pongme 1!', cut=cut), ping('pongme 2!', cut=cut)
    part = [cont(f'fragment{i}', fin=i == 5, cut=cut) for i in range(1, 6)]
    first = text('fragment1', fin=False, cut=cut)
    sent = (first, part[1], pings_sent[0], Wait(1), part[2], part[3], pings_sent[1], part[4])
    whole = text(b''.join(frame.payload for frame in part))
    pongs = tuple((frames.PONG, frame.payload) for frame in pings_sent)
    return Case(number, sent, close(1), pongs + echo(whole), N)


def automatic():
    """Group 10."""
    whole = text('*' * 65536)
    sent = Split(whole, 1300, empty_end=False)
    yield Case('10.1.1', (sent,), kill(10), echo(whole), N)


def cases():
    yield from lengths('1.1', text, b'*')
    yield from lengths('1.2', binary, b'\xfe')
    yield from pings()
    yield from reserved_bits()
    yield from reserved_opcodes('4.1', 3)
    yield from reserved_opcodes('4.2', 11)
    yield from fragments()
    yield from wrong_fragments()
    yield pause('5.19', None)
    yield pause('5.20', FLUSH)
