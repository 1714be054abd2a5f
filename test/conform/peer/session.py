"""A connection from the end of the opening handshake on: answers pings and closes, and keeps a
record of who began to close it, and how it ended. Knows nothing of cases."""

import asyncio
import enum
from dataclasses import dataclass
from typing import Optional

from .decoder import Decoder, Violation, check_close, close_code
from .deflate import Deflater, Inflater, cut
from .frames import CLOSE, CONT, PING, PONG, Frame, close_body, encode

ANSWER_S = 3  # for the answer to a close frame, and for a server to end TCP


class State(enum.Enum):
    OPEN = 1
    CLOSING = 2  # our close frame is out
    CLOSED = 3  # both close frames were
    FAILED = 4  # the peer broke the protocol: nothing is read any more (RFC 6455 7.1.7)


@dataclass
class Ending:
    opened: bool = False
    started_by: Optional[str] = None  # 'fuzzer' or 'peer'
    clean: bool = False  # close frames both ways
    code: Optional[int] = None  # of the peer's close frame
    violation: Optional[str] = None  # how the peer broke the protocol
    dropped: bool = False  # the fuzzer had to end TCP


class Session:
    """`listener` has on_event(opcode, payload), for messages and pongs, and on_end(). With an
    agreement there is permessage-deflate, at that level."""

    def __init__(self, link, is_client, listener, agreement=None, level=6):
        self.link, self.is_client, self.listener = link, is_client, listener
        self.loop = asyncio.get_running_loop()
        inflater = self.deflater = None
        if agreement:
            theirs, ours = agreement if is_client else agreement[::-1]
            inflater, self.deflater = Inflater(theirs), Deflater(ours, level)
        self.decoder = Decoder(masked=not is_client, inflater=inflater)
        self.state, self.ending, self.patience = State.OPEN, Ending(opened=True), None
        link.done.add_done_callback(self.ended)

    # --- what we do ---

    def send(self, frame):
        """Send a frame. One that closes, closes; with an RSV bit it is only noise (case 3.7)."""
        data = encode(frame, masked=self.is_client)
        if frame.cut is None:
            self.link.write(data)
        else:
            size = frame.cut or len(data)
            for i in range(0, len(data), size):
                self.link.write(data[i:i + size], alone=True)
        if frame.opcode == CLOSE and frame.rsv == 0:
            self.start_closing()

    def send_compressed(self, message):
        payload = self.deflater.message(message.payload, message.numbers)
        pieces = cut(payload, message.size, message.numbers)
        for i, piece in enumerate(pieces):
            opcode, rsv = (CONT, 0) if i else (message.opcode, 4)
            self.send(Frame(opcode, piece, fin=i + 1 == len(pieces), rsv=rsv))

    def send_slice(self, frame, start, stop):
        """The payload's octets from start to stop, the first ones behind the head."""
        data = encode(frame, masked=self.is_client)
        head = len(data) - len(frame.payload)
        self.link.write(data[head + start if start else 0:head + stop])

    def close(self, body=b''):
        if self.state is State.OPEN:
            self.send(Frame(CLOSE, body))

    def kill(self):
        """Go away; if that is under way already, at once."""
        if self.state is State.OPEN:
            self.close(close_body(1001, b'going away'))
        elif self.state is not State.CLOSED:
            self.drop()

    def start_closing(self):
        if self.state is State.OPEN:
            self.state, self.ending.started_by = State.CLOSING, 'fuzzer'
            self.be_patient()

    def be_patient(self):
        if self.patience:
            self.patience.cancel()
        self.patience = self.loop.call_later(ANSWER_S, self.drop)

    def drop(self):
        self.ending.dropped, self.ending.clean = True, False
        self.link.abort()

    # --- what the peer does ---

    def feed(self, data):
        if self.state is State.FAILED:
            return
        if self.state is State.CLOSED:
            self.late()
            return
        try:
            for opcode, payload in self.decoder.feed(data):
                self.take(opcode, payload)
                if self.state is State.CLOSED:
                    break
        except Violation as violation:
            self.fail(violation)

    def take(self, opcode, payload):
        if opcode == CLOSE:
            self.take_close(payload)
        elif opcode == PING:
            # Behind a close frame of ours nothing may follow (RFC 6455 5.5.1).
            if self.state is State.OPEN:
                self.send(Frame(PONG, payload))
        else:
            self.listener.on_event(opcode, payload)

    def take_close(self, payload):
        self.ending.code = close_code(payload)
        check_close(payload)
        self.ending.clean = True
        ours, self.state = self.state is State.CLOSING, State.CLOSED
        if self.decoder.buffer:
            self.late()
        if not ours:
            self.ending.started_by = 'peer'
            self.link.write(encode(Frame(CLOSE, close_body(1000)), masked=self.is_client))
        self.end_tcp(ours)

    def end_tcp(self, ours):
        """It is the server that ends TCP (RFC 6455 7.1.1); at once, if its close was answered."""
        self.be_patient()
        if not self.is_client and ours:
            self.link.abort()
        elif not self.is_client:
            self.link.finish()

    def late(self):
        """RFC 6455 5.5.1: nothing may follow a close frame."""
        self.ending.violation = 'octets behind the close frame'

    def fail(self, violation):
        self.ending.violation = str(violation)
        if self.state is State.OPEN:
            self.close(close_body(violation.code))
            self.state = State.FAILED
        else:
            self.drop()

    def ended(self, _future):
        if self.patience:
            self.patience.cancel()
        if not self.ending.started_by:
            self.ending.started_by = 'peer'  # TCP was dropped
        self.listener.on_end()
