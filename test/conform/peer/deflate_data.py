"""What the messages of groups 12 and 13 are made of: five contents that are as long as the suite's
files, of the same kinds, and compress about as well. Made from a seed, so they never change."""

import functools
import random
import struct
import zlib

JSON_SIZE, BITMAP_SIZE, PROSE_SIZE, PDF_SIZE = 194056, 263222, 222218, 1042328  # octets
HTML_CHARS, HTML_WIDE = 263620, 27  # characters; how many of them take one octet more in UTF-8
SIDE = 512  # pixels of the bitmap
STREAM_SIZE = 5200  # octets of a compressed object in the PDF

WORDS = (
    'der die das und nicht mit von auf ein eine ist sich dem den des im zu als auch wie aus '
    'bei nach noch nur so wenn aber dann doch \xfcber f\xfcr wir sie er es war hatte sein ihre '
    'Haus Hand Zeit Tag Mensch Auge Stimme Weg Abend Fenster Stra\xdfe T\xfcr M\xe4dchen Vater '
    'Mutter Leben Nacht Kopf Wort Herz gro\xdfe kleine alte junge wei\xdf schwarz sch\xf6n '
    'still langsam pl\xf6tzlich wieder immer schon ganz sehr ging kam sah stand sagte fragte '
    'blieb h\xf6rte f\xfchlte wu\xdfte konnte mu\xdfte wollte sollte lie\xdf fand'
).split()
ENDINGS = ('', '', '', '', 'e', 'en', 'er', 'es', 'te', 'heit', 'ung', 'lich')

RECORD = """{
  "index": %d,
  "guid": "%08x",
  "isActive": %s,
  "status": "%s",
  "picture": "http://placehold.example/32x32",
  "currency": "USD",
  "tags": [
    "lorem",
    "ipsum",
    "dolor"
  ],
  "position": {
    "latitude": 0,
    "longitude": 0
  },
  "favourite": "%s",
  "greeting": "Hello, you have unread messages."
},
"""
ROW = """<tr class="%s">
  <td class="case_category"><a href="#case_desc_%d">Case %d</a></td>
  <td class="case_ok"><a href="agent_case_%d.html">%s</a><br/><span>%d ms</span></td>
  <td class="close close_flex"><span class="close_hide">1000</span></td>
</tr>
"""


def source(name):
    return random.Random(zlib.crc32(name.encode()))


def pick(numbers, choices):
    """random() alone is promised to give the same numbers in every version of Python."""
    return choices[int(numbers.random() * len(choices))]


def filled(size, make):
    """What `make` gives by and by, cut to so many characters or octets."""
    parts, length = [], 0
    while length < size:
        parts.append(make())
        length += len(parts[-1])
    return parts[0][:0].join(parts)[:size]


def json_text():
    numbers = source('json')
    count = 0

    def record():
        nonlocal count
        count += 1
        return RECORD % (count, numbers.getrandbits(32), pick(numbers, ('true', 'false')),
                         pick(numbers, ('new', 'open', 'done', 'closed')),
                         pick(numbers, ('apple', 'banana', 'strawberry')))

    return filled(JSON_SIZE, record)


def bitmap():
    """Grey noise that changes slowly, behind a head and a palette as BMP has them."""
    numbers = source('bitmap')
    head = struct.pack('<2sIIIIiiHHIIiiII', b'BM', BITMAP_SIZE, 0, 1078, 40, SIDE, SIDE, 1, 8, 0,
                       SIDE * SIDE, 2835, 2835, 256, 256)
    palette = b''.join(bytes([grey, grey, grey, 0]) for grey in range(256))
    rest = BITMAP_SIZE - len(head) - len(palette)
    noise, octets = numbers.randbytes(rest), bytearray(rest)
    level = 128
    for i, octet in enumerate(noise):
        level = min(max(level + (octet % 40) - 20, 16), 240)
        level += (128 - level) >> 4
        octets[i] = level
    return head + palette + bytes(octets)


def prose():
    numbers = source('prose')

    def sentence():
        words = [pick(numbers, WORDS) + pick(numbers, ENDINGS) + pick(numbers, WORDS)[:2]
                 for _i in range(6 + int(numbers.random() * 14))]
        return (' '.join(words) + pick(numbers, ('. ', ', ', '; ', '.\r\n'))).encode()

    return filled(PROSE_SIZE, sentence)


def html():
    """The characters that take two octets are spread over it."""
    numbers = source('html')
    count = 0

    def row():
        nonlocal count
        count += 1
        return ROW % (pick(numbers, ('odd', 'even')), count, count, count,
                      pick(numbers, ('Pass', 'Fail', 'Info')), numbers.random() * 100)

    text = list(filled(HTML_CHARS, row))
    for i in range(HTML_WIDE):
        text[(i + 1) * (HTML_CHARS // (HTML_WIDE + 1))] = '\xe4'
    return ''.join(text)


def pdf():
    numbers = source('pdf')
    count = 0

    def entry():
        nonlocal count
        count += 1
        table = ''.join(f'{int(numbers.random() * 10**9):010d} 00000 n \r\n' for _i in range(110))
        stream = numbers.randbytes(STREAM_SIZE)
        head = f'{count} 0 obj\n<< /Length {STREAM_SIZE} /Filter /FlateDecode >>\nstream\n'
        return head.encode() + stream + b'\nendstream\nendobj\n' + table.encode()

    return filled(PDF_SIZE, entry)


MAKERS = {'json': json_text, 'bitmap': bitmap, 'prose': prose, 'html': html, 'pdf': pdf}


@functools.lru_cache(maxsize=None)
def content(name):
    """Text is str, the rest bytes."""
    return MAKERS[name]()
