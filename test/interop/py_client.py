#!/usr/bin/python3
"""The client of websockets against wsuv_echo, which was started with `-p chat2 -p chat3`.

    py_client.py URL PID [deflate]

With `deflate` the server compresses, and so do all cases but those that say otherwise. Runs all
cases one after the other and tells of each; the last one ends the server, whose process is PID.
Speaks to both interfaces of the library: that of 10.4, and the one that came with 13.
"""

import asyncio
import os
import signal
import sys
import traceback

from websockets import exceptions
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Close

try:
    from websockets.asyncio.client import connect, unix_connect

    OLD = False
except ImportError:
    from websockets.client import connect, unix_connect

    OLD = True

URL, PID, DEFLATE = sys.argv[1], int(sys.argv[2]), 'deflate' in sys.argv[3:]
UNIX = 'ws+unix://'
PATIENCE_S = 20  # for one case
BIG = 16 * 1024 * 1024  # bytes
SERVER_MAX = 64 * 1024 * 1024  # bytes of a message that the server takes
SIZES = [0, 1, 125, 126, 65535, 65536]  # around the encodings of the length
PERIOD = 251  # of the pattern
MANY = 10000  # messages
CROWD = 100  # sessions
PIECE = 64 * 1024  # bytes of a message for the slow reader
SLOW_S = 0.001  # between two messages of the slow reader


def data(size):
    return (bytes(range(PERIOD)) * (size // PERIOD + 1))[:size]


def session(path='/echo', **options):
    """Offers permessage-deflate, unless told otherwise."""
    options.update(max_size=SERVER_MAX, ping_interval=None, **({} if OLD else {'proxy': None}))
    if URL.startswith(UNIX):
        socket = URL.removeprefix(UNIX).removesuffix(':')
        return unix_connect(socket, f'ws://localhost{path}', **options)
    return connect(URL + path, **options)


def response_headers(ws):
    return ws.response_headers if OLD else ws.response.headers


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f'{found!r:.80}, not {wanted!r:.80}')


async def echoes(ws, message):
    await ws.send(message)
    equal(await ws.recv(), message)


async def finish(ws):
    await ws.close(1000)
    equal(ws.close_code, 1000)


async def echo_case(message, **options):
    async with session(**options) as ws:
        await echoes(ws, message)
        await finish(ws)


async def sizes_case():
    for size in SIZES:
        await echo_case(data(size))


async def many_case():
    sent = [f'message {i}' for i in range(MANY)]

    async def send_all():
        for text in sent:
            await ws.send(text)

    async with session() as ws:
        sender = asyncio.ensure_future(send_all())
        equal([await ws.recv() for _ in sent], sent)
        await sender
        await finish(ws)


async def fragments_case():
    async def pieces():
        nonlocal pong
        yield 'one '
        pong = await ws.ping('between')
        yield ''
        yield '\u20ac two'

    pong = None
    async with session() as ws:
        await ws.send(pieces())
        equal(await ws.recv(), 'one \u20ac two')
        await pong
        await finish(ws)


async def big_fragments_case():
    message = data(BIG)
    piece = BIG // 16
    async with session(compression=None) as ws:
        await ws.send(message[at : at + piece] for at in range(0, BIG, piece))
        equal(await ws.recv(), message)
        await finish(ws)


async def ping_case(payload):
    """The library matches a pong by its payload."""
    async with session() as ws:
        pong = await ws.ping(payload)
        await pong
        await finish(ws)


async def unasked_pong_case():
    async with session() as ws:
        await ws.pong('unasked')
        await echoes(ws, 'still here')
        await finish(ws)


async def subprotocol_case(offered, agreed):
    async with session(subprotocols=offered) as ws:
        equal(ws.subprotocol, agreed)
        await echoes(ws, 'hello')
        await finish(ws)


async def deflate_case(answered, parameters):
    extension = ClientPerMessageDeflateFactory(**parameters)
    async with session(compression=None, extensions=[extension]) as ws:
        found = response_headers(ws).get('Sec-WebSocket-Extensions')
        equal(found, answered if DEFLATE else None)
        for i in range(5):
            await echoes(ws, 'taken over or not')
            await echoes(ws, 'once more ' * 10000 * i)
            await echoes(ws, data(1000))
        await finish(ws)


async def refused_case(status, body, path='/echo', **options):
    """Only the newer interface tells the body."""
    try:
        async with session(path, **options):
            raise AssertionError('not refused')
    except exceptions.InvalidHandshake as error:
        if OLD:
            equal(error.status_code, status)
        else:
            equal((error.response.status_code, error.response.body), (status, body))


async def no_subprotocol_case():
    await refused_case(400, b'', subprotocols=['chat1'])


async def close_case(code, reason=''):
    async with session() as ws:
        await ws.close(code, reason)
        equal(ws.close_code, code)


async def close_without_code_case():
    async with session() as ws:
        if OLD:
            await ws.write_close_frame(Close(1005, ''), b'')
        else:
            async with ws.send_context():
                ws.protocol.send_close()
        await ws.wait_closed()
        equal(ws.close_code, 1005)


async def dying_case():
    """What the server makes of it is told by the session after it."""

    async def half():
        yield 'half of'
        ws.transport.abort()

    async with session() as ws:
        try:
            await ws.send(half())
        except exceptions.ConnectionClosed:
            pass
        await ws.wait_closed()
        equal(ws.close_code, 1006)
    await echo_case('still there')


async def slow_case():
    count = BIG // PIECE

    async def send_all():
        for _ in range(count):
            await ws.send(data(PIECE))

    async with session(max_queue=1) as ws:
        sender = asyncio.ensure_future(send_all())
        for _ in range(count):
            equal(await ws.recv(), data(PIECE))
            await asyncio.sleep(SLOW_S)
        await sender
        await finish(ws)


async def crowd_case():
    crowd = await asyncio.gather(*(session() for _ in range(CROWD)))
    await asyncio.gather(*(echoes(ws, f'session {i}') for i, ws in enumerate(crowd)))
    await asyncio.gather(*(finish(ws) for ws in crowd))


async def leaving_server_case():
    async with session() as ws:
        os.kill(PID, signal.SIGTERM)
        await ws.wait_closed()
        equal(ws.close_code, 1001)


CASES = [
    ('text', echo_case, 'hello'),
    ('empty text', echo_case, ''),
    ('text in UTF-8', echo_case, '\x7f\x80 gr\xfc\xdf \u07ff\u0800 \uffff\U00010000 \U0001f600'),
    ('binary, of all encodings of the length', sizes_case),
    ('10000 messages at once come back in order', many_case),
    ('16 MiB', echo_case, data(BIG)),
    ('fragments, with a ping in between', fragments_case),
    ('16 MiB in fragments', big_fragments_case),
    ('a ping is answered with its payload', ping_case, data(125)),
    ('an empty ping is answered', ping_case, b''),
    ('a pong that nobody asked for is ignored', unasked_pong_case),
    ('a subprotocol is agreed upon', subprotocol_case, ['chat1', 'chat2'], 'chat2'),
    ('the first of the server is chosen', subprotocol_case, ['chat3', 'chat2'], 'chat2'),
    ('no subprotocol is offered', subprotocol_case, None, None),
    ('no subprotocol can be agreed upon', no_subprotocol_case),
    ('permessage-deflate is accepted if installed', deflate_case, 'permessage-deflate', {}),
    # What the client says of itself is a hint, which need not be answered.
    (
        'permessage-deflate without context takeover',
        deflate_case,
        'permessage-deflate; server_no_context_takeover',
        {'server_no_context_takeover': True, 'client_no_context_takeover': True},
    ),
    (
        'permessage-deflate with small windows',
        deflate_case,
        'permessage-deflate; server_max_window_bits=9; client_max_window_bits=10',
        {'server_max_window_bits': 9, 'client_max_window_bits': 10},
    ),
    ('a refusal has a status', refused_case, 401, b'refused\n', '/refuse?status=401'),
    ('closed without a code', close_without_code_case),
    ('closed with 1000', close_case, 1000),
    ('closed with 1001 and a reason', close_case, 1001, 'gr\xfc\xdfe'),
    ('closed with 3000', close_case, 3000),
    ('closed with 4999 and a long reason', close_case, 4999, 'r' * 123),
    ('a client that dies inside a message', dying_case),
    ('a client that reads slowly', slow_case),
    ('100 sessions at once', crowd_case),
    ('a server that goes away says 1001', leaving_server_case),
]


async def main():
    failed = 0
    for number, (name, case, *arguments) in enumerate(CASES, 1):
        try:
            await asyncio.wait_for(case(*arguments), PATIENCE_S)
            print(f'ok {number} - {name}', flush=True)
        except Exception:
            failed += 1
            story = traceback.format_exc().rstrip().replace('\n', '\n# ')
            print(f'not ok {number} - {name}\n# {story}', flush=True)
    print(f'1..{len(CASES)}\n# {failed} failed')
    return 0 if failed == 0 else 1


if __name__ == '__main__':
    sys.exit(asyncio.run(main()))
