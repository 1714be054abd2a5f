"""Requests: what is HTTP and what is none (RFC 9112 2.2, 3, 5), in which pieces it comes, and how
it ends."""

from .request import LINE, NOT_OPEN, OPEN, REFUSED, Request, head, octets_of, requests
from .steps import END, cut_at, cut_behind_head, dribbled, first

# Any error will do: the request is wrong in the first line already.
LINES = (
    ('path', 'GET /chat/room HTTP/1.1', OPEN),
    ('query', 'GET /chat?a=b&c=%20 HTTP/1.1', OPEN),
    ('long-path', 'GET /' + 'x' * 4000 + ' HTTP/1.1', OPEN),
    ('absolute', 'GET http://<host>/chat HTTP/1.1', OPEN),
    ('post', 'POST / HTTP/1.1', NOT_OPEN),
    ('head', 'HEAD / HTTP/1.1', NOT_OPEN),
    ('put', 'PUT / HTTP/1.1', NOT_OPEN),
    ('options', 'OPTIONS * HTTP/1.1', NOT_OPEN),
    ('connect', 'CONNECT <host> HTTP/1.1', NOT_OPEN),
    ('method-lower', 'get / HTTP/1.1', NOT_OPEN),
    ('method-unknown', 'BREW / HTTP/1.1', NOT_OPEN),
    ('method-missing', '/ HTTP/1.1', NOT_OPEN),
    ('version-0.9', 'GET / HTTP/0.9', NOT_OPEN),
    ('version-1.0', 'GET / HTTP/1.0', NOT_OPEN),
    ('version-2.0', 'GET / HTTP/2.0', NOT_OPEN),
    ('version-missing', 'GET /', NOT_OPEN),
    ('version-lower', 'GET / http/1.1', NOT_OPEN),
    ('version-long', 'GET / HTTP/1.10', NOT_OPEN),
    ('version-short', 'GET / HTTP/1', NOT_OPEN),
    ('protocol', 'GET / ICE/1.1', NOT_OPEN),
    ('target-missing', 'GET HTTP/1.1', NOT_OPEN),
    ('target-empty', 'GET  HTTP/1.1', NOT_OPEN),
    ('target-word', 'GET chat HTTP/1.1', NOT_OPEN),
    ('target-space', 'GET /a b HTTP/1.1', NOT_OPEN),
    ('target-nul', 'GET /a\0b HTTP/1.1', NOT_OPEN),
    ('target-control', 'GET /a\x01b HTTP/1.1', NOT_OPEN),
    ('line-bare-cr', 'GET /\rHTTP/1.1', NOT_OPEN),
    ('space-before', ' GET / HTTP/1.1', NOT_OPEN),
)

FIELDS = (
    ('folded', 'X-Folded: a\r\n b', '400 *'),
    ('folded-tab', 'X-Folded: a\r\n\tb', '400 *'),
    ('name-space-behind', 'X-Field : x', '400 *'),
    ('name-empty', ': x', REFUSED),
    ('name-space', 'X Field: x', REFUSED),
    ('name-bracket', 'X(Field): x', REFUSED),
    ('name-nul', 'X\0Y: x', REFUSED),
    ('name-obs-text', 'X\xe9: x', REFUSED),
    ('no-colon', 'X-Field', REFUSED),
    ('value-nul', 'X-Field: a\0b', REFUSED),
    ('value-bare-cr', 'X-Field: a\rb', REFUSED),
    ('value-bare-lf', 'X-Field: a\nX-More: b', REFUSED),
)

GOOD = head()
HEADS = (
    ('bare-lf', GOOD.replace('\r\n', '\n'), REFUSED),
    ('bare-lf-at-end', GOOD[:-2] + '\n', REFUSED),
    ('bare-cr', GOOD.replace('\r\n', '\r'), NOT_OPEN),
    ('indented', GOOD.replace('\r\n', '\r\n ', 1), REFUSED),
    # RFC 9112 2.2: one should be passed over.
    ('empty-line-before', '\r\n' + GOOD, OPEN + '|' + REFUSED),
    ('junk-before', 'junk\r\n' + GOOD, NOT_OPEN),
    ('nul-before', '\0' + GOOD, NOT_OPEN),
    ('no-fields', f'{LINE}\r\n\r\n', REFUSED),
    ('answer', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', NOT_OPEN),
    ('http2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', NOT_OPEN),
    ('tls', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + '\0' * 100 + '\r\n\r\n', NOT_OPEN),
    ('large', head(LINE, 'X-Large: ' + 'x' * 1000000), NOT_OPEN),
    ('many-fields', head(LINE, *(f'X-{i}: x' for i in range(10000))), NOT_OPEN),
    ('many-short', head(LINE, *('a:' for _i in range(4000))), NOT_OPEN),
)


def ends():
    """TCP's end in the head: nothing can be opened."""
    for count in (0, 1, 14, 16, 40, 100, len(GOOD) - 2):
        yield Request(f'end.{count}', GOOD, NOT_OPEN, way=first(count, END))


def cuts():
    length = len(octets_of(Request('cut.100', GOOD, OPEN)))
    for place in range(1, length):
        yield Request(f'cut.{place}', GOOD, OPEN, way=cut_at(place))


def cases():
    yield from requests('line', LINES, head)
    yield from requests('field', FIELDS, lambda line: head(LINE, line))
    yield from requests('head', HEADS, str)
    yield from ends()
    yield Request('pieces.octets', GOOD, OPEN, way=dribbled)
    yield Request('pieces.halves', GOOD, OPEN, way=cut_behind_head)
    yield from cuts()
