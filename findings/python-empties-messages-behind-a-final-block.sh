#!/bin/bash
# Wrong guess: a receiver that cannot go on behind a final DEFLATE block (BFINAL) of a compressed
# message fails the connection.
#
# A message may end with a final block (RFC 7692 7.2.3.4). Python's zlib.decompressobj() is at its
# end then, and takes all further input without an error and without a byte of output. websockets
# 10.4, aiohttp 3.8.4, tornado 6.2 and autobahn 22.7.1 keep such an object for the next message and
# do not ask whether it has ended. So for the program every later compressed message is empty, and
# the session looks sound; wsproto 1.2.0 fails with 1007. A sender should end its messages with a
# sync flush. A receiver has to look at the end (eof), and go on behind it with a new object that
# has the old window.
#
# Needs Debian 12's apt and Python. Prints what the programs get, and fails if it changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in python3-websockets=10.4-1 python3-aiohttp=3.8.4-1+deb12u2 \
  python3-tornado=6.2.0-3+deb12u4 python3-autobahn=22.7.1+dfsg1-2 python3-wsproto=1.2.0-1 \
  python3-h11 python3-multidict python3-yarl python3-async-timeout python3-aiosignal \
  python3-frozenlist python3-attr python3-charset-normalizer python3-idna python3-txaio \
  python3-hyperlink python3-cryptography python3-cffi-backend python3-typing-extensions; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >play.py <<'END'
import asyncio
import importlib.metadata
import zlib

import aiohttp.web
import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket
import websockets
import wsproto
import wsproto.events
import wsproto.extensions
from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

REQUEST = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
           b'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n')
got = []


def frame(first, payload):
    """With a masking key of zeros, which leaves the payload as it is."""
    return bytes([first, 0x80 | len(payload)]) + bytes(4) + payload


def message(text, is_final):
    """Compressed, with a sync flush or with a final block (RFC 7692 7.2.3.1, 7.2.3.4)."""
    deflater = zlib.compressobj(wbits=-15)
    data = deflater.compress(text)
    if is_final:
        return frame(0xc1, data + deflater.flush(zlib.Z_FINISH) + b'\0')
    return frame(0xc1, (data + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4])


async def send(port, is_final):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(REQUEST)
    head = await reader.readuntil(b'\r\n\r\n')
    assert b'permessage-deflate' in head and b'client_no_context_takeover' not in head
    writer.write(message(b'one', is_final) + message(b'two', False) + message(b'three', False))
    writer.write(frame(0x88, b'\x03\xe8'))
    rest = await reader.read()
    writer.close()
    return rest[2:4]


async def play(name, port):
    print(name, importlib.metadata.version(name))
    for is_final in False, True:
        got.clear()
        code = int.from_bytes(await send(port, is_final), 'big')
        how = 'a final block' if is_final else 'a sync flush'
        print(f'  behind {how}: {got}, close code {code}')


def port_of(server):
    return server.sockets[0].getsockname()[1]


async def play_websockets():
    async def handle(connection):
        async for text in connection:
            got.append(text)

    async with websockets.serve(handle, '127.0.0.1', 0) as server:
        await play('websockets', port_of(server))


async def play_aiohttp():
    async def handle(request):
        connection = aiohttp.web.WebSocketResponse()
        await connection.prepare(request)
        async for received in connection:
            got.append(received.data)
        return connection

    app = aiohttp.web.Application()
    app.add_routes([aiohttp.web.get('/', handle)])
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    await play('aiohttp', runner.addresses[0][1])
    await runner.cleanup()


async def play_tornado():
    class Handler(tornado.websocket.WebSocketHandler):
        def get_compression_options(self):
            return {}

        def on_message(self, text):
            got.append(text)

    server = tornado.httpserver.HTTPServer(tornado.web.Application([('/', Handler)]))
    sockets = tornado.netutil.bind_sockets(0, '127.0.0.1')
    server.add_sockets(sockets)
    await play('tornado', sockets[0].getsockname()[1])
    server.stop()


async def play_autobahn():
    class Protocol(WebSocketServerProtocol):
        def onMessage(self, payload, isBinary):
            got.append(payload.decode())

    def accept(offers):
        return PerMessageDeflateOfferAccept(next(
            offer for offer in offers if isinstance(offer, PerMessageDeflateOffer)))

    factory = WebSocketServerFactory()
    factory.protocol = Protocol
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
    server = await asyncio.get_running_loop().create_server(factory, '127.0.0.1', 0)
    await play('autobahn', port_of(server))
    server.close()


async def play_wsproto():
    async def handle(reader, writer):
        connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        while data := await reader.read(65536):
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, wsproto.events.Request):
                    deflate = wsproto.extensions.PerMessageDeflate()
                    answer = wsproto.events.AcceptConnection(extensions=[deflate])
                    writer.write(connection.send(answer))
                elif isinstance(event, wsproto.events.TextMessage):
                    got.append(event.data)
                elif isinstance(event, wsproto.events.CloseConnection):
                    writer.write(connection.send(event.response()))
                    writer.close()

    server = await asyncio.start_server(handle, '127.0.0.1', 0)
    await play('wsproto', port_of(server))
    server.close()


async def main():
    await play_websockets()
    await play_aiohttp()
    await play_tornado()
    await play_autobahn()
    await play_wsproto()


asyncio.run(main())
END
PYTHONPATH=root/usr/lib/python3/dist-packages /usr/bin/python3 -S play.py | tee seen

cat >expected <<'END'
websockets 10.4
  behind a sync flush: ['one', 'two', 'three'], close code 1000
  behind a final block: ['one', '', ''], close code 1000
aiohttp 3.8.4
  behind a sync flush: ['one', 'two', 'three'], close code 1000
  behind a final block: ['one', '', ''], close code 1000
tornado 6.2
  behind a sync flush: ['one', 'two', 'three'], close code 1000
  behind a final block: ['one', '', ''], close code 1000
autobahn 22.7.1
  behind a sync flush: ['one', 'two', 'three'], close code 1000
  behind a final block: ['one', '', ''], close code 1000
wsproto 1.2.0
  behind a sync flush: ['one', 'two', 'three'], close code 1000
  behind a final block: ['one'], close code 1007
END
diff expected seen
