"""Messages to compressed ones and back (RFC 7692 7.2), on zlib.

    payload  --deflate, sync flush-->  octets 00 00 ff ff  --the last four cut off-->  on the wire

Compressed is as the suite does it; what is inflated is held against what was agreed upon: no
distance beyond the window, nothing of an earlier message without takeover.
"""

import zlib

from .decoder import INVALID_DATA, Violation

TAIL = b'\x00\x00\xff\xff'
LAST_BLOCK = b'\x03\x00'  # final, with fixed codes, empty
EMPTY = b'\x00'  # RFC 7692 7.2.3.6
WINDOW = 32768
FLUSHES = (zlib.Z_NO_FLUSH, zlib.Z_BLOCK, zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH,
           zlib.Z_FULL_FLUSH)
MOST_CUTS = 3
EXACT = 4096  # octets of each message whose distances are measured exactly
SLACK = 256  # octets by which those of the rest may be too large without being noticed
INPUT = 256  # octets at a time, since zlib copies what it has not used


def at_random(octets, numbers):
    """Cut at up to three places; pieces may be empty."""
    places = sorted(int(numbers.random() * (len(octets) + 1)) for _i in range(MOST_CUTS))
    places = places[:int(numbers.random() * (MOST_CUTS + 1))]
    return [octets[start:stop] for start, stop in zip([0, *places], [*places, len(octets)])]


def cut(octets, size, numbers):
    """The payloads of a message's frames. What is as long as a multiple of `size`, but not as
    `size`, ends with an empty one, as the suite does it."""
    if numbers:
        return at_random(octets, numbers)
    if size is None or len(octets) <= size:
        return [octets]
    return [octets[start:start + size] for start in range(0, len(octets) + 1, size)]


class Deflater:
    def __init__(self, way, level):
        self.way, self.level, self.kept = way, level, None

    def new(self):
        # zlib cannot do 8, but its distances with 9 go no further than 512 - 262.
        return zlib.compressobj(self.level, zlib.DEFLATED, -max(self.way.bits, 9), 8)

    def message(self, payload, numbers=None):
        """With `numbers`, in blocks that end at random."""
        deflater = self.kept or self.new()
        self.kept = deflater if self.way.takeover else None
        octets = b''
        for piece in at_random(payload, numbers) if numbers else [payload]:
            octets += deflater.compress(piece)
            if numbers:
                octets += deflater.flush(FLUSHES[int(numbers.random() * len(FLUSHES))])
        octets += deflater.flush(zlib.Z_SYNC_FLUSH)
        # Where a flush follows a flush, zlib has nothing to say.
        return octets[:-len(TAIL)] or EMPTY


class Inflater:
    """For one message after the other: begin(), feed(), end()."""

    def __init__(self, way):
        self.way, self.zlib = way, None

    def begin(self):
        if self.zlib is None or not self.way.takeover:
            self.renew(b'')
        self.done = 0

    def renew(self, history):
        self.history = bytearray(history)
        options = {'zdict': bytes(history)} if history else {}
        self.zlib = zlib.decompressobj(-self.way.bits, **options)

    def feed(self, octets):
        try:
            return self.inflate(octets)
        except zlib.error as error:
            raise Violation(f'compressed data: {error}', INVALID_DATA) from None

    def end(self):
        """The rest. A message ends where a block does."""
        rest = self.feed(TAIL)
        probe = self.zlib.copy()
        try:
            more = probe.decompress(LAST_BLOCK)
        except zlib.error:
            more = None
        if more != b'' or not probe.eof:
            raise Violation('compressed message without its end', INVALID_DATA)
        return rest

    # zlib notices a distance that goes further back than the window before the current call, so
    # there must be many calls if the window is not the largest.

    def inflate(self, octets):
        if self.way.bits == 15:
            return self.call(octets, 0)
        pieces = (octets[i:i + INPUT] for i in range(0, len(octets), INPUT))
        return b''.join([self.stepwise(piece) for piece in pieces])

    def stepwise(self, octets):
        parts, more = [], True
        while more:
            step = 1 if self.done < EXACT else SLACK
            found = self.call(octets, step)
            parts.append(found)
            octets = self.zlib.unconsumed_tail
            more = octets or len(found) >= step
        return b''.join(parts)

    def call(self, octets, step):
        """At most `step` octets, 0 for all; more only where blocks end the stream."""
        found = self.take(octets, step)
        while self.zlib.eof:
            # A final block ends zlib's stream, but not the message (RFC 7692 7.2.3.4).
            octets = self.zlib.unused_data
            self.renew(self.history[-WINDOW:])
            found += self.take(octets, 0)
        return found

    def take(self, octets, step):
        found = self.zlib.decompress(octets, step)
        self.done += len(found)
        self.history += found
        if len(self.history) > 2 * WINDOW:
            del self.history[:-WINDOW]
        return found
