"""What has come against what had to come. Two verdicts a case, as the suite has them, and stricter
in this: a peer that breaks the protocol is never OK, in group 9 contents are compared, and in
groups 12 and 13 distances are held against the window."""

from . import frames

OK, NON_STRICT, FAILED, INFORMATIONAL = 'OK', 'NON-STRICT', 'FAILED', 'INFORMATIONAL'
UNCLEAN, WRONG_CODE, BY_CLIENT = 'UNCLEAN', 'WRONG CODE', 'FAILED BY CLIENT'
UNIMPLEMENTED = 'UNIMPLEMENTED'  # permessage-deflate was not agreed upon


class Sequence:
    """The whole list of events has to be right."""

    def __init__(self, case):
        self.ok, self.non_strict = list(case.ok), case.non_strict
        self.events = []

    def add(self, event):
        """What to do now: 'close', or None."""
        self.events.append(event)
        return 'close' if self.events == self.ok and self.non_strict is None else None

    def time_out(self):
        """Lists are judged at the end, whatever ends them."""

    def verdict(self):
        if self.events == self.ok:
            return OK
        if self.non_strict is not None and self.events == list(self.non_strict):
            return NON_STRICT
        return FAILED


class Rounds:
    """One message has to come back, so many times, in time."""

    def __init__(self, case):
        self.case, self.done = case, 0
        self.late = self.wrong = False
        self.events = []  # only what tells people something: the last one

    def add(self, event):
        """What to do now: 'again', 'close', or None."""
        self.events = [event]
        if not self.left() or self.late or event != self.case.expected(self.done):
            self.wrong = True
            return 'close'
        self.done += 1
        return 'again' if self.left() else 'close'

    def left(self):
        return self.case.rounds - self.done

    def time_out(self):
        self.late = self.left() > 0

    def verdict(self):
        return FAILED if self.wrong or self.late or self.left() else OK


def judge_of(case):
    return Rounds(case) if case.rounds else Sequence(case)


def judge_close(case, ending, is_client):
    closing = case.closing
    if not ending.opened or ending.started_by != closing.starter:
        return FAILED
    if closing.clean and not ending.clean:
        return UNCLEAN
    if ending.code is not None and ending.code not in closing.codes:
        return WRONG_CODE
    if is_client and ending.dropped:
        return BY_CLIENT
    return OK


def verdicts(case, behavior, ending, is_client):
    """behavior and behaviorClose, from the judge's verdict and how the connection ended."""
    close = judge_close(case, ending, is_client)
    if not ending.opened:
        return FAILED, FAILED
    if case.informational:
        return INFORMATIONAL, INFORMATIONAL
    if ending.violation:
        behavior = FAILED
    if case.closing.name == 'U' and ending.started_by != 'peer':
        behavior = FAILED
    if case.id.startswith('7.') and close == WRONG_CODE:
        behavior = FAILED
    return behavior, close


# --- in words ---


def describe(event):
    kind, payload = event
    if not isinstance(kind, int):
        return f'{kind} {payload.decode()}'
    shown = payload.hex() if len(payload) <= 24 else payload[:24].hex() + '..'
    return f'{frames.NAMES[kind]} {len(payload)}:{shown}'


def describe_all(events):
    return ', '.join(describe(event) for event in events) or 'nothing'


def describe_expected(case):
    codes = '/'.join(str(code) for code in case.closing.codes)
    rounds = f'{case.rounds} x ' if case.rounds > 1 else ''
    clean = ', clean' if case.closing.clean else ''
    return f'{rounds}{describe_all(case.ok)}; closed by {case.closing.starter}{clean}, code {codes}'


def describe_ending(ending):
    if not ending.opened:
        return ending.violation or 'no opening handshake'
    parts = [f'closed by {ending.started_by}', 'clean' if ending.clean else 'not clean']
    parts.append(f'code {ending.code}' if ending.code is not None else 'no code')
    if ending.dropped:
        parts.append('TCP dropped by fuzzer')
    if ending.violation:
        parts.append(f'peer broke the protocol: {ending.violation}')
    return ', '.join(parts)
