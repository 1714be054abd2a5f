#!/usr/bin/env python3
"""Echo clients and servers that are broken in one way each, to show that the peer notices.

    broken.py server NAME
    broken.py client NAME BASEURL AGENT

NAME is Echo, Fragmenting or Silent, which are right, or one of the other classes, which are not.
"""

import signal
import struct
import sys

from echo import BINARY, CLOSE, PING, PONG, TEXT, Echo, Fail, Server, run_client

# --- right in other ways: what a peer may do ---


class Fragmenting(Echo):
    """Echoes in three frames with a ping among them."""

    def on_message(self, opcode, fragments):
        whole = b''.join(fragments)
        third = len(whole) // 3
        self.send(opcode, whole[:third], final=False)
        self.send(PING, b'between')
        self.send(0, whole[third:2 * third], final=False)
        self.send(0, whole[2 * third:])


class Silent(Echo):
    """Drops TCP where it fails, without a close frame, and answers a close without a code."""

    def fail(self, code):
        pass

    def answer_to(self, payload):
        return b''


# --- wrong ---


class NoUtf8Check(Echo):
    def check_text(self, piece, final):
        pass


class Utf8CheckAtEnd(Echo):
    def check_text(self, piece, final):
        super().check_text(b''.join(self.fragments) if final else b'', final)


class Utf8CheckByFragment(Echo):
    def read_fragment(self, head):
        super().read_fragment(head)
        self.check_text(b'', True)


class SurrogatesTaken(Echo):
    def check_text(self, piece, final):
        if final and self.opcode == TEXT:
            try:
                b''.join(self.fragments).decode('utf-8', 'surrogatepass')
            except UnicodeDecodeError:
                raise Fail(1007) from None


class NonCharactersRefused(Echo):
    def on_message(self, opcode, fragments):
        words = b''.join(fragments).decode() if opcode == TEXT else ''
        if any(ord(char) & 0xfffe == 0xfffe for char in words):
            raise Fail(1007)
        super().on_message(opcode, fragments)


class WrongMasking(Echo):
    """A client that does not mask, a server that does."""

    def masks(self):
        return not self.is_client


class LongLength(Echo):
    """Lengths not in the shortest form."""

    def encode(self, opcode, payload, final=True, rsv=0):
        whole = super().encode(opcode, payload, final, rsv)
        if len(payload) > 125:
            return whole
        return whole[:1] + bytes([whole[1] & 128 | 126, 0, len(payload)]) + whole[2:]


class RsvSent(Echo):
    def on_message(self, opcode, fragments):
        self.send(opcode, b''.join(fragments), rsv=4)


class NoPong(Echo):
    def on_ping(self, payload):
        pass


class EmptyPong(Echo):
    def on_ping(self, payload):
        self.send(PONG)


class EveryOtherPong(Echo):
    def begin(self):
        self.pings = 0

    def on_ping(self, payload):
        self.pings += 1
        if self.pings % 2:
            super().on_ping(payload)


class LatePong(Echo):
    """Pongs wait for the end of the message."""

    def begin(self):
        self.held = []

    def on_ping(self, payload):
        if self.opcode is None:
            super().on_ping(payload)
        else:
            self.held.append(payload)

    def on_message(self, opcode, fragments):
        super().on_message(opcode, fragments)
        while self.held:
            super().on_ping(self.held.pop(0))


class PongWithoutPing(Echo):
    def begin(self):
        self.send(PONG, b'unasked')


class PongAnswered(Echo):
    def control(self, opcode, payload):
        super().control(PING if opcode == PONG else opcode, payload)


class FragmentsLost(Echo):
    def on_message(self, opcode, fragments):
        super().on_message(opcode, fragments[:1])


class FragmentsReversed(Echo):
    def on_message(self, opcode, fragments):
        super().on_message(opcode, fragments[::-1])


class FragmentsEchoedSingly(Echo):
    def on_message(self, opcode, fragments):
        for fragment in fragments:
            self.send(opcode, fragment)


class RsvIgnored(Echo):
    def check_rsv(self, head):
        pass


class OpcodesIgnored(Echo):
    def check_opcode(self, head):
        pass

    def data(self, head):
        if head.opcode > BINARY:
            list(self.pieces(head))
        else:
            super().data(head)

    def check_sequence(self, head):
        if head.opcode <= BINARY:
            super().check_sequence(head)


class LongPingTaken(Echo):
    def check_control(self, head):
        if not head.final:
            super().check_control(head)

    def control(self, opcode, payload):
        super().control(opcode, payload[:125])


class FragmentedPingTaken(Echo):
    def check_control(self, head):
        super().check_control(head._replace(final=True))


class LoneContinuationTaken(Echo):
    def check_sequence(self, head):
        pass

    def data(self, head):
        alone = self.opcode is None and head.opcode == 0
        super().data(head._replace(opcode=TEXT) if alone else head)


class NewMessageInsideTaken(Echo):
    """The message that was open is forgotten."""

    def check_sequence(self, head):
        if head.opcode == 0:
            super().check_sequence(head)


class OneReadOneFrame(Echo):
    """What came in one segment with a frame is lost."""

    def frame(self):
        super().frame()
        self.buffer.clear()


class WrongType(Echo):
    def on_message(self, opcode, fragments):
        super().on_message(BINARY if opcode == TEXT else TEXT, fragments)


class Cut(Echo):
    """Lengths have 16 bits."""

    def on_message(self, opcode, fragments):
        whole = b''.join(fragments)
        self.send(opcode, whole[:len(whole) % 65536])


class Garbling(Echo):
    """The right length, but one octet of a large message is wrong."""

    def on_message(self, opcode, fragments):
        whole = bytearray(b''.join(fragments))
        if len(whole) > 1000:
            whole[1000] ^= 1
        self.send(opcode, bytes(whole))


class Twice(Echo):
    def on_message(self, opcode, fragments):
        frame = self.encode(opcode, b''.join(fragments))
        self.sock.sendall(frame + frame)


class Tiring(Echo):
    """Echoes 500 messages, and no more."""

    def begin(self):
        self.count = 0

    def on_message(self, opcode, fragments):
        self.count += 1
        if self.count <= 500:
            super().on_message(opcode, fragments)
        else:
            self.over = True


class ClosingFirst(Echo):
    def begin(self):
        raise Fail(1000)


class CloseUnanswered(Echo):
    def on_close(self, payload):
        self.check_close(payload)


class DroppingAtClose(Echo):
    def on_close(self, payload):
        self.check_close(payload)
        self.over = True


class EchoAfterClose(Echo):
    """Takes a close for no more than a frame, and echoes what comes behind it."""

    def on_close(self, payload):
        self.check_close(payload)
        if self.buffer:
            self.held = payload
        else:
            super().on_close(payload)

    def frame(self):
        super().frame()
        if not self.buffer and hasattr(self, 'held'):
            super().on_close(self.held)


class PongBehindClose(Echo):
    """Answers the close, then goes on."""

    def on_close(self, payload):
        answer = self.encode(CLOSE, payload[:2])
        self.sock.sendall(answer + self.encode(PONG, b''))
        self.end()


class TwoCloses(Echo):
    def on_close(self, payload):
        self.check_close(payload)
        self.sock.sendall(self.encode(CLOSE, payload[:2]) * 2)
        self.end()


class Always1000(Echo):
    def fail(self, code):
        super().fail(1000)


class Always1002(Echo):
    def fail(self, code):
        super().fail(1002)


class WrongAnswerCode(Echo):
    def answer_to(self, payload):
        return struct.pack('>H', 1001)


class AnyCodeTaken(Echo):
    def check_close(self, payload):
        self.check_reason(payload[2:])


class SomeCodesRefused(Echo):
    """Codes above 2999 are taken for wrong."""

    def check_close(self, payload):
        super().check_close(payload)
        if int.from_bytes(payload[:2], 'big') >= 3000:
            raise Fail(1002)


class AnyReasonTaken(Echo):
    def check_reason(self, reason):
        pass


class ShortCloseTaken(Echo):
    def check_close(self, payload):
        if len(payload) != 1:
            super().check_close(payload)

    def answer_to(self, payload):
        return struct.pack('>H', 1000)


class TcpKept(Echo):
    """A server that waits for the client to end TCP."""

    def end(self):
        self.over = True
        self.wait_for_end()


RIGHT = (Echo, Fragmenting, Silent)
NAMES = {kind.__name__: kind for kind in (Echo, *Echo.__subclasses__())}


def main():
    role, name, *rest = sys.argv[1:]
    if role == 'client':
        run_client(NAMES[name], *rest)
        return
    server = Server(NAMES[name])
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    print(f'listening on {server.url}', flush=True)
    server.thread.join()


if __name__ == '__main__':
    main()
