"""All cases, in the suite's order, and selections of them."""

from . import closing, framing, limits, utf8
from .choice import choose


def every():
    yield from framing.cases()
    yield from utf8.cases()
    yield from closing.cases()
    yield from limits.cases()
    yield from framing.automatic()


def select(patterns):
    """See choose()."""
    return choose(patterns, list(every()))
