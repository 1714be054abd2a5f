#!/usr/bin/env python3
"""That the conformance peer's verdicts can fail: each peer of broken.py and broken_opening.py fails
in the cases that are named here, and those that are right in no case."""

import asyncio
import collections
import concurrent.futures
import os
import sys
import unittest

import broken
import broken_opening
import echo
import run
from peer import answers, asking, cases, client, outcome, report, requests, server, trial

# Most cases only wait; but not so many at once that they wait for this machine.
AT_ONCE = 24

# The cases of each section that runs, from the suite's own list.
COUNTS = {
    '1.1': 8, '1.2': 8, '2': 11, '3': 7, '4.1': 5, '4.2': 5, '5': 20, '6.1': 3, '6.2': 4, '6.3': 2,
    '6.4': 4, '6.5': 5, '6.6': 11, '6.7': 4, '6.8': 2, '6.9': 4, '6.10': 3, '6.11': 5, '6.12': 8,
    '6.13': 5, '6.14': 10, '6.15': 1, '6.16': 3, '6.17': 5, '6.18': 5, '6.19': 5, '6.20': 7,
    '6.21': 8, '6.22': 34, '6.23': 7, '7.1': 6, '7.3': 6, '7.5': 1, '7.7': 13, '7.9': 9, '7.13': 2,
    '9.1': 6, '9.2': 6, '9.3': 9, '9.4': 9, '9.5': 6, '9.6': 6, '9.7': 6, '9.8': 6, '10.1': 1,
}

CAUGHT = {
    'NoUtf8Check': '6.3.1,6.6.1,6.18.3',
    'Utf8CheckAtEnd': '6.4.1,6.4.2,6.4.3,6.4.4',
    'Utf8CheckByFragment': '6.2.3,6.2.4',
    'SurrogatesTaken': '6.3.1,6.20.1,6.21.8',
    'NonCharactersRefused': '6.22.1,6.22.34,6.23.7',
    'WrongMasking': '1.1.1,1.2.3,2.2,9.1.1',
    'LongLength': '1.1.1,1.1.2,2.2',
    'RsvSent': '1.1.1,5.3,9.2.1',
    'NoPong': '2.1,2.2,5.6,5.19',
    'EmptyPong': '2.2,2.4,2.9',
    'EveryOtherPong': '2.10,2.11',
    'LatePong': '5.6,5.7,5.8,5.19,5.20',
    'PongWithoutPing': '1.1.1,3.1,7.1.2,9.1.1,9.7.1',
    'PongAnswered': '2.7,2.8,2.9',
    'FragmentsLost': '5.3,5.19,6.2.4,9.3.4,10.1.1',
    'FragmentsReversed': '5.3,5.5,6.2.2',
    'FragmentsEchoedSingly': '5.3,6.1.2,9.4.4,10.1.1',
    'RsvIgnored': '3.1,3.3,3.4,3.5',
    'OpcodesIgnored': '4.1.1,4.1.5,4.2.1,4.2.5',
    'LongPingTaken': '2.5',
    'FragmentedPingTaken': '5.1',
    'LoneContinuationTaken': '5.9,5.11,5.14,5.17',
    'NewMessageInsideTaken': '5.18',
    'OneReadOneFrame': '2.10,5.3,6.2.4',
    'WrongType': '1.1.2,1.2.2,9.1.1,9.8.2',
    'Cut': '1.1.7,1.2.8,9.1.1',
    'Garbling': '9.1.1,9.2.1,9.3.6,9.6.6,9.7.6',
    'Twice': '1.1.1,9.1.1,9.7.2',
    'Tiring': '9.7.1,9.8.3',
    'ClosingFirst': '1.1.1,5.3,9.1.1',
    'CloseUnanswered': '1.1.1,7.3.1,7.7.1',
    'DroppingAtClose': '1.1.1,7.1.2,7.7.13',
    'EchoAfterClose': '7.1.3,7.1.4',
    'PongBehindClose': '7.1.2,7.7.1',
    'TwoCloses': '7.1.2,7.3.3',
    'Always1000': '2.5,3.1,4.2.1,5.18,6.6.1,7.3.2,7.9.1',
    'Always1002': '6.3.1,6.6.1',
    'WrongAnswerCode': '1.1.1,7.1.2,7.7.1',
    'AnyCodeTaken': '7.9.1,7.9.2,7.9.9',
    'SomeCodesRefused': '7.7.10,7.7.13',
    'AnyReasonTaken': '7.5.1',
    'ShortCloseTaken': '7.3.2',
    'TcpKept': '1.1.1,7.3.4,7.7.1',
}
ONLY_SERVERS = {'TcpKept'}  # for a client it is right to wait

# Of the opening handshake, answers and requests.
CLIENTS_CAUGHT = {
    'AcceptUnchecked': 'accept.missing,accept.wrong,accept.key,accept.doubled-other-behind',
    'AcceptCaseIgnored': 'accept.lower,accept.swapped-case',
    'AcceptOnlyThere': 'accept.wrong,accept.other-key,accept.loose-bits,accept.list-same',
    'LastAcceptTaken': 'accept.doubled-same,accept.doubled-other-before',
    'UpgradeUnchecked': 'upgrade.missing,upgrade.wrong,interim.upgrade-only-there',
    'UpgradeAmongOthersTaken': 'upgrade.list-behind,upgrade.long,upgrade.doubled-same',
    'ConnectionUnchecked': 'connection.missing,connection.close,connection.two-words',
    'ConnectionNoList': 'connection.list-before,connection.list-middle',
    'CaseKept': 'upgrade.capitals,upgrade.camel',
    'SubprotocolUnchecked': 'unasked.chosen,offered.not-offered,offered.list-both',
    'SubprotocolCaseIgnored': 'offered.other-case,offered.capitals',
    'EmptySubprotocolTaken': 'unasked.empty,offered.blank,offered.doubled-empty',
    'ExtensionsUnchecked': 'extensions.deflate,extensions.empty',
    'StatusUnchecked': 'status.200,interim.then-200',
    'InterimTaken': 'interim.100,interim.103,interim.apart',
    'LengthRefused': 'body.length-0,body.length-of-frame,body.chunked',
    'BodyTaken': 'body.length-1,body.length-of-frame',
    'OldHttpTaken': 'status.version-1.0,status.version-2.0',
    'FoldedRefused': 'field.folded-space,field-last.folded-tab,own.accept-folded',
    'BareLfRefused': 'head.bare-lf-everywhere,own.accept-bare-lf',
    'SizeUnbounded': 'size.value-one-over,size.reason-far-over',
    'DeadlineExtended': 'silence.dribbled',
    'RefusedAndDelivered': 'accept.wrong,head.before-line,size.value-one-over,end.100',
    'OneReadOneAnswer': 'pieces.octets',
    'GluedLost': 'status.101,glued.two,glued.close,cut.135',
    'OffersNotSent': 'offered.none,offered.first',
    'KeyAlwaysSame': 'status.101,accept.tabs',  # the first time there is nothing to see
}
SERVERS_CAUGHT = {
    'VersionIgnored': 'version.missing,version.8,version.14,version.list',
    'VersionUntold': 'version.0,version.12',
    'KeyMissingTaken': 'key.missing',
    'AnyKeyTaken': 'key.empty,key.15-octets,key.17-octets,key.no-base64',
    'WrongAccept': 'good,key.spaces,cut.1',
    'HostMissingTaken': 'host.missing,host.doubled',
    'UpgradeIgnored': 'upgrade.missing,upgrade.wrong',
    'ConnectionIgnored': 'connection.missing,connection.close',
    'AnyMethodTaken': 'line.post,line.put',
    'AnyHttpTaken': 'line.version-1.0,line.version-2.0',
    'UnaskedSubprotocol': 'good,subprotocol.other,subprotocol.other-case',
    'SubprotocolNeverChosen': 'subprotocol.its-own,subprotocol.two-fields',
    'UnaskedExtension': 'good,extra.deflate',
    'StatusWrong': 'good,cut.100',
    'EarlyFramesLost': 'good,cut.3',
    'RefusalCutShort': 'key.missing,line.post,head.tls',
    'OneReadOneRequest': 'pieces.octets',
    'FoldedRequestTaken': 'field.folded,field.folded-tab',
    'BareLfRequestTaken': 'head.bare-lf,head.bare-lf-at-end',
}
FEW = 4  # programs at once

# All of group 9 takes two slow programs too long.
SOME = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.1.1,9.2.2,9.3.4,9.4.9,9.5.6,9.6.5,9.7.1,9.8.6,10.*'


async def try_server(kind, chosen):
    tried = echo.Server(kind)
    try:
        return await client.run(tried.url, chosen)
    finally:
        tried.stop()


async def try_client(kind, chosen):
    fuzzer = server.Server(chosen)
    url = fuzzer.listen()
    try:
        await asyncio.to_thread(echo.run_client, kind, url, 'broken')
        await fuzzer.finished
    finally:
        fuzzer.stop()
    return fuzzer.all_results()


async def try_all(trial, names):
    """The results of each name."""
    some = asyncio.Semaphore(AT_ONCE)
    threads = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
    asyncio.get_running_loop().set_default_executor(threads)

    async def one(name):
        async with some:
            return name, await trial(broken.NAMES[name], cases.select(CAUGHT.get(name, SOME)))

    return dict(await asyncio.gather(*(one(name) for name in names)))


class Verdicts(unittest.TestCase):
    def check(self, trial, names):
        for name, results in asyncio.run(try_all(trial, names)).items():
            for result in results:
                with self.subTest(name=name, case=result.case.id):
                    self.assertNotEqual(result.behavior, 'INFORMATIONAL')
                    self.assertFalse(report.passed(result), report.line(result))
                    self.assertTrue(result.ending.opened, report.line(result))

    def check_right(self, trial):
        right = [kind.__name__ for kind in broken.RIGHT]
        for name, results in asyncio.run(try_all(trial, right)).items():
            for result in results:
                with self.subTest(name=name, case=result.case.id):
                    self.assertTrue(report.passed(result), report.line(result))

    def test_broken_servers_are_caught(self):
        self.check(try_server, CAUGHT)

    def test_broken_clients_are_caught(self):
        self.check(try_client, set(CAUGHT) - ONLY_SERVERS)

    def test_right_servers_pass(self):
        self.check_right(try_server)

    def test_right_clients_pass(self):
        self.check_right(try_client)


def opening_program(*words):
    return [sys.executable, os.path.join(run.HERE, 'broken_opening.py'), *words]


async def try_opening_client(name, chosen):
    return await trial.run(answers.select(chosen), opening_program('client', name))


async def try_opening_server(name, chosen):
    tried = broken_opening.Listener(broken_opening.SERVERS[name])
    try:
        return await asking.run(tried.url, requests.select(chosen))
    finally:
        tried.stop()


async def try_openings(attempt, caught):
    """The outcomes of each name."""
    some = asyncio.Semaphore(FEW)

    async def one(name, chosen):
        async with some:
            return name, await attempt(name, chosen)

    return dict(await asyncio.gather(*(one(*item) for item in caught.items())))


class Openings(unittest.TestCase):
    """The same for the opening handshake."""

    def check(self, attempt, caught):
        for name, outcomes in asyncio.run(try_openings(attempt, caught)).items():
            for found in outcomes[name == 'KeyAlwaysSame':]:
                with self.subTest(name=name, case=found.id):
                    self.assertFalse(outcome.passed(found), outcome.line(found))

    def check_right(self, outcomes):
        for found in outcomes:
            with self.subTest(case=found.id):
                self.assertTrue(outcome.passed(found), outcome.line(found))

    def test_broken_clients_are_caught(self):
        self.check(try_opening_client, CLIENTS_CAUGHT)

    def test_broken_servers_are_caught(self):
        self.check(try_opening_server, SERVERS_CAUGHT)

    def test_a_right_client_passes(self):
        self.check_right(asyncio.run(try_opening_client('OpeningClient', '*')))

    def test_a_right_server_passes(self):
        self.check_right(asyncio.run(try_opening_server('OpeningServer', '*')))


class Names(unittest.TestCase):
    def test_every_broken_peer_is_named_here(self):
        right = {kind.__name__ for kind in broken.RIGHT}
        self.assertEqual(set(CAUGHT), set(broken.NAMES) - right)

    def test_every_broken_opening_is_named_here(self):
        self.assertEqual({*CLIENTS_CAUGHT, 'OpeningClient'}, set(broken_opening.CLIENTS))
        self.assertEqual({*SERVERS_CAUGHT, 'OpeningServer'}, set(broken_opening.SERVERS))


class Cases(unittest.TestCase):
    def test_names_of_answers_and_requests_come_once(self):
        for kind in (answers, requests):
            found = [case.id for case in kind.every()]
            self.assertEqual(len(set(found)), len(found))

    def test_each_section_has_its_cases(self):
        found = [case.id for case in cases.every()]
        sections = collections.Counter()
        for case_id in found:
            first, *rest = case_id.split('.')
            sections[first if len(rest) == 1 else f'{first}.{rest[0]}'] += 1
        self.assertEqual(sections, COUNTS)
        self.assertEqual(len(set(found)), 301)
        self.assertEqual(found, sorted(found, key=lambda i: [int(part) for part in i.split('.')]))


class Driver(unittest.TestCase):
    """The exit status of run.py."""

    def drive(self, role, *words):
        program = [sys.executable, os.path.join(run.HERE, 'broken.py'), role, *words]
        drive = run.run_client if role == 'client' else run.run_server
        return drive(program, ['--cases', '2.2,7.7.1'], 20)

    def test_right_programs_pass(self):
        self.assertEqual(self.drive('client', 'Echo'), 0)
        self.assertEqual(self.drive('server', 'Echo'), 0)

    def test_wrong_programs_fail(self):
        self.assertEqual(self.drive('client', 'NoPong'), 1)
        self.assertEqual(self.drive('server', 'NoPong'), 1)

    def drive_opening(self, role, name):
        program = opening_program(role, name)
        if role == 'client':
            return run.run_answers(program, None, ['--cases', 'status.200,status.101'], 20)
        return run.run_requests(program, ['--cases', 'good,key.missing'], 20)

    def test_right_openings_pass(self):
        self.assertEqual(self.drive_opening('client', 'OpeningClient'), 0)
        self.assertEqual(self.drive_opening('server', 'OpeningServer'), 0)

    def test_wrong_openings_fail(self):
        self.assertEqual(self.drive_opening('client', 'StatusUnchecked'), 1)
        self.assertEqual(self.drive_opening('server', 'KeyMissingTaken'), 1)

    def test_a_client_that_says_nothing_fails(self):
        self.assertEqual(run.run_answers(['true'], None, ['--cases', 'status.101'], 20), 1)

    def test_a_command_line_with_the_wrong_exit_status_fails(self):
        program = opening_program('client', 'OpeningClient')
        self.assertEqual(run.run_answers(program, 'true', ['--cases', 'status.200'], 20), 1)

    def test_a_client_that_runs_no_case_fails(self):
        self.assertEqual(run.run_client(['true'], ['--cases', '2.2'], 20), 1)

    def test_a_server_that_does_not_listen_fails(self):
        with self.assertRaises(RuntimeError):
            run.run_server(['true'], ['--cases', '2.2'], 20)


if __name__ == '__main__':
    unittest.main()
