"""Requests: the fields that a request must have (RFC 6455 4.2.1), and what may be asked for."""

from .request import LINE, OPEN, REFUSED, Request, head, requests

VERSION = '426 13|400 13'  # RFC 6455 4.2.2: an error, with the versions that there are

HOST = (
    ('missing', (), '400 *'),
    ('doubled', ('Host: <host>',) * 2, '400 *'),
    ('doubled-other', ('Host: <host>', 'Host: evil.example'), '400 *'),
    ('empty', ('Host:',), REFUSED),
    ('name-lower', ('host: <host>',), OPEN),
    ('other', ('Host: server.example',), OPEN),
    ('ipv6', ('Host: [::1]:80',), OPEN),
)

UPGRADE = (
    ('missing', (), REFUSED),
    ('empty', ('Upgrade:',), REFUSED),
    ('wrong', ('Upgrade: h2c',), REFUSED),
    ('long', ('Upgrade: websockets',), REFUSED),
    ('two-words', ('Upgrade: web socket',), REFUSED),
    ('quoted', ('Upgrade: "websocket"',), REFUSED),
    ('capitals', ('Upgrade: WEBSOCKET',), OPEN),
    ('name-capitals', ('UPGRADE: websocket',), OPEN),
    ('no-space', ('Upgrade:websocket',), OPEN),
    ('spaces', ('Upgrade: \t websocket \t ',), OPEN),
    # It has to contain the value here.
    ('list', ('Upgrade: h2c, websocket',), OPEN),
    ('list-without', ('Upgrade: h2c, foo',), REFUSED),
)

CONNECTION = (
    ('missing', (), REFUSED),
    ('empty', ('Connection:',), REFUSED),
    ('wrong', ('Connection: keep-alive',), REFUSED),
    ('close', ('Connection: close',), REFUSED),
    ('long', ('Connection: Upgraded',), REFUSED),
    ('two-words', ('Connection: keep-alive Upgrade',), REFUSED),
    ('lower', ('Connection: upgrade',), OPEN),
    ('name-lower', ('connection: Upgrade',), OPEN),
    ('list-before', ('Connection: keep-alive, Upgrade',), OPEN),
    ('list-behind', ('Connection: Upgrade,keep-alive',), OPEN),
    ('list-empty-elements', ('Connection: ,, Upgrade ,',), OPEN),
)

KEY = (
    ('missing', (), REFUSED),
    ('empty', ('Sec-WebSocket-Key:',), REFUSED),
    ('blank', ('Sec-WebSocket-Key:   ',), REFUSED),
    ('15-octets', ('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA',), REFUSED),
    ('17-octets', ('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=',), REFUSED),
    ('18-octets', ('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA',), REFUSED),
    ('4-octets', ('Sec-WebSocket-Key: AAAAAA==',), REFUSED),
    ('long', ('Sec-WebSocket-Key: ' + 'A' * 1000,), REFUSED),
    ('unpadded', ('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ',), REFUSED),
    ('padded-more', ('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===',), REFUSED),
    ('no-base64', ('Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==',), REFUSED),
    ('url-base64', ('Sec-WebSocket-Key: ____________________--==',), REFUSED),
    ('space-within', ('Sec-WebSocket-Key: dGhlIHNhbXB zZSBub25jZQ==',), REFUSED),
    ('doubled-same', ('Sec-WebSocket-Key: <key>',) * 2, REFUSED),
    ('doubled-other', ('Sec-WebSocket-Key: <key>', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='),
     REFUSED),
    ('list', ('Sec-WebSocket-Key: <key>, <key>',), REFUSED),
    ('name-lower', ('sec-websocket-key: <key>',), OPEN),
    ('spaces', ('Sec-WebSocket-Key:  \t<key>\t ',), OPEN),
    ('no-space', ('Sec-WebSocket-Key:<key>',), OPEN),
)

VERSIONS = (
    ('missing', (), REFUSED),
    ('empty', ('Sec-WebSocket-Version:',), REFUSED),
    ('0', ('Sec-WebSocket-Version: 0',), VERSION),
    ('7', ('Sec-WebSocket-Version: 7',), VERSION),
    ('8', ('Sec-WebSocket-Version: 8',), VERSION),
    ('12', ('Sec-WebSocket-Version: 12',), VERSION),
    ('14', ('Sec-WebSocket-Version: 14',), VERSION),
    ('255', ('Sec-WebSocket-Version: 255',), VERSION),
    ('1', ('Sec-WebSocket-Version: 1',), VERSION),
    ('130', ('Sec-WebSocket-Version: 130',), VERSION),
    ('269', ('Sec-WebSocket-Version: 269',), REFUSED),  # 256 + 13
    ('013', ('Sec-WebSocket-Version: 013',), REFUSED),
    ('plus', ('Sec-WebSocket-Version: +13',), REFUSED),
    ('point', ('Sec-WebSocket-Version: 13.0',), REFUSED),
    ('word', ('Sec-WebSocket-Version: latest',), REFUSED),
    ('list', ('Sec-WebSocket-Version: 13, 8',), REFUSED),
    ('doubled', ('Sec-WebSocket-Version: 8', 'Sec-WebSocket-Version: 13'), REFUSED),
    ('name-lower', ('sec-websocket-version: 13',), OPEN),
    ('spaces', ('Sec-WebSocket-Version:   13  ',), OPEN),
)

# The server has chat. It speaks it if that is offered, in either way that a list can be written
# (RFC 6455 11.3.4).
CHAT = '101 chat echo'
SUBPROTOCOLS = (
    ('its-own', ('Sec-WebSocket-Protocol: chat',), CHAT),
    ('list', ('Sec-WebSocket-Protocol: mqtt, chat',), CHAT),
    ('list-no-spaces', ('Sec-WebSocket-Protocol: mqtt,chat,wamp',), CHAT),
    ('two-fields', ('Sec-WebSocket-Protocol: mqtt', 'Sec-WebSocket-Protocol: chat'), CHAT),
    ('name-lower', ('sec-websocket-protocol: chat',), CHAT),
    # A server may refuse it, because browsers do not agree about a session without any.
    ('other', ('Sec-WebSocket-Protocol: mqtt',), OPEN + '|400 *'),
    ('other-case', ('Sec-WebSocket-Protocol: Chat',), OPEN + '|400 *'),
    ('long', ('Sec-WebSocket-Protocol: chats',), OPEN + '|400 *'),
    # Elements must not be empty or come twice: it may be refused, but not taken for more.
    ('empty', ('Sec-WebSocket-Protocol:',), OPEN + '|' + REFUSED),
    ('twice', ('Sec-WebSocket-Protocol: chat, chat',), CHAT + '|' + REFUSED),
)

# What a server may pass over.
EXTRA = (
    ('origin', 'Origin: http://example.com', OPEN),
    ('origin-null', 'Origin: null', OPEN),
    ('user-agent', 'User-Agent: Mozilla/5.0 (test; rv:1.0)', OPEN),
    ('cookie', 'Cookie: a=b; c=d', OPEN),
    ('authorization', 'Authorization: Basic YTpi', OPEN),
    ('cache', 'Cache-Control: no-cache', OPEN),
    ('encoding', 'Accept-Encoding: gzip, deflate', OPEN),
    ('extension', 'Sec-WebSocket-Extensions: x-unknown', OPEN),
    ('deflate', 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits', OPEN),
    ('empty', 'X-Empty:', OPEN),
    ('obs-text', 'X-Text: na\xefve \x80\xff', OPEN),
    ('tab', 'X-Tab: a\tb', OPEN),
    ('long', 'X-Long: ' + 'x' * 4000, OPEN),
)


def cases():
    yield Request('good', head(), OPEN)
    groups = {'Host': HOST, 'Upgrade': UPGRADE, 'Connection': CONNECTION, 'Key': KEY,
              'Version': VERSIONS}
    for field, table in groups.items():
        yield from requests(field.lower(), table, lambda lines, name=field: head(**{name: lines}))
    yield from requests('subprotocol', SUBPROTOCOLS, lambda lines: head(LINE, *lines),
                        offers=('chat',))
    yield from requests('extra', EXTRA, lambda line: head(LINE, line))
