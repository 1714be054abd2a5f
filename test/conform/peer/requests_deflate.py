"""Requests about permessage-deflate, to a server that accepts each offer that is right: what it has
to answer, and what it has to decline (RFC 7692 5.1, 7.1; RFC 6455 9.1)."""

from .answers_deflate import BITS, FLAGS, WRONG_VALUES
from .request import LINE, Request, head

DEFLATE, PLAIN = '101 - echo deflate', '101 - echo plain'
# What is no list of extensions may be refused as a whole, too.
NO_LIST = PLAIN + '|4?? *'
UNFINISHED = {'none', 'quoted-nothing', 'quoted-space', 'unfinished', 'two'}  # values, by name

# What stands behind `permessage-deflate`.
GOOD = (
    ('bare', ''),
    ('spaces', ' \t;  server_no_context_takeover\t ;server_max_window_bits=9  '),
    ('all', '; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10'
     '; client_max_window_bits=11'),
    ('all-reversed', ';client_max_window_bits;server_max_window_bits=10'
     ';client_no_context_takeover;server_no_context_takeover'),
    ('both-flags', '; server_no_context_takeover; client_no_context_takeover'),
    ('client-bits', '; client_max_window_bits'),
    ('quoted', '; server_max_window_bits="10"'),
    ('quoted-pair', '; client_max_window_bits="1\\0"'),
    # The first that is right (RFC 7692 5).
    ('twice', ', permessage-deflate'),
    ('second-asks-less', '; server_max_window_bits=9, permessage-deflate'),
    ('second-other', ', x-unknown; a=1'),
    ('second-wrong', '; server_no_context_takeover, permessage-deflate; x'),
    ('first-wrong', '; x, permessage-deflate'),
    ('first-out-of-range', '; server_max_window_bits=16, permessage-deflate'
     '; client_max_window_bits'),
    ('first-doubled', '; client_max_window_bits; client_max_window_bits, permessage-deflate'
     '; server_max_window_bits=12'),
    ('three', '; x, permessage-deflate; y, permessage-deflate; server_no_context_takeover'),
)

DECLINED = (
    ('unknown', '; x', PLAIN),
    ('unknown-value', '; x=10', PLAIN),
    ('unknown-behind', '; server_no_context_takeover; x', PLAIN),
    ('nearly', '; server_max_window_bit=10', PLAIN),
    ('all-wrong', '; x, permessage-deflate; y', PLAIN),
    ('server-bits-bare', '; server_max_window_bits', PLAIN),
    ('semicolon-behind', ';', NO_LIST),
    ('semicolon-doubled', ';; server_no_context_takeover', NO_LIST),
    ('no-name', '; =10', NO_LIST),
    ('no-semicolon', ' server_no_context_takeover', NO_LIST),
    ('quoted-parameter', '; "server_no_context_takeover"', NO_LIST),
)

# Whole lines.
LINES = (
    ('none', (), PLAIN),
    ('other', ('Sec-WebSocket-Extensions: x-unknown',), PLAIN),
    ('other-first', ('Sec-WebSocket-Extensions: x-unknown; a="b c", permessage-deflate',),
     DEFLATE + '|' + NO_LIST),  # the value is no token
    ('other-before', ('Sec-WebSocket-Extensions: x-unknown, permessage-deflate',), DEFLATE),
    ('older', ('Sec-WebSocket-Extensions: x-webkit-deflate-frame',), PLAIN),
    ('long', ('Sec-WebSocket-Extensions: permessage-deflated',), PLAIN),
    ('short', ('Sec-WebSocket-Extensions: permessage-deflat',), PLAIN),
    ('two-fields', ('Sec-WebSocket-Extensions: x-unknown',
                    'Sec-WebSocket-Extensions: permessage-deflate'), DEFLATE),
    ('two-fields-first-wrong', ('Sec-WebSocket-Extensions: permessage-deflate; x',
                                'Sec-WebSocket-Extensions: permessage-deflate'), DEFLATE),
    ('name-lower', ('sec-websocket-extensions: permessage-deflate',), DEFLATE),
    ('no-space', ('Sec-WebSocket-Extensions:permessage-deflate',), DEFLATE),
)


def row(name, lines, expected):
    return Request(f'deflate.{name}', head(LINE, *lines), expected, deflate=True)


def rows(group, table):
    for name, params, expected in table:
        lines = (f'Sec-WebSocket-Extensions: permessage-deflate{params}',)
        yield row(f'{group}.{name}', lines, expected)


def values():
    for param in BITS:
        yield from rows(param, [(str(bits), f'; {param}={bits}', DEFLATE) for bits in range(8, 16)])
        yield from rows(param, [(name, f'; {param}={value}',
                                 NO_LIST if name in UNFINISHED else PLAIN)
                                for name, value in WRONG_VALUES])
        yield from rows(param, [('doubled', f'; {param}=10; {param}=10', PLAIN),
                                ('doubled-other', f'; {param}=10; {param}=9', PLAIN)])
    for param in FLAGS:
        yield from rows(param, [('bare', f'; {param}', DEFLATE), ('1', f'; {param}=1', PLAIN),
                                ('true', f'; {param}=true', PLAIN),
                                ('quoted', f'; {param}="true"', PLAIN),
                                ('none', f'; {param}=', NO_LIST),
                                ('doubled', f'; {param}; {param}', PLAIN)])


def cases():
    yield from rows('good', [(name, params, DEFLATE) for name, params in GOOD])
    yield from values()
    yield from rows('declined', DECLINED)
    for name, lines, expected in LINES:
        yield row(f'line.{name}', lines, expected)
