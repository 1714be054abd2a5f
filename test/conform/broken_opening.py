#!/usr/bin/env python3
"""Clients and servers whose opening handshake is broken in one way each, to show that the peer
notices.

    broken_opening.py server NAME [-p chat]     it has chat in any case
    broken_opening.py client NAME [-p SUBPROTOCOL]... [-t TIMEOUT_MS]     URLs: standard input

NAME is OpeningClient or OpeningServer, which are right, or a class of these, which is not.
"""

import argparse
import re
import signal
import sys
import time

from opening import (AnswerHead, Head, Listener, Malformed, OpeningClient, OpeningServer, accept_of,
                     require)

# --- what reads heads, for both ---


class FoldingHead(Head):
    def line(self):
        line = super().line()
        return b'X-Folded: ' + line if line[:1] in (b' ', b'\t') else line


class BareLfHead(Head):
    def receive(self):
        super().receive()
        self.rest = re.sub(rb'(?<!\r)\n', b'\r\n', self.rest)


class UnfoldingHead(AnswerHead):
    def field_lines(self):
        return Head.field_lines(self)


class StrictEndHead(AnswerHead):
    def without_cr(self, line):
        return Head.without_cr(self, line)


class UnboundedHead(Head):
    def check_line(self, line):
        pass


class ExtendingHead(Head):
    """Each octet gives it new patience."""

    def receive(self):
        super().receive()
        self.deadline = time.monotonic() + self.timeout_s


class OnceHead(Head):
    """Takes one read for all there is."""

    reads = 0

    def receive(self):
        self.reads += 1
        if self.reads > 1:
            raise Malformed
        super().receive()


# --- clients ---


class AcceptUnchecked(OpeningClient):
    def check_accept(self, fields):
        pass


class AcceptCaseIgnored(OpeningClient):
    def check_accept(self, fields):
        values = [value.lower() for value in fields.get('sec-websocket-accept', [])]
        require(values == [accept_of(self.key).lower()], 'EACCEPT')


class AcceptOnlyThere(OpeningClient):
    def check_accept(self, fields):
        require(fields.get('sec-websocket-accept'), 'EACCEPT')


class LastAcceptTaken(OpeningClient):
    def check_accept(self, fields):
        values = fields.get('sec-websocket-accept', [])
        super().check_accept({'sec-websocket-accept': values[-1:]})


class UpgradeUnchecked(OpeningClient):
    def check_upgrade(self, fields):
        pass


class UpgradeAmongOthersTaken(OpeningClient):
    def check_upgrade(self, fields):
        require('websocket' in ' '.join(fields.get('upgrade', [])).lower(), 'EUPGRADE')


class ConnectionUnchecked(OpeningClient):
    def check_connection(self, fields):
        pass


class ConnectionNoList(OpeningClient):
    def check_connection(self, fields):
        values = [value.lower() for value in fields.get('connection', [])]
        require(values == ['upgrade'], 'EUPGRADE')


class CaseKept(OpeningClient):
    """Compares what is to be compared without case."""

    def check_upgrade(self, fields):
        require(fields.get('upgrade') == ['websocket'], 'EUPGRADE')


class SubprotocolUnchecked(OpeningClient):
    def check_subprotocol(self, values):
        pass


class SubprotocolCaseIgnored(OpeningClient):
    def check_subprotocol(self, values):
        super().check_subprotocol([value.lower() for value in values])


class EmptySubprotocolTaken(OpeningClient):
    def check_subprotocol(self, values):
        super().check_subprotocol([value for value in values if value])


class ExtensionsUnchecked(OpeningClient):
    def check_extensions(self, fields):
        pass


class StatusUnchecked(OpeningClient):
    """Takes 200 for 101."""

    def check_status(self):
        require(self.status in (101, 200), 'ESTATUS')


class InterimTaken(OpeningClient):
    """Takes 1xx for the answer."""

    def is_interim(self, status):
        return False


class LengthRefused(OpeningClient):
    def check_upgrade(self, fields):
        require('content-length' not in fields and 'transfer-encoding' not in fields, 'EHTTP')
        super().check_upgrade(fields)


class BodyTaken(OpeningClient):
    """Takes octets behind the head for a body of that length."""

    def connection(self, fields, rest):
        length = fields.get('content-length', ['0'])[0]
        skipped = int(length) if length.isdigit() else 0
        return super().connection(fields, rest[skipped:])


class OldHttpTaken(OpeningClient):
    def status_line(self):
        return re.compile(rb'HTTP/[0-9.]+ ([1-9][0-9][0-9]) .*')


class FoldedRefused(OpeningClient):
    head_kind = UnfoldingHead


class BareLfRefused(OpeningClient):
    head_kind = StrictEndHead


class SizeUnbounded(OpeningClient):
    head_kind = UnboundedHead


class DeadlineExtended(OpeningClient):
    head_kind = ExtendingHead


class RefusedAndDelivered(OpeningClient):
    """Delivers what came behind an answer that it refuses."""

    def line(self):
        line = super().line()
        return line if line.startswith('open') else line + self.url.path.replace('/', ' ')


class OneReadOneAnswer(OpeningClient):
    head_kind = OnceHead


class GluedLost(OpeningClient):
    """Loses the frames that come with the answer."""

    def behind(self, head):
        return b''


class KeyAlwaysSame(OpeningClient):
    def __init__(self, *words):
        super().__init__(*words)
        self.key = 'dGhlIHNhbXBsZSBub25jZQ=='


class OffersNotSent(OpeningClient):
    def request(self):
        return re.sub('Sec-WebSocket-Protocol.*\r\n', '', super().request())


# --- servers ---


class VersionIgnored(OpeningServer):
    def check_version(self, values):
        pass


class VersionUntold(OpeningServer):
    """Does not say which version it has."""

    def refusal(self, status):
        return super().refusal(status).replace('Sec-WebSocket-Version: 13\r\n', '')


class KeyMissingTaken(OpeningServer):
    def check_key(self, values):
        if values:
            super().check_key(values)


class AnyKeyTaken(OpeningServer):
    def check_key(self, values):
        require(len(values) == 1, 400)


class WrongAccept(OpeningServer):
    def accept(self, fields):
        return accept_of(super().accept(fields))


class HostMissingTaken(OpeningServer):
    def check_host(self, values):
        pass


class UpgradeIgnored(OpeningServer):
    def check_upgrade(self, fields):
        pass


class ConnectionIgnored(OpeningServer):
    def check_connection(self, fields):
        pass


class AnyMethodTaken(OpeningServer):
    def request_line(self):
        return re.compile(rb'[A-Z]+ ([!-~]+) HTTP/1\.1')


class AnyHttpTaken(OpeningServer):
    def request_line(self):
        return re.compile(rb'GET ((?:/|http://)[!-~]*) HTTP/[0-9.]+')


class UnaskedSubprotocol(OpeningServer):
    def chooses(self, values):
        return True


class SubprotocolNeverChosen(OpeningServer):
    def chooses(self, values):
        return False


class UnaskedExtension(OpeningServer):
    def answer(self, fields):
        return super().answer(fields)[:-2] + 'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n'


class StatusWrong(OpeningServer):
    def answer(self, fields):
        return super().answer(fields).replace('101', '200', 1)


class EarlyFramesLost(OpeningServer):
    def behind(self, head):
        return b''


class RefusalCutShort(OpeningServer):
    def refusal(self, status):
        return super().refusal(status).replace('Content-Length: 0', 'Content-Length: 5')


class OneReadOneRequest(OpeningServer):
    head_kind = OnceHead


class FoldedRequestTaken(OpeningServer):
    head_kind = FoldingHead


class BareLfRequestTaken(OpeningServer):
    head_kind = BareLfHead


CLIENTS = {kind.__name__: kind for kind in (OpeningClient, *OpeningClient.__subclasses__())}
SERVERS = {kind.__name__: kind for kind in (OpeningServer, *OpeningServer.__subclasses__())}


def run_client(words):
    parser = argparse.ArgumentParser()
    parser.add_argument('name')
    parser.add_argument('-p', action='append', default=[], dest='offers')
    parser.add_argument('-t', type=float, default=5000, dest='timeout_ms')
    given = parser.parse_args(words)
    for url in sys.stdin:
        client = CLIENTS[given.name](url.strip(), given.offers, given.timeout_ms / 1000)
        print(client.line(), flush=True)


def run_server(name):
    server = Listener(SERVERS[name])
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    print(f'listening on {server.url}', flush=True)
    server.thread.join()


def main():
    role, *words = sys.argv[1:]
    if role == 'client':
        run_client(words)
    else:
        run_server(words[0])


if __name__ == '__main__':
    main()
