"""Octets to messages and control frames, with every rule of RFC 6455 that a peer can break. UTF-8
is checked as it arrives, behind the inflater if there is one."""

import codecs
import struct

from .frames import BIN, CLOSE, CONT, PING, PONG, TEXT, mask

PROTOCOL_ERROR, INVALID_DATA = 1002, 1007
RSV1 = 0x40

# RFC 6455 7.4; 1012 - 1014 are in IANA's registry.
CODES = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}


class Violation(Exception):
    def __init__(self, what, code=PROTOCOL_ERROR):
        super().__init__(what)
        self.code = code


def require(condition, what):
    if not condition:
        raise Violation(what)


def close_code(payload):
    """The code of a close frame's body, or None. It is read from bodies that are wrong, too."""
    return struct.unpack('>H', payload[:2])[0] if len(payload) >= 2 else None


def check_close(payload):
    """RFC 6455 5.5.1, 7.4."""
    require(len(payload) != 1, 'close body of one octet')
    code = close_code(payload)
    require(code is None or code in CODES or 3000 <= code <= 4999, f'close code {code}')
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise Violation('close reason is not UTF-8', INVALID_DATA) from None


class Message:
    """A message that is on its way (RFC 6455 5.4). `inflater` is None for one that is not
    compressed."""

    def __init__(self, opcode, inflater):
        self.opcode, self.inflater, self.parts = opcode, inflater, []
        self.utf8 = codecs.getincrementaldecoder('utf-8')()
        if inflater:
            inflater.begin()

    def feed(self, piece):
        self.add(self.inflater.feed(piece) if self.inflater else piece)

    def end(self):
        """The event."""
        self.add(self.inflater.end() if self.inflater else b'', final=True)
        return self.opcode, b''.join(self.parts)

    def add(self, piece, final=False):
        self.parts.append(piece)
        if self.opcode != TEXT:
            return
        try:
            self.utf8.decode(piece, final)
        except UnicodeDecodeError:
            raise Violation('text is not UTF-8', INVALID_DATA) from None


class Decoder:
    """feed() gives pairs: (TEXT or BIN, a whole message's payload) and (PING, PONG or CLOSE, its
    payload), and raises Violation behind the last that was right. Nothing may be fed after that."""

    def __init__(self, masked, inflater=None):
        self.masked = masked  # whether the peer has to mask (RFC 6455 5.1)
        self.inflater = inflater  # None: no permessage-deflate
        self.buffer = bytearray()
        self.message = None
        self.run = self.frames()

    def feed(self, data):
        self.buffer += data
        while (event := next(self.run)) is not None:
            yield event

    # The generators below give events, and None where they cannot go on without more octets.

    def frames(self):
        while True:
            first, second = yield from self.take(2)
            final, opcode = first >> 7, first & 15
            self.check_head(first, second)
            length = yield from self.length(second & 127)
            key = (yield from self.take(4)) if self.masked else None
            if opcode >= CLOSE:
                yield (yield from self.control(opcode, length, key))
                continue
            if opcode != CONT:
                self.message = Message(opcode, self.inflater if first & RSV1 else None)
            yield from self.pieces(length, key, self.message.feed)
            if final:
                message, self.message = self.message, None
                yield message.end()

    def check_head(self, first, second):
        opcode = first & 15
        # RSV1 on the first frame of a message: it is compressed (RFC 7692 7.2.3.1).
        allowed = RSV1 if self.inflater and opcode in (TEXT, BIN) else 0
        require(first & 0x70 & ~allowed == 0, f'RSV {first >> 4 & 7}')
        require(opcode in (CONT, TEXT, BIN, CLOSE, PING, PONG), f'opcode {opcode}')
        require(second >> 7 == self.masked, 'masked frame' if second >> 7 else 'unmasked frame')
        if opcode >= CLOSE:
            require(first >> 7, 'fragmented control frame')
            require(second & 127 < 126, 'control frame of more than 125 octets')
        elif opcode == CONT:
            require(self.message, 'continuation of nothing')
        else:
            require(not self.message, 'new message inside of a message')

    def take(self, n):
        while len(self.buffer) < n:
            yield None
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    def length(self, short):
        if short < 126:
            return short
        form, lowest = ('>H', 126) if short == 126 else ('>Q', 65536)
        length, = struct.unpack(form, (yield from self.take(struct.calcsize(form))))
        require(length >= lowest, f'length {length} not in its shortest form')
        require(length < 1 << 63, 'length of more than 63 bits')
        return length

    def pieces(self, length, key, add):
        """Hands the payload to `add` as it arrives."""
        done = 0
        while done < length:
            while not self.buffer:
                yield None
            piece = bytes(self.buffer[:length - done])
            del self.buffer[:length - done]
            add(mask(piece, key, done) if self.masked else piece)
            done += len(piece)

    def control(self, opcode, length, key):
        parts = []
        yield from self.pieces(length, key, parts.append)
        return opcode, b''.join(parts)
