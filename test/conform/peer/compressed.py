"""Groups 12 and 13: streams of compressed messages, of five kinds of data, with seven sets of
parameters."""

from .case import Compressed, N, Stream, Terms, close
from .deflate_data import content
from .frames import BIN, TEXT

MESSAGES = 1000

# Units a message, seconds, octets a frame.
SIZES = (
    (16, 60, None), (64, 60, None), (256, 120, None), (1024, 240, None), (4096, 480, None),
    (8192, 480, None), (16384, 480, None), (32768, 480, None), (65536, 480, None),
    (131072, 480, None), (8192, 480, 256), (16384, 480, 256), (32768, 480, 256), (65536, 480, 256),
    (131072, 480, 256), (131072, 480, 1024), (131072, 480, 4096), (131072, 480, 32768),
)

KINDS = ((TEXT, 'json'), (BIN, 'bitmap'), (BIN, 'prose'), (TEXT, 'html'), (BIN, 'pdf'))

# Of group 13: what is asked as server, what is offered as client.
NONE, FRESH = {}, {'client_no_context_takeover': None}
SERVER_FRESH = {'server_no_context_takeover': None}
CLIENT = {'client_no_context_takeover': None, 'client_max_window_bits': None}


def client_bits(bits):
    return {'client_max_window_bits': str(bits)}


def server_bits(bits):
    return {'server_max_window_bits': str(bits)}


ASKED = (
    NONE,
    FRESH,
    client_bits(9),
    client_bits(15),
    {**FRESH, **client_bits(9)},
    {**FRESH, **client_bits(15)},
)
OFFERED = (
    NONE,
    SERVER_FRESH,
    server_bits(9),
    server_bits(15),
    {**SERVER_FRESH, **server_bits(9)},
    {**SERVER_FRESH, **server_bits(15)},
)


class Ring:
    """Message `number` is so many units, octets or characters, from where the one before ended; at
    the end of the content it goes on at the start."""

    def __init__(self, opcode, name, length, size):
        self.opcode, self.name, self.length, self.size = opcode, name, length, size
        self.last = None, None

    def __call__(self, number):
        if self.last[0] != number:
            self.last = number, self.message(number)
        return self.last[1]

    def message(self, number):
        units = content(self.name)
        start = number * self.length % len(units)
        part = units[start:start + self.length]
        part += units[:self.length - len(part)]
        payload = part.encode() if isinstance(part, str) else part
        return Compressed(self.opcode, payload, self.size)


def stream(case_id, message, seconds, count, terms):
    first = message(0)
    return Stream(case_id, (), close(seconds), ((first.opcode, first.payload),), N, rounds=count,
                  deflate=terms, message=message)


def section(number, opcode, name, count, terms):
    for i, (length, seconds, size) in enumerate(SIZES, 1):
        message = Ring(opcode, name, length, size)
        yield stream(f'{number}.{i}', message, seconds, count, terms)


def offer(params):
    return {**params, **CLIENT}


def parameters():
    """Of group 13."""
    for asked, offered in zip(ASKED, OFFERED):
        yield Terms((asked,), (offer(offered),))
    order = (4, 1, 0)
    yield Terms(tuple(ASKED[i] for i in order), tuple(offer(OFFERED[i]) for i in order))


def cases(count=MESSAGES):
    """With so many messages in each."""
    for i, (opcode, name) in enumerate(KINDS, 1):
        yield from section(f'12.{i}', opcode, name, count, Terms((NONE,), (CLIENT,)))
    for i, terms in enumerate(parameters(), 1):
        yield from section(f'13.{i}', TEXT, 'json', count, terms)
