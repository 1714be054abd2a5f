"""All requests, and those about permessage-deflate."""

from . import requests_deflate, requests_fields, requests_syntax
from .choice import choose


def every():
    yield from requests_fields.cases()
    yield from requests_syntax.cases()


def select(patterns, deflate=False):
    """See choose(). With `deflate`, of those about permessage-deflate, and of no others."""
    return choose(patterns, list(requests_deflate.cases() if deflate else every()))
