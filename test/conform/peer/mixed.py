"""Beyond the suite: every combination of permessage-deflate's parameters, with messages, blocks and
fragments at random. The other end is zlib, called directly."""

import itertools

from .case import Compressed, Terms
from .compressed import stream
from .deflate_data import content, source
from .frames import BIN, TEXT

BITS = (None, *range(8, 16))
LEVELS = (6, 1, 9, 0)
MESSAGES, SECONDS = 6, 20
MOST = (0, 10, 300, 5000, 20000)  # octets
OFFERED_ALONE = ''  # client_max_window_bits without a value


def params(server_fresh, client_fresh, server_bits, client_bits):
    found = {}
    if server_fresh:
        found['server_no_context_takeover'] = None
    if client_fresh:
        found['client_no_context_takeover'] = None
    if server_bits is not None:
        found['server_max_window_bits'] = str(server_bits)
    if client_bits is not None:
        found['client_max_window_bits'] = str(client_bits) or None
    return found


class Random:
    """Message `number` is always the same. Some repeat what was sent in one of the last: that is
    what a window is for."""

    def __init__(self, name):
        self.name, self.found = name, {}

    def __call__(self, number):
        numbers = source(f'{self.name}-{number}')
        if number not in self.found:
            self.found[number] = self.payload(numbers, number)
        return Compressed(*self.found[number], None, numbers)

    def payload(self, numbers, number):
        length = int(numbers.random() * (MOST[int(numbers.random() * len(MOST))] + 1))
        kind = int(numbers.random() * 4)
        if kind == 0 and number > 0:
            opcode, payload = self.found[number - 1]
            return opcode, payload
        if kind == 1:
            return BIN, numbers.randbytes(length)
        name = 'prose' if kind == 2 else 'html'
        start = int(numbers.random() * (len(content(name)) - length))
        part = content(name)[start:start + length]
        return (TEXT, part.encode()) if name == 'html' else (BIN, part)


def mixed(case_id, terms):
    return stream(case_id, Random(case_id), SECONDS, MESSAGES, terms)


def combinations(client_bits):
    flags = (False, True)
    return itertools.product(flags, flags, BITS, client_bits)


def name(server_fresh, client_fresh, server_bits, client_bits):
    words = ['s', '-' if server_fresh else '+', str(server_bits or ''), 'c',
             '-' if client_fresh else '+',
             'any' if client_bits == OFFERED_ALONE else str(client_bits or '')]
    return 'mixed.' + ''.join(words)


def asked():
    """As server: what the client has to accept without having offered it, and what it has."""
    for i, values in enumerate(combinations(BITS)):
        level = LEVELS[i % len(LEVELS)]
        yield mixed(name(*values), Terms((params(*values),), (), level))


def offered():
    """As client."""
    for i, values in enumerate(combinations((*BITS, OFFERED_ALONE))):
        level = LEVELS[i % len(LEVELS)]
        yield mixed(name(*values), Terms((), (params(*values),), level))


def cases(is_client):
    return offered() if is_client else asked()
