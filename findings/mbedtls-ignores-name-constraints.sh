#!/bin/bash
# Wrong guess: a certificate that mbedtls_x509_crt_verify() accepts is within the name constraints of
# its authority.
#
# mbedTLS does not parse the extension (RFC 5280 4.2.1.10). A violated constraint that is not
# critical is accepted; a certificate with a critical one, as the RFC wants it, is not even parsed, and
# its error, -0x2562, is the same as for a malformed extension. So a caller has to read the extension
# in the verify callback, and can take critical ones only where it calls the parser itself, with
# mbedtls_x509_crt_parse_der_with_ext_cb(): for trust anchors, not for the chain of a peer.
#
# Needs Debian 12's apt, a C compiler, binutils and openssl. Prints what is seen, and fails if it
# changes.
set -euo pipefail

version=2.28.3-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libmbedtls-dev libmbedtls14 libmbedx509-1 libmbedcrypto7; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

new() { # name, extensions, more arguments
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" \
    -out "$1.csr" 2>openssl.log
  openssl x509 -req -in "$1.csr" -days 30 -extfile <(printf '%b' "$2") "${@:3}" -out "$1.pem" \
    2>openssl.log
}

authority='basicConstraints=critical,CA:TRUE\nnameConstraints='
new plain "${authority}permitted;DNS:example.test" -signkey plain.key
new critical "${authority}critical,permitted;DNS:example.test" -signkey critical.key
new leaf 'subjectAltName=DNS:other.test' -CA plain.pem -CAkey plain.key -CAcreateserial

cat >verify.c <<'END'
#include <stdio.h>

#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

int main(void) {
  mbedtls_x509_crt authority, critical, leaf;
  uint32_t flags = 0;
  mbedtls_x509_crt_init(&authority);
  mbedtls_x509_crt_init(&critical);
  mbedtls_x509_crt_init(&leaf);
  if (mbedtls_x509_crt_parse_file(&authority, "plain.pem") != 0) return 1;
  if (mbedtls_x509_crt_parse_file(&leaf, "leaf.pem") != 0) return 1;
  int r = mbedtls_x509_crt_verify(&leaf, &authority, NULL, "other.test", &flags, NULL, NULL);
  printf("%s\n", MBEDTLS_VERSION_STRING_FULL);
  printf("not critical: %d, flags %u\n", r, (unsigned) flags);
  r = mbedtls_x509_crt_parse_file(&critical, "critical.pem");
  printf("critical: -0x%x\n", (unsigned) -r);
  return 0;
}
END
libraries=$(dirname "$(find root -name libmbedx509.a)")
cc -Iroot/usr/include verify.c "$libraries"/libmbedx509.a "$libraries"/libmbedcrypto.a -o verify

{
  ./verify
  if openssl verify -CAfile plain.pem leaf.pem >said 2>&1; then cat said; fi
  grep -o 'error 47 .*' said
} | tee seen

cat >expected <<'END'
mbed TLS 2.28.3
not critical: 0, flags 0
critical: -0x2562
error 47 at 0 depth lookup: permitted subtree violation
END
diff expected seen
