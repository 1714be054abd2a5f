#!/usr/bin/env python3
"""The scripted peer of conformance runs: what the Autobahn test suite sends, judged as the suite
does: its groups 1-7, 9 and 10, or with --deflate 12 and 13, and more of permessage-deflate; and the
opening handshake, which that suite leaves out, with --deflate what there is of the extension in it.

    peer.py server [--port PORT]    a fuzzing server, for a client that asks for its cases
    peer.py client URL              a fuzzing client, for an echo server
    peer.py answers CLIENT [WSUV]   answers of a server, for two programs that are started here:
                                    handshake_client, which is given all cases, and the command
                                    line's, which is given a few. Each is words for a shell
    peer.py requests URL            requests of a client, for an echo server that has chat

The server prints `listening ws://127.0.0.1:PORT`, and ends when it is asked for its reports, or
by a signal. Then there is one line for each case that failed and a count; the exit status is 0 if
none failed.
"""

import argparse
import asyncio
import functools
import shlex
import signal
import sys

from peer import (
    answers, asking, cases, client, compressed, deflated, outcome, report, requests, server, trial,
)

KINDS = {'server': cases, 'client': cases, 'answers': answers, 'requests': requests}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('--cases', default='*', help='patterns with commas between: 1.*,5.2')
    common.add_argument('--deflate', action='store_true', help='cases of permessage-deflate')
    common.add_argument('--report', metavar='FILE', help='write the results as JSON')
    common.add_argument('--allow-non-strict', action='store_true',
                        help='NON-STRICT is no failure')
    playing = argparse.ArgumentParser(add_help=False)
    playing.add_argument('--messages', type=int, default=compressed.MESSAGES,
                         help='of each case of groups 12 and 13 (%(default)s)')
    roles = parser.add_subparsers(dest='role', required=True)
    serving = roles.add_parser('server', parents=[common, playing])
    serving.add_argument('--port', type=int, default=0)
    roles.add_parser('client', parents=[common, playing]).add_argument('url')
    answering = roles.add_parser('answers', parents=[common])
    answering.add_argument('client', type=shlex.split)
    answering.add_argument('wsuv', type=shlex.split, nargs='?')
    roles.add_parser('requests', parents=[common]).add_argument('url')
    return parser.parse_args()


def select(given):
    if not given.deflate:
        return KINDS[given.role].select(given.cases)
    if given.role in ('answers', 'requests'):
        return KINDS[given.role].select(given.cases, deflate=True)
    return deflated.select(given.cases, given.role == 'client', given.messages)


async def serve(chosen, port):
    fuzzer = server.Server(chosen)
    print(f'listening {fuzzer.listen(port)}', flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, fuzzer.finish)
    await fuzzer.finished
    fuzzer.stop()
    return fuzzer.agent, fuzzer.all_results()


async def play(given, chosen):
    """The agent's name, and the results."""
    if given.role == 'server':
        return await serve(chosen, given.port)
    if given.role == 'client':
        return given.url, await client.run(given.url, chosen)
    if given.role == 'answers':
        return shlex.join(given.client), await trial.run(chosen, given.client, given.wsuv)
    return given.url, await asking.run(given.url, chosen)


def judge(given, results):
    """Prints what there is to say. The records by names, and the number that failed."""
    kind, passed = outcome, outcome.passed
    if KINDS[given.role] is cases:
        kind, passed = report, functools.partial(report.passed,
                                                 non_strict_too=given.allow_non_strict)
    failed = [kind.line(result) for result in results if not passed(result)]
    report.tell(len(results), failed)
    return {kind.name(result): kind.record(result) for result in results}, len(failed)


def main():
    given = arguments()
    try:
        chosen = select(given)
    except ValueError as error:
        sys.exit(f'peer.py: {error}')
    agent, results = asyncio.run(play(given, chosen))
    records, failed = judge(given, results)
    if given.report:
        report.write_json(given.report, given.role, agent, records)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
