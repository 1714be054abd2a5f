"""One case on one session: sends the script, keeps its time, logs what comes."""

import asyncio
import time
from dataclasses import dataclass

from .case import MARK, Compressed, Slice, Split, Wait, fragments
from .frames import close_body
from .judge import UNIMPLEMENTED, judge_of, verdicts
from .session import Ending, Session, State


@dataclass
class Result:
    case: object
    behavior: str
    behavior_close: str
    events: list
    ending: Ending
    seconds: float


class Play:
    """`result` is a future."""

    def __init__(self, case, link, is_client, agreement=None):
        self.case, self.judge, self.round = case, judge_of(case), 0
        self.lacking = case.deflate is not None and agreement is None
        self.loop = asyncio.get_running_loop()
        self.result, self.began = self.loop.create_future(), time.monotonic()
        self.later = self.timer = None
        level = case.deflate.level if agreement else None
        self.session = Session(link, is_client, self, agreement, level)

    def start(self):
        """Begins to send in the same turn of the loop, so that the first frames can go out
        together with the head of the handshake."""
        if self.lacking:
            self.session.close(close_body(1000))
            return
        self.steps = iter(self.case.steps_of(self.round))
        self.go_on()

    def go_on(self):
        for step in self.steps:
            if isinstance(step, Wait):
                self.later = self.loop.call_later(step.seconds, self.waited, step.mark)
                return
            self.do(step)
        if not self.timer:
            self.timer = self.loop.call_later(self.case.timer.seconds, self.time_out)

    def do(self, step):
        if isinstance(step, Slice):
            self.session.send_slice(*step)
        elif isinstance(step, Compressed):
            self.session.send_compressed(step)
        elif isinstance(step, Split):
            for frame in fragments(step):
                self.session.send(frame)
        else:
            self.session.send(step)

    def waited(self, mark):
        if self.session.state is not State.OPEN:
            return
        if mark:
            self.judge.add((MARK, mark.encode()))
        self.go_on()

    def time_out(self):
        self.judge.time_out()
        if self.case.timer.kind == 'kill':
            self.session.kill()
        else:
            self.session.close()

    def on_event(self, opcode, payload):
        what = self.judge.add((opcode, payload))
        if what == 'again':
            self.round += 1
            self.start()
        elif what == 'close' and self.case.closing.starter == 'fuzzer':
            self.session.close(close_body(1000))

    def on_end(self):
        for timer in (self.later, self.timer):
            if timer:
                timer.cancel()
        if self.result.cancelled():
            return
        ending = self.session.ending
        behavior = UNIMPLEMENTED if self.lacking else self.judge.verdict()
        verdict = verdicts(self.case, behavior, ending, self.session.is_client)
        seconds = time.monotonic() - self.began
        self.result.set_result(Result(self.case, *verdict, self.judge.events, ending, seconds))


def unopened(case, why):
    """The result of a case whose opening handshake was not finished."""
    ending = Ending(violation=why)
    return Result(case, *verdicts(case, '', ending, False), [], ending, 0.0)
