#!/usr/bin/python3
"""How the CPU time of a unit grows with the number of sessions and with the size of messages.

    growth.py BUILD [-r RUNS] [-l PANEL,...] [-s SECONDS] [-p PLOT] [-d DOCUMENT]

Measures wsuv and the floor, prints the medians of RUNS runs, and writes the plot, an SVG file
(doc/growth.svg). The figures take the place of those in DOCUMENT. PANELs: sessions, small, large.
SECONDS is the length of a run of a server. A flat line is what it should show.
"""

import argparse
import math
import os
import pathlib
import sys

from run import Programs, number, table
from yardstick import (HERE, Failed, ServerLoad, client, conditions, cpu_seconds, free_port, median,
                       publish, server)

MIB = 1 << 20
# name: title, unit, points, and what a point is on the axis
PANELS = {
    'sessions': ('ping-pong of 32 bytes, by sessions', 'µs a message',
                 [1, 10, 100, 1000, 5000, 15000]),
    'small': ('64 messages in flight, by bytes', 'ns a message', [1, 16, 125, 1024, 4096]),
    'large': ('one message in flight, by bytes', 'µs a MiB',
              [16 << 10, 128 << 10, 1 << 20, 8 << 20, 64 << 20]),
}
SERIES = {('wsuv', 'client'): ('wsuv, client', '#1b6ca8', ''),
          ('wsuv', 'server'): ('wsuv, server', '#c0392b', ''),
          ('floor', 'client'): ('floor, client', '#1b6ca8', '4 3'),
          ('floor', 'server'): ('floor, server', '#c0392b', '4 3')}
WINDOW = 64  # of the panel small


# --- measuring ---

def client_load(panel, point):
    """The load of wsuv_bench, its N, and its options."""
    if panel == 'sessions':
        return 'beside', max(30000, 3 * point), ['-w', point, '-m', 100]
    if panel == 'small':
        return 'pipe', 300000, ['-s', point, '-w', WINDOW]
    return 'big', min(max(256 * MIB // point, 6), 10000), ['-s', point]


def cost(panel, point, seconds, messages):
    if panel == 'large':
        return seconds * 1e6 / (messages * point / MIB)
    return seconds / messages * (1e9 if panel == 'small' else 1e6)


def measure_client(programs, name, panel, point):
    load, n, options = client_load(panel, point)
    if name == 'floor' and load == 'beside':
        return None
    port = free_port()
    with server([programs.echo, port]):
        line = client([*programs.clients[name], load, n, '-p', port, *options])
    return cost(panel, point, line['user'] + line['sys'], n)


def measure_server(programs, name, panel, point, seconds):
    sessions, window, size = {'sessions': (point, 1, 32), 'small': (1, WINDOW, point),
                              'large': (1, 1, point)}[panel]
    port = free_port()
    with server([*programs.servers[name], port]) as process:
        load = ServerLoad(programs.server_load, port, sessions, window, size, seconds)
        begin = cpu_seconds(process.pid)
        messages = load.exchange()
        spent = cpu_seconds(process.pid) - begin
        load.end()
    return cost(panel, point, spent, messages)


def measure(programs, panels, seconds, results):
    for panel in panels:
        for point in PANELS[panel][2]:
            for name, role in SERIES:
                try:
                    value = (measure_client(programs, name, panel, point) if role == 'client' else
                             measure_server(programs, name, panel, point, seconds))
                except (Failed, ZeroDivisionError) as error:
                    print(f'{panel} {point} {name} {role}: {error}', file=sys.stderr)
                    continue
                if value is not None:
                    results.setdefault((panel, name, role), {}).setdefault(point, []).append(value)


# --- the plot ---

WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 180, 50, 50, 70


def label(point):
    for unit, size in (('M', MIB), ('K', 1024)):
        if point >= size and point % size == 0:
            return f'{point // size}{unit}'
    return f'{point // 1000}k' if point % 1000 == 0 else f'{point}'


def top_of(values):
    """The end of an axis from 0: 1, 2 or 5 with zeros."""
    most = max(values) * 1.05
    power = 10 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def text(x, y, content, anchor='middle', more=''):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{more}>{content}</text>'


def draw_panel(index, panel, lines):
    """`lines`: of a series, its points and medians."""
    title, unit, points = PANELS[panel]
    x0, y0 = LEFT + index * (WIDTH + GAP), TOP + HEIGHT
    top = top_of([value for line in lines.values() for value in line.values()])
    low, high = math.log(points[0]), math.log(points[-1])
    place = {p: x0 + WIDTH * (math.log(p) - low) / (high - low) for p in points}
    parts = [text(x0 + WIDTH / 2, TOP - 26, title, more=' font-weight="bold"'),
             text(x0, TOP - 8, unit, 'start')]
    for i in range(5):
        y = y0 - HEIGHT * i / 4
        parts.append(f'<path d="M{x0} {y:.0f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(text(x0 - 5, y + 4, f'{top * i / 4:,g}', 'end'))
    parts += [text(place[p], y0 + 16, label(p)) for p in points]
    for series, line in lines.items():
        _, colour, dashes = SERIES[series]
        dots = [(place[p], y0 - HEIGHT * value / top) for p, value in line.items()]
        way = ' '.join(f'{x:.1f},{y:.1f}' for x, y in dots)
        dash = f' stroke-dasharray="{dashes}"' if dashes else ''
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" '
                     f'stroke-width="2"{dash}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in dots]
    return parts


def draw_legend(width):
    parts = []
    for i, (name, colour, dashes) in enumerate(SERIES.values()):
        x, y = LEFT + i * width / len(SERIES), TOP + HEIGHT + 44
        dash = f' stroke-dasharray="{dashes}"' if dashes else ''
        parts.append(f'<path d="M{x:.0f} {y - 4}h24" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(text(x + 30, y, name, 'start'))
    return parts


def draw(medians):
    panels = [panel for panel in PANELS if any(key[0] == panel for key in medians)]
    width, height = LEFT + len(panels) * (WIDTH + GAP) - 30, TOP + HEIGHT + 60
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif" font-size="11">',
             '<title>CPU time of a unit, by sessions and by the size of messages</title>',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for i, panel in enumerate(panels):
        parts += draw_panel(i, panel, {key[1:]: line for key, line in medians.items()
                                       if key[0] == panel})
    return '\n'.join([*parts, *draw_legend(width - LEFT), '</svg>', ''])


# --- the figures ---

def figures(medians):
    tables = []
    for panel, (title, unit, points) in PANELS.items():
        rows = [[SERIES[key[1:]][0], *(number(line[p]) if p in line else '' for p in points)]
                for key, line in medians.items() if key[0] == panel]
        if rows:
            tables.append(table([f'{title}: {unit}', *map(label, points)], rows))
    return '\n'.join(tables)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('-r', type=int, default=3, metavar='RUNS')
    parser.add_argument('-l', default=','.join(PANELS), metavar='PANEL,...')
    parser.add_argument('-s', type=float, default=1, metavar='SECONDS')
    parser.add_argument('-p', type=pathlib.Path, default=HERE.parents[1] / 'doc/growth.svg',
                        metavar='PLOT')
    parser.add_argument('-d', type=pathlib.Path, metavar='DOCUMENT')
    options = parser.parse_args()
    programs, results, before = Programs(options.build.resolve(), []), {}, os.getloadavg()[0]
    for run in range(options.r):
        measure(programs, options.l.split(','), options.s, results)
        print(f'run {run + 1} of {options.r}', file=sys.stderr, flush=True)
    medians = {key: {point: median(values) for point, values in line.items()}
               for key, line in results.items()}
    options.p.write_text(draw(medians), encoding='utf-8')
    publish(f'{conditions(options.r, before)}\n\n{figures(medians)}', options.d, 'growth')


if __name__ == '__main__':
    main()
