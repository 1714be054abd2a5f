#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "sim/run.h"
#include "testkit/check.h"

/* A connection to a proxy or an origin: it says things in pieces, breaks where the fault says so,
   and moves bytes to and from the connection behind it. */

static void drop_behind(way_pipe *p) {
  if (p->behind != NULL) p->behind->ops->close(p->behind);
  p->behind = NULL;
}

static void drop(way_pipe *p) {
  if (p->timer != NULL) world_cancel(p->of->w, p->timer);
  p->timer = NULL;
  p->mute = true;
  drop_behind(p);
  raw_conn_close(p->conn);
}

/* Behind the tunnel's answer it is a fault of the link, which can end the session in any way. */
static void note_fault(const way_pipe *p) {
  static const unsigned proxys[] = {[WAY_ENDS] = FACT_PROXY_ENDED,
                                    [WAY_RESETS] = FACT_PROXY_RESET,
                                    [WAY_SILENT] = FACT_PROXY_SILENT};
  static const unsigned origins[] = {
      [WAY_ENDS] = FACT_ENDED, [WAY_RESETS] = FACT_RESET, [WAY_SILENT] = FACT_SILENT};
  talk *t = p->talk;
  if (p->said >= p->begin) {
    t->injured = true;
    t->dead = p->fault == WAY_SILENT;
  } else {
    t->way.facts |= p->proxy != NULL ? proxys[p->fault] : origins[p->fault];
  }
}

static void break_down(way_pipe *p) {
  note_fault(p);
  if (p->fault == WAY_SILENT) p->of->silent = true;
  p->talk->way.fault = WAY_NO_FAULT;
  p->mute = true;
  drop_behind(p);
  if (p->fault == WAY_ENDS) raw_conn_end(p->conn);
  if (p->fault == WAY_RESETS) raw_conn_reset(p->conn);
  p->fault = WAY_NO_FAULT;
}

static void on_timer(void *data);

static void say_some(way_pipe *p) {
  const size_t piece = p->open ? 0 : p->piece;
  while (p->out.len > 0 && !p->mute) {
    size_t n = piece > 0 && piece < p->out.len ? piece : p->out.len;
    const bool breaks = p->fault >= WAY_ENDS && p->said + n >= p->fault_at;
    if (breaks) n = p->fault_at - p->said;
    raw_conn_write(p->conn, p->out.base, n);
    memmove(p->out.base, p->out.base + n, p->out.len - n);
    p->out.len -= n;
    p->said += n;
    if (breaks) {
      break_down(p);
    } else if (p->out.len > 0) {
      p->timer = world_after(p->of->w, 0, on_timer, p);
      return;
    }
  }
  if (p->leaves && !p->mute) raw_conn_end(p->conn);
}

static void on_timer(void *data) {
  way_pipe *p = data;
  p->timer = NULL;
  say_some(p);
}

void way_pipe_say(way_pipe *p, const void *data, size_t len) {
  if (p->mute) return;
  bytes_add(&p->out, data, len);
  if (p->timer == NULL) say_some(p);
}

/* --- what is behind --- */

static void on_behind(void *up, const uint8_t *data, size_t len) {
  way_pipe_say(up, data, len);
}

static void on_behind_end(void *up, int status) {
  way_pipe *p = up;
  p->behind_ended = true;
  if (status < 0) {
    raw_conn_reset(p->conn);
    drop(p);
    return;
  }
  p->leaves = true;
  if (p->out.len == 0) raw_conn_end(p->conn);
  if (p->conn_ended) drop(p);
}

static const wire_events behind_events = {on_behind, on_behind_end};

void way_pipe_lead(way_pipe *p, uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  to.sin_port = htons(port);
  p->behind = world_connect(p->of->w, (const struct sockaddr *) &to);
  p->behind->events = &behind_events;
  p->behind->up = p;
  p->behind->ops->read(p->behind, true);
}

void way_pipe_bytes(way_pipe *p) {
  fifo *in = &p->conn->in;
  if (p->behind != NULL && !p->mute) p->behind->ops->write(p->behind, fifo_data(in), in->len);
  fifo_consume(in, in->len);
}

/* --- lifetime --- */

void way_pipe_end(raw_conn *c) {
  way_pipe *p = c->data;
  p->conn_ended = true;
  if (p->behind == NULL || p->behind_ended || p->mute) {
    drop(p);
  } else if (c->end_status < 0) {
    wire *behind = p->behind;
    p->behind = NULL;
    behind->ops->reset(behind);
    drop(p);
  } else {
    p->behind->ops->end(p->behind);
  }
}

way_pipe *way_pipe_new(run *r, raw_conn *conn) {
  way_pipe *p = check_alloc(sizeof *p);
  *p = (way_pipe){.next = r->pipes, .of = r, .conn = conn, .begin = SIZE_MAX};
  r->pipes = p;
  conn->data = p;
  return p;
}

void way_pipes_free(run *r) {
  while (r->pipes != NULL) {
    way_pipe *p = r->pipes;
    r->pipes = p->next;
    drop(p);
    bytes_free(&p->out);
    free(p);
  }
}
