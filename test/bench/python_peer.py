#!/usr/bin/python3
"""The library websockets on the loads of README.md:

    python_peer.py client LOAD N [-p PORT | -t PORT] [-s SIZE] [-w WINDOW] [-k KIND] [-e openssl]
    python_peer.py server PORT
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import ssl
import sys

import websockets

LIMIT = 64 << 20  # bytes of a message
DEFAULTS = {'pp': (32, 1), 'pipe': (64, 256), 'big': (1 << 20, 1), 'stream': (16384, 1),
            'conns': (0, 100)}


async def echo(ws, *path):
    with contextlib.suppress(websockets.ConnectionClosed):
        async for message in ws:
            await ws.send(message)


async def serve(port):
    async with websockets.serve(echo, '127.0.0.1', port, max_size=LIMIT, compression=None,
                                ping_interval=None, backlog=4096):
        print('listening', flush=True)
        await asyncio.get_running_loop().create_future()


def resident_bytes():
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * resource.getpagesize()


class Reading:
    def __init__(self):
        self.usage, self.rss = resource.getrusage(resource.RUSAGE_SELF), resident_bytes()

    def print(self, n, size, received):
        end = Reading()
        print(json.dumps({
            'n': n, 'size': size, 'bytes': received,
            'user': end.usage.ru_utime - self.usage.ru_utime,
            'sys': end.usage.ru_stime - self.usage.ru_stime,
            'rss': end.rss, 'rss_conn': (end.rss - self.rss) / n}), flush=True)
        os._exit(0)


def connect(options, path):
    context = None
    if options.t:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    url = f'wss://127.0.0.1:{options.t}' if options.t else f'ws://127.0.0.1:{options.p}'
    return websockets.connect(url + path, ssl=context, max_size=LIMIT, compression=None,
                              ping_interval=None)


async def exchange(options, size, window):
    n, received, count = options.n, 0, 0
    streamed = options.load == 'stream'
    path = f'/stream-{options.k}?n={n}&size={size}' if streamed else '/echo'
    payload = bytes(size)
    async with connect(options, path) as ws:
        begin = Reading()
        sent = 1 if streamed else min(window, n)
        for _ in range(sent):
            await ws.send(b'go' if streamed else payload)
        while count < n:
            received += len(await ws.recv())
            count += 1
            if not streamed and sent < n:
                await ws.send(payload)
                sent += 1
        begin.print(n, size, received)


async def hold(options, window):
    begin, turns, held = Reading(), asyncio.Semaphore(window), []

    async def open_one():
        async with turns:
            held.append(await connect(options, '/echo'))

    await asyncio.gather(*(open_one() for _ in range(options.n)))
    begin.print(options.n, 0, 0)


def main():
    if sys.argv[1] == 'server':
        asyncio.run(serve(int(sys.argv[2])))
    parser = argparse.ArgumentParser()
    parser.add_argument('role')
    parser.add_argument('load', choices=DEFAULTS)
    parser.add_argument('n', type=int)
    for name in 'ptswe':
        parser.add_argument(f'-{name}')
    parser.add_argument('-k', default='bin')
    options = parser.parse_args()
    size, window = DEFAULTS[options.load]
    size, window = int(options.s or size), int(options.w or window)
    if options.load == 'conns':
        asyncio.run(hold(options, window))
    asyncio.run(exchange(options, size, window))


if __name__ == '__main__':
    main()
