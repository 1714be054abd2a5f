#ifndef TEST_CONN_RIG_H
#define TEST_CONN_RIG_H

/* A connection without I/O in a test: it is fed bytes or scripts (support/frames.h), and writes
   down the events that it gives and the bytes that it sends. */

#include "proto/frame/conn.h"
#include "support/fake_env.h"
#include "support/frames.h"
#include "support/pieces.h"
#include "testkit/track_alloc.h"

typedef struct conn_rig {
  track_alloc alloc;
  fake_env env;
  conn_shared shared;
  conn_work work; /* of `c` */
  conn c; /* May be set to raw or to streamed, given other limits and so on, after opening. */
  ws_role role;
  bool echo;            /* Messages are sent back. */
  bool keep;            /* What is to be written stays in the queue. */
  bool pauses;          /* What is left of the input is kept after each event, as a pause does. */
  bool counts;          /* Messages in pieces are counted and not kept. */
  size_t cut;           /* A number that is printed with a failure. */
  bytes events;         /* A line for each event; for a message in pieces, when it ends. */
  bytes message;        /* What has come of the message in pieces. */
  uint64_t passed;      /* The bytes of it. */
  bool inside;          /* It has not ended. */
  conn_dropped dropped; /* What the answer to the peer's close frame has dropped. */
  bytes wire;           /* The bytes that were written. */
} conn_rig;

extern const message_limits conn_rig_limits; /* those that it opens with */

void conn_rig_open(conn_rig *r, ws_role role);
void conn_rig_close(conn_rig *r); /* nothing may be allocated any more */

/* Give a connection without work this one, which is fresh. */
void conn_rig_work(conn *c, conn_work *work, conn_shared *shared);

/* Write n bytes of the queue, or all. */
void conn_rig_write_some(conn_rig *r, size_t n);
void conn_rig_write_all(conn_rig *r);

/* Write an event down, and answer it if it is to be answered: what that has returned. */
int conn_rig_note(conn_rig *r, const conn_event *ev);

/* Take all events, and answer the peer's close frame, unless the connection is raw. Returns the
   last result. */
int conn_rig_take(conn_rig *r);

/* Give bytes, in a block of exactly their size that is freed afterwards, and take all events. If
   nothing is under way then, the connection gets fresh work: it may need none of the old. */
int conn_rig_feed(conn_rig *r, const uint8_t *p, size_t n);
int conn_rig_feed_script(conn_rig *r, const char *script);

/* The same in pieces, up to an error. */
int conn_rig_feed_pieces(conn_rig *r, const bytes *in, pieces how);

/* The same in pieces. Cut 0: whole; 1: byte by byte; else at random from that seed. */
void conn_rig_feed_cut(conn_rig *r, const bytes *in, uint64_t cut);

/* The lines that a script is written down as. */
void conn_rig_render(bytes *text, const char *script, bool codes_only);
void conn_rig_expect_text(const char *what, const char *seen, const char *expected);

/* The events since the last call are those of the script; and then there was an error. */
void conn_rig_expect_events(conn_rig *r, const char *script);
void conn_rig_expect_error(conn_rig *r, const char *script, int err);

/* The script is fed without an error, and then the events are those of the other. */
void conn_rig_expect_gives(conn_rig *r, const char *script, const char *events);

/* What is in the queue is written; the bytes written since the last call are those of the script.
   conn_rig_expect_written does not compare the reasons of close frames. */
void conn_rig_expect_written(conn_rig *r, const char *script);
void conn_rig_expect_sent(conn_rig *r, const char *script);

#endif
