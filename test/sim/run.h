#ifndef TEST_SIM_RUN_H
#define TEST_SIM_RUN_H

/* One run: a world that has grown from a seed, a server and a client of ours in it, and what they
   say to each other. All that happens is seen by the oracles (oracles.h), which compare it with
   what must be. The first that fails is kept, and the run ends. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv.h>
#include <wsuv/deflate.h>
#include <wsuv/server.h>

#include "sim/content.h"
#include "sim/watch.h"
#include "sim/way.h"
#include "support/frames.h"
#include "support/world.h"

enum { RUN_WORDS = 400, RUN_TALKS_MAX = 12, RUN_VISITS_MAX = 3 };

typedef struct run run;
typedef struct talk talk;

/* What one side sends to the other. The sender changes the first fields, the receiver the last. */
typedef struct flow {
  uint64_t salt;     /* Content of its messages follows from it and their numbers. */
  uint32_t sent;     /* So many messages were sent whole. */
  bool in_pieces;    /* The next message has begun, by wsuv_send_begin(), */
  bool in_fragments; /* or as a frame that is not final; */
  size_t at;         /* and so many bytes of it were sent. */
  uint32_t seen;     /* So many messages were received whole. */
  size_t seen_at;    /* So many bytes of the next one have come. */
} flow;

/* Pings and pongs have an order of completions of their own. */
typedef enum completion_kind {
  COMPLETION_CONTROL,
  COMPLETION_DATA,
  COMPLETION_KINDS
} completion_kind;

/* One end of a conversation. */
typedef struct side {
  talk *of;
  bool is_server;
  wsuv_session_t *session; /* NULL before it is known, and after on_close. */
  flow out;                /* What it sends. */
  size_t made, opens, closes;
  uint32_t owed[COMPLETION_KINDS]; /* So many completions were promised, */
  uint32_t came[COMPLETION_KINDS]; /* and so many came. */
  bool dropped[COMPLETION_KINDS];  /* One of them has said that its bytes were dropped. */
  uint32_t
      flushes_from;     /* From this one on they wait for the close frame; UINT32_MAX: none does. */
  bool in_frames;       /* A raw session got a frame that is not the last of its message. */
  bool paused;          /* The program has paused it. */
  bool discards;        /* It was paused when closing began. */
  bool closed;          /* The program has closed it. */
  bool waits_for_drain; /* A send was refused because the queue is full. */
  uint64_t turn;        /* The last turn of the loop in which a callback came, */
  size_t turn_calls, turn_bytes; /* and what came in it. */
  int status;                    /* The rest is what on_close was given. */
  bool clean, by_peer;
  unsigned code, sent_code;
} side;

struct talk {
  run *of;
  size_t number;
  side end[2];  /* The client's and the server's. */
  bool injured; /* Something was done to it, so it need not end cleanly. */
  bool stalled; /* Its link is, */
  bool dead;    /* for ever. */
  wsuv_upgrade_t *kept;
  way way; /* of the client to the server */
};

/* A connection with plain requests of HTTP. */
typedef struct visit {
  run *of;
  size_t number;
  wire *wire;              /* NULL: it has ended. */
  bytes in;                /* What has come, and is no whole response yet. */
  uint32_t asked;          /* So many requests were sent at once, */
  uint32_t given;          /* so many of them were given to the program, */
  uint32_t answered, seen; /* and so many were answered by it; so many responses have come. */
  int status;              /* Of the last of them. */
  bool declined;           /* The last one that was answered, by the library. */
  bool gone;               /* on_gone was called for the one that is owed. */
  struct wsuv_exchange *kept;
} visit;

/* What a seed has drawn. */
typedef struct plan {
  bool hostile;                           /* The peer is not ours. */
  bool secure, deflate, streamed, hooked; /* hooked: the server decides on upgrades. */
  bool fails_memory, fails_random, suspends, restarts, breaks, stalls, ends, times, keeps_alive;
  bool raw[2];          /* The sessions of this end are, as `talk.end`. */
  bool calm;            /* The network is. */
  size_t talks;         /* So many conversations are begun, */
  size_t visits;        /* and so many visits. */
  size_t steps;         /* So many steps are made before the end. */
  bool shares;          /* All of these begin with the same credentials at the same origin. */
  unsigned way_percent; /* So many conversations go through proxies and other origins. */
  size_t burst;         /* At most so many messages are sent in one step. */
  unsigned act_percent; /* In so many of the callbacks something is done. */
  size_t message_max;   /* Bytes of a message. */
  wsuv_config_t client, server;
} plan;

/* Bugs that are put between the library and the oracles, to prove that they fire. */
typedef enum plant {
  PLANT_NONE,
  PLANT_CLOSE_TWICE,
  PLANT_CALL_AFTER_CLOSE,
  PLANT_CLOSE_LOST,
  PLANT_COMPLETION_LOST,
  PLANT_COMPLETION_TWICE,
  PLANT_COMPLETIONS_SWAPPED,
  PLANT_MESSAGE_LOST,
  PLANT_MESSAGE_TWICE,
  PLANT_MESSAGES_SWAPPED,
  PLANT_MESSAGE_CORRUPT,
  PLANT_LAST_MESSAGE_LOST,
  PLANT_PIECE_LOST,
  PLANT_CONTINUATION,
  PLANT_MEMORY,
  PLANT_BUSY_TURN,
  PLANT_LONG_TURN,
  PLANT_WITHHELD,
  PLANT_SAME_KEY,
  PLANT_UNMASKED,
  PLANT_MASKED_BY_SERVER,
  PLANT_VERDICT,
  PLANT_UNCLEAN,
  PLANT_WRONG_CODE,
  PLANT_WRONG_RESULT,
  PLANT_LEAK,
  PLANT_REQUEST_LOST,
  PLANT_REQUEST_TWICE,
  PLANT_RESPONSE_LOST,
  PLANT_RESPONSE_CORRUPT,
  PLANT_EXCHANGE_GONE_TWICE,
  PLANT_CALLED_INSIDE,
  PLANT_SECRET_TO_PROXY,
  PLANT_SECRET_BEYOND_PROXY,
  PLANT_SECRET_TO_OTHER_ORIGIN,
  PLANT_SECRET_TO_SERVER,
  PLANT_GLUED_LOST,
  PLANT_WRONG_STAGE,
  PLANT_WRONG_STATUS,
  PLANT_OPEN_IN_SPITE,
  PLANT_DEADLINE_ANEW,
  PLANT_ASKED_TWICE,
  PLANTS
} plant;

struct run {
  uint64_t seed, chance;
  world *w;
  track_alloc alloc;
  plan plan;
  wsuv_client_t *client;   /* NULL once it closes. */
  wsuv_server_t *server;   /* NULL once it closes, and until there is another one. */
  size_t clients, servers; /* Those that are not gone yet. */
  size_t servers_made;
  uint16_t port;
  talk talks[RUN_TALKS_MAX];
  size_t begun; /* So many of them are. */
  visit visits[RUN_VISITS_MAX];
  size_t visit_count; /* So many of them are begun. */
  bool injured;       /* All of them are, as `talk.injured`. */
  bool ending;        /* Nothing new is begun. */
  uint64_t turn;      /* Turns of the loop so far. */
  size_t step;        /* Steps so far. */
  size_t messages;    /* Messages received, by all. */
  size_t connections; /* Sessions that were open, of either role. */
  uint64_t digest;    /* Of all that has happened. */
  watched *links;     /* The two directions of each connection, by its port. */
  size_t link_count;
  size_t repeated_keys;
  const char *failed; /* The name of the oracle that has failed, or NULL. */
  char words[RUN_WORDS];
  way_origin origins[WAY_ORIGINS];
  way_pipe *pipes;         /* all that were made */
  struct tls_context *tls; /* of proxies and origins; NULL: none was needed yet */
  bool denied;             /* The program has answered that it has no credentials, */
  bool never;              /* or will not answer. */
  bool silent;             /* A connection has fallen silent for ever. */
  uint64_t suspended_ms;
  const char *in_call; /* In this call no callback may run; NULL: in none. */
  plant plant;
  bool planted; /* It was used. */
  void *leak;
  side *held; /* The message of this one is held back by PLANT_MESSAGES_SWAPPED. */
};

/* The library's log goes to stderr. */
extern bool run_logs;

/* Only find out what the seed says: r->plan. */
void run_draw(run *r, uint64_t seed);

/* Play what the seed says. `bug` is PLANT_NONE but for tests of the oracles. r->failed says how it
   went. Either way nothing of it is left. */
void run_play(run *r, uint64_t seed, plant bug);

/* What the files of a run share. */

static inline side *other_side(side *d) {
  return &d->of->end[d->is_server ? 0 : 1];
}

size_t run_below(run *r, size_t n); /* from the seed: 0 to n - 1 */
bool run_chance(run *r, size_t percent);
void run_note(run *r, uint64_t what); /* for the digest */

/* plan.c */
void plan_draw(run *r);

/* ends.c: clients and servers */
bool run_begin_client(run *r);
void run_begin_server(run *r); /* if it fails, it is tried again by the next step */
void run_end_client(run *r);
void run_end_server(run *r);
void run_change_certificate(run *r);
struct tls_context *run_tls_context(run *r); /* of proxies and origins */

/* talk.c: conversations */
extern const wsuv_callbacks_t talk_callbacks, talk_streamed_callbacks;
void talk_begin(run *r);
void talk_on_upgrade(wsuv_upgrade_t *u);
void talk_answer(talk *t);    /* the upgrade that it keeps */
void talk_act(side *d);       /* do something by chance */
void talk_maybe_act(side *d); /* the same in a callback, perhaps; also to another conversation */
void talk_go_on(side *d);     /* go on with a message that was begun */
void talk_say_more(side *d);  /* perhaps, before it closes */
void talk_close(side *d);     /* by a close frame */
bool talk_is_open(const side *d);
bool talk_is_over(const talk *t);
bool talk_is_hindered(const talk *t); /* It need not end cleanly, for anything that was done. */
void side_seen_close(side *d, const wsuv_close_info_t *info);
void side_seen_piece(side *d, const wsuv_message_piece_t *p);
void side_seen_frame(side *d, const wsuv_frame_t *f);
void side_seen_message(side *d, bool text, const void *data, size_t len);

/* visits.c: plain requests */
void visit_begin(run *r);
void visit_on_request(struct wsuv_exchange *exchange);
void visit_answer(visit *v);                         /* the request that it keeps */
content visit_body(const visit *v, uint32_t number); /* of the response */
void visits_answer(run *r);
bool visits_are_over(run *r);
void visits_end(run *r); /* at once */

/* planted.c: what comes from the library, on its way to the oracles */
bool plant_now(run *r, plant bug);
void planted_message(side *d, bool text, const void *data, size_t len);
void planted_piece(side *d, const wsuv_message_piece_t *p);
void planted_frame_of_data(side *d, const wsuv_frame_t *f);
void planted_completion(side *d, completion_kind kind, uint32_t index, int status);
void planted_close(side *d, const wsuv_close_info_t *info);
void planted_turn(run *r);
void planted_request(visit *v, uint32_t number);
void planted_response(visit *v, int status, const void *body, size_t len);
void planted_at_proxy(way_pipe *p, const void *data, size_t len);
void planted_at_origin(talk *t, size_t station, const char *head);
void planted_at_server(side *d);
void planted_open(side *d);
void planted_question(talk *t, const wsuv_unauthorized_t *refusal);
void planted_frame(run *r, bool from_client, bool *masked, uint32_t *key, uint32_t before);

/* hostile.c: a peer that is not ours, and the same bytes in several cuts */
void hostile_play(run *r);

#endif
