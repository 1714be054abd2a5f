#!/usr/bin/env python3
"""Echo clients and servers whose permessage-deflate is broken in one way each, to show that the
peer notices. Those of RIGHT are right, in ways that are unlike each other."""

import zlib

from deflate_echo import RSV1, TAIL, DeflateEcho
from echo import BINARY, PING, TEXT, Echo, Fail

# --- right in other ways: what a peer may do ---


class Plain(DeflateEcho):
    """Compresses nothing itself (RFC 7692 7.2.1)."""

    def echo(self, opcode, payload):
        self.send(opcode, payload)


class Fragmenting(DeflateEcho):
    """Echoes in three frames with a ping among them."""

    def echo(self, opcode, payload):
        whole = self.deflate(payload)
        third = len(whole) // 3
        self.send(opcode, whole[:third], final=False, rsv=RSV1)
        self.send(PING, b'between')
        self.send(0, whole[third:2 * third], final=False)
        self.send(0, whole[2 * third:])


class FinalBlocks(DeflateEcho):
    """Ends each message with a final block (RFC 7692 7.2.3.4). zlib's stream is over then."""

    def deflate(self, payload):
        self.deflater = self.new_deflater(self.bits)
        return self.deflater.compress(payload) + self.deflater.flush() + b'\0'


class ManyBlocks(DeflateEcho):
    def deflate(self, payload):
        if self.deflater is None or not self.takeover:
            self.deflater = self.new_deflater(self.bits)
        third = len(payload) // 3
        octets = self.deflater.compress(payload[:third]) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        octets += self.deflater.compress(payload[third:]) + self.deflater.flush(zlib.Z_BLOCK)
        return self.flush(octets) or b'\0'


class Stored(DeflateEcho):
    level = 0


class Fresh(DeflateEcho):
    """Takes nothing over, though it could."""

    def deflate(self, payload):
        self.deflater = None
        return super().deflate(payload)


class Smaller(DeflateEcho):
    """Uses less than it could."""

    def new_deflater(self, bits):
        return super().new_deflater(min(bits, 9))


class Asking(DeflateEcho):
    """Offers and asks for all that can be."""

    offer = ('permessage-deflate; server_no_context_takeover; client_no_context_takeover;'
             ' server_max_window_bits=10; client_max_window_bits=11')

    @classmethod
    def granted(cls, params):
        yield 'server_no_context_takeover'
        yield 'client_no_context_takeover'
        yield f'server_max_window_bits={params.get("server_max_window_bits", "10")}'
        if 'client_max_window_bits' in params:
            yield 'client_max_window_bits=9'


# --- wrong: what is agreed upon ---


class NeverAgreed(DeflateEcho):
    offer = None

    @classmethod
    def answer_to_offer(cls, offered):
        return None


class WrongParameter(DeflateEcho):
    """The client's offer is no good, nor is the server's answer."""

    offer = 'permessage-deflate; client_max_window_bits=16'

    @classmethod
    def granted(cls, params):
        yield from super().granted(params)
        yield 'server_max_window_size=10'


class TakeoverNotGranted(DeflateEcho):
    @classmethod
    def granted(cls, params):
        return [word for word in super().granted(params) if word != 'server_no_context_takeover']


class WindowNotGranted(DeflateEcho):
    @classmethod
    def granted(cls, params):
        return [word for word in super().granted(params) if 'window' not in word]


class LargerWindowAnswered(DeflateEcho):
    @classmethod
    def granted(cls, params):
        return [word.replace('bits=9', 'bits=10') for word in super().granted(params)]


# --- wrong: what is sent ---


class TakeoverKept(DeflateEcho):
    """Keeps the context although it promised not to."""

    def agree(self, offered, answered):
        super().agree(offered, answered)
        self.takeover = True


class WindowIgnored(DeflateEcho):
    def new_deflater(self, bits):
        return super().new_deflater(15)


class WindowOneLarger(DeflateEcho):
    def new_deflater(self, bits):
        return super().new_deflater(min(max(bits, 9) + 1, 15))


class TailLeft(DeflateEcho):
    def flush(self, octets):
        return super().flush(octets) + TAIL


class TooMuchCutOff(DeflateEcho):
    def flush(self, octets):
        return super().flush(octets)[:-1]


class NotFlushed(DeflateEcho):
    """Sends what there is so far."""

    def flush(self, octets):
        return octets + self.deflater.flush(zlib.Z_BLOCK)


class EmptyWithoutOctet(DeflateEcho):
    def deflate(self, payload):
        return super().deflate(payload) if payload else b''


class Rsv1OnContinuation(Fragmenting):
    def send(self, opcode, payload=b'', final=True, rsv=0):
        super().send(opcode, payload, final, RSV1 if opcode == 0 else rsv)


class Rsv1OnlyOnContinuation(Fragmenting):
    def send(self, opcode, payload=b'', final=True, rsv=0):
        super().send(opcode, payload, final, RSV1 if opcode == 0 else 0)


class Rsv1OnPing(Fragmenting):
    def send(self, opcode, payload=b'', final=True, rsv=0):
        super().send(opcode, payload, final, RSV1 if opcode == PING else rsv)


class Rsv1Missing(DeflateEcho):
    def echo(self, opcode, payload):
        self.send(opcode, self.deflate(payload))


class Rsv1OnPlain(DeflateEcho):
    def echo(self, opcode, payload):
        self.send(opcode, payload, rsv=RSV1)


class Rsv2Too(DeflateEcho):
    def echo(self, opcode, payload):
        self.send(opcode, self.deflate(payload), rsv=RSV1 | 2)


class WrongType(DeflateEcho):
    def echo(self, opcode, payload):
        super().echo(BINARY if opcode == TEXT else TEXT, payload)


class Garbling(DeflateEcho):
    def echo(self, opcode, payload):
        super().echo(opcode, payload[:-1] + bytes([payload[-1] ^ 1]))


class Repeating(DeflateEcho):
    """Echoes the message before."""

    before = b''

    def echo(self, opcode, payload):
        super().echo(opcode, self.before or payload)
        self.before = payload


# --- wrong: what is taken ---


class TailForgotten(DeflateEcho):
    def end_inflating(self):
        return b''


class WindowForgotten(DeflateEcho):
    """Begins each message with an empty window."""

    def begin_inflating(self):
        self.inflater = None
        super().begin_inflating()


class WindowTooSmall(DeflateEcho):
    def agree(self, offered, answered):
        super().agree(offered, answered)
        self.their_bits = 9


class WindowNotEmptied(DeflateEcho):
    def agree(self, offered, answered):
        super().agree(offered, answered)
        self.their_takeover = True


class FragmentsInflatedSingly(DeflateEcho):
    """Takes each frame for a compressed message."""

    def read_fragment(self, head):
        super().read_fragment(head._replace(final=True))


class FirstFrameInflated(DeflateEcho):
    """Takes continuations for plain, since they have no RSV1."""

    def read_fragment(self, head):
        self.compressed = bool(head.rsv & RSV1)
        super().read_fragment(head)


class AllInflated(DeflateEcho):
    """Takes plain messages for compressed."""

    def data(self, head):
        super().data(head._replace(rsv=RSV1 if head.opcode else 0))


class EndUnchecked(DeflateEcho):
    def check_end(self):
        pass


class StopsAtFinalBlock(DeflateEcho):
    def inflate(self, octets):
        return self.inflater.decompress(octets)


class CorruptTaken(DeflateEcho):
    def inflate(self, octets):
        try:
            return super().inflate(octets)
        except zlib.error:
            return b''

    def check_end(self):
        pass


class Utf8BeforeInflating(DeflateEcho):
    def pieces(self, head):
        for piece in super().pieces(head):
            if head.opcode < 8:
                self.check_text(piece, False)
            yield piece


class Utf8Unchecked(DeflateEcho):
    def check_text(self, piece, final):
        if not self.compressed:
            super().check_text(piece, final)


class Utf8AtEnd(DeflateEcho):
    def check_text(self, piece, final):
        super().check_text(b''.join(self.fragments) if final else b'', final)


class RsvOfContinuationTaken(DeflateEcho):
    def check_rsv(self, head):
        if head.opcode:
            super().check_rsv(head)


class RsvOfControlTaken(DeflateEcho):
    def check_rsv(self, head):
        if head.opcode <= BINARY:
            super().check_rsv(head)


class AllRsvTaken(DeflateEcho):
    def check_rsv(self, head):
        if head.rsv and head.opcode > BINARY:
            raise Fail(1002)


class Rsv1Refused(DeflateEcho):
    check_rsv = Echo.check_rsv


RIGHT = (DeflateEcho, Plain, Fragmenting, FinalBlocks, ManyBlocks, Stored, Fresh, Smaller, Asking)


def below(kind):
    for other in kind.__subclasses__():
        yield other
        yield from below(other)


NAMES = {kind.__name__: kind for kind in (DeflateEcho, *below(DeflateEcho))}
