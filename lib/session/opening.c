#include "session/opening.h"

/* What every opening does in the same way: it measures its steps, and writes one message. */

void opening_record_step(opening *o, ws_env *env, uint32_t *took_us) {
  uint64_t now = env->ops->now_ns(env), us = (now - o->figures.since_ns) / 1000;
  *took_us = us < UINT32_MAX ? (uint32_t) us : UINT32_MAX;
  o->figures.since_ns = now;
}

void opening_write(opening *o, const char *text, size_t len) {
  while (o->write_error == 0 && o->retained == 0 && o->sent < len) {
    const ws_view piece = {(const uint8_t *) text + o->sent, len - o->sent};
    size_t taken;
    o->write_error = o->filter->ops->write(o->filter, &piece, 1, &taken, &o->retained);
    if (o->write_error < 0) break;
    o->sent += taken;
    o->figures.wire_sent += taken;
  }
}

void opening_written(opening *o, int status) {
  if (status == 0) {
    o->sent += o->retained;
    o->figures.wire_sent += o->retained;
  } else {
    o->write_error = status;
  }
  o->retained = 0;
}
