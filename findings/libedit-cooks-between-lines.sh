#!/bin/bash
# Wrong guess: a program that reads lines by el_gets() in a loop has the terminal in libedit's mode
# all the time, so what is typed or pasted ahead arrives as it is.
#
# When el_gets() returns, it gives the terminal back in the mode of the shell, which is the canonical
# one, until the next call. In that mode the kernel keeps one line of at most 4,095 bytes, and drops
# what a longer line has behind them. So a paste of several long lines loses text if it comes while
# the program works on a line. A program that wants all of it must change the mode between the calls
# itself, by el_set(el, EL_SETTY, "-x", "-icanon", "-echo", NULL).
#
# Needs Debian 12's apt, a C compiler and Python 3. Prints what is seen, and fails if it changes.
set -euo pipefail

version=3.1-20221030-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libedit-dev libedit2; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >lines.c <<'END'
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The two lines of a paste: how long they are, as the program gets them. The second comes while the
   program works on the first, until it is told to go on. */
int main(int argc, char **argv) {
  char go_on;
  int len;
  EditLine *el = el_init(argv[0], stdin, stdout, stderr);
  if (argc > 1) el_set(el, EL_SETTY, "-x", "-icanon", "-echo", NULL);
  for (int n = 0; n < 2; n++) {
    const char *line = el_gets(el, &len);
    dprintf(3, "%d\n", line != NULL ? (int) strcspn(line, "\n") : -1);
    if (n == 0 && read(4, &go_on, 1) != 1) return 1;
  }
  el_end(el);
  return 0;
}
END
library=$(find "$PWD/root" -name 'libedit.so.2*' -type f)
cc -o lines lines.c -I root/usr/include "$library" -Wl,-rpath,"$(dirname "$library")"

cat >paste.py <<'END'
import os, pty, sys, termios, threading, tty

LONG = 6000

def run(*arguments):
    master, slave = pty.openpty()
    out, told = os.pipe()
    told_in, go_on = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        for fd in 0, 1, 2:
            os.dup2(slave, fd)
        os.dup2(told, 13), os.dup2(told_in, 14)
        os.dup2(13, 3), os.dup2(14, 4)
        os.execve('./lines', ['./lines', *arguments], {'TERM': 'dumb'})
    os.close(told), os.close(told_in)
    drain = threading.Thread(target=read_all, args=(master,), daemon=True)
    drain.start()
    lengths = os.fdopen(out)
    os.write(master, b'short\n')
    first = int(lengths.readline())
    canonical = bool(termios.tcgetattr(slave)[tty.LFLAG] & termios.ICANON)
    line = b'x' * LONG + b'\n'
    while line:
        line = line[os.write(master, line[:1000]):]
    os.write(go_on, b'.')
    second = int(lengths.readline())
    os.waitpid(child, 0)
    return first, canonical, second

def read_all(master):
    try:
        while os.read(master, 4096):
            pass
    except OSError:
        pass

for title, arguments in ('as it is', []), ('EL_SETTY -x -icanon', ['set']):
    first, canonical, second = run(*arguments)
    mode = 'canonical' if canonical else 'not canonical'
    print(f'{title}: between the lines {mode}; of {LONG} bytes came {second}')
END
echo "libedit $version" | tee seen
python3 paste.py | tee -a seen

cat >expected <<'END'
libedit 3.1-20221030-2
as it is: between the lines canonical; of 6000 bytes came 4095
EL_SETTY -x -icanon: between the lines not canonical; of 6000 bytes came 6000
END
diff expected seen
