"""Selections of cases by their names."""

import fnmatch


def choose(patterns, found):
    """The cases that one of the patterns, separated by commas, fits: '1.*,5.2'. ValueError: one
    pattern fits none."""
    chosen = set()
    for pattern in patterns.split(','):
        fitting = {case.id for case in found if fnmatch.fnmatchcase(case.id, pattern)}
        if not fitting:
            raise ValueError(f'no case is {pattern!r}')
        chosen |= fitting
    return [case for case in found if case.id in chosen]
