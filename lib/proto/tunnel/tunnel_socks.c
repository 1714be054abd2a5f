#include "proto/tunnel/tunnel_socks.h"

/* Replies are collected until a byte of them decides something, and no byte behind them is taken.
   What the version needs later, the login and the request, is written when the machine is made. */

#include <string.h>

#include "base/error.h"

/*   SOCKS 4 (Koblas) and 4a (Lee), bytes:

     request   | 4 | 1 | port 2 | address 4 | user ... | 0 |
               4a: the address is 0.0.0.1, and behind the user | name ... | 0 |
     reply     | 0 | code | port 2 | address 4 |             code 90: granted

   SOCKS 5, RFC 1928 3, 4, 6 and RFC 1929 2:

     greeting  | 5 | count | methods ... |                   0: none, 2: user name and password
     method    | 5 | method |                                0xff: none of them
     login     | 1 | length | user ... | length | password ... |
     status    | version | status |                          status 0: success
     request   | 5 | 1 | 0 | type | address ... | port 2 |
     reply     | 5 | code | 0 | type | address ... | port 2 |  code 0: succeeded
     address   type 1: 4 bytes, type 3: length, name, type 4: 16 bytes */

enum {
  SOCKS4_VERSION = 4,
  SOCKS4_REPLY_LEN = 8,
  SOCKS4_GRANTED = 90,
  SOCKS4_NO_IDENTD = 92,
  SOCKS4_OTHER_USER = 93,
  SOCKS5_VERSION = 5,
  SOCKS5_LOGIN_VERSION = 1,
  SOCKS_CONNECT = 1,
  METHOD_NONE = 0,
  METHOD_LOGIN = 2,
  METHOD_REFUSED = 0xff,
  TYPE_IPV4 = 1,
  TYPE_NAME = 3,
  TYPE_IPV6 = 4,
  PORT_LEN = 2,
  CODE_LEN = 2, /* the bytes of a reply that decide: version and code */
  TYPE_LEN = 4, /* the bytes of a reply up to the type of the address */
  REPLY_MAX = TYPE_LEN + 1 + 255 + PORT_LEN
};

typedef enum socks_state {
  SOCKS4_CODE,   /* the code of a reply of version 4 is read */
  SOCKS4_REST,   /* the rest of that reply is read */
  SOCKS5_METHOD, /* the method that the proxy chooses is read */
  SOCKS5_STATUS, /* the status of the login is read */
  SOCKS5_CODE,   /* the code of the reply is read */
  SOCKS5_TYPE,   /* the type of the address in the reply is read */
  SOCKS5_LENGTH, /* the length of the name in the reply is read */
  SOCKS5_REST,   /* the rest of the reply is read */
  SOCKS_OPEN,    /* the tunnel is open */
  SOCKS_FAILED   /* the proxy has refused, or a reply was malformed, or there was no memory */
} socks_state;

typedef struct tunnel_socks {
  ws_tunnel head;                /* This is what the machine is for others. */
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the machine. */
  socks_state state;             /* This is where the machine stands. */
  size_t want;              /* When so many bytes of the present reply have come, it is judged. */
  size_t len;               /* This many bytes of the present reply have come. */
  uint8_t reply[REPLY_MAX]; /* These are the bytes of the present reply. */
  text_buf login;           /* Version 5: this is sent if the proxy asks for it; it may be empty. */
  text_buf request;         /* Version 5: this is sent when the proxy has accepted a method. */
} tunnel_socks;

static tunnel_socks *socks_of(ws_tunnel *t) {
  return (tunnel_socks *) t;
}

/* Every change of the state goes through here. The next decision needs `want` bytes of the reply.
 */
static void enter(tunnel_socks *s, socks_state state, size_t want) {
  s->state = state;
  s->want = want;
}

/* The next reply begins. */
static void enter_reply(tunnel_socks *s, socks_state state) {
  s->len = 0;
  enter(s, state, CODE_LEN);
}

/* More of the present reply is needed. */
static int read_on(tunnel_socks *s, socks_state state, size_t want) {
  enter(s, state, want);
  return 0;
}

/* Nothing more is to be sent. */
static void stop(tunnel_socks *s) {
  enter(s, SOCKS_FAILED, 0);
  text_buf_clear(&s->head.output);
  s->head.sent = 0;
}

static int fail(tunnel_socks *s, int err, const char *detail) {
  stop(s);
  return ws_why_set(&s->head.detail, err, "%s", detail);
}

static int fail_code(tunnel_socks *s, int err, unsigned version, const char *text) {
  stop(s);
  return ws_why_set(&s->head.detail, err, "SOCKS %u: %s (%u)", version,
                    text != NULL ? text : "unknown reply", (unsigned) s->reply[1]);
}

static int fail_version(tunnel_socks *s) {
  return fail(s, WSUV_EPROXY,
              s->reply[0] == 'H' ? "the proxy speaks HTTP, not SOCKS"
                                 : "answer of another version of SOCKS");
}

/* ---- replies ---- */

static const char *reply_text4(unsigned code) {
  switch (code) {
  case 91: return "request rejected or failed";
  case SOCKS4_NO_IDENTD: return "no identd on the client";
  case SOCKS4_OTHER_USER: return "identd reports another user";
  default: return NULL;
  }
}

/* RFC 1928 6 */
static const char *reply_text5(unsigned code) {
  switch (code) {
  case 1: return "general SOCKS server failure";
  case 2: return "connection not allowed by ruleset";
  case 3: return "network unreachable";
  case 4: return "host unreachable";
  case 5: return "connection refused";
  case 6: return "TTL expired";
  case 7: return "command not supported";
  case 8: return "address type not supported";
  default: return NULL;
  }
}

static int judge_code4(tunnel_socks *s) {
  const unsigned code = s->reply[1];
  const bool user = code == SOCKS4_NO_IDENTD || code == SOCKS4_OTHER_USER;
  if (s->reply[0] != 0) return fail_version(s);
  if (code == SOCKS4_GRANTED) return read_on(s, SOCKS4_REST, SOCKS4_REPLY_LEN);
  return fail_code(s, user ? WSUV_EPROXYAUTH : WSUV_EPROXY, 4, reply_text4(code));
}

/* Send what was written before. */
static int send_next(tunnel_socks *s, const text_buf *t, socks_state next) {
  int err = text_buf_add(&s->head.output, text_buf_base(t), text_buf_len(t));
  if (err < 0) return fail(s, err, "no memory");
  enter_reply(s, next);
  return 0;
}

static int judge_method(tunnel_socks *s) {
  const bool has_login = text_buf_len(&s->login) > 0;
  if (s->reply[0] != SOCKS5_VERSION) return fail_version(s);
  switch (s->reply[1]) {
  case METHOD_NONE: return send_next(s, &s->request, SOCKS5_CODE);
  case METHOD_LOGIN:
    if (!has_login) break;
    return send_next(s, &s->login, SOCKS5_STATUS);
  case METHOD_REFUSED:
    return fail(s, WSUV_EPROXYAUTH,
                has_login ? "SOCKS 5: the proxy accepts no user name and password"
                          : "SOCKS 5: no credentials");
  default: break;
  }
  return fail(s, WSUV_EPROXY, "SOCKS 5: the proxy chose a method that was not offered");
}

/* Some servers answer with version 5 where 1 belongs, so it does not count. */
static int judge_status(tunnel_socks *s) {
  if (s->reply[1] == 0) return send_next(s, &s->request, SOCKS5_CODE);
  return fail(s, WSUV_EPROXYAUTH, "SOCKS 5: credentials were refused");
}

static int judge_code5(tunnel_socks *s) {
  if (s->reply[0] != SOCKS5_VERSION) return fail_version(s);
  if (s->reply[1] == 0) return read_on(s, SOCKS5_TYPE, TYPE_LEN);
  return fail_code(s, WSUV_EPROXY, 5, reply_text5(s->reply[1]));
}

static int judge_type(tunnel_socks *s) {
  switch (s->reply[TYPE_LEN - 1]) {
  case TYPE_IPV4: return read_on(s, SOCKS5_REST, TYPE_LEN + 4 + PORT_LEN);
  case TYPE_NAME: return read_on(s, SOCKS5_LENGTH, TYPE_LEN + 1);
  case TYPE_IPV6: return read_on(s, SOCKS5_REST, TYPE_LEN + 16 + PORT_LEN);
  default: return fail(s, WSUV_EPROXY, "SOCKS 5: reply with an unknown type of address");
  }
}

static int judge(tunnel_socks *s) {
  switch (s->state) {
  case SOCKS4_CODE: return judge_code4(s);
  case SOCKS5_METHOD: return judge_method(s);
  case SOCKS5_STATUS: return judge_status(s);
  case SOCKS5_CODE: return judge_code5(s);
  case SOCKS5_TYPE: return judge_type(s);
  case SOCKS5_LENGTH:
    return read_on(s, SOCKS5_REST, TYPE_LEN + 1 + (size_t) s->reply[TYPE_LEN] + PORT_LEN);
  case SOCKS4_REST:
  case SOCKS5_REST: enter(s, SOCKS_OPEN, 0); return 1;
  case SOCKS_OPEN:
  case SOCKS_FAILED: break;
  }
  return WS_EINVAL;
}

/* ---- the machine ---- */

static size_t socks_most(const ws_tunnel *t) {
  const tunnel_socks *s = (const tunnel_socks *) t;
  return s->want > s->len ? s->want - s->len : 1;
}

static int socks_feed(ws_tunnel *t, const uint8_t *data, size_t len, size_t *used) {
  tunnel_socks *s = socks_of(t);
  int result = 0;
  *used = 0;
  while (result == 0 && *used < len) {
    const size_t missing = s->want - s->len, left = len - *used;
    const size_t n = left < missing ? left : missing;
    memcpy(s->reply + s->len, data + *used, n);
    s->len += n;
    *used += n;
    if (s->len == s->want) result = judge(s);
  }
  return result;
}

static int socks_eof(ws_tunnel *t) {
  return fail(socks_of(t), WS_EOF, "connection ended before the proxy's answer");
}

static void socks_refusal(ws_tunnel *t, ws_tunnel_refusal *refusal) {
  (void) t; /* SOCKS has no more than the detail says */
  *refusal = (ws_tunnel_refusal){0};
}

static void socks_free(ws_tunnel *t) {
  tunnel_socks *s = socks_of(t);
  if (s == NULL) return;
  text_buf_clear(&t->output);
  text_buf_clear(&s->login);
  text_buf_clear(&s->request);
  ws_free(s->alloc, s);
}

static const ws_tunnel_ops ops = {
    .most = socks_most,
    .feed = socks_feed,
    .eof = socks_eof,
    .refusal = socks_refusal,
    .free = socks_free,
};

static tunnel_socks *socks_new(const wsuv_allocator_t *alloc, socks_state state) {
  tunnel_socks *s = ws_calloc(alloc, sizeof *s);
  if (s == NULL) return NULL;
  tunnel_init(&s->head, &ops, alloc);
  s->alloc = alloc;
  text_buf_init_secret(&s->login, alloc);
  text_buf_init(&s->request, alloc);
  enter_reply(s, state);
  return s;
}

/* The machine is given out if everything could be written. */
static int finish(tunnel_socks *s, int err, ws_tunnel **out) {
  if (err < 0) {
    socks_free(&s->head);
  } else {
    *out = &s->head;
  }
  return err;
}

/* ---- what is sent ---- */

static void put_byte(text_buf *t, unsigned byte) {
  const char c = (char) (unsigned char) byte;
  text_buf_add(t, &c, 1);
}

static int put_port(text_buf *t, unsigned port) {
  put_byte(t, port >> 8);
  put_byte(t, port & 0xff);
  return text_buf_add(t, "", 0);
}

static void put_bytes(text_buf *t, const uint8_t *bytes, size_t len) {
  text_buf_add(t, (const char *) bytes, len);
}

static int check_user4(const tunnel_socks_config *config, ws_why *why) {
  const ws_text user = config->user;
  const char *wrong = NULL;
  if (user.len > SOCKS_TEXT_MAX) wrong = "user name of more than 255 bytes";
  if (user.len > 0 && memchr(user.base, '\0', user.len) != NULL) wrong = "NUL in the user name";
  if (config->password.len > 0) wrong = "SOCKS 4 has no passwords";
  return wrong != NULL ? ws_why_set(why, WSUV_EINVAL_HEADER, "%s", wrong) : 0;
}

static int write_request4(text_buf *t, const tunnel_socks_config *config) {
  static const uint8_t name_follows[4] = {0, 0, 0, 1};
  const tunnel_target *target = &config->target;
  put_byte(t, SOCKS4_VERSION);
  put_byte(t, SOCKS_CONNECT);
  put_port(t, target->port);
  put_bytes(t, target->is_address ? target->address.bytes : name_follows, 4);
  text_buf_add(t, config->user.base, config->user.len);
  put_byte(t, 0);
  if (target->is_address) return text_buf_add(t, "", 0);
  text_buf_add(t, target->host.base, target->host.len);
  return text_buf_add(t, "", 1);
}

int tunnel_socks4_new(ws_tunnel **out, const wsuv_allocator_t *alloc,
                      const tunnel_socks_config *config, ws_why *why) {
  int err = tunnel_target_check(&config->target, why);
  if (err == 0) err = check_user4(config, why);
  if (err < 0) return err;
  if (config->target.is_address && config->target.address.ipv6) {
    return ws_why_set(why, WS_EAFNOSUPPORT, "SOCKS 4 has no IPv6 addresses");
  }
  tunnel_socks *s = socks_new(alloc, SOCKS4_CODE);
  if (s == NULL) return WS_ENOMEM;
  return finish(s, write_request4(&s->head.output, config), out);
}

/* RFC 1929 wants at least one byte of a password, too; servers take none, and curl sends none. */
static int check_login(const tunnel_socks_config *config, ws_why *why) {
  const char *wrong = NULL;
  if (config->user.base == NULL) return 0;
  if (config->user.len == 0) wrong = "empty user name";
  if (config->user.len > SOCKS_TEXT_MAX) wrong = "user name of more than 255 bytes";
  if (config->password.len > SOCKS_TEXT_MAX) wrong = "password of more than 255 bytes";
  return wrong != NULL ? ws_why_set(why, WSUV_EINVAL_HEADER, "%s", wrong) : 0;
}

static int put_counted(text_buf *t, ws_text s) {
  put_byte(t, (unsigned) s.len);
  return text_buf_add(t, s.base, s.len);
}

static int write_greeting(text_buf *t, bool has_login) {
  put_byte(t, SOCKS5_VERSION);
  put_byte(t, has_login ? 2 : 1);
  put_byte(t, METHOD_NONE);
  if (has_login) put_byte(t, METHOD_LOGIN);
  return text_buf_add(t, "", 0);
}

static int write_login(text_buf *t, const tunnel_socks_config *config) {
  if (config->user.base == NULL) return 0;
  put_byte(t, SOCKS5_LOGIN_VERSION);
  put_counted(t, config->user);
  return put_counted(t, config->password);
}

static int write_request5(text_buf *t, const tunnel_target *target) {
  put_byte(t, SOCKS5_VERSION);
  put_byte(t, SOCKS_CONNECT);
  put_byte(t, 0);
  if (target->is_address) {
    const bool ipv6 = target->address.ipv6;
    put_byte(t, ipv6 ? TYPE_IPV6 : TYPE_IPV4);
    put_bytes(t, target->address.bytes, ipv6 ? 16 : 4);
  } else {
    put_byte(t, TYPE_NAME);
    put_counted(t, target->host);
  }
  return put_port(t, target->port);
}

int tunnel_socks5_new(ws_tunnel **out, const wsuv_allocator_t *alloc,
                      const tunnel_socks_config *config, ws_why *why) {
  int err = tunnel_target_check(&config->target, why);
  if (err == 0) err = check_login(config, why);
  if (err < 0) return err;
  tunnel_socks *s = socks_new(alloc, SOCKS5_METHOD);
  if (s == NULL) return WS_ENOMEM;
  err = write_greeting(&s->head.output, config->user.base != NULL);
  if (err == 0) err = write_login(&s->login, config);
  if (err == 0) err = write_request5(&s->request, &config->target);
  return finish(s, err, out);
}
