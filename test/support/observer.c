#include "support/observer.h"

/* Counts and copies; what a session may never do is found out where it does it. */

#include <stdio.h>
#include <string.h>

#include "support/check.h"

static size_t calls_under_way;

bool observer_from_loop(void) {
  return calls_under_way == 0;
}

static observer *self(wsuv_session_t *session) {
  observer *o = wsuv_session_data(session);
  CHECK(observer_from_loop());
  CHECK(o->session == session && !o->closed);
  return o;
}

static void on_open(wsuv_session_t *session) {
  observer *o = self(session);
  CHECK(o->opens == 0 && o->messages == 0);
  CHECK(wsuv_session_stage(session) == WSUV_STAGE_OPEN);
  o->opens++;
  o->opened = true;
  if (o->at_open != NULL) o->at_open(o);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  observer *o = self(session);
  CHECK(o->opened);
  o->messages++;
  bytes_add(&o->text, message->data, message->len);
  bytes_add(&o->text, ";", 1);
  if (o->at_message != NULL) o->at_message(o, message);
}

static void on_other(wsuv_session_t *session, const void *data, size_t len) {
  (void) data;
  (void) len;
  CHECK(self(session)->opened);
}

static void on_drain(wsuv_session_t *session) {
  CHECK(self(session)->opened);
}

static void copy_text(char to[OBSERVER_TEXT_SIZE], const char *from, size_t len) {
  CHECK(strlen(from) == len && len < OBSERVER_TEXT_SIZE);
  memcpy(to, from, len + 1);
}

static void add_header(bytes *text, const wsuv_header_t *header) {
  bytes_add(text, header->name, strlen(header->name));
  bytes_add(text, ": ", 2);
  bytes_add(text, header->value, strlen(header->value));
  bytes_add(text, "\n", 1);
}

static void copy_refusal(observer *o, const wsuv_close_info_t *info) {
  o->http_status = info->http_status;
  o->header_count = info->header_count;
  o->has_body = info->body != NULL;
  for (size_t i = 0; i < info->header_count; i++) {
    add_header(&o->headers, &info->headers[i]);
  }
  if (info->body_len > 0) bytes_add(&o->body, info->body, info->body_len);
}

static void copy_info(observer *o, const wsuv_close_info_t *info) {
  CHECK(info->size == sizeof *info && info->status <= 0);
  o->status = info->status;
  o->stage = info->stage;
  o->clean = info->clean;
  o->code = info->code;
  o->sent_code = info->sent_code;
  copy_text(o->detail, info->detail, strlen(info->detail));
  copy_text(o->reason, info->reason, info->reason_len);
  copy_text(o->sent_reason, info->sent_reason, info->sent_reason_len);
  copy_refusal(o, info);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  observer *o = self(session);
  o->closes++;
  o->closed = true;
  copy_info(o, info);
  if (o->at_close != NULL) o->at_close(o);
  if (o->session == session) o->session = NULL; /* it may watch another one by now */
}

const wsuv_callbacks_t observer_callbacks = {
    WSUV_CALLBACKS_INIT, .on_open = on_open,   .on_message = on_message, .on_ping = on_other,
    .on_pong = on_other, .on_drain = on_drain, .on_close = on_close};

int observer_connect(observer *o, wsuv_client_t *client, const char *url) {
  calls_under_way++;
  int err = wsuv_connect_url(client, url, &observer_callbacks, o, &o->session);
  calls_under_way--;
  return err;
}

int observer_request(observer *o, wsuv_client_t *client, const wsuv_request_t *request) {
  wsuv_request_t mine = *request;
  mine.data = o;
  calls_under_way++;
  int err = wsuv_connect(client, &mine, &observer_callbacks, &o->session);
  calls_under_way--;
  return err;
}

int observer_stream(observer *o, wsuv_client_t *client, const wsuv_request_t *request,
                    uv_stream_t *stream) {
  wsuv_request_t mine = *request;
  mine.data = o;
  calls_under_way++;
  int err = wsuv_connect_stream(client, &mine, stream, &observer_callbacks, &o->session);
  calls_under_way--;
  return err;
}

int observer_close(observer *o, unsigned code) {
  calls_under_way++;
  int err = wsuv_session_close(o->session, code, NULL);
  calls_under_way--;
  return err;
}

void observer_terminate(observer *o) {
  calls_under_way++;
  wsuv_session_terminate(o->session);
  calls_under_way--;
}

int observer_client_close(wsuv_client_t *client, wsuv_client_close_cb cb) {
  calls_under_way++;
  int err = wsuv_client_close(client, cb);
  calls_under_way--;
  return err;
}

int observer_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb) {
  calls_under_way++;
  int err = wsuv_client_terminate(client, cb);
  calls_under_way--;
  return err;
}

void observer_reset(observer *o) {
  const observer kept = *o;
  bytes_free(&o->text);
  bytes_free(&o->headers);
  bytes_free(&o->body);
  *o = (observer){.at_open = kept.at_open,
                  .at_message = kept.at_message,
                  .at_close = kept.at_close,
                  .data = kept.data};
}
