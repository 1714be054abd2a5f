#!/usr/bin/env python3
"""The scripted peer of conformance runs: what the Autobahn test suite sends in its groups 1-7, 9
and 10, judged as the suite does.

    peer.py server [--port PORT]    a fuzzing server, for a client that asks for its cases
    peer.py client URL              a fuzzing client, for an echo server

The server prints `listening ws://127.0.0.1:PORT`, and ends when it is asked for its reports, or
by a signal. Then there is one line for each case that failed and a count; the exit status is 0 if
none failed.
"""

import argparse
import asyncio
import signal
import sys

from peer import cases, client, report, server


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('--cases', default='*', help='patterns with commas between: 1.*,5.2')
    common.add_argument('--report', metavar='FILE', help='write the results as JSON')
    common.add_argument('--allow-non-strict', action='store_true',
                        help='NON-STRICT is no failure')
    roles = parser.add_subparsers(dest='role', required=True)
    serving = roles.add_parser('server', parents=[common])
    serving.add_argument('--port', type=int, default=0)
    roles.add_parser('client', parents=[common]).add_argument('url')
    return parser.parse_args()


async def serve(chosen, port):
    fuzzer = server.Server(chosen)
    print(f'listening {fuzzer.listen(port)}', flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, fuzzer.finish)
    await fuzzer.finished
    fuzzer.stop()
    return fuzzer.agent, fuzzer.all_results()


async def drive(chosen, url):
    return url, await client.run(url, chosen)


def main():
    given = arguments()
    try:
        chosen = cases.select(given.cases)
    except ValueError as error:
        sys.exit(f'peer.py: {error}')
    play = serve(chosen, given.port) if given.role == 'server' else drive(chosen, given.url)
    agent, results = asyncio.run(play)
    if given.report:
        report.write_json(given.report, given.role, agent, results)
    return 1 if report.tell(results, given.allow_non_strict) else 0


if __name__ == '__main__':
    sys.exit(main())
