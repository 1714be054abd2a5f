#include "proto/handshake/handshake.h"

/* What client and server have in common: the accept value, and the fields that programs add. */

#include <assert.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/sha1.h"
#include "proto/http/ascii.h"
#include "proto/http/headers.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */

enum { GUID_LEN = sizeof GUID - 1 };

/* base64(SHA-1(key GUID)) */
void handshake_accept(char accept[HANDSHAKE_ACCEPT_LEN], const char *key, size_t key_len) {
  char text[HANDSHAKE_KEY_LEN + GUID_LEN];
  uint8_t digest[SHA1_SIZE];
  assert(key_len <= HANDSHAKE_KEY_LEN);
  memcpy(text, key, key_len);
  memcpy(text + key_len, GUID, GUID_LEN);
  sha1(digest, text, key_len + GUID_LEN);
  base64_encode(accept, digest, sizeof digest);
}

static bool is_ours(const char *name) {
  static const char *const names[] = {"Upgrade", "Connection", "Content-Length",
                                      "Transfer-Encoding"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (header_name_equal(name, names[i])) return true;
  }
  return ascii_begins_with(name, "sec-websocket-");
}

const char *handshake_field_wrong(const wsuv_header_t *field) {
  if (field->name == NULL || field->value == NULL) return "no name or no value";
  if (!header_is_token(field->name, strlen(field->name))) return "the name is not a token";
  if (!header_is_value(field->value, strlen(field->value))) return "control character in the value";
  return is_ours(field->name) ? "only the handshake itself sets it" : NULL;
}

int handshake_refuse_field(ws_why *why, const char *name, const char *what) {
  return ws_why_set(why, WSUV_EINVAL_HEADER, "%.64s: %s", name != NULL ? name : "(NULL)", what);
}

int handshake_check_fields(const wsuv_header_t *fields, size_t count, ws_why *why) {
  for (size_t i = 0; i < count; i++) {
    const char *what = handshake_field_wrong(&fields[i]);
    if (what != NULL) return handshake_refuse_field(why, fields[i].name, what);
  }
  return 0;
}

void handshake_put_field(text_buf *text, const char *name, const char *value) {
  text_buf_puts(text, name);
  text_buf_puts(text, ": ");
  text_buf_puts(text, value);
  text_buf_puts(text, "\r\n");
}

void handshake_put_fields(text_buf *text, const wsuv_header_t *fields, size_t count) {
  for (size_t i = 0; i < count; i++) {
    handshake_put_field(text, fields[i].name, fields[i].value);
  }
}
