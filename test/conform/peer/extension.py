"""Sec-WebSocket-Extensions (RFC 6455 9.1), and what it says of permessage-deflate (RFC 7692 7.1).

    permessage-deflate; server_no_context_takeover; client_max_window_bits, other; a="b c"

Parameters of one offer or answer are a dict, None for no value.
"""

import re
from typing import NamedTuple, Optional

from .handshake import Refused, require

NAME = 'permessage-deflate'
FLAGS = {'server_no_context_takeover', 'client_no_context_takeover'}
SERVER_BITS, CLIENT_BITS = 'server_max_window_bits', 'client_max_window_bits'
BITS = {str(bits) for bits in range(8, 16)}  # decimal, no leading zeros

TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
SPACE = re.compile('[ \t]*')
WORD = re.compile(TOKEN)
# The value is to be a token behind unquoting, too.
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Way(NamedTuple):
    """What the messages of one side are compressed with."""

    takeover: bool = True
    bits: int = 15


class Agreement(NamedTuple):
    server: Way = Way()
    client: Way = Way()


# --- the grammar ---


class Scanner:
    def __init__(self, text):
        self.text, self.place = text, 0
        self.skip()

    def skip(self):
        self.place = SPACE.match(self.text, self.place).end()

    def take(self, pattern):
        """A match and the space behind it, or None."""
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
            self.skip()
        return found

    def token(self):
        found = self.take(WORD)
        require(found, f'extensions {self.text!r}')
        return found[0]

    def sign(self, char):
        return self.take(re.compile(re.escape(char)))

    def value(self):
        found = self.take(QUOTED)
        if not found:
            return self.token()
        value = re.sub(r'\\(.)', r'\1', found[1])
        require(WORD.fullmatch(value), f'quoted {value!r}')
        return value

    def params(self):
        while self.sign(';'):
            name = self.token()
            yield name, self.value() if self.sign('=') else None

    def elements(self):
        yield self.token(), list(self.params())
        while self.sign(','):
            yield self.token(), list(self.params())
        require(self.place == len(self.text), f'extensions {self.text!r}')


def parse(value):
    """Pairs (name, list of parameters)."""
    return list(Scanner(value).elements())


# --- permessage-deflate ---


def check_param(name, value, is_answer):
    if name in FLAGS:
        require(value is None, f'{name} with a value')
    elif name == CLIENT_BITS and value is None:
        require(not is_answer, f'{name} without a value')
    else:
        require(name in (SERVER_BITS, CLIENT_BITS), f'parameter {name}')
        require(value in BITS, f'{name}={value}')


def params_of(pairs, is_answer):
    for name, value in pairs:
        check_param(name, value, is_answer)
    require(len(dict(pairs)) == len(pairs), 'a parameter twice')
    return dict(pairs)


def offers_of(value):
    """The offers of permessage-deflate that are right. A server declines the others (RFC 7692
    7.1)."""
    found = []
    for name, pairs in parse(value):
        if name == NAME:
            try:
                found.append(params_of(pairs, is_answer=False))
            except Refused:
                continue
    return found


def written(params):
    values = (name if value is None else f'{name}={value}' for name, value in params.items())
    return '; '.join([NAME, *values])


def bits_of(params, name):
    return int(params.get(name) or 15)


def agreement_of(offer, answer):
    """A client that offers client_max_window_bits with a value uses no larger window, whatever is
    answered (RFC 7692 7.1.2.2)."""
    return Agreement(
        server=Way('server_no_context_takeover' not in answer, bits_of(answer, SERVER_BITS)),
        client=Way('client_no_context_takeover' not in answer,
                   min(bits_of(offer, CLIENT_BITS), bits_of(answer, CLIENT_BITS))))


def answer_to(offer, asked):
    """The answer that asks that much besides what has been offered of the server; None if the
    offer does not allow it."""
    if CLIENT_BITS in asked and CLIENT_BITS not in offer:
        return None
    answer = dict(asked)
    if 'server_no_context_takeover' in offer:
        answer['server_no_context_takeover'] = None
    bits = min(bits_of(offer, SERVER_BITS), bits_of(asked, SERVER_BITS))
    if SERVER_BITS in offer or SERVER_BITS in asked:
        answer[SERVER_BITS] = str(bits)
    return answer


def answered(terms, value):
    """The answer to offers, by a case's terms, and what it means; (None, None): declined."""
    offers = offers_of(value) if terms and value is not None else []
    for asked in terms.asked if terms else ():
        for offer in offers:
            answer = answer_to(offer, asked)
            if answer is not None:
                return written(answer), agreement_of(offer, answer)
    return None, None


def check_answered(offer, answer):
    """RFC 7692 7.1.1.1, 7.1.2.1, 7.1.2.2."""
    wanted = 'server_no_context_takeover'
    require(wanted in answer or wanted not in offer, f'no {wanted}')
    require(CLIENT_BITS not in answer or CLIENT_BITS in offer, f'unasked {CLIENT_BITS}')
    if SERVER_BITS in offer:
        require(SERVER_BITS in answer, f'no {SERVER_BITS}')
        require(int(answer[SERVER_BITS]) <= int(offer[SERVER_BITS]), f'{SERVER_BITS} too large')


def accepted(offers, value) -> Optional[Agreement]:
    """What a server's answer means for the one who made the offers; None: declined."""
    if value is None:
        return None
    elements = parse(value)
    require(len(elements) == 1 and elements[0][0] == NAME, f'extensions {value!r}')
    answer, complaint = params_of(elements[0][1], is_answer=True), None
    for offer in offers:
        try:
            check_answered(offer, answer)
        except Refused as refused:
            complaint = complaint or refused
            continue
        return agreement_of(offer, answer)
    raise complaint or Refused('unasked permessage-deflate')
