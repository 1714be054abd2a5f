"""A terminal in memory: what a person would see of a program's output.

It knows what terminfo's `xterm` has a program send: printable characters, wide ones included, wrap
at the last column only before the next one; cursor movements, erasing, inserting and deleting.
"""

import re
import unicodedata

CONTROL = re.compile(r'\x1b\[([0-9;?]*)([ -/]*[@-~])|\x1b([()].|[=>78cM])')
CUT = re.compile(r'\x1b(\[[0-9;?]*[ -/]*|[()]?)?\Z')


def width(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in 'WF' else 1


class Terminal:
    def __init__(self, rows=24, columns=80):
        self.rows, self.columns = rows, columns
        self.history, self.screen = [], [self.blank() for _ in range(rows)]
        self.row = self.column = 0
        self.text, self.colors = '', set()
        self.unknown = []

    def blank(self):
        return [' '] * self.columns

    def lines(self):
        """All that was ever on it, from the top, without what is blank at the end."""
        lines = [''.join(line).rstrip() for line in self.history + self.screen]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def line(self):
        """That of the cursor, up to it."""
        return ''.join(self.screen[self.row][:self.column])

    def feed(self, text):
        self.text += text
        while self.text and not CUT.match(self.text):
            control = CONTROL.match(self.text)
            if control:
                self.text = self.text[control.end():]
                if control[2]:
                    self.control(control[2], control[1])
            else:
                character, self.text = self.text[0], self.text[1:]
                self.put(character)

    def put(self, character):
        if character == '\r':
            self.column = 0
        elif character == '\n':
            self.feed_line()
        elif character == '\b':
            self.column = max(min(self.column, self.columns - 1) - 1, 0)
        elif character == '\t':
            self.column = min(self.column // 8 * 8 + 8, self.columns - 1)
        elif character == '\a':
            pass
        elif character < ' ' or '\x7f' <= character < '\xa0':
            self.unknown.append(character)
        else:
            self.draw(character)

    def draw(self, character):
        columns = width(character)
        if self.column + columns > self.columns:
            self.column = 0
            self.feed_line()
        if columns == 0:
            self.screen[self.row][self.column - 1] += character
            return
        self.screen[self.row][self.column] = character
        if columns == 2:
            self.screen[self.row][self.column + 1] = ''
        self.column += columns

    def feed_line(self):
        if self.row + 1 < self.rows:
            self.row += 1
        else:
            self.history.append(self.screen.pop(0))
            self.screen.append(self.blank())

    def control(self, final, arguments):
        numbers = [int(n) if n.isdigit() else 0 for n in arguments.split(';')]
        n = max(numbers[0], 1)
        line, column = self.screen[self.row], min(self.column, self.columns - 1)
        if final == 'A':
            self.row = max(self.row - n, 0)
        elif final == 'B':
            self.row = min(self.row + n, self.rows - 1)
        elif final == 'C':
            self.column = min(column + n, self.columns - 1)
        elif final == 'D':
            self.column = max(column - n, 0)
        elif final == 'G':
            self.column = min(n, self.columns) - 1
        elif final == 'H':
            self.row = min(n, self.rows) - 1
            self.column = min(max(numbers[-1], 1), self.columns) - 1 if len(numbers) > 1 else 0
        elif final == 'J':
            if numbers[0] == 2:
                self.screen = [self.blank() for _ in range(self.rows)]
            else:
                self.screen[self.row][column:] = [' '] * (self.columns - column)
                self.screen[self.row + 1:] = [self.blank() for _ in self.screen[self.row + 1:]]
        elif final == 'K':
            line[column:] = [' '] * (self.columns - column)
        elif final == 'P':
            self.screen[self.row] = (line[:column] + line[column + n:] + [' '] * n)[:self.columns]
        elif final == '@':
            self.screen[self.row] = (line[:column] + [' '] * n + line[column:])[:self.columns]
        elif final == 'm':
            self.colors.update(numbers)
        elif final not in 'hl':
            self.unknown.append('\x1b[' + arguments + final)

    def resize(self, rows, columns):
        """With lines that are cut or filled, and not wrapped anew."""
        self.rows, self.columns = rows, columns
        while len(self.screen) > rows:
            self.history.append(self.screen.pop(0))
            self.row = max(self.row - 1, 0)
        while len(self.screen) < rows:
            self.screen.append(self.blank())
        self.screen = [(line + self.blank())[:columns] for line in self.screen]
        self.column = min(self.column, columns - 1)
