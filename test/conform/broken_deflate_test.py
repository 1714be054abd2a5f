#!/usr/bin/env python3
"""That the verdicts on permessage-deflate can fail: each peer of broken_deflate.py and
broken_deflate_opening.py fails in the cases that are named here, and those that are right in no
case."""

import asyncio
import collections
import concurrent.futures
import os
import sys
import unittest

import broken_deflate
import broken_deflate_opening
import echo
import opening
import run
from peer import (
    answers, asking, client, deflate_data, deflated, outcome, report, requests, server, trial,
)

AT_ONCE = 12  # many only wait for what does not come
MESSAGES = 3

SOME = '12.*.1,12.*.7,12.*.11,12.4.16,13.*.1,13.*.5,13.*.12,13.7.18,mixed.s-*c-*,block.*'

CAUGHT = {
    'NeverAgreed': '12.1.1,12.5.4,13.1.1,13.7.2,block.one',
    'WrongParameter': '12.1.1,12.5.4,13.3.1',
    'TakeoverKept': '13.2.1,13.5.2,13.6.5,13.7.1,mixed.s-c-',
    'WindowIgnored': '13.3.3,13.3.10,13.5.5,13.5.11,13.7.5',
    'WindowOneLarger': '13.3.4,13.5.6,13.7.10',
    'TailLeft': '12.1.1,12.5.3,13.2.1,13.5.1,block.one',
    'TooMuchCutOff': '12.1.1,12.5.3,13.2.1,block.one',
    'NotFlushed': '12.1.2,12.2.5,13.2.1,block.one',
    'EmptyWithoutOctet': 'block.empty,block.empty-between',
    'Rsv1OnContinuation': '12.1.4,13.5.11,block.one',
    'Rsv1OnlyOnContinuation': '12.1.4,12.2.4,block.one',
    'Rsv1OnPing': '12.1.4,block.one',
    'Rsv1Missing': '12.1.1,12.2.3,13.3.4,block.one',
    'Rsv1OnPlain': '12.1.1,12.2.3,13.3.4,block.one',
    'Rsv2Too': '12.1.1,13.3.4,block.one',
    'WrongType': '12.1.1,12.2.3,13.3.4,block.one',
    'Garbling': '12.1.1,12.2.3,13.3.4,block.one',
    'Repeating': '12.1.1,12.2.3,13.3.4',
    'TailForgotten': '12.1.1,12.3.6,13.1.4,block.shared-window',
    'WindowForgotten': '12.1.5,12.4.4,13.1.4,block.shared-window',
    'WindowTooSmall': '12.1.8,12.3.6,13.1.7',
    'FragmentsInflatedSingly': '12.1.14,12.2.11,13.2.15,block.fragments',
    'FirstFrameInflated': '12.1.14,12.2.11,13.2.15,block.fragments',
    'AllInflated': 'block.plain,block.plain-fragments',
    'EndUnchecked': 'block.truncated,block.truncated-head',
    'StopsAtFinalBlock': 'block.final-within,block.final-then-more,block.final-then-shared',
    'CorruptTaken': 'block.type-3,block.no-deflate,block.before-the-start',
    'Utf8BeforeInflating': '12.1.3,12.4.2,13.1.5,block.one',
    'Utf8Unchecked': 'block.utf8,block.utf8-cut,block.utf8-fast',
    'Utf8AtEnd': 'block.utf8-fast',
    'RsvOfContinuationTaken': 'block.rsv1-continuation,block.rsv1-plain-continuation',
    'RsvOfControlTaken': 'block.rsv1-ping,block.rsv1-pong,block.rsv1-ping-amid',
    'AllRsvTaken': 'block.rsv-1,block.rsv-2-with-1,block.rsv-3-with-1',
    'Rsv1Refused': '12.1.1,13.3.4,block.one',
}
CLIENTS_CAUGHT = {
    'WindowNotEmptied': 'block.window-gone',
}
SERVERS_CAUGHT = {
    'TakeoverNotGranted': '13.2.1,13.5.1,mixed.s-c+',
    'WindowNotGranted': '13.3.1,13.5.1,mixed.s+12c+',
    'LargerWindowAnswered': '13.3.1,13.5.1',
}

# Of the opening handshake, answers and requests, behind `deflate.`.
OPENING_CLIENTS_CAUGHT = {
    'ClientUnknownTaken': 'refused.unknown,refused.nearly,refused.flag-without-owner',
    'ClientRepeatedTaken': 'server_max_window_bits.doubled,client_no_context_takeover.doubled',
    'ClientFlagWithValueTaken': 'server_no_context_takeover.1,client_no_context_takeover.quoted',
    'ClientBareBitsTaken': 'server_max_window_bits.bare,client_max_window_bits.bare',
    'ClientRangeUnchecked': 'server_max_window_bits.7,client_max_window_bits.16',
    'ClientLeadingZerosTaken': 'server_max_window_bits.08,client_max_window_bits.010',
    'ClientNumbersLoose': 'server_max_window_bits.plus,client_max_window_bits.with-letter',
    'ClientEightRefused': 'server_max_window_bits.8,client_max_window_bits.8',
    'OnlyFirstElementLookedAt': 'refused.two,refused.other-behind,line.two-fields',
    'NameUnchecked': 'line.other,line.older,line.long,line.short',
    'UnofferedRefused': 'server_no_context_takeover.bare,client_no_context_takeover.bare,'
                        'server_max_window_bits.12',
    'ClientBitsUncheckedIfUnoffered': 'client-bits-unoffered.there,client-bits-unoffered.largest',
    'MissingServerBitsTaken': 'server-bits-10.missing,server-bits-10.missing-others-there',
    'LargerServerBitsTaken': 'server-bits-10.larger,server-bits-10.largest',
    'MissingServerFreshTaken': 'server-fresh.missing,server-fresh.missing-others-there',
    'AnswerNotKept': 'taken.bare,taken.all,client-fresh.missing',
    'OfferNotSent': 'declined,taken.bare,refused.two',
    'SettingsNotOffered': 'client-bits-unoffered.bare,server-bits-10.same,server-fresh.there',
    'DeclineRefused': 'declined',
}
OPENING_SERVERS_CAUGHT = {
    'ServerUnknownTaken': 'declined.unknown,declined.nearly,good.three',
    'ServerRepeatedTaken': 'good.first-doubled,server_no_context_takeover.doubled',
    'ServerFlagWithValueTaken': 'server_no_context_takeover.1,client_no_context_takeover.quoted',
    'ServerBareBitsTaken': 'declined.server-bits-bare',
    'ServerRangeUnchecked': 'server_max_window_bits.7,client_max_window_bits.16',
    'ServerLeadingZerosTaken': 'server_max_window_bits.08,client_max_window_bits.010',
    'ServerNumbersLoose': 'server_max_window_bits.plus,client_max_window_bits.with-letter',
    'ServerEightRefused': 'server_max_window_bits.8,client_max_window_bits.8',
    'OnlyFirstOffer': 'good.first-wrong,good.three,line.other-before,line.two-fields',
    'LastOffer': 'good.second-other,good.second-wrong',
    'AllAccepted': 'good.bare,good.twice',
    'NeverAccepts': 'good.bare,good.all,line.two-fields',
    'AcceptsUnasked': 'declined.unknown,line.none,line.older',
    'OfferRepeated': 'good.client-bits',
    'ClientBitsUnasked': 'good.bare,server_max_window_bits.10',
    'ServerFreshNotGranted': 'good.all,server_no_context_takeover.bare',
    'ServerBitsNotGranted': 'good.all,server_max_window_bits.10,server_max_window_bits.15',
    'ServerBitsLarger': 'good.all,server_max_window_bits.8,server_max_window_bits.14',
    'PromiseOfFreshBroken': 'good.all,server_no_context_takeover.bare',
    'PromiseOfBitsBroken': 'good.all,server_max_window_bits.8,server_max_window_bits.14',
}
FEW = 4  # programs at once

# References to a message before, where each is on its own.
NOT_PLAYED = {('Asking', f'block.{name}') for name in (
    'shared-window', 'final-then-shared', 'empty-between', 'plain-between')}

# Octets, and how well they compress as a whole: as the suite's files do, or nearly.
CONTENTS = {'json': (194056, 23), 'bitmap': (263222, 1.2), 'prose': (222218, 2.6),
            'html': (263647, 18), 'pdf': (1042328, 1.3)}


async def try_server(kind, patterns):
    tried = echo.Server(kind)
    try:
        return await client.run(tried.url, deflated.select(patterns, True, MESSAGES))
    finally:
        tried.stop()


async def try_client(kind, patterns):
    fuzzer = server.Server(deflated.select(patterns, False, MESSAGES))
    url = fuzzer.listen()
    try:
        await asyncio.to_thread(echo.run_client, kind, url, 'broken')
        await fuzzer.finished
    finally:
        fuzzer.stop()
    return fuzzer.all_results()


async def try_all(trial, patterns):
    """The results of each name."""
    some = asyncio.Semaphore(AT_ONCE)
    threads = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
    asyncio.get_running_loop().set_default_executor(threads)

    async def one(name, chosen):
        async with some:
            return name, await trial(broken_deflate.NAMES[name], chosen)

    return dict(await asyncio.gather(*(one(*item) for item in patterns.items())))


class Verdicts(unittest.TestCase):
    def check(self, trial, caught):
        for name, results in asyncio.run(try_all(trial, caught)).items():
            for result in results:
                with self.subTest(name=name, case=result.case.id):
                    self.assertFalse(report.passed(result), report.line(result))

    def check_right(self, trial):
        patterns = {kind.__name__: SOME for kind in broken_deflate.RIGHT}
        for name, results in asyncio.run(try_all(trial, patterns)).items():
            for result in results:
                if (name, result.case.id) in NOT_PLAYED:
                    continue
                with self.subTest(name=name, case=result.case.id):
                    self.assertTrue(report.passed(result), report.line(result))

    def test_broken_servers_are_caught(self):
        self.check(try_server, {**CAUGHT, **SERVERS_CAUGHT})

    def test_broken_clients_are_caught(self):
        self.check(try_client, {**CAUGHT, **CLIENTS_CAUGHT})

    def test_right_servers_pass(self):
        self.check_right(try_server)

    def test_right_clients_pass(self):
        self.check_right(try_client)


def behind_deflate(patterns):
    return ','.join(f'deflate.{pattern}' for pattern in patterns.split(','))


async def try_opening_client(name, patterns):
    program = os.path.join(run.HERE, 'broken_deflate_opening.py')
    chosen = answers.select(behind_deflate(patterns), deflate=True)
    return await trial.run(chosen, [sys.executable, program, name])


async def try_opening_server(name, patterns):
    tried = opening.Listener(broken_deflate_opening.SERVERS[name])
    try:
        return await asking.run(tried.url, requests.select(behind_deflate(patterns), deflate=True))
    finally:
        tried.stop()


async def try_openings(attempt, caught):
    """The outcomes of each name."""
    some = asyncio.Semaphore(FEW)

    async def one(name, patterns):
        async with some:
            return name, await attempt(name, patterns)

    return dict(await asyncio.gather(*(one(*item) for item in caught.items())))


class Openings(unittest.TestCase):
    """The same for the opening handshake."""

    def check(self, attempt, caught):
        for name, outcomes in asyncio.run(try_openings(attempt, caught)).items():
            for found in outcomes:
                with self.subTest(name=name, case=found.id):
                    self.assertFalse(outcome.passed(found), outcome.line(found))

    def check_right(self, attempt, name):
        for found in asyncio.run(attempt(name, '*')):
            with self.subTest(case=found.id):
                self.assertTrue(outcome.passed(found), outcome.line(found))

    def test_broken_clients_are_caught(self):
        self.check(try_opening_client, OPENING_CLIENTS_CAUGHT)

    def test_broken_servers_are_caught(self):
        self.check(try_opening_server, OPENING_SERVERS_CAUGHT)

    def test_a_right_client_passes(self):
        self.check_right(try_opening_client, 'DeflateClient')

    def test_a_right_server_passes(self):
        self.check_right(try_opening_server, 'DeflateServer')


class Names(unittest.TestCase):
    def test_every_broken_peer_is_named_here(self):
        right = {kind.__name__ for kind in broken_deflate.RIGHT}
        wrong = {*CAUGHT, *CLIENTS_CAUGHT, *SERVERS_CAUGHT}
        self.assertEqual(wrong, set(broken_deflate.NAMES) - right)

    def test_every_broken_opening_is_named_here(self):
        self.assertEqual({*OPENING_CLIENTS_CAUGHT, 'DeflateClient'},
                         set(broken_deflate_opening.CLIENTS))
        self.assertEqual({*OPENING_SERVERS_CAUGHT, 'DeflateServer'},
                         set(broken_deflate_opening.SERVERS))


class Few(unittest.TestCase):
    """One broken peer in each role, and one that is right."""

    def test_a_peer_without_the_extension_is_neither_right_nor_wrong(self):
        for trial in (try_server, try_client):
            result, = asyncio.run(trial(broken_deflate.NeverAgreed, '12.1.1'))
            self.assertEqual((result.behavior, result.behavior_close), ('UNIMPLEMENTED', 'OK'))

    def test_a_broken_peer_is_caught_and_a_right_one_is_not(self):
        for trial in (try_server, try_client):
            result, = asyncio.run(trial(broken_deflate.NAMES['TailLeft'], '12.1.1'))
            self.assertFalse(report.passed(result), report.line(result))
            result, = asyncio.run(trial(broken_deflate.RIGHT[0], '12.1.1'))
            self.assertTrue(report.passed(result), report.line(result))


class Cases(unittest.TestCase):
    def test_names_of_answers_and_requests_come_once(self):
        for kind in (answers, requests):
            found = [case.id for case in kind.select('*', deflate=True)]
            self.assertEqual(len(set(found)), len(found))

    def test_each_section_has_its_cases(self):
        for is_client in (False, True):
            found = [case.id for case in deflated.every(is_client)]
            self.assertEqual(len(set(found)), len(found))
            sections = collections.Counter(case_id.rpartition('.')[0] for case_id in found)
            groups = [f'12.{i}' for i in range(1, 6)] + [f'13.{i}' for i in range(1, 8)]
            self.assertEqual([sections[name] for name in groups], [18] * len(groups))
            self.assertEqual(sections['mixed'], 2 * 2 * 9 * (10 if is_client else 9))

    def test_messages_are_a_ring(self):
        cases = {case.id: case for case in deflated.every(False)}
        for case_id, name in (('12.1.6', 'json'), ('12.4.10', 'html'), ('12.5.9', 'pdf')):
            units = deflate_data.content(name)
            whole = units if isinstance(units, bytes) else units.encode()
            message, sent = cases[case_id].message, b''
            for number in range(80):
                sent += message(number).payload
            self.assertTrue((whole * (len(sent) // len(whole) + 1)).startswith(sent))
            self.assertGreater(len(sent), len(whole))

    def test_contents_are_like_the_suite_s(self):
        for name, (size, ratio) in CONTENTS.items():
            units = deflate_data.content(name)
            whole = units if isinstance(units, bytes) else units.encode()
            self.assertEqual(len(whole), size)
            found = len(whole) / len(deflate_data.zlib.compress(whole))
            self.assertTrue(0.75 < found / ratio < 1.25, f'{name}: {found}')


if __name__ == '__main__':
    unittest.main()
