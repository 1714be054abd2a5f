"""What a client must make of which server's TLS: rows of data for tls.py.

A row's server is a leaf of certs.py, by its name, or one of SERVERS. In options `{d}` is the folder
of certificates, `{pins[NAME]}` a pin.
"""

from collections import namedtuple

# More options of node_server.js, for what else a server can be. Python's servers do not serve for
# that: they refuse a client without an alert.
SERVERS = {
    'tls1.1': ('good', '--tls-min TLSv1.1 --tls-max TLSv1.1 --ciphers DEFAULT:@SECLEVEL=0'),
    'tls1.2': ('good', '--tls-max TLSv1.2'),
    'tls1.3': ('good', '--tls-min TLSv1.3'),
    'cbc': ('good', '--tls-max TLSv1.2 --ciphers ECDHE-ECDSA-AES128-SHA256'),
    'gcm': ('good', '--tls-max TLSv1.2 --ciphers ECDHE-ECDSA-AES128-GCM-SHA256'),
    'gcm-rsa': ('rsa', '--tls-max TLSv1.2 --ciphers ECDHE-RSA-AES256-GCM-SHA384'
                       ' --sigalgs RSA+SHA256'),
    'static-rsa': ('rsa', '--tls-max TLSv1.2 --ciphers AES128-GCM-SHA256'),
    'dhe': ('rsa', '--tls-max TLSv1.2 --ciphers DHE-RSA-AES128-GCM-SHA256'),
    'client': ('good', '--client-ca {d}/client-root.crt'),
    'client-1.2': ('good', '--client-ca {d}/client-root.crt --tls-max TLSv1.2'),
}

# `facts`: of what the server knows (/tls of py_server.py). `err`: a pattern of what wsuv says when
# it must not connect, and `status` its exit status then. `known`: a pattern for the client that is
# known to be good; None: it connects. `old`: status and pattern with mbedTLS 2.28, which has no
# TLS 1.3, where they are others.
Row = namedtuple('Row', 'name server options host facts err known old status path',
                 defaults=('--cacert {d}/root.crt', 'localhost', {}, None, None, None, 2, '/tls'))


def refused(what):
    return 'could not connect: tls: ' + what


VERIFY = refused('certificate not accepted: ')
UNTRUSTED = VERIFY + 'not signed by a trusted authority$'
PIN = refused('public key is not among the pinned ones')
TRUST = 'no trusted certificates found'
ABSENT = ': /.*/none(.crt)?: no such file or directory$'
EMPTY = ': /.*/(empty.crt|noise.crt|bare): no certificate$'
FAILED = refused('TLS failed')
UNSUPPORTED = '^wsuv: protocol not supported'
ARGUMENT = '^wsuv: invalid argument'
TOLD = 'could not connect: (tls|handshake): '  # by an alert: with TLS 1.3 ours is done by then
ISSUER = 'verify (18|19|20|21):'
HANDSHAKE = '(?i)handshake|version|protocol'
ALERT = '(?i)alert'
CUT = 'upgrade refused|broken pipe|reset'


def good(name, server, options='--cacert {d}/root.crt', host='localhost', **more):
    return Row(name, server, options, host, more.pop('facts', {}), **more)


def bad(name, server, known, options='--cacert {d}/root.crt', host='localhost', err=VERIFY, **more):
    return Row(name, server, options, host, {}, err, known, **more)


def misnamed(name, server, host='localhost'):
    return bad(name, server, 'verify 6[24]:', host=host, err=VERIFY + 'host name does not match$')


NAMES = (
    good('name', 'good', facts={'sni': 'localhost', 'alpn': 'http/1.1', 'client': None}),
    good('second name', 'good', host='wss.test', facts={'sni': 'wss.test'}),
    good('name in capitals', 'good', host='WSS.Test'),
    good('RSA', 'rsa'),
    good('wildcard', 'wildcard', host='a.wss.test', facts={'sni': 'a.wss.test'}),
    good('IPv4 address', 'ipv4', host='127.0.0.1', facts={'sni': None}),
    good('IPv6 address', 'ipv6', host='[::1]', facts={'sni': None}),
    misnamed('another name', 'wrong-name'),
    misnamed('wildcard for two labels', 'wildcard', 'a.b.wss.test'),
    misnamed('wildcard for no label', 'wildcard', 'wss.test'),
    misnamed('wildcard for an address', 'wildcard', '127.0.0.1'),
    misnamed('name for an address', 'good', '127.0.0.1'),
    misnamed('address as a name', 'ip-as-name', '127.0.0.1'),
    misnamed('address for a name', 'ipv4'),
    misnamed('another address', 'ipv4', '127.0.0.2'),
    misnamed('address of the other family', 'ipv4', '[::1]'),
)

CHAINS = (
    good('intermediate', 'intermediate'),
    bad('intermediate missing', 'intermediate-missing', ISSUER, err=UNTRUSTED),
    bad('intermediate expired', 'intermediate-expired', 'verify 10:'),
    bad('intermediate that is no authority', 'intermediate-no-ca', 'verify (24|79):',
        err=UNTRUSTED),
    bad('expired', 'expired', 'verify 10:', err=VERIFY + 'certificate has expired$'),
    bad('not valid yet', 'not-yet', 'verify 9:', err=VERIFY + 'certificate is not valid yet$'),
    bad('unknown authority', 'unknown-ca', ISSUER, err=UNTRUSTED),
    bad('self-signed', 'self-signed', ISSUER, err=UNTRUSTED),
    bad('key of 1024 bits', 'weak-key', 'verify 66:', err=VERIFY + 'key is too weak$'),
    bad('SHA-1', 'weak-hash', 'verify 68:', err=VERIFY + 'signed with a weak hash$'),
    bad('of a client', 'wrong-usage', 'verify 26:',
        err=VERIFY + 'certificate is not for this use$'),
)

TRUSTS = (
    good('two authorities in a file', 'unknown-ca', '--cacert {d}/roots.crt'),
    good('a folder of authorities', 'good', '--capath {d}/roots'),
    good('the other one of the folder', 'unknown-ca', '--capath {d}/roots'),
    good('file and folder', 'unknown-ca', '--cacert {d}/root.crt --capath {d}/roots'),
    good('self-signed, and trusted itself', 'self-signed', '--cacert {d}/self-signed.crt'),
    bad('the wrong authority', 'good', ISSUER, '--cacert {d}/other.crt'),
    bad("the system's authorities", 'good', ISSUER, '', err=f'{VERIFY}|{TRUST}'),
    bad('no file', 'good', 'No such file', '--cacert {d}/none.crt', err=TRUST + ABSENT),
    bad('no file beside a folder', 'good', 'No such file',
        '--cacert {d}/none.crt --capath {d}/roots', err=TRUST + ABSENT),
    bad('empty file', 'good', 'no certificate|NO_CERTIFICATE', '--cacert {d}/empty.crt',
        err=TRUST + EMPTY),
    bad('no certificate in the file', 'good', 'no certificate|NO_CERTIFICATE',
        '--cacert {d}/noise.crt', err=TRUST + EMPTY),
    bad('no folder', 'good', ISSUER, '--capath {d}/issued/none', err=TRUST + ABSENT),
    bad('folder without certificates', 'good', ISSUER, '--capath {d}/bare', err=TRUST + EMPTY),
)

PINS = (
    good('pin', 'good', '--cacert {d}/root.crt --pin {pins[good]}'),
    good('one of two pins', 'good',
         '--cacert {d}/root.crt --pin {pins[rsa]} --pin {pins[good]}'),
    bad('another pin', 'good', 'pin', '--cacert {d}/root.crt --pin {pins[rsa]}', err=PIN),
    bad('pin does not replace trust', 'unknown-ca', ISSUER,
        '--cacert {d}/root.crt --pin {pins[unknown-ca]}'),
    bad('malformed pin', 'good', 'pin', '--cacert {d}/root.crt --pin sha256//short', err=ARGUMENT,
        status=1),
    bad("an authority's pin is not the server's", 'intermediate-no-ca', 'pin',
        '--insecure --pin {pins[good]}', err=PIN),
)

INSECURE = (
    good('insecure: self-signed', 'self-signed', '--insecure'),
    good('insecure: expired', 'expired', '--insecure'),
    good('insecure: another name', 'wrong-name', '--insecure'),
    good('insecure: pin', 'self-signed', '--insecure --pin {pins[self-signed]}'),
    bad('insecure: another pin', 'self-signed', 'pin', '--insecure --pin {pins[good]}', err=PIN),
)

VERSIONS = (
    good('TLS 1.2', 'tls1.2', facts={'version': 'TLSv1.2'}),
    good('TLS 1.3', 'tls1.3', facts={'version': 'TLSv1.3'}, old=(2, FAILED)),
    bad('TLS 1.1', 'tls1.1', HANDSHAKE, err=FAILED),
    good('highest 1.2', 'good', '--cacert {d}/root.crt --tls-max 1.2',
         facts={'version': 'TLSv1.2'}),
    good('lowest 1.3', 'good', '--cacert {d}/root.crt --tls-min 1.3',
         facts={'version': 'TLSv1.3'}, old=(1, UNSUPPORTED)),
    good('lowest and highest 1.2', 'good', '--cacert {d}/root.crt --tls-min 1.2 --tls-max 1.2',
         facts={'version': 'TLSv1.2'}),
    bad('lowest 1.3, server 1.2', 'tls1.2', HANDSHAKE, '--cacert {d}/root.crt --tls-min 1.3',
        err=FAILED, old=(1, UNSUPPORTED)),
    bad('lowest above highest', 'good', HANDSHAKE,
        '--cacert {d}/root.crt --tls-min 1.3 --tls-max 1.2', err=ARGUMENT, status=1),
    bad('highest 1.2, server 1.3', 'tls1.3', HANDSHAKE, '--cacert {d}/root.crt --tls-max 1.2',
        err=FAILED),
    good('AES-128 GCM', 'gcm', facts={'cipher': 'ECDHE-ECDSA-AES128-GCM-SHA256'}),
    good('AES-256 GCM, RSA', 'gcm-rsa', facts={'cipher': 'ECDHE-RSA-AES256-GCM-SHA384'}),
    bad('CBC', 'cbc', HANDSHAKE, err=FAILED),
    bad('no forward secrecy', 'static-rsa', HANDSHAKE, err=FAILED),
    bad('finite-field Diffie-Hellman', 'dhe', HANDSHAKE, err=FAILED),
)

OWN = '--cacert {d}/root.crt --cert {d}/client.crt --key {d}/'
WHO = {'client': 'wsuv test client'}

CLIENTS = (
    good('client certificate', 'client', OWN + 'client.key', facts=WHO),
    good('client certificate, TLS 1.2', 'client-1.2', OWN + 'client.key', facts=WHO),
    good('encrypted key', 'client', OWN + 'client-locked.key --pass {d}/client.pass', facts=WHO,
         old=(2, FAILED + ': own key: .*encrypted .* convert it: openssl pkcs8 -topk8 -v2 des3')),
    good('encrypted key, DES3', 'client', OWN + 'client-des3.key --pass {d}/client.pass',
         facts=WHO),
    good('encrypted key, old form', 'client', OWN + 'client-old.key --pass {d}/client.pass',
         facts=WHO),
    good('client certificate that nobody asks for', 'good', OWN + 'client.key',
         facts={'client': None}),
    bad('no client certificate', 'client', ALERT, err=TOLD),
    bad('no client certificate, TLS 1.2', 'client-1.2', ALERT, err=FAILED),
    bad("another authority's client certificate", 'client', f'{ALERT}|{CUT}',
        '--cacert {d}/root.crt --cert {d}/good.crt --key {d}/good.key', err=TOLD),
    bad('no password', 'client', '(?i)password|PEM lib', OWN + 'client-old.key',
        err='^wsuv: '),
    bad('wrong password', 'client', '(?i)password|decrypt|ssl',
        OWN + 'client-old.key --pass {d}/wrong.pass', err='^wsuv: '),
    bad('certificate without a key', 'client', 'PEM lib',
        '--cacert {d}/root.crt --cert {d}/client.crt', err=ARGUMENT, status=1),
    bad('no key', 'client', 'No such file', OWN + 'none.key', err='^wsuv: '),
    bad('key of another certificate', 'client', 'KEY_VALUES_MISMATCH', OWN + 'good.key',
        err='^wsuv: '),
)

ENDS = (
    bad('cut without close_notify', 'good', 'EOF|reset', status=3, path='/die',
        err='connection lost: TLS ended without close_notify'),
    bad('cut without close_notify inside a message', 'good', 'EOF|reset', status=3,
        path='/die?inside', err='connection lost: TLS ended without close_notify'),
)

ALL = {
    'names': NAMES,
    'chains': CHAINS,
    'trusts': TRUSTS,
    'pins': PINS,
    'insecure': INSECURE,
    'versions': VERSIONS,
    'clients': CLIENTS,
    'ends': ENDS,
}
