#ifndef TEST_INTEROP_H
#define TEST_INTEROP_H

/* What a case is, and what it may use. A case is one client with its sessions to one path of a
   peer; it has passed when all of them have ended, nothing expected failed, and its check held. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include <wsuv.h>

enum {
  INTEROP_PERIOD = 251,              /* of the pattern, in bytes */
  INTEROP_BIG = 16 * 1024 * 1024,    /* bytes: as much as the default limits let through */
  INTEROP_RAISED = 64 * 1024 * 1024, /* bytes: for limits that are raised */
  INTEROP_CROWD = 100                /* sessions of one case */
};

typedef struct interop interop;

typedef struct interop_case {
  const char *name;
  const char *path; /* with query */
  /* Change the client's configuration, which is interop.config, or the request. */
  void (*prepare)(interop *t, wsuv_request_t *request);
  wsuv_callbacks_t on; /* all but on_close */
  /* How a session has to end; NULL: interop_check_normal(). */
  void (*check)(interop *t, const wsuv_close_info_t *info);
  unsigned code;    /* the case's own: a close code */
  const char *text; /* the case's own: a message, or the reason for closing */
  size_t sessions;  /* 0: one */
} interop_case;

/* Cases that belong together. */
typedef struct interop_group {
  const interop_case *cases;
  size_t count;
} interop_group;

#define INTEROP_GROUP(list) \
  { (list), sizeof(list) / sizeof *(list) }

extern const interop_group message_cases, control_cases, handshake_cases, close_cases, load_cases,
    raw_cases, stream_cases, deflate_cases;

/* The state of the case that runs. */
struct interop {
  struct runner *runner;
  const interop_case *running;
  wsuv_config_t config;
  wsuv_client_t *client;
  char failure[512]; /* "": none yet */
  size_t unended;    /* sessions */
  size_t finished;   /* calls of interop_finish() */
  /* The case's own, zero at its beginning. */
  size_t step, pings, drains, refusals, received;
  wsuv_session_t *crowd[INTEROP_CROWD];
};

/* Claim something. The first claim that does not hold is told at the end. */
#define EXPECT(t, claim) interop_expect((t), (claim), __FILE__, __LINE__, #claim)

/* Tell of what must not happen. */
#define FAIL(t, what) interop_expect((t), false, __FILE__, __LINE__, (what))

/* Claim that a call returns 0. */
#define EXPECT_OK(t, call) interop_expect_ok((t), (call), __FILE__, __LINE__, #call)

void interop_expect(interop *t, bool holds, const char *file, int line, const char *claim);
void interop_expect_ok(interop *t, int err, const char *file, int line, const char *call);

interop *interop_of(const wsuv_session_t *session);

/* All that the session was opened for has happened: close it with 1000. */
void interop_finish(interop *t, wsuv_session_t *session);

/* A session was finished, and ended by the closing handshake. */
void interop_check_normal(interop *t, const wsuv_close_info_t *info);

/* Callbacks for more than one group: send the case's text; the same comes back, and that was it. */
void interop_send_text(wsuv_session_t *session);
void interop_take_text(wsuv_session_t *session, const wsuv_message_t *message);

/* Callback: this may not be called. */
void interop_never_message(wsuv_session_t *session, const wsuv_message_t *message);

/* Bytes 0 to 250 over and over: INTEROP_BIG + 1 of them. */
const uint8_t *interop_pattern(void);

bool interop_is_text(const wsuv_message_t *message, const char *text);
bool interop_is_pattern(const wsuv_message_t *message, size_t len);

#endif
