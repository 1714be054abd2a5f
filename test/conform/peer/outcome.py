"""How a case of the opening handshake went: one line that came, against patterns."""

import fnmatch
from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class Outcome:
    id: str
    expected: Tuple[str, ...]  # patterns
    came: str
    seconds: float


def fits(line, pattern):
    """Word by word, so that no * stands for a word too many."""
    words, patterns = line.split(' '), pattern.split(' ')
    return len(words) == len(patterns) and all(map(fnmatch.fnmatchcase, words, patterns))


def passed(outcome):
    return any(fits(outcome.came, pattern) for pattern in outcome.expected)


def name(outcome):
    return outcome.id


def line(outcome):
    return f'{outcome.id}: expected {" or ".join(outcome.expected)}; came {outcome.came}'


def record(outcome):
    return {
        'behavior': 'OK' if passed(outcome) else 'FAILED',
        'expected': ' or '.join(outcome.expected),
        'received': outcome.came,
        'duration': round(outcome.seconds * 1000),
    }
