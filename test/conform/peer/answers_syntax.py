"""Answers: what is HTTP and what is none (RFC 9112 2.2, 5; F13). A client takes a folded value
(5.2) and a bare LF (2.2)."""

from .answer import LINE, answer, answers, head
from .steps import ended

TCHAR = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# One more line among the fields.
FIELDS = (
    ('server', 'Server: peer/1.0 (test)', 'open'),
    ('date', 'Date: Sun, 06 Nov 1994 08:49:37 GMT', 'open'),
    ('value-empty', 'X-Empty:', 'open'),
    ('value-blank', 'X-Blank: \t \t', 'open'),
    ('value-colons', 'X-Colons: a:b: c', 'open'),
    ('value-tab', 'X-Tab: a\tb', 'open'),
    ('value-quotes', 'X-Quotes: "a\\"b', 'open'),
    ('value-obs-text', 'X-Text: na\xefve \x80\xff', 'open'),
    ('value-utf8', 'X-Text: \xc3\xa9\xe2\x82\xac', 'open'),
    ('value-long', 'X-Long: ' + 'x' * 8192, 'open'),
    ('name-long', 'X' * 4096 + ': x', 'open'),
    ('name-every-character', TCHAR + ': x', 'open'),
    ('name-one-character', '~: x', 'open'),
    ('version-of-websocket', 'Sec-WebSocket-Version: 13', 'open'),
    ('alternative', 'Alt-Svc: h2=":443"', 'open'),
    ('cookie', 'Set-Cookie: a=b; Path=/; HttpOnly', 'open'),
    ('name-empty', ': x', 'EHTTP'),
    ('name-blank', ' : x', 'EHTTP'),
    ('name-space-behind', 'X-Field : x', 'EHTTP'),
    ('name-tab-behind', 'X-Field\t: x', 'EHTTP'),
    ('name-space-within', 'X Field: x', 'EHTTP'),
    ('name-bracket', 'X(Field): x', 'EHTTP'),
    ('name-slash', 'X/Field: x', 'EHTTP'),
    ('name-at', 'X@Field: x', 'EHTTP'),
    ('name-quotes', '"X": x', 'EHTTP'),
    ('name-obs-text', 'X\xe9: x', 'EHTTP'),
    ('name-nul', 'X\0Y: x', 'EHTTP'),
    ('name-control', 'X\x01Y: x', 'EHTTP'),
    ('name-del', 'X\x7fY: x', 'EHTTP'),
    ('no-colon', 'X-Field', 'EHTTP'),
    ('no-colon-but-equals', 'X-Field=x', 'EHTTP'),
    ('folded-space', 'X-Folded: a\r\n b', 'open'),
    ('folded-tab', 'X-Folded: a\r\n\tb', 'open'),
    ('folded-empty', 'X-Folded: a\r\n ', 'open'),
    ('folded-field', 'X-Folded: a\r\n X-More: b', 'open'),
    ('folded-nul', 'X-Folded: a\r\n \0', 'EHTTP'),
    ('folded-bare-cr', 'X-Folded: a\r\n \rb', 'EHTTP'),
    ('folded-name', 'X-Folded\r\n : b', 'EHTTP'),
    ('value-nul', 'X-Field: a\0b', 'EHTTP'),
    ('value-bare-cr', 'X-Field: a\rb', 'EHTTP'),
    ('value-bare-cr-first', 'X-Field:\rb', 'EHTTP'),
    ('value-bare-cr-last', 'X-Field: b\r', 'EHTTP'),
    ('value-bare-lf', 'X-Field: a\nX-More: b', 'open'),
    # No control but the tab is in the grammar; RFC 9110 5.5 lets a recipient keep the others.
    ('value-control', 'X-Field: a\x01b', 'EHTTP|open'),
    ('value-escape', 'X-Field: \x1b[2J', 'EHTTP|open'),
    ('value-del', 'X-Field: a\x7fb', 'EHTTP|open'),
)

# Behind Sec-WebSocket-Accept this goes on with its value.
LAST = {'name-blank': 'EACCEPT'}

# Lines in the place of a field's own.
OWN = (
    ('upgrade-folded', {'Upgrade': ('Upgrade:\r\n websocket',)}, 'open'),
    ('upgrade-folded-behind', {'Upgrade': ('Upgrade: websocket\r\n ',)}, 'open'),
    ('upgrade-space-behind', {'Upgrade': ('Upgrade : websocket',)}, 'EHTTP'),
    ('upgrade-nul', {'Upgrade': ('Upgrade: websocket\0',)}, 'EHTTP'),
    ('upgrade-indented', {'Upgrade': (' Upgrade: websocket',)}, 'EHTTP'),
    ('upgrade-no-colon', {'Upgrade': ('Upgrade websocket',)}, 'EHTTP'),
    ('connection-folded', {'Connection': ('Connection: keep-alive,\r\n Upgrade',)}, 'open'),
    ('connection-bare-cr', {'Connection': ('Connection: keep-alive,\rUpgrade',)}, 'EHTTP'),
    ('accept-folded', {'Accept': ('Sec-WebSocket-Accept:\r\n\t<accept>',)}, 'open'),
    ('accept-nul', {'Accept': ('Sec-WebSocket-Accept: <accept>\0',)}, 'EHTTP'),
    ('accept-bare-cr', {'Accept': ('Sec-WebSocket-Accept: <accept>\r',)}, 'EHTTP'),
    ('accept-bare-lf', {'Accept': ('Sec-WebSocket-Accept: <accept>\nX: y',)}, 'open'),
    ('accept-space-behind', {'Accept': ('Sec-WebSocket-Accept : <accept>',)}, 'EHTTP'),
)

GOOD = head()

# The whole head.
HEADS = (
    ('order-reversed', '\r\n'.join([LINE, *GOOD.split('\r\n')[3:0:-1], '', '']), 'open'),
    ('no-fields', f'{LINE}\r\n\r\n', 'EUPGRADE|EACCEPT'),
    ('bare-lf-everywhere', GOOD.replace('\r\n', '\n'), 'open'),
    ('bare-lf-behind-line', GOOD.replace('\r\n', '\n', 1), 'open'),
    ('bare-lf-at-end', GOOD[:-2] + '\n', 'open'),
    ('bare-lf-twice-at-end', GOOD[:-4] + '\n\n', 'open'),
    ('bare-cr-everywhere', GOOD.replace('\r\n', '\r'), 'EHTTP'),
    ('bare-cr-at-end', GOOD[:-1] + 'x', 'EHTTP'),
    ('lf-cr', GOOD.replace('\r\n', '\n\r'), 'EHTTP'),
    ('cr-cr-lf', GOOD.replace('\r\n', '\r\r\n', 1), 'EHTTP'),
    ('indented-fields', GOOD.replace('\r\n', '\r\n ', 3), 'EHTTP'),
    ('before-crlf', '\r\n' + GOOD, 'EHTTP'),
    ('before-lf', '\n' + GOOD, 'EHTTP'),
    ('before-space', ' ' + GOOD, 'EHTTP'),
    ('before-nul', '\0' + GOOD, 'EHTTP'),
    ('before-mark', '\xef\xbb\xbf' + GOOD, 'EHTTP'),
    ('before-letter', 'x' + GOOD, 'EHTTP'),
    ('before-line', 'Hello\r\n' + GOOD, 'EHTTP'),
    ('before-page', '<!doctype html><p>Hello\r\n\r\n' + GOOD, 'EHTTP'),
    ('before-field', 'Server: peer\r\n' + GOOD, 'EHTTP'),
    ('empty-line', f'{LINE}\r\n' + GOOD, 'EHTTP'),
    ('nothing-but-lines', '\r\n' * 20, 'EHTTP'),
    ('page', '<!doctype html>\r\n<p>Hello</p>\r\n', 'EHTTP'),
    ('ssh', 'SSH-2.0-OpenSSH_9.2\r\n', 'EHTTP'),
    ('smtp', '220 mail.example ESMTP\r\n', 'EHTTP'),
    ('tls-alert', '\x15\x03\x01\x00\x02\x02\x28', 'EHTTP|EOF'),
    ('http2-settings', '\0\0\x12\x04\0\0\0\0\0' + '\0' * 18, 'EHTTP|EOF'),
    ('frame', '\x81\x05Hello\r\n', 'EHTTP'),
    ('line-without-end', 'HTTP/1.1 101 ', 'EOF'),
)


def cases():
    yield from answers('field', FIELDS, lambda line: head(LINE, line))
    for name, line, expected in FIELDS:
        yield answer(f'field-last.{name}', head(Last=(line,)), LAST.get(name, expected))
    yield from answers('own', OWN, lambda fields: head(**fields))
    for name, octets, expected in HEADS:
        if expected == 'open' or octets.endswith('\r\n\r\n'):
            yield answer(f'head.{name}', octets, expected)
        else:
            yield answer(f'head.{name}', octets, expected, behind=b'', way=ended)
