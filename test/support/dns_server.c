#include "support/dns_server.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "testkit/check.h"

/* Writes messages of RFC 1035 4:

       id, flags, 1 question, n answers, 0, 0   12 bytes
       question                                 as it was asked
       answers                                  owner, type, class, TTL, length, data */

enum {
  MESSAGE_MAX = 4096,
  HEADER = 12,
  TYPE_A = 1,
  TYPE_CNAME = 5,
  TYPE_AAAA = 28,
  FLAG_ANSWER = 0x84, /* authoritative */
  FLAG_TRUNCATED = 2
};

typedef struct message {
  uint8_t bytes[2 + MESSAGE_MAX]; /* behind the length that TCP wants */
  size_t len;
} message;

static void put(message *m, const void *data, size_t len) {
  CHECK(m->len + len <= MESSAGE_MAX);
  memcpy(m->bytes + 2 + m->len, data, len);
  m->len += len;
}

static void put_16(message *m, size_t value) {
  const uint8_t bytes[2] = {(uint8_t) (value >> 8), (uint8_t) value};
  put(m, bytes, sizeof bytes);
}

static void put_name(message *m, const char *name) {
  while (*name != '\0') {
    size_t len = strcspn(name, ".");
    const uint8_t size = (uint8_t) len;
    put(m, &size, 1);
    put(m, name, len);
    name += len + (name[len] == '.');
  }
  put(m, "", 1);
}

static void put_record(message *m, size_t owner, uint16_t type, size_t len) {
  put_16(m, 0xc000 | owner); /* a pointer to it, RFC 1035 4.1.4 */
  put_16(m, type);
  put_16(m, 1);
  put_16(m, 0);
  put_16(m, 60);
  put_16(m, len);
}

/* The name and type of the only question, and where it ends. */
static size_t read_question(const uint8_t *data, size_t len, char name[256], uint16_t *type) {
  size_t at = HEADER, used = 0;
  while (at < len && data[at] != 0) {
    size_t label = data[at++];
    CHECK(label < 64 && at + label < len && used + label < 254);
    if (used > 0) name[used++] = '.';
    memcpy(name + used, data + at, label);
    used += label;
    at += label;
  }
  name[used] = '\0';
  CHECK(at + 5 <= len);
  *type = (uint16_t) (data[at + 1] << 8 | data[at + 2]);
  return at + 5;
}

static const dns_rule *find_rule(const dns_server *s, const char *name) {
  const dns_rule *r = s->rules;
  while (r->name != NULL && strcasecmp(r->name, name) != 0) r++;
  return r;
}

static size_t put_addresses(message *m, const dns_rule *r, size_t owner, uint16_t type) {
  uint8_t addr[16];
  size_t n = 0;
  for (size_t i = 0; i < DNS_ADDRESSES && r->addresses[i] != NULL; i++) {
    bool v6 = strchr(r->addresses[i], ':') != NULL;
    if (v6 != (type == TYPE_AAAA)) continue;
    CHECK(inet_pton(v6 ? AF_INET6 : AF_INET, r->addresses[i], addr) == 1);
    put_record(m, owner, type, v6 ? 16 : 4);
    put(m, addr, v6 ? 16 : 4);
    n++;
  }
  return n;
}

static void put_answers(message *m, const dns_rule *r, uint16_t type) {
  size_t owner = HEADER, n = 0;
  if (r->cname != NULL) {
    put_record(m, owner, TYPE_CNAME, strlen(r->cname) + 2);
    owner = m->len;
    put_name(m, r->cname);
    n++;
  }
  n += put_addresses(m, r, owner, type);
  m->bytes[2 + 7] = (uint8_t) n;
}

/* false: no answer. */
static bool answer(dns_server *s, message *m, const uint8_t *data, size_t len, bool udp) {
  static const uint8_t rest[] = {0, 1, 0, 0, 0, 0, 0, 0};
  uint16_t type;
  CHECK(len > HEADER);
  size_t end = read_question(data, len, s->asked, &type);
  const dns_rule *r = find_rule(s, s->asked);
  const uint8_t flags[2] = {(uint8_t) (FLAG_ANSWER | (udp && r->truncates ? FLAG_TRUNCATED : 0)),
                            r->rcode};
  s->questions++;
  s->by_tcp += !udp;
  if (r->silent || (r->silent_aaaa && type == TYPE_AAAA)) return false;
  m->len = 0;
  put(m, data, 2);
  put(m, flags, sizeof flags);
  put(m, rest, sizeof rest);
  put(m, data + HEADER, end - HEADER);
  if (r->rcode == 0 && !(udp && r->truncates)) put_answers(m, r, type);
  if (r->garbage && m->bytes[2 + 7] > 0) m->len -= 3;
  m->bytes[0] = (uint8_t) (m->len >> 8);
  m->bytes[1] = (uint8_t) m->len;
  return true;
}

/* --- UDP --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[MESSAGE_MAX];
  (void) handle;
  (void) suggested;
  *buf = uv_buf_init(room, sizeof room);
}

static void on_question(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags) {
  message m;
  (void) flags;
  if (n <= 0 || !answer(udp->data, &m, (const uint8_t *) buf->base, (size_t) n, true)) return;
  uv_buf_t out = uv_buf_init((char *) m.bytes + 2, (unsigned) m.len);
  CHECK(uv_udp_try_send(udp, &out, 1, from) == (int) m.len);
}

/* --- TCP: a question comes in one read, or the test has to know --- */

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static void on_tcp_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  message m;
  if (n < 0) uv_close((uv_handle_t *) stream, on_closed);
  const uint8_t *data = (const uint8_t *) buf->base;
  for (size_t at = 0, len; n > 0 && at + 2 < (size_t) n; at += 2 + len) {
    len = (size_t) (data[at] << 8 | data[at + 1]);
    CHECK(at + 2 + len <= (size_t) n);
    if (!answer(stream->data, &m, data + at + 2, len, false)) continue;
    uv_buf_t out = uv_buf_init((char *) m.bytes, (unsigned) m.len + 2);
    (void) uv_try_write(stream, &out, 1); /* who has asked may be gone */
  }
}

static void on_connection(uv_stream_t *listener, int status) {
  uv_tcp_t *tcp = check_alloc(sizeof *tcp);
  CHECK(status == 0 && uv_tcp_init(listener->loop, tcp) == 0);
  tcp->data = listener->data;
  CHECK(uv_accept(listener, (uv_stream_t *) tcp) == 0);
  CHECK(uv_read_start((uv_stream_t *) tcp, on_alloc, on_tcp_read) == 0);
  uv_unref((uv_handle_t *) tcp);
}

/* --- both --- */

void dns_server_start(dns_server *s, uv_loop_t *loop, const char *addr, uint16_t port,
                      const dns_rule *rules) {
  struct sockaddr_in in;
  int len = sizeof in, room = 1024 * 1024; /* for many questions at once */
  *s = (dns_server){.rules = rules};
  CHECK(uv_tcp_init(loop, &s->tcp) == 0 && uv_udp_init(loop, &s->udp) == 0);
  s->tcp.data = s->udp.data = s;
  CHECK(uv_ip4_addr(addr, port, &in) == 0);
  CHECK(uv_tcp_bind(&s->tcp, (const struct sockaddr *) &in, 0) == 0);
  CHECK(uv_listen((uv_stream_t *) &s->tcp, 16, on_connection) == 0);
  CHECK(uv_tcp_getsockname(&s->tcp, (struct sockaddr *) &in, &len) == 0);
  CHECK(uv_udp_bind(&s->udp, (const struct sockaddr *) &in, 0) == 0);
  CHECK(uv_recv_buffer_size((uv_handle_t *) &s->udp, &room) == 0);
  CHECK(uv_udp_recv_start(&s->udp, on_alloc, on_question) == 0);
  s->port = ntohs(in.sin_port);
  uv_unref((uv_handle_t *) &s->tcp);
  uv_unref((uv_handle_t *) &s->udp);
}

void dns_server_stop(dns_server *s) {
  uv_close((uv_handle_t *) &s->tcp, NULL);
  uv_close((uv_handle_t *) &s->udp, NULL);
}
