#!/usr/bin/python3
"""What examples/json.c sends, and what it makes of answers.

    json_test.py JSON [unittest's arguments]

Against a server on websockets, of either of the library's interfaces: that of 10.4, and the one
that came with 13.
"""

import asyncio
import contextlib
import json
import socket
import sys
import unittest

try:
    from websockets.asyncio.server import serve
except ImportError:
    from websockets.server import serve
from websockets.exceptions import ConnectionClosed

PROGRAM = ''
PATIENCE = 10  # seconds, for the program to end
READING = {'station': 'north', 'celsius': 21.5, 'valid': True}
PRINTED = 'north: 21.5 degrees, valid\n'
NOT_CONVERTED = 'receiving: value could not be converted\n'


async def run(*arguments):
    """Exit status and both outputs."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode, out.decode(), err.decode()


def changed(**fields):
    return json.dumps({**READING, **fields})


class Json(unittest.IsolatedAsyncioTestCase):
    async def answered(self, answer, *behind):
        """Run it against a server that answers so, and sends more behind it: what run() gives,
        message and close code."""
        ended = asyncio.get_running_loop().create_future()

        async def handle(ws):
            message = await ws.recv()
            with contextlib.suppress(ConnectionClosed):
                for text in (answer(message), *behind):
                    await ws.send(text)
            await ws.wait_closed()
            ended.set_result((message, ws.close_code))

        async with serve(handle, '127.0.0.1', 0) as server:
            port = server.sockets[0].getsockname()[1]
            result = await run(f'ws://127.0.0.1:{port}/')
            message, code = await asyncio.wait_for(ended, PATIENCE)
        return result, message, code

    async def check(self, answer, expected, expected_code):
        result, message, code = await self.answered(lambda _: answer)
        self.assertEqual(result, expected, answer)
        self.assertEqual(code, expected_code, answer)

    async def test_echo(self):
        result, message, code = await self.answered(lambda message: message)
        self.assertEqual(result, (0, PRINTED, ''))
        self.assertEqual(code, 1000)
        self.assertIsInstance(message, str)
        self.assertEqual(json.loads(message), READING)

    async def test_what_comes_is_printed(self):
        answer = changed(station='s\u00fcd "1"', celsius=-3, valid=False, more=[None])
        await self.check(answer, (0, 's\u00fcd "1": -3.0 degrees, not valid\n', ''), 1000)
        answer = json.dumps(dict(reversed(READING.items())), indent=2)
        await self.check(answer, (0, PRINTED, ''), 1000)
        printed = PRINTED.replace('north', 'n' * 31)
        await self.check(changed(station='n' * 31), (0, printed, ''), 1000)

    async def test_white_space_around_a_reading(self):
        for answer in changed() + '\n', changed() + ' \t\r\n', '\r\n ' + changed():
            await self.check(answer, (0, PRINTED, ''), 1000)

    async def test_only_the_first_is_printed(self):
        result, _, code = await self.answered(lambda message: message, changed(celsius=1), 'hello')
        self.assertEqual((result, code), ((0, PRINTED, ''), 1000))

    async def test_what_is_no_reading(self):
        for answer in (
            '',
            '{',
            'null',
            '[]',
            '{}',
            changed() + ' and more',
            changed() + '\0',
            changed(station=None),
            changed(station='n' * 32),
            changed(celsius='21.5'),
            changed(valid=1),
            '[' * 100000,
        ):
            await self.check(answer, (1, '', NOT_CONVERTED), 1003)

    async def test_binary_message_is_not_for_the_converter(self):
        expected = (1, '', 'receiving: message is not one for the converter\n')
        await self.check(changed().encode(), expected, 1003)

    async def test_nobody_listens(self):
        with socket.socket() as holder:
            holder.bind(('127.0.0.1', 0))
            port = holder.getsockname()[1]
            result = await run(f'ws://127.0.0.1:{port}/')
        self.assertEqual(result, (1, '', 'connect: connection refused\n'))

    async def test_wrong_arguments(self):
        self.assertEqual(await run('nowhere'), (1, '', 'malformed or unsupported URL\n'))
        self.assertEqual(await run(), (1, '', f'usage: {PROGRAM} URL\n'))


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PROGRAM = sys.argv.pop(1)
    unittest.main()
