#include "interop.h"

/* Opening handshakes: what is sent arrives, subprotocols are agreed upon or not, refusals are told
   with all that came. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 4096 /* bytes of a refusal that are kept */ };

/* --- the request --- */

static void prepare_request(interop *t, wsuv_request_t *request) {
  static const wsuv_header_t header = {"X-Interop", "some \"value\""};
  (void) t;
  request->origin = "http://origin.example";
  request->headers = &header;
  request->header_count = 1;
}

static void take_request(wsuv_session_t *session, const wsuv_message_t *message) {
  interop *t = interop_of(session);
  char text[200];
  snprintf(text, sizeof text, "%s\nhttp://origin.example\nwsuv/%s\nsome \"value\"",
           t->running->path, wsuv_version());
  EXPECT(t, interop_is_text(message, text));
  interop_finish(t, session);
}

/* --- subprotocols --- */

static const char *const offered[] = {"chat1", "chat2"};

static void offer_two(interop *t, wsuv_request_t *request) {
  (void) t;
  request->subprotocols = offered;
  request->subprotocol_count = 2;
}

static void offer_one(interop *t, wsuv_request_t *request) {
  (void) t;
  request->subprotocols = offered;
  request->subprotocol_count = 1;
}

static void expect_agreed(wsuv_session_t *session) {
  interop *t = interop_of(session);
  const char *field = wsuv_session_response_header(session, "sec-websocket-protocol");
  EXPECT(t, strcmp(wsuv_session_subprotocol(session), "chat2") == 0);
  EXPECT(t, field != NULL && strcmp(field, "chat2") == 0);
  interop_send_text(session);
}

static void expect_none_agreed(wsuv_session_t *session) {
  interop *t = interop_of(session);
  EXPECT(t, strcmp(wsuv_session_subprotocol(session), "") == 0);
  EXPECT(t, wsuv_session_response_header(session, "sec-websocket-protocol") == NULL);
  interop_send_text(session);
}

/* --- refusals --- */

static void unexpected(wsuv_session_t *session) {
  interop *t = interop_of(session);
  FAIL(t, "the session opens");
  wsuv_session_terminate(session);
}

static bool has_header(const wsuv_close_info_t *info, const char *name, const char *value) {
  for (size_t i = 0; i < info->header_count; i++) {
    const wsuv_header_t *h = &info->headers[i];
    if (strcasecmp(h->name, name) == 0 && strcmp(h->value, value) == 0) return true;
  }
  return false;
}

static void check_refused(interop *t, const wsuv_close_info_t *info, int http_status) {
  EXPECT(t, info->status == WSUV_ESTATUS);
  EXPECT(t, info->stage == WSUV_STAGE_HANDSHAKE);
  EXPECT(t, info->http_status == http_status);
  EXPECT(t, has_header(info, "WWW-Authenticate", "Basic realm=\"interop\""));
  EXPECT(t, has_header(info, "X-Interop", "refused"));
  EXPECT(t, !info->clean && info->code == 0 && info->sent_code == 0);
}

static void check_401(interop *t, const wsuv_close_info_t *info) {
  static const char body[] = "no entry\n";
  check_refused(t, info, 401);
  EXPECT(t, info->body_len == strlen(body) && memcmp(info->body, body, info->body_len) == 0);
}

static void check_401_cut(interop *t, const wsuv_close_info_t *info) {
  static const char line[] = "no entry\n";
  check_refused(t, info, 401);
  EXPECT(t, info->body_len == BODY_MAX);
  const char *body = info->body;
  for (size_t i = 0; i < info->body_len; i++) EXPECT(t, body[i] == line[i % strlen(line)]);
}

static void check_404(interop *t, const wsuv_close_info_t *info) {
  check_refused(t, info, 404);
  EXPECT(t, info->body_len == 0);
}

static const interop_case cases[] = {
    {.name = "path, query, origin, user agent and a header arrive",
     .path = "/request?first=a%20b&second=%C3%BC",
     .prepare = prepare_request,
     .on.on_message = take_request},
    {.name = "a subprotocol is agreed upon",
     .path = "/subprotocol",
     .prepare = offer_two,
     .text = "agreed",
     .on = {.on_open = expect_agreed, .on_message = interop_take_text}},
    {.name = "no subprotocol is agreed upon",
     .path = "/subprotocol",
     .prepare = offer_one,
     .text = "not agreed",
     .on = {.on_open = expect_none_agreed, .on_message = interop_take_text}},
    {.name = "401 is told with headers and body",
     .path = "/refuse",
     .on.on_open = unexpected,
     .check = check_401},
    {.name = "the start of a long body is told",
     .path = "/refuse?lines=2000",
     .on.on_open = unexpected,
     .check = check_401_cut},
    {.name = "404 without a body is told",
     .path = "/nowhere",
     .on.on_open = unexpected,
     .check = check_404},
};

const interop_group handshake_cases = INTEROP_GROUP(cases);
