#ifndef TEST_SESSION_USER_H
#define TEST_SESSION_USER_H

/* A user of one session. It writes down all that happens to the session, and checks what holds for
   every session: callbacks come from the loop, never inside a call of any user; on_open comes once
   and before all others; on_close comes once and last; every completion comes once and before
   on_close; the pieces of a message make a whole. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv.h>

#include "support/frame_peer.h"
#include "support/world_client.h"

typedef struct session_user session_user;

/* One of the letters that name sends: 'a' and so on. */
typedef struct user_send {
  session_user *user;
  char name;
} user_send;

enum { USER_SENDS = 64, USER_WORDS = 128 };

/* What on_close was given, copied. */
typedef struct user_end {
  int status;
  wsuv_stage_t stage;
  char detail[USER_WORDS];
  bool clean, by_peer;
  int http_status;
  uint64_t retry_after_ms;
  unsigned code, sent_code;
  char proxy[USER_WORDS]; /* "" if there was none */
  char reason[USER_WORDS], sent_reason[USER_WORDS];
  size_t header_count; /* of the answer that refused the upgrade */
  bytes headers;       /* of it, as lines "Name: value\n" */
  bool has_body;       /* the answer that refused the upgrade has a body */
  bytes body;          /* of it */
} user_end;

struct session_user {
  world *w;
  frame_peer *peer;        /* the scenario's */
  wsuv_config_t config;    /* of the client, if user_client makes it */
  wsuv_client_t *client;   /* NULL before it is made and after it is closed */
  wsuv_session_t *session; /* NULL before it is begun and after on_close */
  bool raw; /* The session is raw: frames come to on_frame alone. Set before user_connect. */
  /* Messages come in pieces. What holds for every piece is checked; pieces are put together, and
     counted and written down as messages. Set before user_connect. */
  bool streamed;
  size_t opens, messages, pings, pongs, frames, drains, closes;
  size_t owed, dones;     /* completions: still to come, and those that came */
  bytes got;              /* a line for each message, ping, pong and frame */
  size_t pieces;          /* those that came */
  bool in_message;        /* a message whose last piece is still to come */
  uint64_t passed;        /* bytes of it */
  wsuv_frame_type_t type; /* of it */
  bytes gathered;         /* its pieces, unless forgets */
  bytes done;             /* "a=OK b=ECANCELED " */
  bool forgets;           /* got is not written */
  user_end end;
  user_send sends[USER_SENDS];
  size_t send_count;
  uint64_t opened_ms, closed_ms;
  void (*at_open)(session_user *u);
  void (*at_message)(session_user *u, const wsuv_message_t *m);
  void (*at_piece)(session_user *u, const wsuv_message_piece_t *m);
  void (*at_ping)(session_user *u);
  void (*at_pong)(session_user *u);
  void (*at_frame)(session_user *u, const wsuv_frame_t *f);
  void (*at_drain)(session_user *u);
  void (*at_done)(session_user *u, char name, int status);
  void (*at_close)(session_user *u);
  void *data;
};

/* Make a user with a client. config NULL: the defaults. Hooks may be set at any time afterwards. */
void user_init(session_user *u, world *w, const wsuv_config_t *config);

/* Make a user of one more session of the client of `other`. */
void user_init_on(session_user *u, const session_user *other);

/* The client. It is made with u->config if there is none yet. */
wsuv_client_t *user_client(session_user *u);

/* Begin a session to the peer; this must succeed. The others return what the library returns. */
void user_connect(session_user *u, frame_peer *p);
int user_try_connect(session_user *u, frame_peer *p);
int user_try_connect_url(session_user *u, const char *url);

/* With a configuration in place of the client's. */
int user_try_connect_as(session_user *u, frame_peer *p, const wsuv_config_t *config);

/* With a request, whose data is set to the user; over a stream that the test has connected, or
   over functions of the test. */
int user_request(session_user *u, const wsuv_request_t *request);
int user_request_stream(session_user *u, const wsuv_request_t *request, uv_stream_t *stream);
int user_request_transport(session_user *u, const wsuv_request_t *request,
                           const wsuv_transport_ops_t *ops, void *data,
                           wsuv_transport_t **transport);

void user_run_to_open(session_user *u);
void user_run_to_close(session_user *u);
void user_close_client(session_user *u); /* and waits until it is gone */

/* From now on random bytes fail, and the client has none in stock. */
void user_random_fails(session_user *u);

/* Free what was written down, and forget it: the user is ready for another session. Its client, the
   hooks and what is set before user_connect stay. */
void user_reset(session_user *u);
void user_free(session_user *u);

/* Wait for on_close if there is a session, close the client if there is one, free. */
void user_finish(session_user *u);

/* Calls, with a note that they are running. */
int user_text(session_user *u, const char *text);
int user_binary(session_user *u, const void *data, size_t len);
int user_ping(session_user *u, const char *payload);
int user_pong(session_user *u, const char *payload);
int user_close(session_user *u, unsigned code, const char *reason);
void user_terminate(session_user *u);
int user_pause(session_user *u);
int user_resume(session_user *u);

/* The same note, for calls that a test makes itself. */
void call_begins(void);
void call_ends(void);

/* The library's calls, with the same note. */
int call_client_close(wsuv_client_t *client, wsuv_client_close_cb cb);
int call_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb);
int call_client_close_with(wsuv_client_t *client, const wsuv_end_t *how, wsuv_client_close_cb cb);

/* End the client by one of these two. The user has no client from then on, and does not wait. */
int user_end_client(session_user *u, int (*end)(wsuv_client_t *client, wsuv_client_close_cb cb),
                    wsuv_client_close_cb cb);

/* Whether none of all these calls is running. For callbacks that are not a user's. */
bool no_call_is_running(void);

/* More than the buffers of a connection take, when its peer does not read. */
size_t user_too_much(const world *w);

/* With a completion that is written down under a name. */
int user_frame(session_user *u, char name, wsuv_frame_type_t type, bool fin, const void *data,
               size_t len);
int user_send_frame(session_user *u, char name, const wsuv_frame_t *frame);
int user_bufs(session_user *u, char name, wsuv_frame_type_t type, const uv_buf_t bufs[],
              unsigned nbufs);
int user_flush(session_user *u, char name);
int user_value(session_user *u, char name, const void *value, const void *type);
int user_deserialize(session_user *u, const wsuv_message_t *m, const void *type, void *value);

/* A message in pieces; with a name, a completion that is written down. */
int user_begin_message(session_user *u, wsuv_frame_type_t type);
int user_piece(session_user *u, char name, const void *data, size_t len);
int user_end_message(session_user *u, char name);

/* The rsv bits of a frame as a number, as frames_script writes them. */
uint8_t user_rsv(const wsuv_frame_t *frame);

/* Whether just these messages, pings, pongs and frames came, in the notation of frames_script. */
bool user_got(const session_user *u, const char *script);

/* What it does, for sessions that are connected by the test; their data is the user. */
const wsuv_callbacks_t *user_callbacks(void);

/* What on_close told: 0 and clean, with the peer's code and ours. */
bool user_ended_cleanly(const session_user *u, unsigned code, unsigned sent_code);
/* Or with this status, 0 or an error, at this stage. */
bool user_ended_by(const session_user *u, int status, wsuv_stage_t stage);
/* Its session never became open: no callback but on_close, and no close code. */
bool user_never_opened(const session_user *u);

#endif
