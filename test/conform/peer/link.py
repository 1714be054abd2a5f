"""A TCP connection whose writes stay the pieces that they were asked for as, and which goes on
reading when writing has become impossible: the peer's last words are what a case is about."""

import asyncio
import collections
import contextlib
import socket
import struct

READ_SIZE = 256 * 1024  # bytes


class Link:
    """Octets go to `on_data`; `done` is a future that is there when TCP has ended."""

    def __init__(self, sock):
        self.loop = asyncio.get_running_loop()
        self.sock, self.done = sock, self.loop.create_future()
        self.early = bytearray()
        self.on_data = self.early.extend
        self.queue = collections.deque()  # bytearray: may grow; bytes: one write of its own
        self.finishing = self.writable = False
        self.last_act = self.close  # when everything is written, if finishing
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.loop.add_reader(sock, self.read)

    def read(self):
        try:
            data = self.sock.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b''
        if data:
            self.on_data(data)
        else:
            self.close()

    async def head(self, limit=65536):
        """The octets up to and with the first empty line. EOFError: there is none."""
        end = self.loop.create_future()

        def look(data):
            self.early.extend(data)
            if (b'\r\n\r\n' in self.early or len(self.early) > limit) and not end.done():
                end.set_result(None)

        self.on_data = look
        look(b'')  # it may be here already
        await asyncio.wait({end, self.done}, return_when=asyncio.FIRST_COMPLETED)
        head, mark, self.early = self.early.partition(b'\r\n\r\n')
        self.on_data = self.early.extend
        if not mark:
            raise EOFError('no end of the head')
        return bytes(head + mark)

    def deliver(self, on_data):
        """Hand everything from behind the head to `on_data`."""
        self.on_data = on_data
        if self.early:
            on_data(bytes(self.early))

    # What is queued in one turn of the loop goes out as one write, unless it is to stand alone. One
    # entry a turn: the kernel has sent it before the next.

    def write(self, data, alone=False):
        if self.done.done() or self.finishing:
            return
        if not alone and self.queue and isinstance(self.queue[-1], bytearray):
            self.queue[-1] += data
            return
        self.queue.append(bytes(data) if alone else bytearray(data))
        if len(self.queue) == 1:
            self.loop.call_soon(self.pump)

    def pump(self):
        if self.done.done() or not self.queue:
            return
        entry = self.queue[0]
        try:
            sent = self.sock.send(entry)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.queue.clear()
            self.wait_for_room(False)
            return
        if sent < len(entry):
            # Nothing may be put behind what has been cut; the rest stands alone.
            self.queue[0] = memoryview(entry)[sent:]
            self.wait_for_room(True)
            return
        self.queue.popleft()
        self.wait_for_room(False)
        if self.queue:
            self.loop.call_soon(self.pump)
        elif self.finishing:
            self.last_act()

    def wait_for_room(self, wait):
        if wait == self.writable:
            return
        self.writable = wait
        if wait:
            self.loop.add_writer(self.sock, self.pump)
        else:
            self.loop.remove_writer(self.sock)

    def finish(self):
        """End TCP when everything is written."""
        self.finish_with(self.close)

    def end_writing(self):
        """The same, but go on reading."""
        self.finish_with(self.shut_down)

    def finish_with(self, act):
        self.finishing, self.last_act = True, act
        if not self.queue:
            act()

    def shut_down(self):
        if not self.done.done():
            with contextlib.suppress(OSError):  # the peer may have reset the connection
                self.sock.shutdown(socket.SHUT_WR)

    def abort(self):
        """End TCP at once; the peer sees a reset."""
        if not self.done.done():
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            self.close()

    def close(self):
        if self.done.done():
            return
        self.queue.clear()
        self.wait_for_room(False)
        self.loop.remove_reader(self.sock)
        self.sock.close()
        self.done.set_result(None)
