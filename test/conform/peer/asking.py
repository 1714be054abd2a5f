"""The client that plays requests, and says in one line what was answered:

    101 SUBPROTOCOL echo    the answer is right, and the message came back; - is no subprotocol. If
                            the case is about permessage-deflate, it is followed by `deflate`, with
                            which messages came back, or `plain`
    STATUS VERSION          refused; VERSION is the answer's Sec-WebSocket-Version, or -
    end                     TCP ended without an answer
    silence                 nothing of these

or what was wrong with the answer.
"""

import asyncio
import base64
import os
import re
import time

from . import extension, handshake
from .case import Compressed
from .client import connect
from .frames import CLOSE, TEXT, Frame, close_body
from .link import Link
from .outcome import Outcome
from .request import octets_of
from .session import Session
from .steps import write

PATIENCE_S = 3  # with a server that does not answer
AT_ONCE = 8
# What is sent compressed: large enough to be compressed, with distances of all windows, and more
# than once, so that it matters what is taken over.
LONG = ''.join(f'{i * i * 31 % 8191:04x} {i % 97} ' for i in range(5000)).encode()
REPEATED = 2
STATUS_LINE = re.compile(r'HTTP/1\.1 ([2-5][0-9][0-9]) [\t -~]*')


class Listener:
    """`done` is a future: there are so many messages, or it is the end."""

    def __init__(self, count):
        self.heard, self.count = [], count
        self.done = asyncio.get_running_loop().create_future()

    def on_event(self, opcode, payload):
        if opcode == TEXT:
            self.heard.append(payload)
        if len(self.heard) == self.count:
            self.on_end()

    def on_end(self):
        if not self.done.done():
            self.done.set_result(None)


def refusal(head):
    """The line for an answer that is no upgrade."""
    line, fields = handshake.parse(head)
    found = STATUS_LINE.fullmatch(line)
    handshake.require(found, f'answer {line!r}')
    handshake.require('sec-websocket-accept' not in fields, 'refused, and accepted')
    # RFC 9110 15.5.22.
    handshake.require(found[1] != '426' or 'upgrade' in fields, '426 without Upgrade')
    return f'{found[1]} {fields.get("sec-websocket-version", "-")}'


async def body_is_right(link, head, case):
    """Whether what follows the head is as long as it says, and nothing else comes. The answer to
    HEAD may have the length alone (RFC 9110 9.3.2)."""
    length = handshake.parse(head)[1].get('content-length')
    await asyncio.wait({link.done}, timeout=PATIENCE_S)
    if case.head.startswith('HEAD ') and not link.early:
        return link.done.done()
    return link.done.done() and (length is None or length == str(len(link.early)))


async def upgraded(link, case, agreement):
    """The word for what came back."""
    wanted = [case.id.encode()] + [LONG] * (REPEATED if agreement else 0)
    listener = Listener(len(wanted))
    session = Session(link, True, listener, agreement)
    for payload in wanted[1:]:
        session.send_compressed(Compressed(TEXT, payload))
    link.deliver(session.feed)
    await listener.done
    session.send(Frame(CLOSE, close_body(1000)))
    await link.done
    if session.ending.violation:
        return f'no echo: {session.ending.violation}'
    return 'echo' if listener.heard == wanted else f'no echo but {listener.heard!r:.80}'


def agreed(case, head):
    """The answer has to fit an offer that is right."""
    offered = handshake.extensions_of(case.head.encode('latin-1'))
    try:
        offers = extension.offers_of(offered) if offered is not None else []
    except handshake.Refused:
        offers = []
    return extension.accepted(offers, handshake.extensions_of(head))


async def answer_of(link, case, key):
    try:
        head = await link.head()
    except EOFError:
        return 'end'
    if head.startswith(b'HTTP/1.1 101'):
        subprotocol = handshake.check_answer(head, key, case.offers, case.deflate)
        agreement = agreed(case, head) if case.deflate else None
        line = f'101 {subprotocol or "-"} {await upgraded(link, case, agreement)}'
        return f'{line} {"deflate" if agreement else "plain"}' if case.deflate else line
    line = refusal(head)
    return line if await body_is_right(link, head, case) else f'{line}, but a wrong body'


async def ask(url, case):
    sock, host, _target = await connect(url)
    link = Link(sock)
    key = base64.b64encode(os.urandom(16)).decode()
    writing = asyncio.ensure_future(write(link, case.way(octets_of(case, key, host))))
    try:
        return await asyncio.wait_for(answer_of(link, case, key), PATIENCE_S)
    except TimeoutError:
        return 'silence'
    except handshake.Refused as refused:
        return f'wrong: {refused}'
    finally:
        writing.cancel()
        link.abort()


async def run(url, cases):
    """Outcomes."""
    some = asyncio.Semaphore(AT_ONCE)

    async def one(case):
        async with some:
            began = time.monotonic()
            came = await ask(url, case)
            return Outcome(case.id, tuple(case.expected.split('|')), came,
                           time.monotonic() - began)

    return list(await asyncio.gather(*(one(case) for case in cases)))
