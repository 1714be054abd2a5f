"""Answers about permessage-deflate: what a client has to accept, and what it has to refuse
(RFC 7692 5.1, 7.1; RFC 6455 9.1). What is glued to a good one is compressed."""

import zlib

from .answer import Deflate, answer, head
from .deflate import TAIL
from .frames import TEXT, Frame, encode

ANY = ('client_max_window_bits', None)
FLAGS = ('server_no_context_takeover', 'client_no_context_takeover')
BITS = ('server_max_window_bits', 'client_max_window_bits')

DEFAULT = Deflate('', (ANY,))
NOT_CLIENT_BITS = Deflate('client_max_window_bits=0', ())
CLIENT_BITS = Deflate('client_max_window_bits=10', (('client_max_window_bits', '10'),))
SERVER_BITS = Deflate('server_max_window_bits=10', (('server_max_window_bits', '10'), ANY))
SERVER_FRESH = Deflate('server_no_context_takeover', (('server_no_context_takeover', None), ANY))
CLIENT_FRESH = Deflate('client_no_context_takeover', (('client_no_context_takeover', None), ANY))
BAD, EITHER = 'EEXTENSION', 'open|EEXTENSION'

# What stands behind `permessage-deflate`.
TAKEN = (
    ('bare', '', 'open'),
    ('all', '; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10'
     '; client_max_window_bits=11', 'open'),
    ('all-reversed', ';client_max_window_bits=11;server_max_window_bits=10'
     ';client_no_context_takeover;server_no_context_takeover', 'open'),
    ('both-flags', '; server_no_context_takeover; client_no_context_takeover', 'open'),
    ('spaces', ' \t;  server_no_context_takeover\t ;server_max_window_bits=9  ', 'open'),
    ('quoted', '; server_max_window_bits="10"', 'open'),
    ('quoted-client', '; client_max_window_bits="9"', 'open'),
    ('quoted-pair', '; server_max_window_bits="1\\0"', 'open'),
)

WRONG_VALUES = (
    ('7', '7'), ('16', '16'), ('0', '0'), ('1', '1'), ('08', '08'), ('010', '010'), ('015', '015'),
    ('plus', '+10'), ('minus', '-10'), ('point', '10.0'), ('word', 'ten'), ('100', '100'),
    ('266', '266'), ('hex', '0xa'), ('with-letter', '10a'), ('4294967306', '4294967306'),
    ('none', ''), ('quoted-16', '"16"'), ('quoted-nothing', '""'), ('quoted-space', '" 10"'),
    ('unfinished', '"10'), ('two', '10 11'),
)

REFUSED = (
    ('unknown', '; x', BAD),
    ('unknown-value', '; x=10', BAD),
    ('unknown-behind', '; server_no_context_takeover; x', BAD),
    ('nearly', '; server_max_window_bit=10', BAD),
    ('nearly-flag', '; server_no_context_takeovers', BAD),
    ('flag-without-owner', '; no_context_takeover', BAD),
    ('semicolon-behind', ';', BAD),
    ('semicolon-doubled', ';; server_no_context_takeover', BAD),
    ('no-name', '; =10', BAD),
    ('no-semicolon', ' server_no_context_takeover', BAD),
    ('comma-for-semicolon', ', server_no_context_takeover', BAD),
    ('two', ', permessage-deflate', BAD),
    ('two-unlike', '; server_no_context_takeover, permessage-deflate', BAD),
    ('other-behind', ', x-unknown', BAD),
    ('quoted-parameter', '; "server_no_context_takeover"', BAD),
    # Lists may have empty elements (RFC 9110 5.6.1.2).
    ('comma-behind', ',', EITHER),
)

# Whole lines.
LINES = (
    ('other', ('Sec-WebSocket-Extensions: x-unknown',), BAD),
    ('other-before', ('Sec-WebSocket-Extensions: x-unknown, permessage-deflate',), BAD),
    ('older', ('Sec-WebSocket-Extensions: x-webkit-deflate-frame',), BAD),
    ('bzip2', ('Sec-WebSocket-Extensions: permessage-bzip2',), BAD),
    ('long', ('Sec-WebSocket-Extensions: permessage-deflated',), BAD),
    ('short', ('Sec-WebSocket-Extensions: permessage-deflat',), BAD),
    ('quoted-name', ('Sec-WebSocket-Extensions: "permessage-deflate"',), BAD),
    ('empty', ('Sec-WebSocket-Extensions:',), BAD),
    ('two-fields', ('Sec-WebSocket-Extensions: permessage-deflate',) * 2, BAD),
    ('two-fields-other', ('Sec-WebSocket-Extensions: permessage-deflate',
                          'Sec-WebSocket-Extensions: x-unknown'), BAD),
    ('name-lower', ('sec-websocket-extensions: permessage-deflate',), 'open'),
    ('no-space', ('Sec-WebSocket-Extensions:permessage-deflate',), 'open'),
)

# With other offers.
UNLIKE = (
    ('client-bits-unoffered', NOT_CLIENT_BITS, (
        ('bare', '', 'open'),
        ('there', '; client_max_window_bits=10', BAD),
        ('largest', '; client_max_window_bits=15', BAD),
        ('server-bits', '; server_max_window_bits=10', 'open'),
    )),
    ('client-bits-10', CLIENT_BITS, (
        ('bare', '', 'open'),
        ('same', '; client_max_window_bits=10', 'open'),
        ('smaller', '; client_max_window_bits=9', 'open'),
        # RFC 7692 7.1.2.2 does not say that it may not; the client uses 10.
        ('larger', '; client_max_window_bits=11', EITHER),
    )),
    ('server-bits-10', SERVER_BITS, (
        ('missing', '', BAD),
        ('missing-others-there', '; server_no_context_takeover; client_max_window_bits=10', BAD),
        ('same', '; server_max_window_bits=10', 'open'),
        ('smaller', '; server_max_window_bits=9', 'open'),
        ('smallest', '; server_max_window_bits=8', 'open'),
        ('larger', '; server_max_window_bits=11', BAD),
        ('largest', '; server_max_window_bits=15', BAD),
    )),
    ('server-fresh', SERVER_FRESH, (
        ('missing', '', BAD),
        ('missing-others-there', '; client_no_context_takeover', BAD),
        ('there', '; server_no_context_takeover', 'open'),
    )),
    ('client-fresh', CLIENT_FRESH, (
        ('missing', '', 'open'),
        ('there', '; client_no_context_takeover', 'open'),
    )),
)


def compressed(message):
    deflater = zlib.compressobj(6, zlib.DEFLATED, -9)
    octets = deflater.compress(message.encode()) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return encode(Frame(TEXT, octets[:-len(TAIL)], rsv=4), masked=False)


def row(name, lines, expected, deflate=DEFAULT):
    name = f'deflate.{name}'
    return answer(name, head(Choice=lines), expected, deflate=deflate, behind=compressed(name))


def rows(group, table, deflate=DEFAULT):
    for name, params, expected in table:
        lines = (f'Sec-WebSocket-Extensions: permessage-deflate{params}',)
        yield row(f'{group}.{name}', lines, expected, deflate)


def values():
    for param in BITS:
        good = [(str(bits), f'; {param}={bits}', 'open') for bits in range(8, 16)]
        bad = [(name, f'; {param}={value}', BAD) for name, value in WRONG_VALUES]
        yield from rows(param, [*good, *bad, ('bare', f'; {param}', BAD)])
        yield from rows(param, repeated(f'{param}=10', f'{param}=9'))
    for param in FLAGS:
        bad = [(name, f'; {param}={value}', BAD) for name, value in (
            ('1', '1'), ('true', 'true'), ('10', '10'), ('quoted', '"true"'), ('none', ''),
            ('quoted-nothing', '""'))]
        yield from rows(param, [('bare', f'; {param}', 'open'), *bad])
        yield from rows(param, repeated(param, param))


def repeated(first, second):
    yield 'doubled', f'; {first}; {first}', BAD
    yield 'doubled-other', f'; {first}; {second}', BAD
    yield 'doubled-apart', f'; {first}; x; {first}', BAD


def declined():
    """Nothing is compressed then."""
    name = 'deflate.declined'
    yield answer(name, head(), 'open', deflate=DEFAULT)
    name = 'deflate.declined-but-compressed'
    yield answer(name, head(), 'WSUV_EPROTOCOL open *', deflate=DEFAULT, behind=compressed(name))


def cases():
    yield from declined()
    yield from rows('taken', TAKEN)
    yield from values()
    yield from rows('refused', REFUSED)
    for name, lines, expected in LINES:
        yield row(f'line.{name}', lines, expected)
    for group, deflate, table in UNLIKE:
        yield from rows(group, table, deflate)
