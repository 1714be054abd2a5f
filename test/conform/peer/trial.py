"""Programs of ours against the answering server. One that prints a line for each URL takes all
cases; of the command line's, which takes one URL, a few are tried and its exit status is looked at.
"""

import asyncio
import itertools
import time

from .answer import patterns
from .answering import Answering
from .outcome import Outcome

LINE_S = 20  # for a line, and for a program to end
EACH = 3  # cases that the command line gets, for each way that they can end
AT_ONCE = 4


def setting(case):
    """What has to be told to the program before the URL."""
    deflate = () if case.deflate is None else (case.deflate.settings,)
    return case.offers, case.timeout_ms, deflate


# --- a line for each URL ---


def options(offers, timeout_ms, deflate):
    found = [word for offer in offers for word in ('-p', offer)]
    found += [word for settings in deflate for word in ('-d', settings)]
    return [*found, '-t', str(timeout_ms)] if timeout_ms else found


async def ask(process, url):
    """The line, "" if there is none."""
    try:
        process.stdin.write(f'{url}\n'.encode())
        await process.stdin.drain()
        line = await asyncio.wait_for(process.stdout.readline(), LINE_S)
    except (OSError, TimeoutError, ValueError):  # the last one: a line without end
        return ''
    return line.decode('latin-1').strip()


async def exit_status(process):
    process.stdin.close()
    try:
        return await asyncio.wait_for(process.wait(), LINE_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f'none after {LINE_S} s'


async def try_group(command, url, cases):
    """(case, line, seconds) of each. A program that ends badly has failed in its last case."""
    pipe = asyncio.subprocess.PIPE
    words = [*command, *options(*setting(cases[0]))]
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    found = []
    for case in cases:
        began = time.monotonic()
        line = await ask(process, f'{url}/{case.id}')
        found.append((case, line or 'no line', time.monotonic() - began))
        if not line:
            break
    status = await exit_status(process)
    if status != 0:
        case, line, seconds = found.pop()
        found.append((case, f'{line}; exit status {status}', seconds))
    return found + [(case, 'never ran', 0.0) for case in cases[len(found):]]


async def try_lines(command, server, url):
    """Outcomes of all cases of the server."""
    ordered = sorted(server.cases, key=setting)
    groups = [list(group) for _setting, group in itertools.groupby(ordered, setting)]
    tried = await asyncio.gather(*(try_group(command, url, group) for group in groups))
    found = {}
    for case, line, seconds in itertools.chain(*tried):
        complaint = server.complaints.get(case.id)
        came = f'{line}; its request: {complaint}' if complaint else line
        found[case.id] = Outcome(case.id, tuple(patterns(case)), came, seconds)
    return [found[case.id] for case in server.cases]


# --- the command line ---


def exit_of(pattern):
    """The exit status that a line stands for, and what is printed."""
    first, second, third = pattern.split(' ')[:3]
    if first == 'open':
        return f'exit 0 {third}'
    return 'exit 2 -' if second == 'handshake' else 'exit 3 *'


def few(cases):
    """EACH of each code and stage."""
    count = {}
    for case in cases:
        lines = patterns(case)
        kind = tuple(lines[0].split(' ')[:2]) if lines[0][:5] != 'open ' else 'open'
        if len({exit_of(line) for line in lines}) > 1 or count.get(kind, 0) == EACH:
            continue
        count[kind] = count.get(kind, 0) + 1
        yield case


async def run_once(command, url, case):
    words = [word for offer in case.offers for word in ('-p', offer)]
    if case.timeout_ms:
        words += ['--timeout', str(case.timeout_ms / 1000)]
    process = await asyncio.create_subprocess_exec(
        *command, '-n', '1', *words, f'{url}/{case.id}', stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
    try:
        printed, _nothing = await asyncio.wait_for(process.communicate(), LINE_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f'no end after {LINE_S} s'
    return f'exit {process.returncode} {printed.decode("latin-1").strip() or "-"}'


async def try_exits(command, server, url):
    """Outcomes of a few cases of the server."""
    some = asyncio.Semaphore(AT_ONCE)

    async def one(case):
        async with some:
            began = time.monotonic()
            came = await run_once(command, url, case)
            expected = tuple({exit_of(line) for line in patterns(case)})
            return Outcome(f'exit.{case.id}', expected, came, time.monotonic() - began)

    return list(await asyncio.gather(*(one(case) for case in few(server.cases))))


async def run(cases, client, command_line=None):
    """`client` and `command_line` are lists of words."""
    server = Answering(cases)
    url = server.listen()
    try:
        found = await try_lines(client, server, url)
        if command_line:
            found += await try_exits(command_line, server, url)
    finally:
        server.stop()
    return found
