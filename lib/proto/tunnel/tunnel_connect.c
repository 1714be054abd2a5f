#include "proto/tunnel/tunnel_connect.h"

/* The response is read by http_message. Of one that opens the tunnel no byte after the head is
   touched, whatever its fields say. */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/http/http_message.h"

/*   CONNECT host ":" port HTTP/1.1 CRLF          RFC 9110 9.3.6, RFC 9112 3.2.3
     Host: host ":" port CRLF
     [ Proxy-Authorization: credentials CRLF ]    RFC 9110 11.7.2
     CRLF
   An IPv6 address is in brackets. */

enum {
  AUTHORITY_SIZE = TUNNEL_HOST_MAX + sizeof "[]:65535",
  SHOWN_MAX = 80 /* bytes of a value that are shown in the detail of an error */
};

typedef enum connect_state {
  CONNECT_HEAD,    /* the head of a response is read */
  CONNECT_REST,    /* the body of a response that was answered is read, and dropped */
  CONNECT_AGAIN,   /* the next request needs a new connection */
  CONNECT_OPEN,    /* the tunnel is open */
  CONNECT_REFUSED, /* the body of a response that is reported is read */
  CONNECT_FAILED   /* a response was malformed, or there was no memory */
} connect_state;

typedef struct tunnel_connect {
  ws_tunnel head;                 /* This is what the machine is for others. */
  const wsuv_allocator_t *alloc;  /* The caller's allocator outlives the machine. */
  connect_state state;            /* This is where the machine stands. */
  authentication auth;            /* This has the credentials. */
  char authority[AUTHORITY_SIZE]; /* This is the target of the request, terminated. */
  uint8_t random[AUTH_ANSWERS_MAX * AUTH_RANDOM_SIZE]; /* Each answer takes some of these bytes. */
  unsigned answers;                                    /* This many responses were answered. */
  size_t max_size;     /* The heads of a connection may have at most this many bytes. */
  size_t max_headers;  /* A response may have at most this many fields. */
  http_message answer; /* This is the response that is being read. */
  int status;          /* This is the status of the last response; 0: there was none. */
  int interim;         /* This many interim responses were skipped. */
  bool begun;          /* A byte of the present response has come. */
  bool reused;         /* The request was sent on the connection of the one before. */
  int refusal;         /* In CONNECT_REFUSED: this is the code. */
} tunnel_connect;

/* Every change of the state goes through here. */
static void enter(tunnel_connect *c, connect_state state) {
  c->state = state;
}

/* Nothing more is to be sent. */
static int fail(tunnel_connect *c, int err, const char *detail) {
  text_buf_clear(&c->head.output);
  c->head.sent = 0;
  enter(c, CONNECT_FAILED);
  return ws_why_set(&c->head.detail, err, "%s", detail);
}

/* ---- the request ---- */

static int put_credentials(tunnel_connect *c) {
  static const char method[] = "CONNECT";
  text_buf *t = &c->head.output;
  if (!auth_has_next(&c->auth)) return 0;
  text_buf_puts(t, "Proxy-Authorization: ");
  const unsigned n = c->answers > 0 ? c->answers - 1 : 0;
  int err =
      auth_write(&c->auth, t, (ws_text){method, sizeof method - 1},
                 (ws_text){c->authority, strlen(c->authority)}, c->random + n * AUTH_RANDOM_SIZE);
  return err < 0 ? err : text_buf_puts(t, "\r\n");
}

static int write_request(tunnel_connect *c) {
  text_buf *t = &c->head.output;
  text_buf_puts(t, "CONNECT ");
  text_buf_puts(t, c->authority);
  text_buf_puts(t, " HTTP/1.1\r\nHost: ");
  text_buf_puts(t, c->authority);
  text_buf_puts(t, "\r\n");
  int err = put_credentials(c);
  return err < 0 ? err : text_buf_puts(t, "\r\n");
}

static void write_authority(tunnel_connect *c, const tunnel_target *target) {
  const ws_text host = target->host;
  const bool ipv6 = memchr(host.base, ':', host.len) != NULL;
  (void) snprintf(c->authority, sizeof c->authority, ipv6 ? "[%.*s]:%u" : "%.*s:%u", (int) host.len,
                  host.base, (unsigned) target->port);
}

/* ---- the response ---- */

static const char *field(const tunnel_connect *c, const char *name) {
  return header_store_get(&c->answer.fields, name, 0);
}

/* Squid says so in X-Squid-Error, others as in RFC 9209 2.3.2. */
static bool names_dns(const tunnel_connect *c) {
  const char *squid = field(c, "X-Squid-Error"), *status = field(c, "Proxy-Status");
  if (squid != NULL && strncmp(squid, "ERR_DNS_FAIL", strlen("ERR_DNS_FAIL")) == 0) return true;
  return status != NULL &&
         (strstr(status, "error=dns_error") != NULL || strstr(status, "error=dns_timeout") != NULL);
}

/* What the proxy has answered is reported, with the code. */
static int refuse(tunnel_connect *c, int err) {
  c->refusal = err;
  enter(c, CONNECT_REFUSED);
  return 0;
}

static int refuse_connection(tunnel_connect *c) {
  const char *squid = field(c, "X-Squid-Error");
  const int err = names_dns(c) ? WSUV_EPROXYDNS : WSUV_EPROXY;
  return refuse(c, ws_why_set(&c->head.detail, err, "HTTP %d%s%.*s", c->status,
                              squid != NULL ? ", " : "", SHOWN_MAX, squid != NULL ? squid : ""));
}

/* Which field has the challenges. Tinyproxy answers 401 where 407 belongs. */
static const char *challenge_field(const tunnel_connect *c) {
  return c->status == 401 && field(c, "Proxy-Authenticate") == NULL ? "WWW-Authenticate"
                                                                    : "Proxy-Authenticate";
}

static int check_challenge(tunnel_connect *c) {
  ws_why why = {""};
  int err = auth_answer(&c->auth, &c->answer.fields, challenge_field(c), &why);
  if (err == WS_EACCES) {
    return refuse(c,
                  ws_why_set(&c->head.detail, WSUV_EPROXYAUTH, "HTTP %d: %s", c->status, why.text));
  }
  if (err < 0) return fail(c, err, "no memory");
  c->answers++;
  enter(c, http_message_persists(&c->answer) ? CONNECT_REST : CONNECT_AGAIN);
  return 0;
}

/* RFC 9110 15.2 */
static int pass_over(tunnel_connect *c) {
  if (++c->interim > HTTP_INTERIM_MAX) return fail(c, WSUV_EPROXY, "too many interim answers");
  http_message_next(&c->answer);
  return 0;
}

static int check_head(tunnel_connect *c) {
  const unsigned version = http_message_version(&c->answer);
  c->status = http_message_status(&c->answer);
  if (version != 10 && version != 11) return fail(c, WSUV_EPROXY, "answer is not HTTP/1");
  if (c->status < 100 || c->status == 101) {
    return fail(c, WSUV_EPROXY, "status that answers no CONNECT");
  }
  if (c->status < 200) return pass_over(c);
  if (c->status < 300) {
    enter(c, CONNECT_OPEN);
    return 1;
  }
  return c->status == 407 || c->status == 401 ? check_challenge(c) : refuse_connection(c);
}

static int read_head(tunnel_connect *c, const uint8_t *data, size_t len, size_t *used) {
  c->begun = c->begun || len > 0;
  int err = http_message_read_head(&c->answer, data, len, used);
  if (err < 0) return fail(c, err == WS_ENOMEM ? err : WSUV_EPROXY, c->answer.detail);
  return err == 1 ? check_head(c) : 0;
}

/* Make the next request, whose response is to be read. */
static int ask_again(tunnel_connect *c, bool reused) {
  c->interim = 0;
  c->begun = false;
  c->reused = reused;
  enter(c, CONNECT_HEAD);
  int err = write_request(c);
  return err < 0 ? fail(c, err, err == WS_ENOMEM ? "no memory" : "hash function failed") : 0;
}

/* Only after the whole body, and nothing behind it, the connection can have another request. */
static int read_rest(tunnel_connect *c, const uint8_t *data, size_t len, size_t *used) {
  http_message *m = &c->answer;
  int done = http_message_read_body(m, data, len, used);
  if (done < 0) return fail(c, done, "no memory");
  if (m->complete && *used == len) {
    http_message_next(m);
    return ask_again(c, true);
  }
  if (m->complete || m->error != 0 || m->body_left == 0) enter(c, CONNECT_AGAIN);
  return 0;
}

static int read_refusal(tunnel_connect *c, const uint8_t *data, size_t len, size_t *used) {
  int done = http_message_read_body(&c->answer, data, len, used);
  if (done < 0) return fail(c, done, "no memory");
  *used = len;
  return done ? c->refusal : 0;
}

/* ---- the machine ---- */

static tunnel_connect *connect_of(ws_tunnel *t) {
  return (tunnel_connect *) t;
}

static size_t connect_most(const ws_tunnel *t) {
  const size_t left = ((const tunnel_connect *) t)->answer.body_left;
  return left > 0 ? left : 1;
}

/* One step; 0: there may be another one. */
static int step(tunnel_connect *c, const uint8_t *data, size_t len, size_t *used) {
  *used = 0;
  switch (c->state) {
  case CONNECT_HEAD: return read_head(c, data, len, used);
  case CONNECT_REST: return read_rest(c, data, len, used);
  case CONNECT_REFUSED: return read_refusal(c, data, len, used);
  case CONNECT_AGAIN: return WS_EAGAIN;
  case CONNECT_OPEN:
  case CONNECT_FAILED: break;
  }
  return WS_EINVAL;
}

/* A state that is entered by the last byte may have a step without bytes. */
static int connect_feed(ws_tunnel *t, const uint8_t *data, size_t len, size_t *used) {
  tunnel_connect *c = connect_of(t);
  connect_state before;
  int result;
  *used = 0;
  do {
    size_t n;
    before = c->state;
    result = step(c, data + *used, len - *used, &n);
    *used += n;
  } while (result == 0 && (*used < len || c->state != before));
  return result;
}

/* A proxy may close although it has not said so; nothing of its next answer came then. */
static int connect_eof(ws_tunnel *t) {
  tunnel_connect *c = connect_of(t);
  switch (c->state) {
  case CONNECT_REFUSED: return c->refusal;
  case CONNECT_REST: enter(c, CONNECT_AGAIN); return WS_EAGAIN;
  case CONNECT_HEAD:
    if (!c->reused || c->begun) break;
    enter(c, CONNECT_AGAIN);
    return WS_EAGAIN;
  case CONNECT_AGAIN:
  case CONNECT_OPEN:
  case CONNECT_FAILED: break;
  }
  return fail(c, WS_EOF, "connection ended before the proxy's answer");
}

static int connect_restart(ws_tunnel *t) {
  tunnel_connect *c = connect_of(t);
  http_message_clear(&c->answer);
  http_message_init(&c->answer, c->alloc, HTTP_RESPONSE, c->max_size, c->max_headers);
  text_buf_clear(&t->output);
  t->sent = 0;
  return ask_again(c, false);
}

static void connect_refusal(ws_tunnel *t, ws_tunnel_refusal *refusal) {
  tunnel_connect *c = connect_of(t);
  const text_buf *body = &c->answer.body;
  *refusal = (ws_tunnel_refusal){0};
  if (c->state != CONNECT_REFUSED) return;
  refusal->status = c->status;
  refusal->headers = header_store_index(&c->answer.fields);
  refusal->header_count = refusal->headers != NULL ? c->answer.fields.count : 0;
  refusal->body = (ws_view){(const uint8_t *) text_buf_base(body), text_buf_len(body)};
}

static void connect_free(ws_tunnel *t) {
  tunnel_connect *c = connect_of(t);
  if (c == NULL) return;
  http_message_clear(&c->answer);
  auth_clear(&c->auth);
  text_buf_clear(&t->output);
  ws_free(c->alloc, c);
}

static const ws_tunnel_ops ops = {
    .most = connect_most,
    .feed = connect_feed,
    .eof = connect_eof,
    .restart = connect_restart,
    .refusal = connect_refusal,
    .free = connect_free,
};

int tunnel_connect_new(ws_tunnel **out, const wsuv_allocator_t *alloc,
                       const tunnel_connect_config *config, ws_why *why) {
  int err = tunnel_target_check(&config->target, why);
  if (err < 0) return err;
  tunnel_connect *c = ws_calloc(alloc, sizeof *c);
  if (c == NULL) return WS_ENOMEM;
  tunnel_init(&c->head, &ops, alloc);
  c->alloc = alloc;
  c->max_size = config->max_size;
  c->max_headers = config->max_headers;
  memcpy(c->random, config->random, sizeof c->random);
  write_authority(c, &config->target);
  http_message_init(&c->answer, alloc, HTTP_RESPONSE, c->max_size, c->max_headers);
  err = auth_init(&c->auth, alloc, &config->auth, why);
  if (err == 0) err = write_request(c);
  if (err < 0) {
    connect_free(&c->head);
    return err;
  }
  *out = &c->head;
  return 0;
}
