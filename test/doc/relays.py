"""What stands between a program of the guide and the echo server: TLS, or a proxy that is asked by
CONNECT (RFC 9110 9.3.6). Each is a relay in a thread of its own."""

import asyncio
import os
import ssl
import sys
import threading

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'interop')]
import certs  # noqa: E402  pylint: disable=wrong-import-position


def make_certificates(folder):
    """authority.crt; server.crt and server.key, for localhost and wss.test; chat.crt and chat.key,
    for chat.test; client-authority.crt; client.crt and client.key; authority.crl, in which
    server.crt is revoked."""
    maker = certs.Maker(folder)
    maker.authority('authority')
    maker.leaf(certs.Leaf('server', issuer='authority'))
    maker.leaf(certs.Leaf('chat', issuer='authority', names='DNS:chat.test'))
    maker.authority('client-authority')
    maker.leaf(certs.CLIENT._replace(issuer='client-authority'))
    maker.revoke('server', 'authority')
    maker.crl('authority', 'authority')


class Relay:
    """Listens on `port`; used by `with`."""

    def __init__(self, target_port, context=None, proxy=False):
        self.target_port, self.context, self.proxy = target_port, context, proxy
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    async def listen(self):
        self.server = await asyncio.start_server(
            self.handle, '127.0.0.1', 0, ssl=self.context
        )
        self.port = self.server.sockets[0].getsockname()[1]

    async def handle(self, reader, writer):
        try:
            if self.proxy:
                await self.answer_connect(reader, writer)
            far_reader, far_writer = await asyncio.open_connection('127.0.0.1', self.target_port)
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        except (OSError, EOFError):
            writer.close()

    async def answer_connect(self, reader, writer):
        head = await reader.readuntil(b'\r\n\r\n')
        if not head.startswith(b'CONNECT 127.0.0.1:%d HTTP/1.1\r\n' % self.target_port):
            writer.write(b'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
            raise EOFError
        writer.write(b'HTTP/1.1 200 Connection established\r\n\r\n')

    async def end(self):
        self.server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self):
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def tls(folder, target_port, client_certificate=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, 'server.crt'), os.path.join(folder, 'server.key'))
    if client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(folder, 'client-authority.crt'))
    return Relay(target_port, context)


def proxy(target_port):
    return Relay(target_port, proxy=True)
