#!/usr/bin/python3
"""What peer.py tests, on websockets:

    others.py client [--deflate] BASEURL AGENT
    others.py server [--deflate]

Speaks to both interfaces of the library: that of 10.4, and the one that came with 13.
"""

import asyncio
import signal
import sys

from websockets.exceptions import ConnectionClosed, InvalidHandshake

try:
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    DIRECT = {'proxy': None}
except ImportError:
    from websockets.client import connect
    from websockets.server import serve

    DIRECT = {}

LIMIT = 64 * 1024 * 1024  # bytes of a message
role, *words = sys.argv[1:]
OPTIONS = {'compression': 'deflate' if '--deflate' in words else None, 'max_size': LIMIT,
           'ping_interval': None}


async def echo(ws):
    """What fails the connection is what many cases are about."""
    try:
        async for message in ws:
            await ws.send(message)
    except ConnectionClosed:
        pass


async def ask(base, target):
    """The message that is told, if one is."""
    async with connect(base + target, **OPTIONS, **DIRECT) as ws:
        try:
            return await ws.recv()
        except ConnectionClosed:
            return None


async def run_client(base, agent):
    for i in range(1, int(await ask(base, '/getCaseCount')) + 1):
        try:
            url = f'{base}/runCase?case={i}&agent={agent}'
            async with connect(url, **OPTIONS, **DIRECT) as ws:
                await echo(ws)
        except (InvalidHandshake, OSError, ValueError) as error:
            print(f'case {i}: {error}', file=sys.stderr)
    await ask(base, f'/updateReports?agent={agent}')


async def run_server():
    end = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set_result, None)
    async with serve(echo, '127.0.0.1', 0, **OPTIONS) as server:
        print(f'listening on ws://127.0.0.1:{server.sockets[0].getsockname()[1]}', flush=True)
        await end


if __name__ == '__main__':
    asyncio.run(run_client(*words[-2:]) if role == 'client' else run_server())
