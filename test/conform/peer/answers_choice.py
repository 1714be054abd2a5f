"""Answers: what the server has chosen, subprotocol and extensions (RFC 6455 4.1, 9.1; F5)."""

from .answer import answers, head

# Nothing was offered.
UNASKED = (
    ('chosen', ('Sec-WebSocket-Protocol: chat',), 'ESUBPROTOCOL'),
    # An empty value is not the same as none, and not legal (RFC 6455 4.2.2).
    ('empty', ('Sec-WebSocket-Protocol:',), 'ESUBPROTOCOL'),
    ('blank', ('Sec-WebSocket-Protocol: \t',), 'ESUBPROTOCOL'),
    ('list-of-nothing', ('Sec-WebSocket-Protocol: ,',), 'ESUBPROTOCOL'),
    ('name-lower', ('sec-websocket-protocol: chat',), 'ESUBPROTOCOL'),
    ('doubled', ('Sec-WebSocket-Protocol: chat',) * 2, 'ESUBPROTOCOL'),
    ('like-upgrade', ('Sec-WebSocket-Protocol: websocket',), 'ESUBPROTOCOL'),
    ('name-of-other', ('Sec-WebSocket-Protocols: chat',), 'open'),
)

# chat and superchat were offered. Names are compared with their case (RFC 6455 4.1).
OFFERED = (
    ('none', (), 'open'),
    ('first', ('Sec-WebSocket-Protocol: chat',), 'open:chat'),
    ('second', ('Sec-WebSocket-Protocol: superchat',), 'open:superchat'),
    ('spaces', ('Sec-WebSocket-Protocol:   chat  ',), 'open:chat'),
    ('tabs', ('Sec-WebSocket-Protocol:\tchat\t',), 'open:chat'),
    ('no-space', ('Sec-WebSocket-Protocol:chat',), 'open:chat'),
    ('name-lower', ('sec-websocket-protocol: superchat',), 'open:superchat'),
    ('name-capitals', ('SEC-WEBSOCKET-PROTOCOL: superchat',), 'open:superchat'),
    ('not-offered', ('Sec-WebSocket-Protocol: mqtt',), 'ESUBPROTOCOL'),
    ('other-case', ('Sec-WebSocket-Protocol: Chat',), 'ESUBPROTOCOL'),
    ('capitals', ('Sec-WebSocket-Protocol: SUPERCHAT',), 'ESUBPROTOCOL'),
    ('short', ('Sec-WebSocket-Protocol: cha',), 'ESUBPROTOCOL'),
    ('long', ('Sec-WebSocket-Protocol: chats',), 'ESUBPROTOCOL'),
    ('end-of-one', ('Sec-WebSocket-Protocol: super',), 'ESUBPROTOCOL'),
    ('empty', ('Sec-WebSocket-Protocol:',), 'ESUBPROTOCOL'),
    ('blank', ('Sec-WebSocket-Protocol:   ',), 'ESUBPROTOCOL'),
    ('quoted', ('Sec-WebSocket-Protocol: "chat"',), 'ESUBPROTOCOL'),
    ('with-parameter', ('Sec-WebSocket-Protocol: chat;v=1',), 'ESUBPROTOCOL'),
    ('obs-text', ('Sec-WebSocket-Protocol: chat\xa0',), 'ESUBPROTOCOL'),
    ('list-both', ('Sec-WebSocket-Protocol: chat, superchat',), 'ESUBPROTOCOL'),
    ('list-same', ('Sec-WebSocket-Protocol: chat, chat',), 'ESUBPROTOCOL'),
    ('list-not-offered', ('Sec-WebSocket-Protocol: chat, mqtt',), 'ESUBPROTOCOL'),
    ('two-words', ('Sec-WebSocket-Protocol: chat superchat',), 'ESUBPROTOCOL'),
    ('doubled-same', ('Sec-WebSocket-Protocol: chat',) * 2, 'ESUBPROTOCOL'),
    ('doubled-both', ('Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Protocol: superchat'),
     'ESUBPROTOCOL'),
    ('doubled-not-offered', ('Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Protocol: mqtt'),
     'ESUBPROTOCOL'),
    ('doubled-empty', ('Sec-WebSocket-Protocol: chat', 'Sec-WebSocket-Protocol:'),
     'ESUBPROTOCOL'),
)

# None is ever offered here.
EXTENSIONS = (
    ('deflate', ('Sec-WebSocket-Extensions: permessage-deflate',), 'EEXTENSION'),
    ('deflate-parameters',
     ('Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10',), 'EEXTENSION'),
    ('unknown', ('Sec-WebSocket-Extensions: x-unknown',), 'EEXTENSION'),
    ('several', ('Sec-WebSocket-Extensions: foo; a=1, bar; b="2"',), 'EEXTENSION'),
    ('doubled', ('Sec-WebSocket-Extensions: foo', 'Sec-WebSocket-Extensions: bar'), 'EEXTENSION'),
    ('malformed', ('Sec-WebSocket-Extensions: ;;=',), 'EEXTENSION'),
    ('unfinished', ('Sec-WebSocket-Extensions: foo; a="',), 'EEXTENSION'),
    # The grammar wants one element at least (RFC 6455 9.1).
    ('empty', ('Sec-WebSocket-Extensions:',), 'EEXTENSION'),
    ('blank', ('Sec-WebSocket-Extensions: \t',), 'EEXTENSION'),
    ('list-of-nothing', ('Sec-WebSocket-Extensions: ,',), 'EEXTENSION'),
    ('name-lower', ('sec-websocket-extensions: foo',), 'EEXTENSION'),
    ('name-of-other', ('Sec-WebSocket-Extension: foo',), 'open'),
)

OFFERS = ('chat', 'superchat')


def with_lines(lines):
    return head(Choice=lines)


def cases():
    yield from answers('unasked', UNASKED, with_lines)
    yield from answers('offered', OFFERED, with_lines, offers=OFFERS)
    yield from answers('extensions', EXTENSIONS, with_lines)
