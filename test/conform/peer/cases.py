"""All cases, in the suite's order, and selections of them."""

from . import limits, table
from .choice import choose


def every():
    yield from table.cases()
    yield from limits.cases()


def select(patterns):
    """See choose()."""
    return choose(patterns, list(every()))
