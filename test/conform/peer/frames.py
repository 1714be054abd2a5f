"""Frames to octets (RFC 6455 5.2). Every field may be wrong: that is what they are for.

     0 1 2 3 4 5 6 7 8 9 ...
    +-+-----+-------+-+-------------+----------------+-------------+---------+
    |F| RSV |opcode |M| length (7)  | length (16/64) | key (32), M | payload |
    +-+-----+-------+-+-------------+----------------+-------------+---------+
"""

import os
import struct
from dataclasses import dataclass
from typing import Optional

CONT, TEXT, BIN, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {CONT: 'CONT', TEXT: 'TEXT', BIN: 'BIN', CLOSE: 'CLOSE', PING: 'PING', PONG: 'PONG'}


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes = b''
    fin: bool = True
    rsv: int = 0
    cut: Optional[int] = None  # None: in one write with its neighbours; 0: flush; n: chop n
    key: Optional[bytes] = None  # None: a random one


def mask(data, key, offset=0):
    """RFC 6455 5.3, for data that begins `offset` octets into its frame. As one long number,
    since a loop over octets takes seconds for the 16 MiB of group 9."""
    n = len(data)
    start = offset % 4
    stream = ((key[start:] + key[:start]) * (n // 4 + 1))[:n]
    number = int.from_bytes(data, 'little') ^ int.from_bytes(stream, 'little')
    return number.to_bytes(n, 'little')


def lengths(n, masked):
    """The octets that tell a payload's length, in the shortest form."""
    flag = 128 if masked else 0
    if n < 126:
        return bytes([flag | n])
    if n < 65536:
        return struct.pack('>BH', flag | 126, n)
    return struct.pack('>BQ', flag | 127, n)


def encode(frame, masked):
    first = bytes([frame.fin << 7 | frame.rsv << 4 | frame.opcode])
    head = first + lengths(len(frame.payload), masked)
    if not masked:
        return head + frame.payload
    key = frame.key or os.urandom(4)
    return head + key + mask(frame.payload, key)


def close_body(code, reason=b''):
    return struct.pack('>H', code) + reason
