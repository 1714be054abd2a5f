#!/usr/bin/python3
"""Each library defines exactly what the public headers declare, and what the testkit needs of
libwsuv, and no other symbol; and none asks for the time of day, which may step: deadlines go by the
monotonic clock. Only dates of servers are compared with it, by uv_gettimeofday, and with OpenSSL
the age of the keys of tickets, as OpenSSL does with that of the tickets. Nor does libwsuv read the
environment of a program that runs with more rights than its user has. The testkit has helpers of
libwsuv in it, but no variable that libwsuv has, too: there would be two of it in a process.

    symbols.py NM LIBWSUV_A LIBWSUV_SO TESTKIT_A TESTKIT_SO HEADER...
"""

import re
import subprocess
import sys

WALL_CLOCKS = {'clock', 'clock_gettime', 'ftime', 'gettimeofday', 'time', 'timespec_get',
               'uv_clock_gettime'}
TESTKIT = ('wsuv_testkit_', 'wsuv_conversation_')
DECLARATION = re.compile(r'\bWSUV_EXTERN\b[^;{]*?\b(\w+)\s*\(')


def declared(headers):
    names = set()
    for path in headers:
        with open(path, encoding='utf-8') as file:
            text = re.sub(r'/\*.*?\*/|//[^\n]*', ' ', file.read(), flags=re.S)
        text = re.sub(r'^\s*#.*$', '', text, flags=re.M)
        names.update(DECLARATION.findall(text))
    return names


def defined(nm, option, library):
    command = [nm, option, '--defined-only', '--format=posix', library]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    words = [line.split() for line in out.splitlines()]
    # Names of versions are absolute symbols.
    names = {word[0].split('@')[0] for word in words if len(word) > 1 and word[1] != 'A'}
    return {name for name in names if not name.startswith('___asan_')}  # of the sanitizer's own


def compare(library, want, have):
    for name in sorted(want - have):
        print(f'{library}: {name} is declared, but not defined')
    for name in sorted(have - want):
        print(f'{library}: {name} is visible, but not declared')
    print(f'{library}: {len(have)} symbols')
    return want == have


def wanted(nm, library):
    """What it takes from elsewhere."""
    out = subprocess.run([nm, '-u', library], check=True, capture_output=True, text=True).stdout
    return {words[-1].split('@')[0] for words in map(str.split, out.splitlines()) if words}


def knows_no_wall_clock(nm, library):
    names = wanted(nm, library)
    clocks = names & WALL_CLOCKS
    if 'SSL_CTX_set_tlsext_ticket_key_evp_cb' in names:
        clocks.discard('time')
    for name in sorted(clocks):
        print(f'{library}: {name} tells the time of day')
    return not clocks


def reads_environment_safely(nm, library):
    good = 'getenv' not in wanted(nm, library)
    if not good:
        print(f'{library}: getenv reads the environment of setuid programs, too')
    return good


def variables(nm, library):
    """Those whose value can change, also those that only the library sees."""
    command = [nm, '--defined-only', '--format=sysv', library]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.split('|')] for line in out.splitlines()]
    return {row[0].split('.')[0] for row in rows if len(row) == 7 and not row[0].startswith('__')
            and row[3] == 'OBJECT' and re.match(r'\.t?(data|bss)\b(?!\.rel\.ro)', row[6])}


def shares_no_variable(nm, library, testkit):
    ours, its = variables(nm, library), variables(nm, testkit)
    for name in sorted(ours & its):
        print(f'{testkit}: {name} is a variable of {library}, too')
    return ours and its and not ours & its


def main(nm, archive, shared, testkit_archive, testkit_shared, *headers):
    names = declared(headers)
    testkit = {name for name in names if name.startswith(TESTKIT)}
    want = names - testkit
    if not want or not testkit:
        return 1
    results = [
        compare(archive, want, defined(nm, '-g', archive)),
        compare(shared, want, defined(nm, '-D', shared)),
        compare(testkit_archive, testkit, defined(nm, '-g', testkit_archive)),
        compare(testkit_shared, testkit, defined(nm, '-D', testkit_shared)),
        knows_no_wall_clock(nm, archive),
        'uv_hrtime' in wanted(nm, archive),
        knows_no_wall_clock(nm, testkit_archive),
        reads_environment_safely(nm, archive),
        shares_no_variable(nm, archive, testkit_archive),
    ]
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
