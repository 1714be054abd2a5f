#!/usr/bin/python3
"""The peer for the program interop, on websockets: serves by path on 127.0.0.1 and any port, and
prints "listening PORT". node_server.js serves the same paths in the same way.

    py_server.py [--cert FILE --key FILE [--client-ca FILE]]

With a certificate it serves TLS; with --client-ca it asks for one of that authority's, too. Speaks
to both interfaces of the library: that of 10.4, and the one that came with 13.
"""

import argparse
import asyncio
import json
import socket
import ssl
import struct
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

try:
    from websockets.asyncio.server import serve
    from websockets.http11 import Response

    OLD = False
except ImportError:
    from websockets.server import serve

    OLD = True

LIMIT = 64 * 1024 * 1024  # bytes of a message
PERIOD = 251  # of the pattern that large messages are made of
SLOW_S = 0.001  # between two messages on /slow


def target(ws):
    return ws.path if OLD else ws.request.path


async def echo(ws, query):
    async for message in ws:
        await ws.send(message)


async def close(ws, query):
    if 'code' in query:
        await ws.close(int(query['code']), query.get('reason', ''))
    elif OLD:
        await ws.write_close_frame(Close(1005, ''), b'')
    else:
        async with ws.send_context():
            ws.protocol.send_close()


async def ping(ws, query):
    """Tells the payload, by which the library has matched the pong."""
    payload = 'are you there'
    pong = await ws.ping(payload)
    await pong
    await ws.send(payload)


async def fragment(ws, query):
    async def pieces():
        yield 'one '
        await ws.ping('first')
        yield 'two '
        await ws.ping('second')
        yield ''
        yield 'three'

    await ws.send(pieces())


closed = None  # how the last session on /raw ended, as the other side told: a future


async def raw(ws, query):
    """Closes when the ping inside the fragments is answered."""
    global closed
    closed = asyncio.get_running_loop().create_future()
    pongs = []

    async def pieces():
        yield 'one '
        pongs.append(await ws.ping('by hand'))
        yield 'two '
        yield 'three'

    await ws.send(pieces())
    await pongs[0]
    await ws.close(3001, 'well')
    closed.set_result(f'{ws.close_code} {ws.close_reason}')


async def tell_closed(ws, query):
    await ws.send(await closed)


async def big(ws, query):
    size = int(query['size'])
    await ws.send((bytes(range(PERIOD)) * (size // PERIOD + 1))[:size])


def cut(ws, query):
    """By FIN, or by RST."""
    if 'reset' in query:
        linger = struct.pack('ii', 1, 0)
        ws.transport.get_extra_info('socket').setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
    ws.transport.abort()


async def die(ws, query):
    """At the first message; with `inside`, inside one of ours."""

    async def half():
        yield 'half of'
        cut(ws, query)

    await ws.recv()
    if 'inside' in query:
        await ws.send(half())
    else:
        cut(ws, query)


async def count(ws, query, delay_s=0):
    """A text message asks for the number of bytes that came in binary ones."""
    total = 0
    async for message in ws:
        if isinstance(message, str):
            await ws.send(str(total))
        else:
            total += len(message)
        if delay_s > 0:
            await asyncio.sleep(delay_s)


async def slow(ws, query):
    await count(ws, query, SLOW_S)


async def request(ws, query):
    headers = ws.request_headers if OLD else ws.request.headers
    fields = [headers.get(name, '') for name in ('Origin', 'User-Agent', 'X-Interop')]
    await ws.send('\n'.join([target(ws), *fields]))


def tls_info(ws):
    """What the server knows of the TLS below a session; None without any."""
    tls = ws.transport.get_extra_info('ssl_object')
    if tls is None:
        return None
    subject = dict(part[0] for part in (tls.getpeercert() or {}).get('subject', ()))
    return {
        'version': tls.version(),
        'cipher': tls.cipher()[0],
        'resumed': tls.session_reused,
        'alpn': tls.selected_alpn_protocol(),
        'sni': getattr(tls, 'interop_sni', None),
        'client': subject.get('commonName'),
    }


async def tls(ws, query):
    await ws.send(json.dumps(tls_info(ws)))


PATHS = {
    '/echo': echo,
    '/subprotocol': echo,
    '/close': close,
    '/ping': ping,
    '/fragment': fragment,
    '/raw': raw,
    '/closed': tell_closed,
    '/big': big,
    '/die': die,
    '/count': count,
    '/slow': slow,
    '/request': request,
    '/tls': tls,
}


async def handle(ws):
    url = urlsplit(target(ws))
    try:
        await PATHS[url.path](ws, dict(parse_qsl(url.query)))
        await ws.wait_closed()
    except ConnectionClosed:
        pass


def refusal(path):
    """None, or status and body."""
    url = urlsplit(path)
    if url.path == '/refuse':
        lines = int(dict(parse_qsl(url.query)).get('lines', 1))
        return HTTPStatus.UNAUTHORIZED, b'no entry\n' * lines
    if url.path not in PATHS:
        return HTTPStatus.NOT_FOUND, b''
    return None


def refusal_headers(body):
    return [
        ('WWW-Authenticate', 'Basic realm="interop"'),
        ('X-Interop', 'refused'),
        ('Content-Type', 'text/plain'),
        ('Content-Length', str(len(body))),
        ('Connection', 'close'),
    ]


async def process_request_old(path, headers):
    refused = refusal(path)
    return refused and (refused[0], refusal_headers(refused[1]), refused[1])


def process_request_new(connection, req):
    refused = refusal(req.path)
    if refused is None:
        return None
    status, body = refused
    return Response(status.value, status.phrase, Headers(refusal_headers(body)), body)


def select_subprotocol_old(offered, available):
    return 'chat2' if 'chat2' in offered else None


def select_subprotocol_new(connection, offered):
    return 'chat2' if 'chat2' in offered else None


def remember_sni(tls, name, context):
    tls.interop_sni = name


def tls_context(cert, key, client_ca=None):
    """Takes certificates that are too weak for anybody: it is the client that must refuse them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers('DEFAULT@SECLEVEL=0')
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(['http/1.1'])
    context.sni_callback = remember_sni
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def listen(context=None):
    """To be awaited: a server, over TLS if there is a context."""
    options = dict(max_size=LIMIT, ping_interval=None, subprotocols=['chat2'], ssl=context)
    if OLD:
        options.update(
            process_request=process_request_old, select_subprotocol=select_subprotocol_old
        )
    else:
        options.update(
            process_request=process_request_new, select_subprotocol=select_subprotocol_new
        )
    return serve(handle, '127.0.0.1', 0, **options)


def port_of(server):
    return list(server.sockets)[0].getsockname()[1]


async def main(context):
    async with listen(context) as server:
        print('listening', port_of(server), flush=True)
        await asyncio.Future()


def context_of_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cert')
    parser.add_argument('--key')
    parser.add_argument('--client-ca')
    arguments = parser.parse_args()
    return arguments.cert and tls_context(arguments.cert, arguments.key, arguments.client_ca)


if __name__ == '__main__':
    asyncio.run(main(context_of_arguments()))
