"""An echo client and an echo server with permessage-deflate (RFC 7692) that are right, as simple as
can be: what those of broken_deflate.py spoil. Shares nothing with the peer."""

import zlib

from echo import BINARY, Echo, Fail

TAIL = b'\x00\x00\xff\xff'
WINDOW = 32768
RSV1 = 4


def params_of(element):
    """Of an offer or answer that is right. Those without a value have ''."""
    words = [word.strip().partition('=') for word in element.split(';')[1:]]
    return {name: value for name, _equals, value in words}


def bits_of(params, name):
    return int(params.get(name) or 15)


class DeflateEcho(Echo):
    """One connection; offers and asks for nothing but what it must. This one is right."""

    offer = 'permessage-deflate; client_max_window_bits'
    level = 6
    on = False  # whether the extension is
    compressed = False  # whether the message is that is coming

    # --- what is agreed upon ---

    @classmethod
    def answer_to_offer(cls, offered):
        """The first offer will do."""
        params = params_of(offered.split(',')[0])
        return '; '.join(['permessage-deflate', *cls.granted(params)])

    @classmethod
    def granted(cls, params):
        if 'server_no_context_takeover' in params:
            yield 'server_no_context_takeover'
        if 'server_max_window_bits' in params:
            yield f'server_max_window_bits={params["server_max_window_bits"]}'

    def agree(self, offered, answered):
        if not answered:
            return
        params = params_of(answered)
        ours, theirs = ('client', 'server') if self.is_client else ('server', 'client')
        self.on = True
        self.takeover = f'{ours}_no_context_takeover' not in params
        self.bits = bits_of(params, f'{ours}_max_window_bits')
        if self.is_client:
            self.bits = min(self.bits, bits_of(params_of(offered), 'client_max_window_bits'))
        self.their_takeover = f'{theirs}_no_context_takeover' not in params
        self.their_bits = bits_of(params, f'{theirs}_max_window_bits')
        self.deflater = self.inflater = None

    # --- reading ---

    def check_rsv(self, head):
        allowed = RSV1 if self.on and 0 < head.opcode <= BINARY else 0
        if head.rsv & ~allowed:
            raise Fail(1002)

    def data(self, head):
        if head.opcode:
            self.compressed = bool(head.rsv & RSV1)
            if self.compressed:
                self.begin_inflating()
        super().data(head)

    def begin_inflating(self):
        if self.inflater is None or not self.their_takeover:
            self.inflater, self.history = zlib.decompressobj(-self.their_bits), b''

    def read_fragment(self, head):
        if not self.compressed:
            super().read_fragment(head)
            return
        parts = [self.inflate_checked(piece) for piece in self.pieces(head)]
        if head.final:
            parts.append(self.end_inflating())
        self.fragments.append(b''.join(parts))

    def end_inflating(self):
        rest = self.inflate_checked(TAIL)
        self.check_end()
        return rest

    def check_end(self):
        """Where a block ends, a last one that is empty can follow."""
        probe = self.inflater.copy()
        try:
            more = probe.decompress(b'\x03\x00')
        except zlib.error:
            raise Fail(1007) from None
        if more or not probe.eof:
            raise Fail(1007)

    def inflate_checked(self, octets):
        try:
            piece = self.inflate(octets)
        except zlib.error:
            raise Fail(1007) from None
        self.check_text(piece, False)
        return piece

    def inflate(self, octets):
        piece = self.inflater.decompress(octets)
        self.history = (self.history + piece)[-WINDOW:]
        while self.inflater.eof:
            octets = self.inflater.unused_data
            self.inflater = zlib.decompressobj(-self.their_bits, zdict=self.history)
            more = self.inflater.decompress(octets)
            self.history = (self.history + more)[-WINDOW:]
            piece += more
        return piece

    # --- writing ---

    def on_message(self, opcode, fragments):
        if self.on:
            self.echo(opcode, b''.join(fragments))
        else:
            super().on_message(opcode, fragments)

    def echo(self, opcode, payload):
        self.send(opcode, self.deflate(payload), rsv=RSV1)

    def deflate(self, payload):
        if self.deflater is None or not self.takeover:
            self.deflater = self.new_deflater(self.bits)
        return self.flush(self.deflater.compress(payload)) or b'\0'

    def new_deflater(self, bits):
        """Distances with 9 never reach 256, which zlib cannot be told (RFC 7692 7.1.2.1)."""
        return zlib.compressobj(self.level, zlib.DEFLATED, -max(bits, 9))

    def flush(self, octets):
        octets += self.deflater.flush(zlib.Z_SYNC_FLUSH)
        return octets[:-len(TAIL)]
