"""What a case is: what is sent, what has to come back, who has to close."""

from dataclasses import dataclass
from typing import Callable, NamedTuple, Optional, Tuple

from . import frames
from .frames import Frame, close_body

MARK = 'timeout'  # an event of our own among the peer's


class Wait(NamedTuple):
    seconds: float
    mark: Optional[str] = None  # logged behind the wait, if the connection is still open


class Slice(NamedTuple):
    """The octets from start to stop of a frame's payload; the frame's head comes with octet 0."""

    frame: Frame
    start: int
    stop: int


class Split(NamedTuple):
    """A message in frames of `size`; with `empty_end` the one that has FIN is empty."""

    frame: Frame
    size: int
    empty_end: bool


class Compressed(NamedTuple):
    """A message that is compressed (RFC 7692 7.2.1), in frames of at most `size` octets (None: in
    one); with `numbers`, a source of them, in blocks and frames at random."""

    opcode: int
    payload: bytes
    size: Optional[int] = None
    numbers: Optional[Callable] = None


class Terms(NamedTuple):
    """What is to be agreed upon, permessage-deflate's parameters by name. As server: what is asked
    besides what the client offers of the server; the first that one of its offers allows. As
    client: the offers."""

    asked: Tuple[dict, ...]
    offers: Tuple[dict, ...]
    level: int = 6  # of our deflater


class Timer(NamedTuple):
    kind: str  # 'kill' or 'close'
    seconds: float


class Closing(NamedTuple):
    name: str
    starter: str  # 'fuzzer' or 'peer'
    codes: Tuple[int, ...]  # that the peer may send; none is always right
    clean: bool  # whether close frames both ways are required


def kill(seconds):
    return Timer('kill', seconds)


def close(seconds):
    return Timer('close', seconds)


N = Closing('N', 'fuzzer', (1000,), True)
P = Closing('P', 'peer', (1002,), False)
U = Closing('U', 'peer', (1007,), False)
V = Closing('V', 'fuzzer', (), True)  # the codes are the case's
X = Closing('X', 'fuzzer', (), False)


@dataclass(frozen=True)
class Case:
    """With `rounds`, the steps are sent so many times, and each time the one message of `ok` has
    to come (group 9); without, the whole list of messages, pongs and marks has to be `ok`."""

    id: str
    steps: tuple
    timer: Timer
    ok: tuple
    closing: Closing
    non_strict: Optional[tuple] = None
    rounds: int = 0
    informational: bool = False
    deflate: Optional[Terms] = None  # None: no extension, whatever is offered

    def steps_of(self, _number):
        """Of each round."""
        return self.steps

    def expected(self, _number):
        """The event that has to come in each round."""
        return self.ok[0]


@dataclass(frozen=True)
class Stream(Case):
    """With another message in each round: `message` gives a Compressed for its number."""

    message: Callable = None

    def steps_of(self, number):
        return (self.message(number),)

    def expected(self, number):
        message = self.message(number)
        return message.opcode, message.payload


# Frames by name. Text may be given as str.


def frame_of(opcode):
    def make(payload=b'', **fields):
        data = payload.encode() if isinstance(payload, str) else payload
        return Frame(opcode, data, **fields)

    return make


text, binary, cont = (frame_of(op) for op in (frames.TEXT, frames.BIN, frames.CONT))
ping, pong, raw_close = (frame_of(op) for op in (frames.PING, frames.PONG, frames.CLOSE))


def close_frame(code, reason=b'', **fields):
    return raw_close(close_body(code, reason), **fields)


def echo(*sent):
    """The events that frames make when they come back whole."""
    return tuple((frame.opcode, frame.payload) for frame in sent)


def fragments(split):
    """The frames of a Split."""
    opcode, payload = split.frame.opcode, split.frame.payload
    for start in range(0, len(payload), split.size):
        stop = start + split.size
        last = stop >= len(payload) and not split.empty_end
        yield Frame(frames.CONT if start else opcode, payload[start:stop], fin=last)
    if split.empty_end:
        yield Frame(frames.CONT)


def fill(pattern, n):
    return (pattern * (n // len(pattern) + 1))[:n]
