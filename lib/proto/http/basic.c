#include "proto/http/basic.h"

/* Writes the credentials of Basic. Knows nothing of challenges. */

#include <stdbool.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"

/*   credentials = "Basic" SP base64( user-id ":" password )      RFC 7617 2
   Neither may have control characters, and the user name no colon. */

static bool has_control(ws_text s) {
  for (size_t i = 0; i < s.len; i++) {
    const unsigned char c = (unsigned char) s.base[i];
    if (c < ' ' || c == 0x7f) return true;
  }
  return false;
}

const char *credentials_wrong(ws_text user, ws_text password) {
  return has_control(user) || has_control(password) ? "control character in the credentials" : NULL;
}

int basic_write(text_buf *value, ws_text user, ws_text password, const char **wrong) {
  text_buf plain;
  *wrong = credentials_wrong(user, password);
  if (user.len > 0 && memchr(user.base, ':', user.len) != NULL) *wrong = "colon in the user name";
  if (*wrong != NULL) return WSUV_EINVAL_HEADER;
  text_buf_init_secret(&plain, value->none.alloc);
  text_buf_add(&plain, user.base, user.len);
  text_buf_puts(&plain, ":");
  int err = text_buf_add(&plain, password.base, password.len);
  if (err == 0) {
    text_buf_puts(value, "Basic ");
    char *room = text_buf_extend(value, base64_encoded_len(text_buf_len(&plain)));
    if (room != NULL) base64_encode(room, text_buf_base(&plain), text_buf_len(&plain));
    err = room != NULL ? 0 : WS_ENOMEM;
  }
  text_buf_clear(&plain);
  return err;
}
