#!/usr/bin/python3
"""Certificates for tests: good ones, and one for everything that can be wrong with one.

    certs.py FOLDER

Makes them in FOLDER, with the program openssl, and prints the pin of each public key, as
`NAME sha256//BASE64`. What is there then:

    NAME.crt, NAME.key        a server's chain, as it is sent, and its key, for each of LEAVES
    root.crt                  the authority that all of them but two go back to
    other.crt                 another one
    roots.crt, roots/         both in one file, and in a folder as openssl wants one
    client-root.crt           the authority of clients
    client.crt, client.key    a client's
    client-locked.key         the same key, encrypted with the first line of client.pass, in the
                              form that openssl gives it today (PKCS #8, AES)
    client-des3.key           the same in PKCS #8 with triple DES
    client-old.key            the same in the form from before PKCS #8
    empty.crt, noise.crt      no certificate
    bare/                     a folder with none
"""

import base64
import hashlib
import os
import subprocess
import sys
from collections import namedtuple

PASSWORD = 'a pass phrase, with spaces'
NAMES = 'DNS:localhost, DNS:wss.test'
BEFORE, NOW, AFTER = '20010101000000Z', '20200101000000Z', '20990101000000Z'
PAST = '20020101000000Z'  # the end of what has expired
FUTURE = '20980101000000Z'  # the beginning of what is not valid yet

CONFIG = '''
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = authority
[authority]
database = {folder}/index.txt
new_certs_dir = {folder}/issued
rand_serial = yes
unique_subject = no
policy = policy
copy_extensions = none
[policy]
commonName = supplied
[authority_extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
'''

LEAF = '''
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = {usage}
subjectAltName = {names}
subjectKeyIdentifier = hash
'''

EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']


def rsa(bits):
    return ['-algorithm', 'RSA', '-pkeyopt', f'rsa_keygen_bits:{bits}']


def pin_of_key(info):
    """Of a SubjectPublicKeyInfo in DER (RFC 7469 2.4)."""
    return 'sha256//' + base64.b64encode(hashlib.sha256(info).digest()).decode()


def pin_of_certificate(der):
    key = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-pubkey', '-noout'], input=der,
                         check=True, capture_output=True, timeout=60).stdout
    return pin_of_key(base64.b64decode(b''.join(key.splitlines()[1:-1])))


# `issuer` None: itself. `chain`: what is sent behind it.
Leaf = namedtuple('Leaf', 'name names issuer chain begin end key digest usage',
                  defaults=(NAMES, 'root', (), NOW, AFTER, EC, 'sha256', 'serverAuth'))

LEAVES = (
    Leaf('good'),
    Leaf('rsa', key=rsa(2048)),
    Leaf('expired', begin=BEFORE, end=PAST),
    Leaf('not-yet', begin=FUTURE),
    Leaf('wrong-name', 'DNS:other.test'),
    Leaf('wildcard', 'DNS:*.wss.test'),
    Leaf('ipv4', 'IP:127.0.0.1'),
    Leaf('ipv6', 'IP:::1'),
    Leaf('ip-as-name', 'DNS:127.0.0.1'),
    Leaf('unknown-ca', issuer='other'),
    Leaf('self-signed', issuer=None),
    Leaf('intermediate', issuer='middle', chain=('middle',)),
    Leaf('intermediate-missing', issuer='middle'),
    Leaf('intermediate-expired', issuer='old-middle', chain=('old-middle',)),
    Leaf('intermediate-no-ca', issuer='good', chain=('good',)),
    Leaf('weak-key', key=rsa(1024)),
    Leaf('weak-hash', digest='sha1'),
    Leaf('wrong-usage', usage='clientAuth'),
)
CLIENT = Leaf('client', 'DNS:client.test', 'client-root', usage='clientAuth')


class Maker:
    """Calls openssl in a folder."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(self.path('issued'), exist_ok=True)
        self.write('index.txt', '')
        self.write('config', CONFIG.format(folder=folder))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='ascii') as file:
            file.write(text)

    def read(self, *names):
        parts = []
        for name in names:
            with open(self.path(name), encoding='ascii') as file:
                parts.append(file.read())
        return ''.join(parts)

    def openssl(self, *arguments):
        done = subprocess.run(['openssl', *arguments], cwd=self.folder, check=False,
                              capture_output=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f'openssl {" ".join(arguments)}: {done.stderr.decode()}')
        return done.stdout

    def request(self, name, key):
        self.openssl('genpkey', *key, '-out', f'{name}.key')
        self.openssl('req', '-new', '-config', 'config', '-key', f'{name}.key',
                     '-subj', f'/CN=wsuv test {name}', '-out', f'{name}.csr')

    def sign(self, name, issuer, begin, end, digest, extensions):
        """`extensions` in the way of openssl's command line."""
        by = ['-selfsign'] if issuer is None else ['-cert', f'{issuer}.pem']
        self.openssl('ca', '-batch', '-notext', '-config', 'config', *by,
                     '-keyfile', f'{issuer or name}.key', '-in', f'{name}.csr',
                     '-startdate', begin, '-enddate', end, '-md', digest, *extensions,
                     '-out', f'{name}.pem')

    def authority(self, name, issuer=None, begin=NOW, end=AFTER):
        self.request(name, EC)
        self.sign(name, issuer, begin, end, 'sha256', ['-extensions', 'authority_extensions'])
        self.write(f'{name}.crt', self.read(f'{name}.pem'))

    def leaf(self, leaf):
        self.write(f'{leaf.name}.ext', LEAF.format(usage=leaf.usage, names=leaf.names))
        self.request(leaf.name, leaf.key)
        self.sign(leaf.name, leaf.issuer, leaf.begin, leaf.end, leaf.digest,
                  ['-extfile', f'{leaf.name}.ext'])
        chain = [f'{name}.pem' for name in (leaf.name, *leaf.chain)]
        self.write(f'{leaf.name}.crt', self.read(*chain))

    def revoke(self, name, issuer):
        self.openssl('ca', '-batch', '-config', 'config', '-cert', f'{issuer}.pem',
                     '-keyfile', f'{issuer}.key', '-md', 'sha256', '-revoke', f'{name}.pem')

    def crl(self, name, issuer, begin=NOW, end=AFTER):
        """NAME.crl: all that was revoked before, by any issuer; their numbers differ."""
        self.openssl('ca', '-gencrl', '-config', 'config', '-cert', f'{issuer}.pem',
                     '-keyfile', f'{issuer}.key', '-md', 'sha256', '-crl_lastupdate', begin,
                     '-crl_nextupdate', end, '-out', f'{name}.crl')

    def ocsp(self, name, leaf, issuer, signer, *more):
        """NAME.der: a response about a leaf, which begins now; `more` says when it ends."""
        self.openssl('ocsp', '-issuer', f'{issuer}.pem', '-cert', f'{leaf}.pem', '-no_nonce',
                     '-reqout', f'{name}.req')
        self.openssl('ocsp', '-index', 'index.txt', '-CA', f'{issuer}.pem',
                     '-rsigner', f'{signer}.pem', '-rkey', f'{signer}.key',
                     '-reqin', f'{name}.req', '-respout', f'{name}.der', *more)

    def lock(self, name, *command):
        self.openssl(*command, '-in', 'client.key', '-passout', 'file:client.pass', '-out', name)

    def pin(self, name):
        return pin_of_key(self.openssl('pkey', '-in', f'{name}.key', '-pubout', '-outform', 'DER'))


def make_trust(maker):
    for name in ('root', 'other', 'client-root'):
        maker.authority(name)
    maker.authority('middle', 'root')
    maker.authority('old-middle', 'root', BEFORE, PAST)
    maker.write('roots.crt', maker.read('root.pem', 'other.pem'))
    os.makedirs(maker.path('roots'))
    for name in ('root', 'other'):
        maker.write(f'roots/{name}.crt', maker.read(f'{name}.pem'))
    maker.openssl('rehash', 'roots')
    os.makedirs(maker.path('bare'))
    maker.write('empty.crt', '')
    maker.write('noise.crt', 'This is no certificate.\n')


def make_client(maker):
    maker.leaf(CLIENT)
    maker.write('client.pass', PASSWORD + '\nnot this line\n')
    maker.write('wrong.pass', 'another\n')
    maker.lock('client-locked.key', 'pkcs8', '-topk8', '-v2', 'aes-256-cbc')
    maker.lock('client-des3.key', 'pkcs8', '-topk8', '-v2', 'des3')
    maker.lock('client-old.key', 'pkey', '-traditional', '-aes256')


def make_good(folder):
    """Only root.crt, good.crt and good.key, which takes a tenth of the time."""
    maker = Maker(os.path.abspath(folder))
    maker.authority('root')
    maker.leaf(next(leaf for leaf in LEAVES if leaf.name == 'good'))


def make(folder):
    """All of it, in a folder that is empty; the pins by name."""
    maker = Maker(os.path.abspath(folder))
    make_trust(maker)
    for leaf in LEAVES:
        maker.leaf(leaf)
    make_client(maker)
    return {leaf.name: maker.pin(leaf.name) for leaf in LEAVES + (CLIENT,)}


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for name, pin in make(arguments[1]).items():
        print(name, pin)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
