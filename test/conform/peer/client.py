"""The fuzzing client: connects to an echo server once a case."""

import asyncio
import socket
import urllib.parse

from . import handshake
from .link import Link
from .play import Play, unopened

AT_ONCE = 24  # cases that mostly wait; those that move much data go one by one


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


async def open_link(url):
    sock, host, target = await connect(url)
    link = Link(sock)
    request, key = handshake.request(host, target)
    link.write(request)
    try:
        handshake.check_answer(await link.head(), key)
    except BaseException:
        link.close()
        raise
    return link


async def play(url, case):
    try:
        link = await asyncio.wait_for(open_link(url), handshake.PATIENCE_S)
    except (OSError, EOFError, TimeoutError, handshake.Refused) as error:
        return unopened(case, f'opening handshake: {error!r}')
    run = Play(case, link, is_client=True)
    run.start()
    link.deliver(run.session.feed)
    return await run.result


async def run(url, cases):
    """The results, in the order of the cases."""
    few, alone = asyncio.Semaphore(AT_ONCE), asyncio.Lock()
    small = [case for case in cases if not case.rounds]
    large = [case for case in cases if case.rounds]

    async def limited(case, limit):
        async with limit:
            return await play(url, case)

    # The timers of small cases are short, and do not go well with 16 MiB at a time.
    results = await asyncio.gather(*(limited(case, few) for case in small))
    results += await asyncio.gather(*(limited(case, alone) for case in large))
    found = {result.case.id: result for result in results}
    return [found[case.id] for case in cases]
