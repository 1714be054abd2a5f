#include "proto/http/user_login.h"

/* Keeps both in one text, which is overwritten when it is freed. */

#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

void user_login_init(user_login *l, const wsuv_allocator_t *alloc) {
  *l = (user_login){.given = false};
  text_buf_init_secret(&l->secret, alloc);
}

void user_login_clear(user_login *l) {
  text_buf_clear(&l->secret);
  l->user_len = 0;
  l->given = false;
}

int user_login_set(user_login *l, ws_text user, ws_text password) {
  l->given = user.base != NULL;
  if (!l->given) return 0;
  l->user_len = user.len;
  text_buf_add(&l->secret, user.base, user.len);
  return text_buf_add(&l->secret, password.base, password.len);
}

static int add_unescaped(text_buf *to, ws_text s) {
  if (s.len == 0) return 0;
  char *room = text_buf_extend(to, s.len);
  if (room == NULL) return WS_ENOMEM;
  text_buf_cut(to, text_buf_len(to) - s.len + ascii_unescape_all(room, s));
  return 0;
}

int user_login_read(user_login *l, ws_text userinfo) {
  const char *colon = userinfo.len > 0 ? memchr(userinfo.base, ':', userinfo.len) : NULL;
  ws_text user = userinfo, password = {NULL, 0};
  l->given = userinfo.len > 0;
  if (colon != NULL) {
    user.len = (size_t) (colon - userinfo.base);
    password = (ws_text){colon + 1, userinfo.len - user.len - 1};
  }
  int err = add_unescaped(&l->secret, user);
  l->user_len = text_buf_len(&l->secret);
  return err < 0 ? err : add_unescaped(&l->secret, password);
}

ws_text user_login_user(const user_login *l) {
  const char *base = text_buf_base(&l->secret);
  if (!l->given) return (ws_text){NULL, 0};
  return (ws_text){base != NULL ? base : "", l->user_len};
}

ws_text user_login_password(const user_login *l) {
  const size_t len = text_buf_len(&l->secret) - l->user_len;
  return (ws_text){len > 0 ? text_buf_base(&l->secret) + l->user_len : "", len};
}
