#!/usr/bin/env python3
"""Clients and servers whose permessage-deflate is broken in the opening handshake, in one way each,
to show that the peer notices.

    broken_deflate_opening.py NAME [-d SETTINGS]     a client; URLs: standard input

NAME is DeflateClient, which is right, or another class below it, which is not.
"""

import argparse
import sys

from broken_deflate import TakeoverKept, WindowIgnored
from deflate_opening import (
    CLIENT_BITS, NAME, SERVER_BITS, DeflateClient, DeflateServer,
)
from opening import require

TIMEOUT_S = 5


class UnknownTaken:
    def unknown(self):
        pass


class RepeatedTaken:
    def check_repeated(self, pairs):
        pass


class FlagWithValueTaken:
    def check_flag(self, value):
        pass


class BareServerBitsTaken:
    def check_bare(self, name, is_answer):
        pass


class RangeUnchecked:
    def in_range(self, value):
        return value.isdigit()


class LeadingZerosTaken:
    def in_range(self, value):
        return value.isdigit() and 8 <= int(value) <= 15


class EightRefused:
    def in_range(self, value):
        return super().in_range(value) and value != '8'


class NumbersLoose:
    """As strtol() reads them."""

    def in_range(self, value):
        digits = value.lstrip('+')
        while digits and not digits.isdigit():
            digits = digits[:-1]
        return bool(digits) and 8 <= int(digits) <= 15


# --- clients ---


class ClientUnknownTaken(UnknownTaken, DeflateClient):
    pass


class ClientRepeatedTaken(RepeatedTaken, DeflateClient):
    pass


class ClientFlagWithValueTaken(FlagWithValueTaken, DeflateClient):
    pass


class ClientBareBitsTaken(BareServerBitsTaken, DeflateClient):
    def check_server_bits(self, wanted, answer):
        pass


class AnswerNotKept(DeflateClient):
    """Goes on as if nothing had been agreed upon."""

    def connection(self, fields, rest):
        return super().connection({}, rest)


class ClientRangeUnchecked(RangeUnchecked, AnswerNotKept):
    pass


class ClientLeadingZerosTaken(LeadingZerosTaken, DeflateClient):
    pass


class ClientEightRefused(EightRefused, DeflateClient):
    pass


class ClientNumbersLoose(NumbersLoose, AnswerNotKept):
    pass


class OnlyFirstElementLookedAt(DeflateClient):
    def check_count(self, elements):
        pass


class NameUnchecked(DeflateClient):
    def check_params(self, pairs, is_answer):
        super().check_params([(NAME, None), *pairs[1:]], is_answer)


class UnofferedRefused(DeflateClient):
    """Takes no parameter that it has not offered, though two may come (RFC 7692 7.1.1, 7.1.2.1)."""

    def check_wanted(self, answer):
        super().check_wanted(answer)
        offered = {CLIENT_BITS, *self.wanted()}
        require(set(answer) <= offered, 'EEXTENSION')


class ClientBitsUncheckedIfUnoffered(DeflateClient):
    def check_client_bits(self, wanted, answer):
        pass


class MissingServerBitsTaken(DeflateClient):
    def check_server_bits(self, wanted, answer):
        if SERVER_BITS in answer:
            super().check_server_bits(wanted, answer)


class LargerServerBitsTaken(DeflateClient):
    def check_larger(self, wanted, answered):
        pass


class MissingServerFreshTaken(DeflateClient):
    def check_server_fresh(self, wanted, answer):
        pass


class OfferNotSent(DeflateClient):
    def extensions(self):
        return ''


class SettingsNotOffered(DeflateClient):
    def offer(self):
        return f'{NAME}; {CLIENT_BITS}'


class DeclineRefused(DeflateClient):
    def check_extensions(self, fields):
        require('sec-websocket-extensions' in fields, 'EEXTENSION')
        super().check_extensions(fields)


# --- servers ---


class ServerUnknownTaken(UnknownTaken, DeflateServer):
    pass


class ServerRepeatedTaken(RepeatedTaken, DeflateServer):
    pass


class ServerFlagWithValueTaken(FlagWithValueTaken, DeflateServer):
    pass


class ServerBareBitsTaken(BareServerBitsTaken, DeflateServer):
    def granted(self, params):
        return super().granted({name: value or '15' for name, value in params.items()})


class ServerRangeUnchecked(RangeUnchecked, DeflateServer):
    def granted(self, params):
        return []


class ServerLeadingZerosTaken(LeadingZerosTaken, DeflateServer):
    pass


class ServerNumbersLoose(NumbersLoose, DeflateServer):
    def granted(self, params):
        return []


class ServerEightRefused(EightRefused, DeflateServer):
    pass


class OnlyFirstOffer(DeflateServer):
    def candidates(self, elements):
        return elements[:1]


class LastOffer(DeflateServer):
    def candidates(self, elements):
        return elements[-1:]


class AllAccepted(DeflateServer):
    """Answers twice."""

    def extensions(self, fields):
        return super().extensions(fields) * 2


class NeverAccepts(DeflateServer):
    def choose(self, values):
        return None


class AcceptsUnasked(DeflateServer):
    def choose(self, values):
        return super().choose(values) or [(NAME, None)]


class OfferRepeated(DeflateServer):
    """Answers with the parameters of the offer, whatever they are."""

    def granted(self, params):
        return [name if value is None else f'{name}={value}' for name, value in params.items()]


class ClientBitsUnasked(DeflateServer):
    def granted(self, params):
        yield from super().granted(params)
        yield f'{CLIENT_BITS}=15'


class ServerFreshNotGranted(DeflateServer):
    def granted(self, params):
        return [word for word in super().granted(params) if SERVER_BITS in word]


class ServerBitsNotGranted(DeflateServer):
    def granted(self, params):
        return [word for word in super().granted(params) if SERVER_BITS not in word]


class ServerBitsLarger(DeflateServer):
    def granted(self, params):
        return [f'{SERVER_BITS}=15' if SERVER_BITS in word else word
                for word in super().granted(params)]


class PromiseOfFreshBroken(DeflateServer):
    kind = TakeoverKept


class PromiseOfBitsBroken(DeflateServer):
    kind = WindowIgnored


def below(kind):
    for other in kind.__subclasses__():
        yield other
        yield from below(other)


CLIENTS = {kind.__name__: kind for kind in (DeflateClient, *below(DeflateClient))}
SERVERS = {kind.__name__: kind for kind in (DeflateServer, *below(DeflateServer))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    parser.add_argument('name', choices=CLIENTS)
    parser.add_argument('-d', dest='settings', default='')
    given = parser.parse_args()
    for url in sys.stdin:
        client = CLIENTS[given.name](url.strip(), [], TIMEOUT_S)
        client.settings = given.settings
        print(client.line(), flush=True)


if __name__ == '__main__':
    main()
