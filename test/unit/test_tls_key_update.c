/* F56: a KeyUpdate of the peer (RFC 8446 4.6.3), which mbedTLS 3.6 does not take, and keys that
   mbedTLS before 3.5 cannot decrypt. */

#include <string.h>

#include <mbedtls/pkcs5.h>
#include <mbedtls/version.h>

#include "base/error.h"
#include "net/tls/mbedtls/tls_error.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "net/tls/tls_library.h"
#include "support/raw_tls.h"
#include "support/test.h"
#include "support/tls_inside.h"

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

#if defined(MBEDTLS_SSL_PROTO_TLS1_3)

/* Of the library, without a declaration in its headers. */
int mbedtls_ssl_write_record(mbedtls_ssl_context *ssl, int force_flush);

static void send_key_update(raw_tls *s, unsigned char wants_answer) {
  const unsigned char message[] = {24, 0, 0, 1, wants_answer};
  s->ssl.MBEDTLS_PRIVATE(out_msgtype) = MBEDTLS_SSL_MSG_HANDSHAKE;
  s->ssl.MBEDTLS_PRIVATE(out_msglen) = sizeof message;
  memcpy(s->ssl.MBEDTLS_PRIVATE(out_msg), message, sizeof message);
  assert_int_equal(mbedtls_ssl_write_record(&s->ssl, 1), 0);
}

/* Either kind. What came before is read. */
TEST(test_key_update_has_its_own_code) {
  for (unsigned char kind = 0; kind < 2; kind++) {
    pair_config.max_version = WSUV_TLS_1_3;
    SCOPED(raw_tls, s);
    raw_tls_write(&s, "data", 4);
    send_key_update(&s, kind);
    (void) raw_tls_carry(&s);
    pair_assert_in(&s.pair.client, "data", 4);
    if (!test_is_mbedtls(WS_CLIENT)) {
      assert_int_equal(s.pair.client.ended, 0);
      continue;
    }
    assert_int_equal(s.pair.client.ended, WSUV_ETLSKEYUPDATE);
    assert_string_equal(pair_facts(&s.pair.client).text, "the peer has sent a KeyUpdate");
  }
}

#endif

/* Both directions have new keys then, again and again. A build without OpenSSL has no peer that can
   ask. */
TEST(test_key_update_is_taken_by_openssl) {
  if (tls_library_for(WSUV_TLS_LIBRARY_OPENSSL) == NULL) return;
  pair_config.library = pair_server_config.library = WSUV_TLS_LIBRARY_OPENSSL;
  SCOPED(shaken_pair, p, 0);
  for (int i = 0; i < 3; i++) {
    assert_true(tls_inside_update_keys(i % 2 == 0 ? p.server.engine : p.client.engine));
    tls_end_write(&p.server, "down", 4);
    tls_end_write(&p.client, "up", 2);
    tls_ends_run(&p.client, &p.server, 0);
  }
  tls_end_write(&p.server, "end", 3);
  tls_ends_run(&p.client, &p.server, 0);
  pair_assert_in(&p.client, "downdowndownend", 15);
  pair_assert_in(&p.server, "upupup", 6);
  assert_int_equal(p.client.ended, 0);
  assert_int_equal(p.server.ended, 0);
}

/* No other unexpected message is taken for one: that of TLS 1.2 is an error of the protocol. */
TEST(test_key_update_is_nothing_in_tls_1_2) {
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(raw_tls, s);
  assert_false(tls_mbed_is_key_update(&s.ssl, MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE));
}

/* --- encrypted keys --- */

/* As OpenSSL 3 encrypts by default: PBES2, AES-256-CBC; "secret". */
static const char aes_key[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                              "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAimH/kNImXC+gICCAAw\n"
                              "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEELzfjBM67l+Yuuihucb7G+IEgZBb\n"
                              "Dkwruxl6qV13amAMvgm7KevJb25Atgchq4KXPrtmOMgn3ezadw153TuDUSj4CZYA\n"
                              "/P30dAmwWSop87sw8Mf9pb0J+R5nRcag/rdnW1r6huwe99/jKd1X7nH1hiETyYaf\n"
                              "rsvoYGncpjA709YZWLCOb1i0zba+XJMu6uNtVUfNclnHlYL/f+gOeg8EtSXMe6U=\n"
                              "-----END ENCRYPTED PRIVATE KEY-----\n";

#define CONVERT                                                                        \
  "own key: encrypted in a way that mbedTLS does not read; convert it: openssl pkcs8 " \
  "-topk8 -v2 des3 (-0x2e80)"

/* The key is not that of the certificate, which a library that reads it finds out. */
TEST(test_encrypted_key_says_how_to_convert_it) {
  bool reads = MBEDTLS_VERSION_NUMBER >= 0x03050000 || !test_is_mbedtls(WS_CLIENT);
  tls_failure failure;
  tls_context *ctx;
  pair_config.cert_pem = pair_client.pem;
  pair_config.cert_pem_len = strlen(pair_client.pem);
  pair_config.key_pem = aes_key;
  pair_config.key_pem_len = strlen(aes_key);
  pair_config.key_password = "secret";
  int err = tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure);
  assert_int_equal(err, WSUV_ETLS);
  if (!reads) assert_string_equal(failure.text, CONVERT);
  if (reads) assert_null(strstr(failure.text, "convert"));
  tls_failure_set(&failure, MBEDTLS_ERR_PKCS5_FEATURE_UNAVAILABLE, "own key");
  assert_string_equal(failure.text, CONVERT);
}
