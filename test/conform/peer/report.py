"""Results as lines for people and as JSON for programs."""

import json

from .judge import (
    INFORMATIONAL, NON_STRICT, OK, describe_all, describe_ending, describe_expected,
)


def passed(result, non_strict_too=False):
    good = {OK, INFORMATIONAL} | ({NON_STRICT} if non_strict_too else set())
    return result.behavior in good and result.behavior_close in good


def name(result):
    return result.case.id


def line(result):
    return (f'{result.case.id} {result.behavior} / {result.behavior_close}:'
            f' expected {describe_expected(result.case)};'
            f' came {describe_all(result.events)}; {describe_ending(result.ending)}')


def record(result):
    ending = result.ending
    return {
        'behavior': result.behavior,
        'behaviorClose': result.behavior_close,
        'expected': describe_expected(result.case),
        'received': describe_all(result.events),
        'ending': describe_ending(ending),
        'remoteCloseCode': ending.code,
        'duration': round(result.seconds * 1000),
    }


def write_json(path, role, agent, records):
    """`records` by the names of their cases."""
    content = {'role': role, 'agent': agent, 'cases': records}
    with open(path, 'w', encoding='ascii') as file:
        json.dump(content, file, indent=1)
        file.write('\n')


def tell(count, failed):
    """Prints the lines of the cases that failed, of so many in all, then the count."""
    for failure in failed:
        print(failure)
    print(f'{count - len(failed)} passed, {len(failed)} failed', flush=True)
