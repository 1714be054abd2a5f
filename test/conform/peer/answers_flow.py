"""Answers: in which pieces they come, and how they end (F2, F3, F7). Most cases are made: one for
every octet of the good answer."""

from .answer import SHORT_MS, answer, head, octets_of, text
from .frames import BIN, CLOSE, CONT, PING, TEXT, Frame, close_body, encode
from .steps import END, RESET, by_lines, cut_at, dribbled, ended, first, reset

GOOD = head()
LENGTH = len(octets_of(answer('', GOOD, 'open', behind=b'')))


def frames(*made):
    return b''.join(encode(frame, masked=False) for frame in made)


def cuts():
    """Two pieces, with a frame glued behind and cut as well."""
    name = 'cut.{}'
    for place in range(1, LENGTH + len(text(name.format(LENGTH)))):
        case_id = name.format(place)
        yield answer(case_id, GOOD, 'open', way=cut_at(place))


def ends():
    for count in range(LENGTH):
        status = ':0' if count == 0 else ''
        yield answer(f'end.{count}', GOOD, f'EOF{status}', behind=b'', way=first(count, END))


# Octets that come before it is over.
PLACES = {'at-once': 0, 'in-line': 8, 'behind-line': 34, 'in-field': 60, 'before-end': LENGTH - 1}


def resets():
    for name, count in PLACES.items():
        yield answer(f'reset.{name}', GOOD, 'ECONNRESET|EOF', behind=b'', way=first(count, RESET))
    yield answer('reset.behind-bad', head(Accept=()), 'EACCEPT|ECONNRESET', way=reset)
    yield answer('reset.behind-100', 'HTTP/1.1 100 Continue\r\n\r\n', 'ECONNRESET|EOF', behind=b'',
                 way=reset)


def silences():
    """One deadline, which no octet extends."""
    for name, count in PLACES.items():
        yield answer(f'silence.{name}', GOOD, 'ETIMEDOUT', timeout_ms=SHORT_MS, way=first(count))
    yield answer('silence.behind-100', 'HTTP/1.1 100 Continue\r\n\r\n', 'ETIMEDOUT', behind=b'',
                 timeout_ms=SHORT_MS)
    slow = head('HTTP/1.1 101 ' + 'x' * 1000)  # takes seconds
    yield answer('silence.dribbled', slow, 'ETIMEDOUT', timeout_ms=SHORT_MS, way=dribbled)


def pieces():
    yield answer('pieces.octets', GOOD, 'open', way=dribbled)
    yield answer('pieces.octets-bad', head(Accept=('Sec-WebSocket-Accept: <other>',)), 'EACCEPT',
                 way=dribbled)
    yield answer('pieces.lines', GOOD, 'open', way=by_lines)
    yield answer('pieces.end', GOOD, 'open',
                 way=cut_at(LENGTH - 4, LENGTH - 3, LENGTH - 2, LENGTH - 1, LENGTH))
    yield answer('pieces.octets-large', head('HTTP/1.1 101 ' + 'x' * 200), 'open', way=dribbled)


def glued():
    """All sorts of frames in one piece with the answer."""
    def case(name, octets, expected='open', **rest):
        return answer(f'glued.{name}', GOOD, expected, behind=octets, **rest)

    name = b'glued.fragments'
    yield case('two', text('glued.two') + text('second'))
    yield case('binary', frames(Frame(BIN, b'glued.binary')))
    yield case('fragments', frames(Frame(TEXT, name[:3], fin=False), Frame(CONT, name[3:])))
    yield case('ping-before', frames(Frame(PING, b'ping')) + text('glued.ping-before'))
    yield case('empty', frames(Frame(TEXT)), 'open - -')
    yield case('large', frames(Frame(TEXT, b'glued.large' + b'.' * 100000)), 'open - glued.large.*')
    yield case('close', frames(Frame(CLOSE, close_body(1000))), 'open - -')
    yield case('close-behind', text('glued.close-behind')
               + frames(Frame(CLOSE, close_body(1000))))
    yield case('cut-frame', text('glued.cut-frame'), way=cut_at(LENGTH + 1, LENGTH + 2, LENGTH + 9))
    yield case('masked', encode(Frame(TEXT, b'masked'), masked=True), 'WSUV_EPROTOCOL open *')
    yield case('crlf', b'\r\n' + text('glued.crlf'), 'WSUV_EPROTOCOL open *')
    yield case('answer-again', octets_of(answer('', GOOD, 'open', behind=b'')),
               'WSUV_EPROTOCOL open *')
    yield case('body', b'Hello', 'WSUV_EPROTOCOL open *')
    yield case('end', b'', 'EOF open *', way=ended)
    yield case('then-end', text('glued.then-end'), 'EOF * * glued.then-end', way=ended)
    # The client may have closed before.
    yield case('then-reset', text('glued.then-reset'), 'open|ECONNRESET * * glued.then-reset',
               way=reset)


def cases():
    yield from pieces()
    yield from glued()
    yield from resets()
    yield from silences()
    yield from cuts()
    yield from ends()
