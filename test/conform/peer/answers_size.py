"""Answers: how large a head may be, 16 KiB and 100 fields (F1)."""

from .answer import LINE, answer, answers, head, octets_of
from .steps import ended

SIZE_MAX, FIELDS_MAX = 16384, 100
OWN_FIELDS = 3


def padded(name, size, make, expected):
    """A head of `size` octets; `make` puts so much padding in."""
    empty = answer(name, make(''), expected, behind=b'')
    return answer(name, make('x' * (size - len(octets_of(empty)))), expected)


PADDING = {
    'value': lambda padding: head(LINE, 'X-Long: ' + padding),
    'name': lambda padding: head(LINE, 'X' + padding + ': x'),
    'reason': lambda padding: head(LINE + padding),
    'last-value': lambda padding: head(Last=('X-Long: ' + padding,)),
}


def sizes():
    for place, make in PADDING.items():
        yield padded(f'size.{place}-max', SIZE_MAX, make, 'open')
        yield padded(f'size.{place}-one-less', SIZE_MAX - 1, make, 'open')
        yield padded(f'size.{place}-one-over', SIZE_MAX + 1, make, 'EHEADERS')
        yield padded(f'size.{place}-far-over', 16 * SIZE_MAX, make, 'EHEADERS')
    blanks = head(LINE, 'X-Blank:' + ' ' * SIZE_MAX)
    yield answer('size.spaces-over', blanks, 'EHEADERS')
    yield answer('size.line-without-end', 'HTTP/1.1 101 ' + 'x' * SIZE_MAX, 'EHEADERS', behind=b'')
    yield answer('size.name-without-end', f'{LINE}\r\n' + 'x' * SIZE_MAX, 'EHEADERS', behind=b'')
    yield answer('size.fields-without-end', f'{LINE}\r\n' + 'X: y\r\n' * 100000, 'EHEADERS',
                 behind=b'')


def with_fields(count, line=LINE):
    return head(line, *(f'X-{i}: x' for i in range(count - OWN_FIELDS)))


COUNTS = (
    ('99', FIELDS_MAX - 1, 'open'),
    ('100', FIELDS_MAX, 'open'),
    ('101', FIELDS_MAX + 1, 'EHEADERS'),
    ('1000', 1000, 'EHEADERS'),
)


def cases():
    yield from sizes()
    yield from answers('fields', COUNTS, with_fields)
    yield answer('fields.101-of-404', with_fields(101, 'HTTP/1.1 404 Not Found'),
                 'EHEADERS|ESTATUS:404', way=ended)
