"""All requests."""

from . import requests_fields, requests_syntax
from .choice import choose


def every():
    yield from requests_fields.cases()
    yield from requests_syntax.cases()


def select(patterns):
    """See choose()."""
    return choose(patterns, list(every()))
