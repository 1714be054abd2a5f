#include <wsuv/converter.h>

#include "base/error.h"
#include "session/send.h"
#include "session/session.h"

/* Converts values to messages and messages to values, with the program's converter. The messages
   are sent and received like all others. */

static int send_converted(wsuv_session_t *s, const wsuv_frame_t *frame, wsuv_send_cb cb,
                          void *arg) {
  bool data = frame->type == WSUV_FRAME_TEXT || frame->type == WSUV_FRAME_BINARY;
  return data && frame->fin ? session_send_message(s, frame, cb, arg) : WSUV_ECONVERT;
}

int wsuv_send_serialized(wsuv_session_t *session, const void *value, const void *type,
                         wsuv_send_cb cb, void *arg) {
  const wsuv_converter_t *c = &session_kind_of(session)->converter;
  wsuv_frame_t frame;
  if (c->serialize == NULL) return WSUV_ENOCONVERTER;
  int err = session_check_open(session);
  if (err < 0) return err;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, NULL, 0);
  if (c->serialize(c->arg, value, type, &frame) < 0) return WSUV_ECONVERT;
  err = send_converted(session, &frame, cb, arg);
  if (c->release != NULL) c->release(c->arg, &frame);
  return err;
}

int wsuv_message_deserialize(wsuv_session_t *session, const wsuv_message_t *received,
                             const void *type, void *value) {
  const wsuv_converter_t *c = &session_kind_of(session)->converter;
  wsuv_frame_t frame;
  if (c->deserialize == NULL) return WSUV_ENOCONVERTER;
  wsuv_frame_init(&frame, received->type, received->data, received->len);
  if (c->is_applicable != NULL && !c->is_applicable(c->arg, &frame)) return WSUV_ENOTAPPLICABLE;
  return c->deserialize(c->arg, &frame, type, value) < 0 ? WSUV_ECONVERT : 0;
}
