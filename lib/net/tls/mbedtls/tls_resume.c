#include "net/tls/mbedtls/tls_resume.h"

#include <string.h>

#include "net/tls/mbedtls/tls_mbed.h"

/* What is in the store:

     +-----------+--------+---------------------------------+
     | not_after | ticket | mbedtls_ssl_session_save's form |
     +-----------+--------+---------------------------------+

   The form begins with version and configuration of the library that made it, which refuses that of
   another. What was verified is good for no longer than the certificate. */

typedef struct saved_head {
  mbedtls_x509_time not_after; /* The certificate that was verified expires at this time. */
  bool ticket; /* This is a session of TLS 1.3, which is used only once (RFC 8446 C.4). */
} saved_head;

static bool load(mbedtls_ssl_context *ssl, const tls_session *from) {
  mbedtls_ssl_session session;
  mbedtls_ssl_session_init(&session);
  int r = mbedtls_ssl_session_load(&session, from->data + sizeof(saved_head),
                                   from->len - sizeof(saved_head));
  if (r == 0) r = mbedtls_ssl_set_session(ssl, &session);
  mbedtls_ssl_session_free(&session);
  return r == 0;
}

bool tls_resume_offer(tls_sessions *s, mbedtls_ssl_context *ssl, const char *host, uint16_t port,
                      mbedtls_x509_time *not_after) {
  saved_head head;
  tls_session *session = tls_sessions_find(s, host, port);
  if (session == NULL) return false;
  memcpy(&head, session->data, sizeof head);
  *not_after = head.not_after;
  bool offered = mbedtls_x509_time_is_past(not_after) == 0 && load(ssl, session);
  if (!offered || head.ticket) tls_sessions_remove(s, session);
  return offered;
}

/* The first call returns the length only. */
static bool save(tls_sessions *s, const mbedtls_ssl_session *session, const char *host,
                 uint16_t port, const saved_head *head) {
  size_t len = 0;
  if (mbedtls_ssl_session_save(session, NULL, 0, &len) != MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL) {
    return false;
  }
  tls_session *to = tls_sessions_add(s, host, port, sizeof *head + len);
  if (to == NULL) return false;
  memcpy(to->data, head, sizeof *head);
  bool saved = mbedtls_ssl_session_save(session, to->data + sizeof *head, len, &len) == 0;
  if (!saved) tls_sessions_remove(s, to);
  return saved;
}

bool tls_resume_save(tls_sessions *s, const mbedtls_ssl_context *ssl, const char *host,
                     uint16_t port, const mbedtls_x509_time *not_after) {
  mbedtls_ssl_session session;
  saved_head head;
  memset(&head, 0, sizeof head);
  head.not_after = *not_after;
  head.ticket = tls_mbed_is_1_3(ssl);
  mbedtls_ssl_session_init(&session);
  bool saved = mbedtls_ssl_get_session(ssl, &session) == 0 && tls_mbed_can_resume(&session) &&
               save(s, &session, host, port, &head);
  mbedtls_ssl_session_free(&session);
  return saved;
}
