"""The fuzzing server: answers /getCaseCount, runs /runCase?case=N or ?casetuple=ID, and is done
with /updateReports."""

import asyncio
import socket
import urllib.parse

from . import extension, handshake
from .frames import TEXT, Frame
from .link import Link
from .play import Play, unopened
from .session import Session


class Told:
    """The listener of a connection that is told something and closed."""

    def __init__(self):
        self.ended = asyncio.get_running_loop().create_future()

    def on_event(self, opcode, payload):
        """Nothing is asked of the peer here."""

    def on_end(self):
        if not self.ended.cancelled():
            self.ended.set_result(None)


class Server:
    """`finished` is a future that is there when the reports have been asked for."""

    def __init__(self, cases):
        self.cases, self.results, self.agent = cases, {}, ''
        self.loop = asyncio.get_running_loop()
        self.finished, self.tasks = self.loop.create_future(), set()

    def listen(self, port=0):
        """The URL."""
        self.sock = socket.create_server(('127.0.0.1', port))
        self.sock.setblocking(False)
        self.loop.add_reader(self.sock, self.accept)
        return f'ws://127.0.0.1:{self.sock.getsockname()[1]}'

    def stop(self):
        self.loop.remove_reader(self.sock)
        self.sock.close()
        for task in self.tasks:
            task.cancel()

    def finish(self):
        if not self.finished.done():
            self.finished.set_result(None)

    def all_results(self):
        """In the order of the cases; those that the client left out have failed."""
        return [self.results.get(case.id) or unopened(case, 'never ran') for case in self.cases]

    def accept(self):
        try:
            sock, _address = self.sock.accept()
        except (BlockingIOError, ConnectionError):
            return
        task = self.loop.create_task(self.serve(Link(sock)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, link):
        try:
            head = await asyncio.wait_for(link.head(), handshake.PATIENCE_S)
            await self.route(link, head, urllib.parse.urlsplit(handshake.target_of(head)))
        except (EOFError, TimeoutError, handshake.Refused):
            link.write(handshake.refusal('400 Bad Request'))
            link.finish()
        finally:
            # A connection that is being refused ends by itself.
            if not link.finishing:
                link.close()

    async def route(self, link, head, target):
        query = dict(urllib.parse.parse_qsl(target.query))
        if target.path == '/getCaseCount':
            await self.tell(link, head, str(len(self.cases)))
        elif target.path == '/runCase':
            await self.run_case(link, head, query)
        elif target.path == '/updateReports':
            await self.tell(link, head, None)
            self.finish()
        else:
            raise handshake.Refused(target.path)

    async def tell(self, link, head, word):
        listener = Told()
        link.write(handshake.answer(head))
        session = Session(link, False, listener)
        if word is not None:
            session.send(Frame(TEXT, word.encode()))
        session.close()
        link.deliver(session.feed)
        await listener.ended

    def case_of(self, query):
        number, name = query.get('case', ''), query.get('casetuple')
        for i, case in enumerate(self.cases, 1):
            if name == case.id or number == str(i):
                return case
        raise handshake.Refused('no such case')

    async def run_case(self, link, head, query):
        case = self.case_of(query)
        self.agent = query.get('agent', '')
        try:
            offered = handshake.extensions_of(head)
            answer, agreement = extension.answered(case.deflate, offered)
            link.write(handshake.answer(head, answer))
        except handshake.Refused as refused:
            self.results[case.id] = unopened(case, str(refused))
            raise
        play = Play(case, link, False, agreement)
        play.start()
        link.deliver(play.session.feed)
        self.results[case.id] = await play.result
