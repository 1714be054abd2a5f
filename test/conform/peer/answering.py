"""The server that plays answers: the path of a request is the name of the answer. The request has
to be right as well (RFC 6455 4.1)."""

import asyncio

from . import extension, handshake
from .answer import octets_of
from .server import Server, Told
from .session import Session
from .steps import write

PATIENCE_S = 2  # with a client that does not end TCP


def offers_of(fields):
    value = fields.get('sec-websocket-protocol', '')
    return tuple(word.strip() for word in value.split(',')) if value else ()


class Answering(Server):
    """`complaints` has what was wrong with the request of a case."""

    def __init__(self, cases):
        super().__init__(cases)
        self.by_path = {f'/{case.id}': case for case in cases}
        self.keys, self.complaints = set(), {}

    def check(self, case, head):
        """The request's key. Each must be new."""
        handshake.answer(head)
        fields = handshake.parse(head)[1]
        key = fields['sec-websocket-key']
        handshake.require(key not in self.keys, 'a Sec-WebSocket-Key that was there before')
        self.keys.add(key)
        handshake.require(offers_of(fields) == case.offers, 'offers')
        self.check_extensions(case, fields.get('sec-websocket-extensions'))
        return key

    def check_extensions(self, case, offered):
        if case.deflate is None:
            handshake.require(offered is None, 'an extension')
            return
        handshake.require(offered, 'no extension')
        found = [(name, tuple(sorted(params))) for name, params in extension.parse(offered)]
        wanted = [(extension.NAME, tuple(sorted(case.deflate.offer)))]
        handshake.require(found == wanted, f'offers {offered!r}')

    async def route(self, link, head, target):
        case = self.by_path.get(target.path)
        handshake.require(case, target.path)
        try:
            key = self.check(case, head)
        except handshake.Refused as refused:
            self.complaints[case.id] = str(refused)
            raise
        await self.play(case, link, octets_of(case, key))

    async def play(self, case, link, octets):
        session = Session(link, False, Told())
        link.deliver(session.feed)
        await write(link, case.way(octets))
        await asyncio.wait({link.done}, timeout=PATIENCE_S)
        link.abort()
