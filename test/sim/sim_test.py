#!/usr/bin/python3
"""The program sim: what it says of a failure, and its ledger.

    sim_test.py SIM [unittest's arguments]
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

SIM = ''
CLOSE_TWICE = '1'  # PLANT_CLOSE_TWICE of run.h
SUM = re.compile(r'^seeds (\d+) to (\d+): (\d+) connections, (\d+) messages, (\d+) failures', re.M)


def sim(*args, **env):
    """Exit status and output."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith('WSUV_TEST_SEED')}
    done = subprocess.run([SIM, *args], env={**clean, **env}, stdout=subprocess.PIPE, timeout=120,
                          encoding='utf-8', check=False)
    return done.returncode, done.stdout


class Sim(unittest.TestCase):
    def test_failure_says_its_seed_and_how_it_is_had_again(self):
        status, out = sim('--seeds', '40', '--plant', CLOSE_TWICE)
        self.assertEqual(status, 1)
        failure = re.search(r"^(seed (\d+), step \d+, turn \d+: oracle 'one on_close': .*)\n"
                            r'again: WSUV_TEST_SEED=(\d+) sim (.*)$', out, re.M)
        self.assertEqual(failure[2], failure[3])
        status, again = sim(*failure[4].split(), WSUV_TEST_SEED=failure[3])
        self.assertEqual(status, 1)
        self.assertIn(failure[1], again)

    def test_ledger_adds_up_and_goes_on_behind_the_last_seed(self):
        with tempfile.TemporaryDirectory() as folder:
            ledger = os.path.join(folder, 'ledger')
            for _ in range(2):
                status, out = sim('--seeds', '5', '--ledger', ledger)
                self.assertEqual(status, 0, out)
            with open(ledger, encoding='utf-8') as file:
                lines = SUM.findall(file.read())
        self.assertEqual([line[:2] for line in lines], [('1', '5'), ('6', '10')])
        connections = sum(int(line[2]) for line in lines)
        self.assertIn(f'with those before: 10 seeds, {connections} connections', out)

    def test_runs_until_there_were_so_many_connections_and_messages(self):
        status, out = sim('--connections', '20', '--messages', '200')
        _, _, connections, messages, failures = SUM.search(out).groups()
        self.assertEqual((status, failures), (0, '0'))
        self.assertGreaterEqual(int(connections), 20)
        self.assertGreaterEqual(int(messages), 200)

    def test_what_is_no_option_is_refused(self):
        for args in (('--what', '1'), ('--seeds',), ('--seeds', 'x')):
            self.assertEqual(sim(*args)[0], 2, args)


if __name__ == '__main__':
    SIM = sys.argv.pop(1)
    unittest.main()
