#include "net/dial/tunnel_driver.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* While bytes are retained, nothing is read, because feeding may move the output. If writing fails,
   it is still read, because the proxy may have said why. A proxy may answer before it was asked;
   then the tunnel is open only when all output is sent. */

static const ws_view nothing = {NULL, 0};

static void write_output(tunnel_driver *d) {
  ws_view output;
  while (d->write_error == 0 && d->retained == 0 && (output = tunnel_output(d->machine)).len > 0) {
    size_t taken;
    d->write_error = d->lower->ops->write(d->lower, &output, 1, &taken, &d->retained);
    if (d->write_error == 0) tunnel_sent(d->machine, taken);
  }
}

/* Start or stop to read. 0 or a code. */
static int driver_read(tunnel_driver *d, bool on) {
  int err = 0;
  if (on && !d->reading) err = d->lower->ops->read_start(d->lower);
  if (!on && d->reading) d->lower->ops->read_stop(d->lower);
  d->reading = on && err == 0;
  return err;
}

static void driver_finish(tunnel_driver *d, int status, ws_view rest) {
  (void) driver_read(d, false); /* to stop cannot fail */
  d->on_done(d->up, status, rest);
}

/* Read if nothing is retained; otherwise on_write goes on. */
static int go_on(tunnel_driver *d) {
  write_output(d);
  return driver_read(d, d->retained == 0);
}

static void go_on_or_fail(tunnel_driver *d) {
  int err = go_on(d);
  if (err < 0) driver_finish(d, err, nothing);
}

/* Called once for each answer: what is kept is not moved again. */
static void keep_rest(tunnel_driver *d, ws_view rest) {
  (void) driver_read(d, false); /* to stop cannot fail */
  if (d->rest != NULL) return;
  d->rest = ws_malloc(d->alloc, rest.len);
  if (d->rest == NULL) {
    driver_finish(d, WS_ENOMEM, nothing);
    return;
  }
  if (rest.len > 0) memcpy(d->rest, rest.base, rest.len);
  d->rest_len = rest.len;
}

/* The answer is whole. */
static void driver_open(tunnel_driver *d, ws_view rest) {
  write_output(d);
  if (d->write_error < 0) {
    driver_finish(d, d->write_error, nothing);
  } else if (d->retained > 0) {
    keep_rest(d, rest);
  } else {
    driver_finish(d, 0, rest);
  }
}

static void driver_on_alloc(void *up, ws_room *buf) {
  const tunnel_driver *d = up;
  const size_t most = d->machine->ops->most(d->machine);
  *buf = (ws_room){d->room.base, most < d->room.len ? most : d->room.len};
}

static void driver_feed(tunnel_driver *d, const uint8_t *data, size_t len) {
  size_t used;
  int result = d->machine->ops->feed(d->machine, data, len, &used);
  if (result == 0) {
    go_on_or_fail(d);
  } else if (result == 1) {
    driver_open(d, (ws_view){data + used, len - used});
  } else {
    driver_finish(d, result, nothing);
  }
}

/* What the machine makes of the end, or else the error of writing, or of reading. */
static void driver_cut(tunnel_driver *d, int status) {
  int result = d->machine->ops->eof(d->machine);
  if (result == WS_EOF) result = d->write_error < 0 ? d->write_error : status;
  driver_finish(d, result, nothing);
}

static void driver_on_read(void *up, uint8_t *data, ptrdiff_t n) {
  if (n > 0) {
    driver_feed(up, data, (size_t) n);
  } else {
    driver_cut(up, (int) n);
  }
}

static void driver_on_write(void *up, int status) {
  tunnel_driver *d = up;
  if (status == 0) tunnel_sent(d->machine, d->retained);
  if (status < 0) d->write_error = status;
  d->retained = 0;
  if (d->rest != NULL) {
    driver_open(d, (ws_view){d->rest, d->rest_len});
  } else {
    go_on_or_fail(d);
  }
}

/* Whoever closes the filter replaces its events before. */
static void driver_on_close(void *up) {
  (void) up;
}

static const ws_filter_events events = {.on_alloc = driver_on_alloc,
                                        .on_read = driver_on_read,
                                        .on_write = driver_on_write,
                                        .on_close = driver_on_close};

int tunnel_driver_start(tunnel_driver *d) {
  d->lower->events = &events;
  d->lower->up = d;
  return go_on(d);
}

void tunnel_driver_clear(tunnel_driver *d) {
  if (d->rest != NULL) ws_free(d->alloc, d->rest);
  d->rest = NULL;
}

int tunnel_driver_give_up(tunnel_driver *d) {
  return d->retained > 0 ? WS_EOF : d->machine->ops->eof(d->machine);
}
