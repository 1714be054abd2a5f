#!/usr/bin/python3
"""Keys by PKCS #11 URI (RFC 7512): they are in a token of SoftHSM's, which the provider pkcs11 of
OpenSSL reaches.

    pkcs11.py WSUV [unittest's arguments]

WSUV is the program, with OpenSSL. Exits with 77 where SoftHSM or the provider is not installed; in
Debian the provider is there from 13 on.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import certs
import revocation
from revocation import PATIENCE, Server

PIN = '1234'
MAKER = None

OPENSSL = '''
openssl_conf = all
[all]
providers = providers
[providers]
default = of_openssl
pkcs11 = of_tokens
[of_openssl]
activate = 1
[of_tokens]
module = {provider}
pkcs11-module-path = {module}
pkcs11-module-quirks = no-deinit
activate = 1
'''
SOFTHSM = '''
directories.tokendir = {folder}/tokens
objectstore.backend = file
log.level = ERROR
'''


def first(*patterns):
    return next((path for pattern in patterns for path in sorted(glob.glob(pattern))), None)


def path(name):
    return MAKER.path(name)


def make(folder, provider, module):
    """Two tokens' worth of keys in one: the server's and the client's."""
    global MAKER
    MAKER = certs.Maker(folder)
    os.makedirs(path('tokens'))
    MAKER.write('softhsm2.conf', SOFTHSM.format(folder=folder))
    MAKER.authority('root')
    MAKER.authority('client-root')
    for leaf in certs.LEAVES:
        if leaf.name in ('good', 'rsa'):
            MAKER.leaf(leaf)
    MAKER.leaf(certs.CLIENT)
    MAKER.write('pin', PIN + '\n')
    os.environ['SOFTHSM2_CONF'] = path('softhsm2.conf')
    softhsm('--init-token', '--free', '--so-pin', PIN)
    for number, name in enumerate(('good', 'rsa', 'client')):
        softhsm('--import', path(f'{name}.key'), '--label', name, '--id', f'0{number}')
    MAKER.write('openssl.cnf', OPENSSL.format(provider=provider, module=module))
    os.environ['OPENSSL_CONF'] = path('openssl.cnf')


def softhsm(*arguments):
    token = '--label' if '--init-token' in arguments else '--token'
    subprocess.run(['softhsm2-util', *arguments, token, 'wsuv', '--pin', PIN], check=True,
                   capture_output=True, timeout=PATIENCE)


def uri(name, pin=f'?pin-value={PIN}'):
    return f'pkcs11:token=wsuv;object={name};type=private{pin}'


class Keys(unittest.TestCase):
    def says_hello(self, server, *options):
        done = revocation.wsuv('--tls-engine', 'openssl', '--cacert', path('root.crt'), *options,
                               '-m', 'hello', '-n', '1', f'wss://localhost:{server.port}/')
        self.assertEqual((done.returncode, done.stdout), (0, 'hello\n'), done)

    def serve(self, name, *options):
        return Server('--tls-engine', 'openssl', '--cert', path(f'{name}.crt'), *options)

    def test_key_of_a_server(self):
        for name in ('good', 'rsa'):
            for version in ('1.2', '1.3'):
                with self.subTest(name=name, version=version), \
                        self.serve(name, '--key', uri(name)) as server:
                    self.says_hello(server, '--tls-min', version, '--tls-max', version)

    def test_pin_as_the_password(self):
        with self.serve('good', '--key', uri('good', ''), '--pass', path('pin')) as server:
            self.says_hello(server)

    def test_key_of_a_client(self):
        authority = path('client-root.crt')
        with self.serve('good', '--key', uri('good'), '--cacert', authority) as server:
            self.says_hello(server, '--cert', path('client.crt'), '--key', uri('client'))

    def test_key_that_cannot_be_used(self):
        rows = (('good', uri('nobody'), 'no such key'), ('good', uri('good', ''), 'no such key'),
                ('good', uri('good', '?pin-value=4321'), 'no such key'),
                ('good', uri('rsa'), 'not the key of the certificate'))
        for name, key, why in rows:
            with self.subTest(key=key):
                done = revocation.wsuv('--listen', '0', '--echo', '--tls-engine', 'openssl',
                                       '--cert', path(f'{name}.crt'), '--key', key)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn(why, done.stderr)
                self.assertNotIn('pin-value', done.stderr)


def main(arguments):
    revocation.WSUV = arguments[1]
    provider = first('/usr/lib/*/ossl-modules/pkcs11.so', '/usr/lib*/ossl-modules/pkcs11.so')
    module = first('/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/*/softhsm/libsofthsm2.so')
    if provider is None or module is None or shutil.which('softhsm2-util') is None:
        print('not run: SoftHSM, or the provider pkcs11 of OpenSSL, is not installed')
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        make(folder, provider, module)
        unittest.main(argv=[arguments[0], *arguments[2:]])


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv)
