#include "support/raw_client.h"

/* Bytes in and out, and as much of HTTP and of frames as the tests of a server need. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "support/frame_peer.h"
#include "support/tls_wire.h"
#include "support/world_tls.h"
#include "testkit/check.h"

/* The example of RFC 6455 1.3. */
static const char right_key[] = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
static const char right_accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/* --- events --- */

static void take_frames(raw_client *c) {
  seen_frame f;
  size_t n;
  while ((n = frames_parse(&f, fifo_data(&c->in), c->in.len)) > 0) {
    fifo_consume(&c->in, n); /* the payload stays where it is until bytes are appended */
    c->frames++;
    if (!c->forgets) {
      if (f.spec.masked) bytes_print(&c->saw, "(masked) ");
      frames_render(&c->saw, f.spec.opcode, f.spec.fin, f.spec.rsv, f.payload, (size_t) f.length);
    }
    if (c->on_frame != NULL) c->on_frame(c, &f);
  }
}

static void take_head(raw_client *c, size_t len) {
  free(c->head);
  c->head = check_alloc(len + 1);
  memcpy(c->head, fifo_data(&c->in), len);
  fifo_consume(&c->in, len);
  CHECK(sscanf(c->head, "HTTP/1.1 %3d ", &c->status) == 1);
}

static bool find_head(raw_client *c) {
  const uint8_t *p = fifo_data(&c->in);
  for (size_t i = 3; i < c->in.len; i++) {
    if (memcmp(p + i - 3, "\r\n\r\n", 4) != 0) continue;
    take_head(c, i + 1);
    return true;
  }
  return false;
}

/* 100 to 199 are interim responses, but for 101. */
static void look_for_head(raw_client *c) {
  while (find_head(c) && c->status < 200 && c->status != 101) {
    free(c->head);
    c->head = NULL;
    c->interim++;
  }
}

static void on_data(void *up, const uint8_t *data, size_t len) {
  raw_client *c = up;
  fifo_append(&c->in, data, len);
  c->received += len;
  if (c->head == NULL) look_for_head(c);
  if (c->status == 101) take_frames(c);
}

static void on_end(void *up, int status) {
  raw_client *c = up;
  c->ended = true;
  c->end_status = status;
  c->ended_ms = world_now_ms(c->w);
}

static const wire_events events = {on_data, on_end};

/* --- connecting and ending --- */

static raw_client *client_on(world *w, wire *end) {
  raw_client *c = check_alloc(sizeof *c);
  c->w = w;
  c->wire = end;
  end->events = &events;
  end->up = c;
  ws_list_append(&w->clients, &c->node);
  raw_client_read(c, true);
  return c;
}

raw_client *raw_client_new_plain(world *w, const struct sockaddr_storage *addr) {
  return client_on(w, world_connect(w, (const struct sockaddr *) addr));
}

raw_client *raw_client_new(world *w, const struct sockaddr_storage *addr) {
  return raw_client_new_after(w, addr, NULL, 0);
}

raw_client *raw_client_new_after(world *w, const struct sockaddr_storage *addr, const void *first,
                                 size_t len) {
  struct tls_context *tls = world_client_context(w);
  wire *end = world_connect(w, (const struct sockaddr *) addr);
  if (len > 0) end->ops->write(end, first, len);
  return client_on(w, tls != NULL ? tls_wire_new(w, end, tls, "127.0.0.1") : end);
}

static void stop_sending(raw_client *c) {
  if (c->timer != NULL) world_cancel(c->w, c->timer);
  c->timer = NULL;
}

static void forget_wire(raw_client *c) {
  stop_sending(c);
  c->closed = true;
  c->wire = NULL;
}

void raw_client_close(raw_client *c) {
  if (c->closed) return;
  c->wire->ops->close(c->wire);
  forget_wire(c);
}

void raw_client_reset(raw_client *c) {
  if (c->closed) return;
  c->wire->ops->reset(c->wire);
  forget_wire(c);
}

void raw_client_end(raw_client *c) {
  if (!c->closed) c->wire->ops->end(c->wire);
}

void raw_client_free(raw_client *c) {
  raw_client_close(c);
  ws_list_remove(&c->node);
  fifo_free(&c->in);
  bytes_free(&c->saw);
  bytes_free(&c->slow);
  bytes_free(&c->body);
  free(c->head);
  free(c);
}

void raw_clients_end(world *w) {
  while (!ws_list_empty(&w->clients)) {
    raw_client_free(ws_list_entry(w->clients.next, raw_client, node));
  }
}

/* --- sending and reading --- */

void raw_client_read(raw_client *c, bool on) {
  if (!c->closed && !c->ended) c->wire->ops->read(c->wire, on);
}

void raw_client_send(raw_client *c, const void *data, size_t len) {
  if (!c->closed) c->wire->ops->write(c->wire, data, len);
}

void raw_client_send_text(raw_client *c, const char *text) {
  raw_client_send(c, text, strlen(text));
}

void raw_client_send_frames(raw_client *c, const char *script) {
  bytes out = frames_of(script, true);
  raw_client_send(c, out.base, out.len);
  bytes_free(&out);
}

static void send_piece(void *data) {
  raw_client *c = data;
  size_t left = c->slow.len - c->slow_at, n = left < c->piece ? left : c->piece;
  c->timer = NULL;
  raw_client_send(c, c->slow.base + c->slow_at, n);
  c->slow_at += n;
  if (n < left) c->timer = world_after(c->w, c->every_ms, send_piece, c);
}

void raw_client_send_pieces(raw_client *c, const void *data, size_t len, size_t piece,
                            uint64_t every_ms) {
  stop_sending(c);
  bytes_free(&c->slow);
  bytes_add(&c->slow, data, len);
  c->slow_at = 0;
  c->piece = piece;
  c->every_ms = every_ms;
  send_piece(c);
}

/* --- the opening handshake --- */

static void add_line(bytes *out, const char *line, const char *right) {
  if (line == NULL) line = right;
  if (*line == '\0') return;
  bytes_add(out, line, strlen(line));
  bytes_add(out, "\r\n", 2);
}

void upgrade_request(bytes *out, const upgrade_lines *lines) {
  static const upgrade_lines right = {.line = NULL};
  bytes first = {0};
  if (lines == NULL) lines = &right;
  bytes_add(&first, "GET ", 4);
  const char *target = lines->target != NULL ? lines->target : "/";
  bytes_add(&first, target, strlen(target));
  bytes_add(&first, " HTTP/1.1", 9);
  add_line(out, lines->line, bytes_text(&first));
  add_line(out, lines->host, "Host: 127.0.0.1");
  add_line(out, lines->upgrade, "Upgrade: websocket");
  add_line(out, lines->connection, "Connection: Upgrade");
  add_line(out, lines->key, right_key);
  add_line(out, lines->version, "Sec-WebSocket-Version: 13");
  if (lines->more != NULL) bytes_add(out, lines->more, strlen(lines->more));
  bytes_add(out, "\r\n", 2);
  bytes_free(&first);
}

void raw_client_request(raw_client *c, const upgrade_lines *lines) {
  bytes out = {0};
  upgrade_request(&out, lines);
  raw_client_send(c, out.base, out.len);
  bytes_free(&out);
}

static bool has_head(void *arg) {
  const raw_client *c = arg;
  if (c->ended && c->head == NULL) CHECK_FAIL("the connection ends without a response");
  return c->head != NULL;
}

void raw_client_run_to_head(raw_client *c) {
  world_run_until(c->w, has_head, c);
}

void raw_client_run_to_status(raw_client *c, int status) {
  raw_client_run_to_head(c);
  if (c->status != status) CHECK_FAIL("not %d, but %s", status, c->head);
}

void raw_client_upgrade(raw_client *c, const upgrade_lines *lines) {
  raw_client_request(c, lines);
  raw_client_run_to_status(c, 101);
  CHECK(raw_client_has_field(c, "Sec-WebSocket-Accept", right_accept));
}

/* The value of the line that p is in, if it has this name. */
static bool is_field(const char *p, const char *name, const char **value, size_t *len) {
  size_t n = strlen(name);
  if (strncasecmp(p, name, n) != 0 || p[n] != ':') return false;
  p += n + 1;
  p += strspn(p, " \t");
  *value = p;
  *len = strcspn(p, "\r\n");
  return true;
}

bool raw_client_has_field(const raw_client *c, const char *name, const char *value) {
  const char *found = NULL;
  size_t count = 0, len = 0;
  CHECK(c->head != NULL);
  for (const char *p = strstr(c->head, "\r\n"); p != NULL; p = strstr(p, "\r\n")) {
    p += 2;
    if (is_field(p, name, &found, &len)) count++;
  }
  bool right = value == NULL ? count == 0
                             : count == 1 && len == strlen(value) && memcmp(found, value, len) == 0;
  if (!right) fprintf(stderr, "%s is not '%s' in:\n%s", name, value, c->head);
  return right;
}

/* --- several responses on one connection --- */

static size_t content_length(const raw_client *c) {
  const char *at = strstr(c->head, "\r\nContent-Length: ");
  return at != NULL ? strtoul(at + strlen("\r\nContent-Length: "), NULL, 10) : 0;
}

static bool has_whole_body(void *arg) {
  const raw_client *c = arg;
  bool whole = c->in.len >= content_length(c);
  if (c->ended && !whole) CHECK_FAIL("the connection ends within a body");
  return whole;
}

void raw_client_run_to_response(raw_client *c, bool to_head) {
  raw_client_run_to_head(c);
  if (to_head) return;
  world_run_until(c->w, has_whole_body, c);
  const size_t len = content_length(c);
  bytes_free(&c->body);
  bytes_add(&c->body, fifo_data(&c->in), len);
  fifo_consume(&c->in, len);
}

void raw_client_next(raw_client *c) {
  free(c->head);
  c->head = NULL;
  c->status = 0;
  look_for_head(c);
}

bool raw_client_has_body(const raw_client *c, const char *text) {
  bool same = c->body.len == strlen(text) && memcmp(bytes_text(&c->body), text, c->body.len) == 0;
  if (!same) fprintf(stderr, "wanted: %s\nbody: %s\n", text, bytes_text(&c->body));
  return same;
}

/* --- behind it --- */

typedef struct frame_count {
  const raw_client *c;
  size_t target;
} frame_count;

static bool has_frames(void *arg) {
  const frame_count *f = arg;
  bool enough = f->c->frames >= f->target;
  if (f->c->ended && !enough) CHECK_FAIL("the connection ends before the frames");
  return enough;
}

void raw_client_run_to_frames(raw_client *c, size_t count) {
  frame_count f = {c, count};
  world_run_until(c->w, has_frames, &f);
}

static bool has_answer(void *arg) {
  const raw_client *c = arg;
  return c->received > 0 || c->ended;
}

void raw_client_run_to_answer(raw_client *c) {
  world_run_until(c->w, has_answer, c);
}

void raw_client_run_to_end(raw_client *c) {
  world_run_until_true(c->w, &c->ended);
}

bool raw_client_saw(const raw_client *c, const char *script) {
  return frames_match(&c->saw, script);
}
