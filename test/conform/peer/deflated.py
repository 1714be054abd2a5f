"""All cases of permessage-deflate: groups 12 and 13 in the suite's order, and those of our own."""

from . import blocks, compressed, mixed
from .choice import choose


def every(is_client, messages=compressed.MESSAGES):
    """`messages` in each case of groups 12 and 13. The combinations of parameters are not the same
    in both roles of the peer."""
    yield from compressed.cases(messages)
    yield from mixed.cases(is_client)
    yield from blocks.cases(is_client)


def select(patterns, is_client, messages):
    """See choose()."""
    return choose(patterns, list(every(is_client, messages)))
