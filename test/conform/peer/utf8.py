"""Group 6: UTF-8 (RFC 3629; RFC 6455 8.1)."""

import os

from .case import MARK, Case, N, Slice, Split, U, Wait, close, cont, echo, kill, text

GREEK = bytes.fromhex('cebae1bdb9cf83cebcceb5')
HELLO = bytes.fromhex('48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121')
SURROGATE = GREEK + b'\xed\xa0\x80edited'
TOO_HIGH = GREEK + b'\xf4\x90\x80\x80edited'

# 6.5 - 6.23: one text frame each. An exclamation mark: not valid.
SEQUENCES = {
    '6.5': '68656c6c6f24776f726c64 68656c6c6fc2a2776f726c64 68656c6c6fe282ac776f726c64'
           ' 68656c6c6ff0a4ada2776f726c64 cebae1bdb9cf83cebcceb5',
    # Every prefix of the Greek word.
    '6.6': '!ce ceba !cebae1 !cebae1bd cebae1bdb9 !cebae1bdb9cf cebae1bdb9cf83 !cebae1bdb9cf83ce'
           ' cebae1bdb9cf83cebc !cebae1bdb9cf83cebcce cebae1bdb9cf83cebcceb5',
    # Lowest and highest of each length.
    '6.7': '00 c280 e0a080 f0908080',
    '6.8': '!f888808080 !fc8480808080',
    '6.9': '7f dfbf efbfbf f48fbfbf',
    '6.10': '!f7bfbfbf !fbbfbfbfbf !fdbfbfbfbfbf',
    '6.11': 'ed9fbf ee8080 efbfbd f48fbfbf !f4908080',
    # Continuation octets without a lead, leads without continuation.
    '6.12': '!80 !bf !80bf !80bf80 !80bf80bf !80bf80bf80 !80bf80bf80bf !'
            + bytes(range(0x80, 0xbf)).hex(),
    '6.13': '!' + ' !'.join(
        b''.join(bytes([lead, 0x20]) for lead in range(first, stop)).hex()
        for first, stop in ((0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7), (0xf8, 0xfb), (0xfc, 0xfd))
    ),
    '6.14': '!c0 !e080 !f08080 !f8808080 !fc80808080 !df !efbf !f7bfbf !fbbfbfbf !fdbfbfbfbf',
    '6.15': '!c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf',
    '6.16': '!fe !ff !fefeffff',
    # Overlong forms.
    '6.17': '!c0af !e080af !f08080af !f8808080af !fc80808080af',
    '6.18': '!c1bf !e09fbf !f08fbfbf !f887bfbfbf !fc83bfbfbfbf',
    '6.19': '!c080 !e08080 !f0808080 !f880808080 !fc8080808080',
    # Surrogates, single and in pairs.
    '6.20': '!eda080 !edadbf !edae80 !edafbf !edb080 !edbe80 !edbfbf',
    '6.21': '!eda080edb080 !eda080edbfbf !edadbfedb080 !edadbfedbfbf !edae80edb080 !edae80edbfbf'
            ' !edafbfedb080 !edafbfedbfbf',
    # Non-characters, which are valid: the last two of each plane, and the specials.
    '6.22': ' '.join(
        chr(plane << 16 | low).encode().hex() for plane in range(17) for low in (0xfffe, 0xffff)
    ),
    '6.23': ' '.join(chr(code).encode().hex() for code in range(0xfff9, 0x10000)),
}


def sequence(case_id, word):
    valid, frame = word[0] != '!', text(bytes.fromhex(word.lstrip('!')))
    if valid:
        return Case(case_id, (frame,), kill(0.5), echo(frame), N)
    return Case(case_id, (frame,), kill(0.5), (), U)


def sequences():
    for section, words in SEQUENCES.items():
        for i, word in enumerate(words.split(), 1):
            yield sequence(f'{section}.{i}', word)


def valid(case_id, payload, *sent):
    return Case(case_id, sent, close(1), echo(text(payload)), N)


def octets(payload):
    return Split(text(payload), 1, empty_end=True)


def fragments():
    """6.1 - 6.3: fragments that are empty, that cut characters, and that are not valid."""
    middle = 'middle frame payload'
    yield valid('6.1.1', '', text())
    yield valid('6.1.2', '', text(fin=False), cont(fin=False), cont())
    yield valid('6.1.3', middle, text(fin=False), cont(middle, fin=False), cont())
    yield valid('6.2.1', HELLO, text(HELLO))
    yield valid('6.2.2', HELLO, text(HELLO[:15], fin=False), cont(HELLO[15:]))
    yield valid('6.2.3', HELLO, octets(HELLO))
    yield valid('6.2.4', GREEK, octets(GREEK))
    yield Case('6.3.1', (text(SURROGATE),), kill(1), (), U)
    yield Case('6.3.2', (octets(SURROGATE),), kill(1), (), U)


# 6.4, fail fast: the message becomes invalid at its 13th octet. Three parts; a peer that is still
# there after the second waited too long, and has to fail at the third.


def slow(case_id, first, second, *third):
    steps = (first, Wait(1, 'A'), second, Wait(1, 'B'), *third)
    marks = ((MARK, b'A'),), ((MARK, b'A'), (MARK, b'B'))
    return Case(case_id, steps, kill(1), marks[0], U, non_strict=marks[1])


def slow_frames(case_id, one, two):
    return slow(case_id, text(TOO_HIGH[:one], fin=False), cont(TOO_HIGH[one:two], fin=False),
                cont(TOO_HIGH[two:]))


def slow_octets(case_id, one, two):
    """The three parts are pieces of one frame, so it has one key."""
    frame = text(TOO_HIGH, fin=False, key=os.urandom(4))
    return slow(case_id, Slice(frame, 0, one), Slice(frame, one, two),
                Slice(frame, two, len(TOO_HIGH)), cont())


def cases():
    yield from fragments()
    yield slow_frames('6.4.1', 11, 15)
    yield slow_frames('6.4.2', 12, 13)
    yield slow_octets('6.4.3', 11, 15)
    yield slow_octets('6.4.4', 12, 13)
    yield from sequences()
