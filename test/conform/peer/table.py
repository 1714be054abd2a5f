"""Groups 1-7, read from ../cases.inc, which says how cases are written."""

import os
import re

from .case import MARK, Case, N, P, Slice, Timer, U, V, Wait, X, fill
from .frames import BIN, NAMES, PING, PONG, TEXT, Frame, close_body

FILE = os.path.join(os.path.dirname(__file__), '..', 'cases.inc')
CASE = re.compile(r'^CASE\((.*?)\)$', re.M | re.S)
FIELD = re.compile(r'((?:"[^"]*"|[^",])*)(?:,\s+|$)')
HEAD = re.compile(r'\s*([A-Z]+\d*)(-?)(?:\{(\d)\})?')
PIECE = re.compile(r'("[^"]*"|#\d+|[0-9a-f]+)(?:([*~])(\d+))?')

OPCODES = {f'OP{i}': i for i in range(16)} | {name: opcode for opcode, name in NAMES.items()}
ANSWERS = {TEXT: TEXT, BIN: BIN, PING: PONG}
CLOSINGS = {closing.name: closing for closing in (N, P, U, V, X)}


def octets(pieces):
    found = b''
    for piece, how, count in PIECE.findall(pieces):
        if piece[0] == '"':
            part = piece[1:-1].encode()
        else:
            part = close_body(int(piece[1:])) if piece[0] == '#' else bytes.fromhex(piece)
        size = int(count) if how == '~' else len(part) * int(count or 1)
        found += fill(part, size)
    return found


def steps(script, cut=None, marks=''):
    """Frames, and a pause for each '/'. A frame with pauses inside comes in slices."""
    marks = iter(marks)
    for words in filter(None, script.split(';')):
        head = HEAD.match(words)
        name, more, rsv = head.groups()
        parts = [octets(part) for part in words[head.end():].split('/')]
        payload, start = b''.join(parts), 0
        frame = Frame(OPCODES[name], payload, not more, int(rsv or 0), cut, os.urandom(4))
        for i, part in enumerate(parts):
            if i:
                yield Wait(1, next(marks, None))
            if part == payload:
                yield frame
            elif part:
                yield Slice(frame, start, start + len(part))
            start += len(part)


def case(case_id, sent, seen, how, verdict):
    timer, seconds, *chop = how.split()
    kind, *words = verdict.split()
    codes = tuple(int(word) for word in words if word.isdigit())
    closing = CLOSINGS[kind]._replace(codes=codes or CLOSINGS[kind].codes)
    events = steps(sent if seen == 'all' else seen)
    ok = tuple((ANSWERS[frame.opcode], frame.payload) for frame in events
               if frame.opcode in ANSWERS)
    non_strict = () if 'lossy' in words else None
    marks = 'AB'[:sent.count('/')] if kind == 'U' else ''
    if marks:
        non_strict = tuple((MARK, mark.encode()) for mark in marks)
        ok = non_strict[:-1]
    return Case(case_id, tuple(steps(sent, int(chop[1]) if chop else None, marks)),
                Timer(timer, float(seconds)), ok, closing, non_strict,
                informational='informational' in words)


def cases():
    with open(FILE, encoding='ascii') as file:
        for row in CASE.findall(file.read()):
            yield case(*FIELD.findall(row)[:5])
