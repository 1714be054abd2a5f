#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/transport.h"
#include "net/uv/adopt.h"
#include "session/attempt.h"
#include "session/client.h"
#include "session/config.h"
#include "session/notify.h"
#include "session/session.h"

/* wsuv_connect and the functions like it. Every error in a request is found here, before anything
   starts. */

SIZED_TYPE(request_type, wsuv_request_t, cookies, sizeof(wsuv_request_t));
SIZED_TYPE(callbacks_type, wsuv_callbacks_t, on_unauthorized, sizeof(wsuv_callbacks_t));

/* What the program has asked for, in structures of the current size. */
typedef struct connect_input {
  wsuv_request_t request; /* The request's `config` points to `config` below, or is NULL. */
  config_input config; /* This is the request's own configuration, and is not set if it has none. */
  wsuv_callbacks_t callbacks; /* These are the session's callbacks, all NULL if there are none. */
} connect_input;

static int read_input(connect_input *to, const wsuv_request_t *request,
                      const wsuv_callbacks_t *callbacks, ws_why *why) {
  wsuv_request_init(&to->request, NULL);
  wsuv_callbacks_init(&to->callbacks);
  int err = sized_in(&to->request, &request_type, request, why);
  if (err == 0 && callbacks != NULL)
    err = sized_in(&to->callbacks, &callbacks_type, callbacks, why);
  if (err < 0 || to->request.config == NULL) return err;
  err = config_read(&to->config, WS_CLIENT, to->request.config, why);
  to->request.config = &to->config.config;
  return err;
}

static int check(const wsuv_client_t *client, const wsuv_request_t *request, ws_why *why) {
  if (request->header_count > 0 && request->headers == NULL) return WS_EINVAL;
  if (request->subprotocol_count > 0 && request->subprotocols == NULL) return WS_EINVAL;
  if (request->config == NULL) return 0;
  return config_check_own(request->config, WS_CLIENT, &client->endpoint.config, why);
}

/* The extensions to offer: the client's, or those of the request's own configuration. A raw session
   offers none. */
static int choose_extensions(extension_list **out, endpoint *e, const wsuv_request_t *request) {
  const wsuv_config_t *own = request->config;
  *out = NULL;
  if (request->raw) return 0;
  if (own != NULL) {
    return extension_list_new(out, &e->alloc, own->extensions, own->extension_count);
  }
  *out = extension_list_ref(e->extensions);
  return 0;
}

static int make_request(session_request **out, endpoint *e, const wsuv_request_t *from,
                        const wsuv_config_t *config, ws_why *why) {
  extension_list *extensions;
  int err = choose_extensions(&extensions, e, from);
  if (err == WSUV_ESIZE) ws_why_set(why, err, "wsuv_extension_t");
  if (err < 0) return err;
  err = request_new(out, &e->alloc, from, config, &e->tls, extensions, why);
  extension_list_unref(extensions);
  return err;
}

/* Create the attempt of a new session, which owns it. */
static int make_attempt(attempt **out, wsuv_session_t *s, wsuv_client_t *client,
                        const wsuv_request_t *from, const wsuv_config_t *config, ws_why *why) {
  session_request *req;
  endpoint *e = &client->endpoint;
  int err = make_request(&req, e, from, config, why);
  if (err < 0) return err;
  req->asks_with = notify_asks_with(session_kind_of(s));
  err =
      attempt_new(out, e, &client->resolver, req, session_log(s), &session_opening_events, s, why);
  if (err < 0) {
    request_free(req);
    return err;
  }
  s->opening = attempt_opening(*out);
  return 0;
}

/* Create a session without a connection. The request was checked. Nothing else refers to the
   session yet. */
static int make(wsuv_session_t **out, attempt **a, wsuv_client_t *client, const connect_input *in,
                ws_why *why) {
  endpoint *e = &client->endpoint;
  const wsuv_request_t *request = &in->request;
  const wsuv_config_t *config = request->config != NULL ? request->config : &e->config;
  int err = session_new(out, e, config, &in->callbacks, request->raw, NULL);
  if (err < 0) return err;
  (*out)->data = request->data;
  err = make_attempt(a, *out, client, request, config, why);
  if (err < 0) session_free(*out);
  return err;
}

static int read_and_check(connect_input *to, const wsuv_client_t *client,
                          const wsuv_request_t *request, const wsuv_callbacks_t *callbacks,
                          ws_why *why) {
  if (endpoint_lost(&client->endpoint)) return WS_ECANCELED;
  if (client->endpoint.closing) return WSUV_ESTATE;
  int err = read_input(to, request, callbacks, why);
  return err < 0 ? err : check(client, &to->request, why);
}

/* Log what is wrong with the arguments, as no on_close will report it. */
static int refuse(const wsuv_client_t *client, int err, const ws_why *why) {
  return log_refusal(endpoint_log(&client->endpoint), err, why);
}

int wsuv_connect(wsuv_client_t *client, const wsuv_request_t *request,
                 const wsuv_callbacks_t *callbacks, wsuv_session_t **session) {
  connect_input in;
  wsuv_session_t *s;
  attempt *a;
  ws_why why = {""};
  int err = read_and_check(&in, client, request, callbacks, &why);
  if (err < 0) return refuse(client, err, &why);
  err = make(&s, &a, client, &in, &why);
  if (err < 0) return refuse(client, err, &why);
  err = attempt_choose_route(a, &why);
  if (err == 0) err = attempt_enter_queue(a, &s->task);
  if (err < 0) {
    session_free(s);
    return refuse(client, err, &why);
  }
  session_begin(s);
  if (session != NULL) *session = s;
  return 0;
}

/* Begin a session over a connection that exists. */
static void begin_over(wsuv_session_t *s, attempt *a, ws_filter *filter, bool secure,
                       wsuv_session_t **session) {
  attempt_set_filter(a, filter, secure);
  session_begin(s);
  if (session != NULL) *session = s;
}

/* The session takes over the stream only after everything else has succeeded. */
static int connect_over(wsuv_client_t *client, const connect_input *in, uv_stream_t *stream,
                        wsuv_session_t **session, ws_why *why) {
  wsuv_session_t *s;
  attempt *a;
  ws_filter *filter;
  const ws_view none = {NULL, 0};
  int err = adopt_new(&filter, client->endpoint.env, client->endpoint.loop, stream, none);
  if (err < 0) return err;
  err = make(&s, &a, client, in, why);
  if (err < 0) {
    adopt_discard(filter);
    return err;
  }
  adopt_take(filter, NULL, NULL);
  begin_over(s, a, filter, false, session);
  return 0;
}

int wsuv_connect_stream(wsuv_client_t *client, const wsuv_request_t *request, uv_stream_t *stream,
                        const wsuv_callbacks_t *callbacks, wsuv_session_t **session) {
  connect_input in;
  ws_why why = {""};
  int err = read_and_check(&in, client, request, callbacks, &why);
  if (err == 0 && (stream == NULL || in.request.address != NULL)) return WS_EINVAL;
  if (err == 0) err = connect_over(client, &in, stream, session, &why);
  return err < 0 ? refuse(client, err, &why) : 0;
}

static int connect_over_transport(wsuv_client_t *client, const connect_input *in,
                                  const wsuv_transport_ops_t *ops, void *data,
                                  wsuv_transport_t **transport, wsuv_session_t **session,
                                  ws_why *why) {
  wsuv_session_t *s;
  attempt *a;
  const ws_view none = {NULL, 0};
  int err = transport_new(transport, client->endpoint.env, ops, data, none, why);
  if (err < 0) return err;
  err = make(&s, &a, client, in, why);
  if (err < 0) {
    transport_discard(*transport);
    return err;
  }
  begin_over(s, a, transport_filter(*transport), transport_is_secure(*transport), session);
  return 0;
}

int wsuv_connect_transport(wsuv_client_t *client, const wsuv_request_t *request,
                           const wsuv_transport_ops_t *ops, void *data,
                           const wsuv_callbacks_t *callbacks, wsuv_transport_t **transport,
                           wsuv_session_t **session) {
  connect_input in;
  wsuv_transport_t *made;
  ws_why why = {""};
  int err = read_and_check(&in, client, request, callbacks, &why);
  if (err == 0 && (transport == NULL || in.request.address != NULL)) return WS_EINVAL;
  if (err == 0) err = connect_over_transport(client, &in, ops, data, &made, session, &why);
  if (err != 0) return refuse(client, err, &why);
  *transport = made;
  return 0;
}

int wsuv_connect_url(wsuv_client_t *client, const char *url, const wsuv_callbacks_t *callbacks,
                     void *data, wsuv_session_t **session) {
  wsuv_request_t request;
  wsuv_request_init(&request, url);
  request.data = data;
  return wsuv_connect(client, &request, callbacks, session);
}
