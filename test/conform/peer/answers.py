"""All answers, and those about permessage-deflate."""

from . import (
    answers_body, answers_choice, answers_deflate, answers_fields, answers_flow, answers_size,
    answers_status, answers_syntax,
)
from .choice import choose

TABLES = (answers_status, answers_fields, answers_choice, answers_body, answers_syntax,
          answers_size, answers_flow)


def every():
    for table in TABLES:
        yield from table.cases()


def select(patterns, deflate=False):
    """See choose(). With `deflate`, of those about permessage-deflate, and of no others."""
    return choose(patterns, list(answers_deflate.cases() if deflate else every()))
