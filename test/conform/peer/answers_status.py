"""Answers: the status line, and what may come before it (RFC 9110 15, RFC 9112 4)."""

from .answer import LINE, answer, answers, head
from .steps import cut_behind_head, ended

# F13: nothing that is malformed is taken.
LINES = (
    ('reason-empty', 'HTTP/1.1 101 ', 'open'),
    ('reason-other', 'HTTP/1.1 101 Web Socket Protocol Handshake', 'open'),
    ('reason-misleading', 'HTTP/1.1 101 404 Not Found', 'open'),
    ('reason-tab', 'HTTP/1.1 101 Switching\tProtocols', 'open'),
    ('reason-spaces', 'HTTP/1.1 101    Switching Protocols  ', 'open'),
    ('reason-obs-text', 'HTTP/1.1 101 \xc4nderung', 'open'),
    ('reason-long', 'HTTP/1.1 101 ' + 'x' * 8000, 'open'),
    # The grammar wants the space, RFC 9112 4 lets a recipient do without it.
    ('reason-missing', 'HTTP/1.1 101', 'EHTTP|open'),
    ('reason-nul', 'HTTP/1.1 101 Switching\0Protocols', 'EHTTP'),
    ('reason-control', 'HTTP/1.1 101 Switching\x01Protocols', 'EHTTP'),
    ('reason-bare-cr', 'HTTP/1.1 101 Switching\rProtocols', 'EHTTP'),
    ('reason-bare-lf', 'HTTP/1.1 101 Switching\nProtocols', 'EHTTP'),
    ('version-0.9', 'HTTP/0.9 101 Switching Protocols', 'EHTTP'),
    ('version-1.0', 'HTTP/1.0 101 Switching Protocols', 'EHTTP'),
    ('version-1.2', 'HTTP/1.2 101 Switching Protocols', 'EHTTP'),
    ('version-2.0', 'HTTP/2.0 101 Switching Protocols', 'EHTTP'),
    ('version-2', 'HTTP/2 101 Switching Protocols', 'EHTTP'),
    ('version-3.0', 'HTTP/3.0 101 Switching Protocols', 'EHTTP'),
    ('version-1', 'HTTP/1 101 Switching Protocols', 'EHTTP'),
    ('version-1.10', 'HTTP/1.10 101 Switching Protocols', 'EHTTP'),
    ('version-01.1', 'HTTP/01.1 101 Switching Protocols', 'EHTTP'),
    ('version-1.1.1', 'HTTP/1.1.1 101 Switching Protocols', 'EHTTP'),
    ('version-comma', 'HTTP/1,1 101 Switching Protocols', 'EHTTP'),
    ('version-lower', 'http/1.1 101 Switching Protocols', 'EHTTP'),
    ('version-space', 'HTTP /1.1 101 Switching Protocols', 'EHTTP'),
    ('version-space-within', 'HTTP/ 1.1 101 Switching Protocols', 'EHTTP'),
    ('version-missing', '101 Switching Protocols', 'EHTTP'),
    ('version-no-number', 'HTTP 101 Switching Protocols', 'EHTTP'),
    ('protocol-https', 'HTTPS/1.1 101 Switching Protocols', 'EHTTP'),
    ('protocol-icy', 'ICY 101 Switching Protocols', 'EHTTP'),
    ('protocol-rtsp', 'RTSP/1.1 101 Switching Protocols', 'EHTTP'),
    ('number-missing', 'HTTP/1.1 Switching Protocols', 'EHTTP'),
    ('number-none-at-all', 'HTTP/1.1', 'EHTTP'),
    ('number-one-digit', 'HTTP/1.1 1 Switching Protocols', 'EHTTP'),
    ('number-two-digits', 'HTTP/1.1 10 Switching Protocols', 'EHTTP'),
    ('number-four-digits', 'HTTP/1.1 1010 Switching Protocols', 'EHTTP'),
    ('number-leading-zero', 'HTTP/1.1 0101 Switching Protocols', 'EHTTP'),
    ('number-plus', 'HTTP/1.1 +101 Switching Protocols', 'EHTTP'),
    ('number-minus', 'HTTP/1.1 -101 Switching Protocols', 'EHTTP'),
    ('number-letter', 'HTTP/1.1 1O1 Switching Protocols', 'EHTTP'),
    ('number-point', 'HTTP/1.1 101.0 Switching Protocols', 'EHTTP'),
    ('number-glued', 'HTTP/1.1 101Switching Protocols', 'EHTTP'),
    ('number-tab-before', 'HTTP/1.1\t101 Switching Protocols', 'EHTTP'),
    ('number-tab-behind', 'HTTP/1.1 101\tSwitching Protocols', 'EHTTP'),
    ('number-two-spaces', 'HTTP/1.1  101 Switching Protocols', 'EHTTP'),
    ('leading-space', ' HTTP/1.1 101 Switching Protocols', 'EHTTP'),
    ('request', 'GET / HTTP/1.1', 'EHTTP'),
)

# All with the right fields of an upgrade. 600 and above are taken as any other error (RFC 9110 15).
STATUSES = (
    200, 201, 202, 203, 204, 205, 206, 226, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403,
    404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 417, 418, 421, 422, 425, 426, 428, 429,
    431, 451, 500, 501, 502, 503, 504, 505, 511, 599, 600, 601, 700, 999,
)


def interim(status, *fields):
    return '\r\n'.join([f'HTTP/1.1 {status} Wait', *fields, '', ''])


HINT = 'Link: </style.css>; rel=preload; as=style'

# 1xx before the answer is passed over, eight times.
INTERIM = (
    ('100', interim(100) + head(), 'open'),
    ('102', interim(102) + head(), 'open'),
    ('103', interim(103, HINT, HINT) + head(), 'open'),
    ('199', interim(199) + head(), 'open'),
    ('100-103', interim(100) + interim(103, HINT) + head(), 'open'),
    ('eight', interim(100) * 8 + head(), 'open'),
    ('nine', interim(100) * 9 + head(), 'EHEADERS'),
    ('many', interim(103, HINT) * 1000 + head(), 'EHEADERS'),
    ('then-1.0', interim(100) + head('HTTP/1.0 101 Switching Protocols'), 'EHTTP'),
    # What an interim answer says is no part of the answer.
    ('wrong-accept', interim(103, 'Sec-WebSocket-Accept: <other>') + head(), 'open'),
    ('same-accept', interim(103, 'Sec-WebSocket-Accept: <accept>') + head(), 'open'),
    ('accept-only-there', interim(103, 'Sec-WebSocket-Accept: <accept>') + head(Accept=()),
     'EACCEPT'),
    ('upgrade-only-there', interim(103, 'Upgrade: websocket') + head(Upgrade=()), 'EUPGRADE'),
    ('subprotocol-there', interim(103, 'Sec-WebSocket-Protocol: chat') + head(), 'open'),
    ('folded', 'HTTP/1.1 103 Wait\r\nLink: a\r\n b\r\n\r\n' + head(), 'open'),
    ('malformed', 'HTTP/1.1 103 Wait\r\nLink\r\n\r\n' + head(), 'EHTTP'),
)


def cases():
    yield answer('status.101', head(LINE), 'open')
    yield from answers('status', LINES, head)
    for status in STATUSES:
        line = f'HTTP/1.1 {status} Whatever'
        yield answer(f'status.{status}', head(line), f'ESTATUS:{status}', way=ended)
    for status in ('000', '099'):
        line = f'HTTP/1.1 {status} Whatever'
        yield answer(f'status.{status}', head(line), 'EHTTP|ESTATUS', way=ended)
    yield answer('status.1.0-404', head('HTTP/1.0 404 Not Found'), 'EHTTP|ESTATUS:404', way=ended)
    yield from answers('interim', INTERIM, str)
    yield answer('interim.apart', interim(100) + head(), 'open', way=cut_behind_head)
    for status in (200, 404):
        yield answer(f'interim.then-{status}', interim(100) + head(f'HTTP/1.1 {status} Whatever'),
                     f'ESTATUS:{status}', way=ended)
    yield answer('interim.alone', interim(100), 'EOF', behind=b'', way=ended)
