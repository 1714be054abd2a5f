#ifndef WS_PROTO_HTTP_USER_LOGIN_H
#define WS_PROTO_HTTP_USER_LOGIN_H

/* A user name and a password, kept as a secret. What may be sent of them is not known here. */

#include <stdbool.h>
#include <stddef.h>

#include "base/text_buf.h"
#include "base/view.h"

typedef struct user_login {
  text_buf secret; /* This is the user name, then the password. */
  size_t user_len; /* The user name has this many bytes. */
  bool given;      /* There are a user name and a password, which may both be empty. */
} user_login;

void user_login_init(user_login *l, const wsuv_allocator_t *alloc);
void user_login_clear(user_login *l); /* there are none any more */

/* For one that has none: copy them; the base of `user` is NULL if there are none. 0 or
   WS_ENOMEM. */
int user_login_set(user_login *l, ws_text user, ws_text password);

/* The same from the userinfo of a URL (RFC 3986 3.2.1), whose escapes are well-formed: the first
   colon ends the user name, and an escaped one is in it. Empty userinfo is none. */
int user_login_read(user_login *l, ws_text userinfo);

/* Without a login, the base of the user name is NULL; otherwise neither is. */
ws_text user_login_user(const user_login *l);
ws_text user_login_password(const user_login *l);

#endif
