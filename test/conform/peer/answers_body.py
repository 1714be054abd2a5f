"""Answers: an upgrade has no body, whatever it says (RFC 9112 6.3; F6), and a refusal may have any
(F12)."""

from .answer import SHORT_MS, answer, answers, head
from .steps import ended, whole

# With the right fields of an upgrade. What is behind it are frames.
LENGTHS = (
    ('length-0', ('Content-Length: 0',), 'open'),
    ('length-1', ('Content-Length: 1',), 'open'),
    ('length-of-frame', ('Content-Length: 20',), 'open'),
    ('length-lower', ('content-length: 5',), 'open'),
    ('length-doubled', ('Content-Length: 5', 'Content-Length: 5'), 'open'),
    ('length-two', ('Content-Length: 5', 'Content-Length: 6'), 'open'),
    ('length-list', ('Content-Length: 5, 5',), 'open'),
    ('length-empty', ('Content-Length:',), 'open'),
    ('length-word', ('Content-Length: none',), 'open'),
    ('length-minus', ('Content-Length: -1',), 'open'),
    ('length-huge', ('Content-Length: 99999999999999999999',), 'open'),
    ('chunked', ('Transfer-Encoding: chunked',), 'open'),
    ('chunked-lower', ('transfer-encoding: CHUNKED',), 'open'),
    ('identity', ('Transfer-Encoding: identity',), 'open'),
    ('gzip', ('Transfer-Encoding: gzip, chunked',), 'open'),
    ('encoding-empty', ('Transfer-Encoding:',), 'open'),
    ('both', ('Transfer-Encoding: chunked', 'Content-Length: 5'), 'open'),
    ('name-of-other', ('X-Content-Length: 5',), 'open'),
    ('type', ('Content-Type: text/plain',), 'open'),
)


def refusal(status, fields, body=''):
    return '\r\n'.join([f'HTTP/1.1 {status} Refused', *fields, '', '']) + body


# Refusals with all sorts of bodies (F12): the status is what is told.
REFUSED = (
    ('length-0', refusal(404, ['Content-Length: 0']), 'ESTATUS:404'),
    ('length-5', refusal(403, ['Content-Length: 5'], 'Hello'), 'ESTATUS:403'),
    ('length-4096', refusal(403, ['Content-Length: 4096'], 'x' * 4096), 'ESTATUS:403'),
    ('length-100000', refusal(500, ['Content-Length: 100000'], 'x' * 100000), 'ESTATUS:500'),
    ('unauthorized', refusal(401, ['WWW-Authenticate: Basic realm="x"', 'Content-Length: 2'],
                             'no'), 'ESTATUS:401'),
    ('version', refusal(426, ['Sec-WebSocket-Version: 8', 'Content-Length: 0']), 'ESTATUS:426'),
    ('moved', refusal(302, ['Location: /status.101', 'Content-Length: 0']), 'ESTATUS:302'),
    ('retry', refusal(503, ['Retry-After: 1', 'Content-Length: 0']), 'ESTATUS:503'),
    ('chunked', refusal(400, ['Transfer-Encoding: chunked'], '5\r\nHello\r\n0\r\n\r\n'),
     'ESTATUS:400'),
    ('no-content', refusal(204, []), 'ESTATUS:204'),
    ('not-modified', refusal(304, []), 'ESTATUS:304'),
    ('ok', refusal(200, ['Content-Length: 7'], 'Welcome'), 'ESTATUS:200'),
)
ENDED = (
    ('to-the-end', refusal(404, [], 'Not here'), 'ESTATUS:404'),
    ('empty-to-the-end', refusal(404, []), 'ESTATUS:404'),
    ('large-to-the-end', refusal(500, [], 'x' * 1000000), 'ESTATUS:500'),
    ('cut-short', refusal(404, ['Content-Length: 100'], 'Not'), 'ESTATUS:404'),
    ('chunk-cut-short', refusal(404, ['Transfer-Encoding: chunked'], '5\r\nHel'), 'ESTATUS:404'),
    ('length-over-all-bounds', refusal(404, ['Content-Length: 9000000000'], 'x' * 100000),
     'ESTATUS:404'),
)


def cases():
    yield from answers('body', LENGTHS, lambda lines: head(Body=lines))
    for group, table, way in (('refused', REFUSED, whole), ('refused', ENDED, ended)):
        yield from answers(group, table, str, way=way, behind=b'')
    # What was refused before the time ran out stays refused; but the table has both.
    unfinished = refusal(404, ['Content-Length: 100'], 'Not')
    yield answer('refused.silent', unfinished, 'ESTATUS:404|ETIMEDOUT:404', behind=b'',
                 timeout_ms=SHORT_MS)
