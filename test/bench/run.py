#!/usr/bin/python3
"""Clients and servers side by side, and the loop's longest turn, as the tables of
doc/performance.md.

    run.py BUILD [-r RUNS] [-p RUNS] [-l LOAD,...] [-c NAME,...] [-s SECONDS] [-o FILE]
           [-d DOCUMENT]

BUILD is a release build. Only these LOADs, of --list; only these NAMEs besides the floor (wsuv,
node, python). The other libraries, whose ratios are large, take part in the first runs only, in
as many as -p says (1). SECONDS is the length of a run of a server, FILE takes a line of JSON for
each run, and the tables take the place of those in DOCUMENT. Medians of RUNS runs, in each of
which all take turns. What counts is the CPU time of what is measured.
"""

import argparse
import json
import os
import pathlib
import signal
import sys

from yardstick import (HERE, Failed, ServerLoad, certificate, client, conditions, cpu_seconds,
                       free_port, median, publish, resident_bytes, server)

# name: what it is called in the table, load of wsuv_bench, N, more options, unit
CLIENT_LOADS = {
    'pp': ('32 bytes, ping-pong', 'pp', 15000, [], 'µs a message'),
    'pipe': ('64 bytes, 256 in flight', 'pipe', 800000, [], 'ns a message'),
    'big': ('1 MiB echoed', 'big', 400, [], 'µs a message'),
    'sbin': ('16 KiB received, binary', 'stream', 65536, ['-k', 'bin'], 'ms a GiB'),
    'sascii': ('16 KiB received, ASCII', 'stream', 65536, ['-k', 'ascii'], 'ms a GiB'),
    'sutf8': ('16 KiB received, UTF-8', 'stream', 65536, ['-k', 'utf8'], 'ms a GiB'),
    'c1k': ('opening 1,000 sessions', 'conns', 1000, [], 'µs a session'),
    'c10k': ('opening 10,000 sessions', 'conns', 10000, [], 'µs a session'),
    'tpp': ('ping-pong over TLS', 'pp', 8000, ['-t'], 'µs a message'),
    'tpipe': ('64 bytes over TLS', 'pipe', 300000, ['-t'], 'ns a message'),
    'tsbin': ('16 KiB received over TLS', 'stream', 32768, ['-t'], 'ms a GiB'),
    'tc500': ('opening 500 sessions with TLS', 'conns', 500, ['-t'], 'µs a session'),
    'dno': ('1 KiB deflated, no takeover', 'deflate', 40000, ['-d', 'noctx'], 'µs a message'),
    'dctx': ('1 KiB deflated, takeover', 'deflate', 40000, ['-d', 'ctx'], 'µs a message'),
}
# name: what it is called in the table, connections, window, bytes
SERVER_LOADS = {
    'small': ('100 sessions, 1 × 125 bytes', 100, 1, 125),
    'pipelined': ('20 sessions, 32 × 125 bytes', 20, 32, 125),
    'large': ('20 sessions, 1 × 16 KiB', 20, 1, 16384),
    'huge': ('2 sessions, 1 × 1 MiB', 2, 1, 1 << 20),
    'idle': ('opening 5,000 sessions', 5000, 0, 0),
}
TURNS = {
    'flood': 'beside empty messages without end',
    'bombs': 'beside compressed bombs',
    'timers': '10,000 timers due at once',
    'burst': '500 sessions over TLS, 16 connecting at a time',
    'crowd': '500 sessions over TLS, all connecting at once',
}
# Options of wsuv_bench: the first has the library's default, the second no limit.
BURSTS = {'burst': ['-w', 500, '-m', 0], 'crowd': ['-w', 500]}
SCALES = {'ns': 1e9, 'µs': 1e6, 'ms': 1e3}
ENGINES = {'mbedtls': 'mbedTLS', 'openssl': 'OpenSSL'}
NAMES = {'floor': 'floor', 'wsuv': 'wsuv', 'node': 'ws for Node', 'python': 'websockets'}
# How much of the work a slow library does.
SHARES = {'node': 0.25, 'python': 0.05}


class Programs:
    """The commands of what is measured."""

    def __init__(self, build, names):
        bench = build / 'test/bench'
        self.names = names
        self.floor_server, self.server_load = bench / 'floor_server', bench / 'server_load'
        self.echo = build / 'test/wsuv_echo'
        self.bench = bench / 'wsuv_bench'
        peers = {'node': ['node', HERE / 'node_peer.js'],
                 'python': ['/usr/bin/python3', HERE / 'python_peer.py']}
        self.clients = {'floor': [bench / 'floor_client'], 'wsuv': [self.bench],
                        **{name: [*command, 'client'] for name, command in peers.items()}}
        self.servers = {'floor': [self.floor_server], 'wsuv': [self.echo],
                        **{name: [*command, 'server'] for name, command in peers.items()}}

    def leave_peers_out(self):
        self.names = [name for name in self.names if name == 'wsuv']

    def wanted(self, name):
        return name == 'floor' or name in self.names


# --- clients ---

def client_rows(load):
    """The rows that a load has in the table, as (name, engine): one for each TLS library."""
    if '-t' not in CLIENT_LOADS[load][3]:
        return [(load, None)]
    return [(load, engine) for engine in ENGINES]


def can_play(name, load, engine):
    """The libraries that are peers have OpenSSL; the floor does not deflate."""
    if load in ('dno', 'dctx'):
        return name == 'wsuv'
    return name in ('floor', 'wsuv') or engine != 'mbedtls'


def client_cost(line, unit):
    seconds = line['user'] + line['sys']
    units = line['bytes'] / 2**30 if unit.endswith('GiB') else line['n']
    return seconds / units * SCALES[unit[:2]]


def measure_client(programs, name, load, engine, files):
    """Each with a server of its own, which has no sessions of others to end."""
    _, mode, n, more, unit = CLIENT_LOADS[load]
    n = n if mode == 'conns' else int(n * SHARES.get(name, 1))
    port, tls_port = free_port(), free_port()
    options = ['-t', tls_port, '-e', engine] if engine else ['-p', port, *more]
    cert, key = files
    with server([programs.floor_server, port, '--tls-port', tls_port, '--cert', cert, '--key',
                 key]):
        line = client([*programs.clients[name], mode, n, *options])
    return dict(line, cost=client_cost(line, unit))


def measure_clients(programs, loads, note):
    with certificate() as files:
        for load, engine in [row for load in loads for row in client_rows(load)]:
            for name in programs.clients:
                if programs.wanted(name) and can_play(name, load, engine):
                    note('clients', (load, engine), name,
                         lambda: measure_client(programs, name, load, engine, files))


# --- servers ---

def measure_server(programs, name, load, seconds):
    _, connections, window, size = SERVER_LOADS[load]
    port = free_port()
    with server([*programs.servers[name], port]) as process:
        before, rss = cpu_seconds(process.pid), resident_bytes(process.pid)
        crowd = ServerLoad(programs.server_load, port, connections, window, size, seconds)
        opened = cpu_seconds(process.pid)
        line = {'cost': (opened - before) / connections * 1e6,
                'rss_conn': (resident_bytes(process.pid) - rss) / connections}
        if window > 0:
            messages = crowd.exchange()
            line = {'cost': (cpu_seconds(process.pid) - opened) / messages * 1e6}
        crowd.end()
    return line


def measure_servers(programs, loads, seconds, note):
    for load in loads:
        for name in programs.servers:
            if programs.wanted(name):
                note('servers', (load, None), name,
                     lambda: measure_server(programs, name, load, seconds))


# --- the loop's longest turn ---

def beside(programs, flood):
    """A session that is flooded, beside a hundred that play ping-pong."""
    port, flood_port = free_port(), free_port()
    with server([programs.echo, port]):
        with server([sys.executable, HERE / 'hostile.py', flood, flood_port]):
            return client([programs.bench, 'beside', 20000, '-p', port, '-f',
                           f'ws://127.0.0.1:{flood_port}/'])


def burst(programs, count, more, engine, cert, key):
    """Sessions over TLS that open together: the turns of the client, and of a server."""
    port = free_port()
    command = [programs.echo, '--gaps', '--cert', cert, '--key', key, port]
    with server(command) as process:
        line = client([programs.bench, 'conns', count, *more, '-t', port, '-e', engine])
        process.send_signal(signal.SIGTERM)
        return line, json.loads(process.stdout.read().splitlines()[-1])


def timers(programs):
    port = free_port()
    with server([programs.echo, port]):
        return client([programs.bench, 'timers', 10000, '-p', port])


def measure_turns(programs, loads, note):
    for load in loads:
        if load == 'timers':
            note('turns', (load, 'client'), 'turn', lambda: timers(programs))
        elif load not in BURSTS:
            flood = 'empty' if load == 'flood' else load
            note('turns', (load, 'client'), 'turn', lambda: beside(programs, flood))
    if BURSTS.keys() & set(loads):
        measure_bursts(programs, [load for load in loads if load in BURSTS], note)


def measure_bursts(programs, loads, note):
    """wsuv_echo has the library's default engine, whatever the client has. The largest step is a
    turn with the handshake of one session."""
    with certificate() as files:
        for engine, name in ENGINES.items():
            for load in loads:
                for kind, count, more in (('turn', 500, BURSTS[load]), ('step', 20, ['-w', 1])):
                    ends = []

                    def play():
                        ends.extend(burst(programs, count, more, engine, *files))
                        return ends[0]

                    note('turns', (load, f'client, {name}'), kind, play)
                    if ends:
                        note('turns', (load, f'server, client {name}'), kind, lambda: ends[1])


# --- tables ---

def number(value):
    """With three digits that count."""
    return f'{value:,.0f}' if value >= 100 else f'{value:.3g}'


def cost(lines, member='cost'):
    return median(line[member] for line in lines) if lines else None


def ratio_cells(row, names, unit):
    """The floor's figure, and the ratios to it; or, where there is no floor, wsuv's figure."""
    floor = cost(row.get('floor'))
    cells = [f'{number(floor)} {unit}' if floor else '']
    for name in names:
        own = cost(row.get(name))
        if own is None:
            cells.append('')
        elif floor:
            cells.append(f'{own / floor:.2f}')
        else:
            cells.append(f'{number(own)} {unit}')
    return cells


def table(head, rows):
    lines = [head, ['---'] * len(head), *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines).replace('| --- ', '|---')


def ratios(title, results, names, texts):
    """`texts`: of a key, the text of its row, and the unit."""
    names = [name for name in NAMES if name in names and name != 'floor']
    rows = []
    for key, row in results.items():
        text, unit = texts(key)
        rows.append([text, *ratio_cells(row, names, unit)])
    for key, row in results.items():
        if key[0] in ('c10k', 'idle'):
            rows.append([f'{texts(key)[0]}: resident', *(
                f'{number(cost(row[name], "rss_conn"))} bytes' if name in row else ''
                for name in ('floor', *names))])
    return f'### {title}\n\n' + table(['load', 'floor', *(NAMES[name] for name in names)], rows)


def client_text(key):
    load, engine = key
    text, *_, unit = CLIENT_LOADS[load]
    return f'`{load}`: {text}' + (f', {ENGINES[engine]}' if engine else ''), unit


def server_text(key):
    text = SERVER_LOADS[key[0]][0]
    return f'`{key[0]}`: {text}', 'µs a session' if key[0] == 'idle' else 'µs a message'


def longest_turns(results):
    rows = []
    for (load, who), row in results.items():
        step = cost(row.get('step'), 'gap_cpu_ms')
        rows.append([f'`{load}`: {TURNS[load]}', who,
                     *(f'{number(cost(row["turn"], member))} ms'
                       for member in ('gap_cpu_ms', 'gap_ms')),
                     f'{number(step)} ms' if step else ''])
    return '### The longest turn of the loop\n\n' + table(
        ['load', 'loop', 'CPU time', 'wall time', 'largest step'], rows)


def report(results, options, names, load_before):
    runs = str(options.r)
    if len(names) > 1 and options.p < options.r:
        runs += f' (other libraries: {options.p})'
    parts = [f'{conditions(runs, load_before)}\n']
    if 'clients' in results:
        parts.append(ratios('Clients', results['clients'], names, client_text))
    if 'servers' in results:
        parts.append(ratios('Servers', results['servers'], names, server_text))
    if 'turns' in results:
        parts.append(longest_turns(results['turns']))
    return '\n'.join(parts)


def arguments():
    every = [*CLIENT_LOADS, *SERVER_LOADS, *TURNS]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('-r', type=int, default=5, metavar='RUNS')
    parser.add_argument('-p', type=int, default=1, metavar='RUNS')
    parser.add_argument('-l', default=','.join(every), metavar='LOAD,...')
    parser.add_argument('-c', default=','.join(NAMES), metavar='NAME,...')
    parser.add_argument('-s', type=float, default=2, metavar='SECONDS')
    parser.add_argument('-o', default=os.devnull, metavar='FILE')
    parser.add_argument('-d', type=pathlib.Path, metavar='DOCUMENT')
    parser.add_argument('--list', action='store_true', help='the loads')
    options = parser.parse_args()
    if options.list:
        parser.exit(0, ' '.join(every) + '\n')
    options.loads = options.l.split(',')
    unknown = [name for name in options.loads if name not in every]
    unknown += [name for name in options.c.split(',') if name not in NAMES]
    if unknown:
        parser.error(f'unknown: {", ".join(unknown)}')
    return options


def main():
    options = arguments()
    programs = Programs(options.build.resolve(), options.c.split(','))
    names = programs.names
    results = {}
    before = os.getloadavg()[0]

    def chosen(loads):
        return [load for load in loads if load in options.loads]

    with open(options.o, 'a', encoding='utf-8') as file:
        def note(part, key, name, measure):
            try:
                line = measure()
            except Failed as error:
                print(f'{name}: {error}', file=sys.stderr)
                return
            results.setdefault(part, {}).setdefault(key, {}).setdefault(name, []).append(line)
            file.write(json.dumps({'part': part, 'key': key, 'name': name, **line}) + '\n')
            file.flush()

        for run in range(options.r):
            if run == options.p:
                programs.leave_peers_out()
            measure_clients(programs, chosen(CLIENT_LOADS), note)
            measure_servers(programs, chosen(SERVER_LOADS), options.s, note)
            measure_turns(programs, chosen(TURNS), note)
            print(f'run {run + 1} of {options.r}', file=sys.stderr, flush=True)
    publish(report(results, options, names, before), options.d, 'tables')


if __name__ == '__main__':
    main()
