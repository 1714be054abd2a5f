"""Groups 9 and 10: large messages, whole, in fragments and in chops; many round trips."""

from .case import Case, N, Split, binary, close, echo, fill, kill, text

KIB, MIB = 1024, 1024 * 1024
TEXT_FILL, BINARY_FILL = b'BAsd7&jh23', bytes.fromhex('00fe23faf0')


def case(case_id, sent, seconds, frame, rounds=1):
    return Case(case_id, (sent,), close(seconds), echo(frame), N, rounds=rounds)


def whole(section, make, pattern, quick):
    """9.1, 9.2: one frame. The first `quick` have 10 s."""
    for i, n in enumerate((64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB)):
        frame = make(fill(pattern, n))
        yield case(f'{section}.{i + 1}', frame, 10 if i < quick else 100, frame)


def fragments(section, make, first_octet):
    """9.3, 9.4: 4 MiB in frames of one size, the last with FIN and empty; at last in one frame."""
    first, other = make(first_octet * (4 * MIB)), make(b'*' * (4 * MIB))
    for i in range(9):
        size, frame = 64 * 4**i, other if i else first
        sent = Split(frame, size, empty_end=size < 4 * MIB)
        yield case(f'{section}.{i + 1}', sent, 100, frame)


def chops(section, make, pattern):
    """9.5, 9.6: one frame of 1 MiB, written in small pieces."""
    payload = fill(pattern, MIB)
    for i in range(6):
        frame = make(payload, cut=64 << i)
        yield case(f'{section}.{i + 1}', frame, 1000, frame)


def round_trips(section, make, octet):
    """9.7, 9.8: each message waits for the echo of the last."""
    sizes = ((0, 60), (16, 60), (64, 60), (256, 120), (1024, 240), (4096, 480))
    for i, (n, seconds) in enumerate(sizes, 1):
        frame = make(octet * n)
        yield case(f'{section}.{i}', frame, seconds, frame, rounds=1000)


def cases():
    yield from whole('9.1', text, TEXT_FILL, 2)
    yield from whole('9.2', binary, BINARY_FILL, 4)
    yield from fragments('9.3', text, b'*')
    yield from fragments('9.4', binary, b'\xfe')
    yield from chops('9.5', text, TEXT_FILL)
    yield from chops('9.6', binary, BINARY_FILL)
    yield from round_trips('9.7', text, b'*')
    yield from round_trips('9.8', binary, b'\xfe')
    frame = text('*' * 65536)
    yield Case('10.1.1', (Split(frame, 1300, empty_end=False),), kill(10), echo(frame), N)
