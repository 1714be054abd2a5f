"""The fuzzing client: connects to an echo server once a case."""

import asyncio
import socket
import urllib.parse

from . import extension, handshake
from .link import Link
from .play import Play, unopened

AT_ONCE = 24  # cases that mostly wait; those that move much data go one by one
STREAMS_AT_ONCE = 3  # of compressed messages, so that both sides have something to do


async def connect(url):
    """A connected socket, the Host field, the target."""
    parts = urllib.parse.urlsplit(url)
    host, port = parts.hostname, parts.port or 80
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _name, address = found[0]
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    query = f'?{parts.query}' if parts.query else ''
    return sock, f'{host}:{port}', (parts.path or '/') + query


async def open_link(url, terms):
    """With what was agreed upon, or None."""
    offers = terms.offers if terms else ()
    sock, host, target = await connect(url)
    link = Link(sock)
    request, key = handshake.request(host, target, ', '.join(map(extension.written, offers)))
    link.write(request)
    try:
        head = await link.head()
        handshake.check_answer(head, key, extensible=bool(offers))
        return link, extension.accepted(offers, handshake.extensions_of(head))
    except BaseException:
        link.close()
        raise


async def play(url, case):
    try:
        opening = open_link(url, case.deflate)
        link, agreement = await asyncio.wait_for(opening, handshake.PATIENCE_S)
    except (OSError, EOFError, TimeoutError, handshake.Refused) as error:
        return unopened(case, f'opening handshake: {error!r}')
    run = Play(case, link, True, agreement)
    run.start()
    link.deliver(run.session.feed)
    return await run.result


async def run(url, cases):
    """The results, in the order of the cases."""
    # The timers of small cases are short, and do not go well with 16 MiB at a time.
    classes = {
        AT_ONCE: [case for case in cases if not case.rounds],
        STREAMS_AT_ONCE: [case for case in cases if case.rounds and case.deflate],
        1: [case for case in cases if case.rounds and not case.deflate],
    }
    found = {}

    async def limited(case, limit):
        async with limit:
            found[case.id] = await play(url, case)

    for count, some in classes.items():
        limit = asyncio.Semaphore(count)
        await asyncio.gather(*(limited(case, limit) for case in some))
    return [found[case.id] for case in cases]
