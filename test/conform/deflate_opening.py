"""A client and a server whose opening handshake has permessage-deflate (RFC 7692 5.1, 7.1) and is
right: what those of broken_deflate_opening.py spoil. Shares nothing with the peer."""

import re

from deflate_echo import DeflateEcho
from opening import FirstMessage, OpeningClient, OpeningServer, Refused, require

NAME = 'permessage-deflate'
FLAGS = ('server_no_context_takeover', 'client_no_context_takeover')
SERVER_BITS, CLIENT_BITS = 'server_max_window_bits', 'client_max_window_bits'

# RFC 6455 9.1: no quoted comma or semicolon can be a token, so a list may be cut at all of them.
PARAM = re.compile(r'([\w-]+)(?:=(?:([\w.+-]+)|"((?:[\w.+-]|\\[\w.+-])+)"))?')


class Malformed(Exception):
    pass


def parse_param(text):
    found = PARAM.fullmatch(text.strip(' \t'))
    if not found:
        raise Malformed
    return found[1], found[2] or (found[3] and found[3].replace('\\', ''))


def parse(values):
    """Elements, each a list of (name, value or None) that begins with the extension."""
    return [[parse_param(word) for word in element.split(';')]
            for element in ', '.join(values).split(',')]


class FirstDeflated(FirstMessage, DeflateEcho):
    """The first message, compressed or not."""


class DeflateRules:
    """What is right for both sides."""

    def check_params(self, pairs, is_answer):
        require([name for name, _value in pairs[:1]] == [NAME], 'EEXTENSION')
        self.check_repeated(pairs[1:])
        for name, value in pairs[1:]:
            self.check_param(name, value, is_answer)

    def check_repeated(self, pairs):
        require(len(dict(pairs)) == len(pairs), 'EEXTENSION')

    def check_param(self, name, value, is_answer):
        if name in FLAGS:
            self.check_flag(value)
        elif name in (SERVER_BITS, CLIENT_BITS):
            self.check_bits(name, value, is_answer)
        else:
            self.unknown()

    def unknown(self):
        raise Refused('EEXTENSION')

    def check_flag(self, value):
        require(value is None, 'EEXTENSION')

    def check_bits(self, name, value, is_answer):
        if value is None:
            self.check_bare(name, is_answer)
        else:
            require(self.in_range(value), 'EEXTENSION')

    def check_bare(self, name, is_answer):
        require(name == CLIENT_BITS and not is_answer, 'EEXTENSION')

    def in_range(self, value):
        return value in {str(bits) for bits in range(8, 16)}


class DeflateClient(DeflateRules, OpeningClient):
    """This one is right."""

    settings = ''  # as handshake_client takes them

    def wanted(self):
        words = [word.partition('=') for word in self.settings.split(',') if word]
        return {name: value for name, _equals, value in words}

    def offer(self):
        wanted = self.wanted()
        words = [name for name in FLAGS if name in wanted]
        if SERVER_BITS in wanted:
            words.append(f'{SERVER_BITS}={wanted[SERVER_BITS]}')
        bits = wanted.get(CLIENT_BITS)
        if bits != '0':
            words.append(f'{CLIENT_BITS}={bits}' if bits else CLIENT_BITS)
        return '; '.join([NAME, *words])

    def extensions(self):
        return f'Sec-WebSocket-Extensions: {self.offer()}\r\n'

    def check_extensions(self, fields):
        values = fields.get('sec-websocket-extensions')
        if values is None:
            return
        try:
            elements = parse(values)
        except Malformed:
            raise Refused('EEXTENSION') from None
        self.check_count(elements)
        self.check_params(elements[0], True)
        self.check_wanted(dict(elements[0][1:]))

    def check_count(self, elements):
        require(len(elements) == 1, 'EEXTENSION')

    def check_wanted(self, answer):
        wanted = self.wanted()
        self.check_server_fresh(wanted, answer)
        self.check_server_bits(wanted, answer)
        self.check_client_bits(wanted, answer)

    def check_server_fresh(self, wanted, answer):
        require(FLAGS[0] in answer or FLAGS[0] not in wanted, 'EEXTENSION')

    def check_server_bits(self, wanted, answer):
        if SERVER_BITS in wanted:
            require(SERVER_BITS in answer, 'EEXTENSION')
            self.check_larger(int(wanted[SERVER_BITS]), int(answer[SERVER_BITS]))

    def check_larger(self, wanted, answered):
        require(answered <= wanted, 'EEXTENSION')

    def check_client_bits(self, wanted, answer):
        require(CLIENT_BITS not in answer or wanted.get(CLIENT_BITS) != '0', 'EEXTENSION')

    def connection(self, fields, rest):
        first = FirstDeflated(self.sock, True, rest)
        values = fields.get('sec-websocket-extensions')
        first.agree(self.offer(), self.written(parse(values)[0]) if values else None)
        return first

    def written(self, pairs):
        return '; '.join(name if value is None else f'{name}={value}' for name, value in pairs)


class DeflateServer(DeflateRules, OpeningServer):
    """Accepts the first offer that is right. This one is right."""

    kind = DeflateEcho
    answered = None

    def extensions(self, fields):
        chosen = self.choose(fields.get('sec-websocket-extensions', []))
        if chosen is None:
            return []
        self.answered = '; '.join([NAME, *self.granted(dict(chosen[1:]))])
        return [f'Sec-WebSocket-Extensions: {self.answered}']

    def choose(self, values):
        """The pairs of an offer, or None."""
        try:
            elements = parse(values) if values else []
        except Malformed:
            return None
        for pairs in self.candidates(elements):
            try:
                self.check_params(pairs, False)
            except Refused:
                continue
            return pairs
        return None

    def candidates(self, elements):
        return elements

    def granted(self, params):
        if FLAGS[0] in params:
            yield FLAGS[0]
        if SERVER_BITS in params:
            yield f'{SERVER_BITS}={params[SERVER_BITS]}'

    def connection(self, _fields, rest):
        echo = self.kind(self.sock, False, rest)
        echo.agree(None, self.answered)
        return echo
