"""All answers."""

from . import (
    answers_body, answers_choice, answers_fields, answers_flow, answers_size, answers_status,
    answers_syntax,
)
from .choice import choose

TABLES = (answers_status, answers_fields, answers_choice, answers_body, answers_syntax,
          answers_size, answers_flow)


def every():
    for table in TABLES:
        yield from table.cases()


def select(patterns):
    """See choose()."""
    return choose(patterns, list(every()))
