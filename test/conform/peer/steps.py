"""Ways to write: in which pieces octets go out, and how that ends. A way makes steps of octets."""

import asyncio

PAUSE, END, RESET = 'pause', 'end', 'reset'
PAUSE_S = 0.002  # long enough for what was written to be read by itself


def whole(octets):
    return [octets]


def ended(octets):
    return [octets, END]


def reset(octets):
    return [octets, PAUSE, RESET]


def first(count, *then):
    """Only so many octets; without anything behind them, silence follows."""
    return lambda octets: [octets[:count], PAUSE, *then]


def cut_at(*places):
    def way(octets):
        steps, start = [], 0
        for place in places:
            steps += [octets[start:place], PAUSE]
            start = place
        return steps + [octets[start:]]

    return way


def cut_behind_head(octets):
    return cut_at(octets.index(b'\r\n\r\n') + 4)(octets)


def dribbled(octets):
    """Octet by octet."""
    return [step for octet in octets for step in (bytes([octet]), PAUSE)]


def by_lines(octets):
    """A line a piece, the last octet of its end in the next."""
    return [step for line in octets.split(b'\n') for step in (line, PAUSE, b'\n')][:-1]


async def write(link, steps):
    for step in steps:
        if step == PAUSE:
            await asyncio.sleep(PAUSE_S)
        elif step == END:
            link.end_writing()
        elif step == RESET:
            link.abort()
        elif step:
            link.write(step, alone=True)
