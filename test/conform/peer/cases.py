"""All cases, in the suite's order, and selections of them."""

import fnmatch

from . import closing, framing, limits, utf8


def every():
    yield from framing.cases()
    yield from utf8.cases()
    yield from closing.cases()
    yield from limits.cases()
    yield from framing.automatic()


def select(patterns):
    """The cases that one of the patterns, separated by commas, fits: '1.*,5.2'. ValueError: one
    pattern fits none."""
    chosen, found = set(), list(every())
    for pattern in patterns.split(','):
        fitting = {case.id for case in found if fnmatch.fnmatchcase(case.id, pattern)}
        if not fitting:
            raise ValueError(f'no case is {pattern!r}')
        chosen |= fitting
    return [case for case in found if case.id in chosen]
