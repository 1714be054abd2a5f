"""Group 7: the closing handshake (RFC 6455 5.5.1, 7)."""

from .case import Case, N, V, X, close_frame, cont, echo, fill, kill, ping, raw_close, text
from .utf8 import SURROGATE

HELLO = 'Hello World!'
ALLOWED = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
FORBIDDEN = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)


def quiet(case_id, *sent, closing=N, **fields):
    """Nothing but a close frame may come."""
    return Case(case_id, sent, kill(1), (), closing, **fields)


def basics():
    """7.1: what comes behind a close frame is ignored."""
    bye = close_frame(1000)
    yield Case('7.1.1', (text(HELLO),), kill(1), echo(text(HELLO)), N)
    yield quiet('7.1.2', bye, raw_close(), auto_close=False)
    yield quiet('7.1.3', bye, ping(), auto_close=False)
    yield quiet('7.1.4', bye, text(HELLO), auto_close=False)
    yield quiet('7.1.5', text('fragment1', fin=False), bye, cont('fragment2'), auto_close=False)
    sent = (text(fill(b'BAsd7&jh23', 262144)), text(HELLO), bye, ping())
    yield Case('7.1.6', sent, kill(1), echo(text(HELLO)), N, non_strict=(), auto_close=False,
               informational=True)


def bodies():
    """7.3, 7.5: the lengths of the body, and a reason that is not UTF-8."""
    yield quiet('7.3.1', raw_close(), auto_close=False)
    yield quiet('7.3.2', raw_close('a'), closing=X(1002), auto_close=False)
    yield quiet('7.3.3', close_frame(1000), auto_close=False)
    yield quiet('7.3.4', close_frame(1000, HELLO.encode()), auto_close=False)
    yield quiet('7.3.5', close_frame(1000, b'*' * 123), auto_close=False)
    yield quiet('7.3.6', close_frame(1000, b'*' * 124), closing=X(1002), auto_close=False)
    yield quiet('7.5.1', close_frame(1000, SURROGATE), closing=X(1002, 1007), auto_close=False)


def cases():
    yield from basics()
    yield from bodies()
    for i, code in enumerate(ALLOWED, 1):
        yield quiet(f'7.7.{i}', close_frame(code), closing=V(1000, code))
    for i, code in enumerate(FORBIDDEN, 1):
        yield quiet(f'7.9.{i}', close_frame(code), closing=X(1002))
    for i, code in enumerate((5000, 65535), 1):
        yield quiet(f'7.13.{i}', close_frame(code), closing=X(1000, code, 1002),
                    auto_close=False, informational=True)
