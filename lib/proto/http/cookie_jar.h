#ifndef WS_PROTO_HTTP_COOKIE_JAR_H
#define WS_PROTO_HTTP_COOKIE_JAR_H

/* The cookies that responses set on the way to one session (RFC 6265 5). Each goes back only to the
   origin that has set it: stricter than RFC 6265, by which cookies also go to other ports and, with
   the attribute Domain, to other hosts. The number of cookies and their memory are bounded. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/text_buf.h"
#include "base/view.h"

enum {
  COOKIE_JAR_COUNT_MAX = 32,        /* cookies; the oldest one gives way to a new one */
  COOKIE_JAR_BYTES_MAX = 16 * 1024, /* bytes of all cookies; likewise */
  COOKIE_SIZE_MAX = 4096,           /* bytes of name and value (RFC 6265 6.1) */
  COOKIE_PATH_MAX = 1024            /* bytes of a path */
};

typedef struct cookie_jar {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the jar. */
  ws_list cookies;               /* These are the cookies, in the order in which they came. */
  size_t count;                  /* There are this many. */
  size_t bytes;                  /* They need this many bytes. */
} cookie_jar;

/* Where a response comes from, or a request goes to. */
typedef struct cookie_place {
  ws_text origin; /* This is scheme, host and port in one spelling. */
  ws_text host;   /* This is the host, which the attribute Domain is compared with. */
  ws_text path;   /* This is the path of the request, without the query. */
  bool secure;    /* The connection is secured. */
} cookie_place;

void cookie_jar_init(cookie_jar *jar, const wsuv_allocator_t *alloc);
void cookie_jar_clear(cookie_jar *jar); /* frees all, and overwrites the values */

/* Keep a cookie: the value of one Set-Cookie (RFC 6265 5.2, 5.3). One that has expired at the time
   `now_s`, in seconds since 1970, deletes the cookie of its name, also among those that the program
   has given. What is malformed, too long, or not for this host is ignored. *changed is set if the
   cookies are not what they were. 0 or WS_ENOMEM. */
int cookie_jar_take(cookie_jar *jar, const cookie_place *from, const char *set_cookie,
                    int64_t now_s, bool *changed);

/* Whether a request to this place needs a Cookie of the jar's: because it has cookies for it, or
   has deleted one that the program may have given. */
bool cookie_jar_has(const cookie_jar *jar, const cookie_place *to);

/* Add the value of Cookie (RFC 6265 5.4): first what the program gives ("a=1; b=2"; NULL: nothing),
   without the cookies that the jar has or has deleted; then those of the jar, the ones with longer
   paths first. Nothing is added if there are none. 0 or WS_ENOMEM. */
int cookie_jar_write(const cookie_jar *jar, const cookie_place *to, const char *given,
                     text_buf *value);

#endif
