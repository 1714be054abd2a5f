#include "net/tls/openssl/ossl_tickets.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/alloc.h"

/* OpenSSL makes and reads the tickets (RFC 5077 4), and asks here for the key. It looks at their
   age itself, by the timeout of sessions. */

static bool make_key(ossl_ticket_key *key, time_t now) {
  bool good = RAND_bytes(key->name, sizeof key->name) == 1 &&
              RAND_priv_bytes(key->cipher, sizeof key->cipher) == 1 &&
              RAND_priv_bytes(key->mac, sizeof key->mac) == 1;
  key->since = now;
  key->made = good;
  return good;
}

/* A clock that was set back makes a new key, too. */
static bool is_old(const ossl_tickets *t, const ossl_ticket_key *key, time_t now) {
  return !key->made || now < key->since || now - key->since >= (time_t) t->lifetime_s;
}

/* The first key is replaced when it is old. Returns whether there is one. */
static bool change_keys(ossl_tickets *t) {
  ossl_ticket_key *first = &t->keys[0];
  time_t now = time(NULL);
  if (!is_old(t, first, now)) return true;
  t->keys[1] = *first;
  return make_key(first, now);
}

static const ossl_ticket_key *find_key(const ossl_tickets *t, const uint8_t *name) {
  for (size_t i = 0; i < sizeof t->keys / sizeof *t->keys; i++) {
    const ossl_ticket_key *key = &t->keys[i];
    if (key->made && memcmp(key->name, name, sizeof key->name) == 0) return key;
  }
  return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const ossl_ticket_key *key) {
  char hash[] = "SHA256";
  uint8_t copy[OSSL_TICKET_KEY];
  memcpy(copy, key->mac, sizeof copy);
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy, sizeof copy),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0), OSSL_PARAM_construct_end()};
  bool good = EVP_MAC_CTX_set_params(mac, params) == 1;
  ws_wipe(copy, sizeof copy);
  return good;
}

/* Returns as SSL_CTX_set_tlsext_ticket_key_evp_cb says: -1: an error; 0: the key is not known; 1:
   good; 2: good, and the client should get a new ticket. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int encrypt) {
  ossl_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
  if (!change_keys(t)) return -1;
  const ossl_ticket_key *key = encrypt == 1 ? &t->keys[0] : find_key(t, name);
  if (key == NULL) return 0;
  if (encrypt == 1) {
    memcpy(name, key->name, sizeof key->name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  }
  bool good = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypt) == 1 &&
              set_mac(mac, key);
  if (!good) return -1;
  /* A ticket of TLS 1.3 is used once, so the client needs another one (RFC 8446 C.4). One of TLS
     1.2 is used until its key is gone, and then a whole handshake is due. */
  return encrypt != 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

bool ossl_tickets_use(ossl_tickets *t, SSL_CTX *ssl, unsigned lifetime_s) {
  t->lifetime_s = lifetime_s;
  if (SSL_CTX_set_app_data(ssl, t) != 1) return false;
  (void) SSL_CTX_set_timeout(ssl, (long) lifetime_s);          /* returns the timeout before */
  (void) SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket); /* cannot fail */
  return true;
}

void ossl_tickets_wipe(ossl_tickets *t) {
  ws_wipe(t, sizeof *t);
}
