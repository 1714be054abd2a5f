#ifndef TEST_MATRIX_H
#define TEST_MATRIX_H

/* The matrix of calls: every public function is called, in every callback, on sessions in every
   state. A combination is played by one `play`. Where something new has its place:

     a function of a session    session_calls.c, and a row in its table
     any other function         client_calls.c, the same
     a state of a session       states.c, the same
     a callback                 places.c, the same
     how a play goes            play.c

   The tests are test/net/client/test_calls_*.c. test/doc/features_test.py checks that the two
   tables of calls name every function of the public headers. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv.h>

#include "support/session_user.h"

typedef struct play play;
typedef struct subject subject;

/* --- calls --- */

/* In which states a call returns 0. In all others it returns WSUV_ESTATE. LOOKS: it always returns
   0, and leaves the session as it was, so that other calls can follow on the same session. ANSWERS:
   it returns 0 for a session that waits for the program's answer, and for all that wait for the
   same answer it is the only one that does. */
typedef enum call_rule { ALWAYS_0, OPEN_ONLY, OPEN_OR_CLOSING, ANSWERS, LOOKS } call_rule;

typedef struct call {
  const char *name; /* the functions that it calls, with a space between two */
  call_rule rule;
  int (*run)(play *p, subject *s);
} call;

/* A part of a table. */
typedef struct call_list {
  const call *calls;
  size_t count;
} call_list;

call_list session_calls(void);
call_list client_calls(void); /* those that leave the client open */
call_list client_end_calls(void);

/* --- states --- */

typedef enum sending { MAY_NOT_SEND, MAY_FLUSH, MAY_SEND } sending;

/* Peers of sessions that come to be open. */
enum { PEER_SILENT, PEER_CLOSES, PEER_FAILS, PEERS };

/* Which worlds can hold a session in a state. */
typedef enum state_world { IN_ALL_WORLDS, IN_SIM_ONLY, IN_TLS_ONLY } state_world;

/* How far the session of a callback has come. */
typedef enum own_stage { OWN_OPEN, OWN_REFUSED, OWN_REDIRECTED } own_stage;

typedef struct call_state {
  const char *name;
  state_world worlds;
  wsuv_stage_t stage;                  /* of a session in it */
  int peer;                            /* one of PEERS */
  void (*begin)(play *p, subject *s);  /* before the act; NULL: nothing is done then */
  void (*then)(subject *s);            /* when it is open; may be NULL */
  void (*in_act)(play *p, subject *s); /* in the callback, before the calls; may be NULL */
  sending sending;
  bool sends_close; /* the state is reached when the peer has the close frame */
  bool paused, ended;
  bool refused; /* with status 401: it has no connection, and waits unless it has ended */
  bool shares;  /* all of them wait for one answer */
  own_stage own;
} call_state;

typedef struct state_list {
  const call_state *states;
  size_t count;
} state_list;

state_list other_states(void); /* of sessions that are not the callback's */
state_list own_states(void);   /* of the callback's own session */

bool state_can_be(const world *w, const call_state *state);

/* Once in each world, before the first play. */
void states_prepare(world *w);

/* Brings the targets of a play into their states. */
void states_reach(play *p);

/* --- places --- */

typedef struct call_place {
  const char *name;
  void (*trigger)(play *p, session_user *actor); /* has the callback come, which calls play_act */
  bool connects;                                 /* the trigger connects the session */
  bool raw, streamed;                            /* the session */
  bool other_client;                             /* the callback is another client's */
  bool after_end;                                /* the session of the callback has ended */
  bool not_paused, not_closing;                  /* it does not come to such a session */
  own_stage own;                                 /* it comes to a session in this stage */
} call_place;

typedef struct place_list {
  const call_place *places;
  size_t count;
} place_list;

place_list all_places(void);

/* Whether the callback comes to its own session when that is in this state. */
bool place_can_come(const call_place *place, const call_state *own);

/* --- plays --- */

enum { TARGETS_MAX = 40, EXTRA_MAX = 5 };

/* A session, and the state that it is in. */
struct subject {
  session_user user;
  const call_state *state;
};

/* What the plays of a test share: the peers, and the client, until a play ends it. */
typedef struct cast {
  world *w;
  frame_peer own;           /* of the session whose callback it is */
  frame_peer peers[PEERS];  /* of all others */
  size_t closes_due[PEERS]; /* close frames that each has when the targets have sent theirs */
  raw_peer *mute;           /* does not answer the opening handshake */
  raw_peer *refuser;        /* answers it with status 401 */
  raw_peer *mover;          /* answers it with a redirect to the one that does not answer */
  size_t refusals_due;      /* so many sessions have left the refuser when the targets have */
  size_t plays;             /* So many plays were played, */
  size_t logins;            /* with so many sessions that have cookies of their own. */
  raw_peer *deaf;           /* does not answer the handshake of TLS */
  char deaf_url[64];
  wsuv_client_t *client; /* NULL: the next play makes one */
  subject targets[TARGETS_MAX];
} cast;

struct play {
  world *w;
  cast *cast;
  const call_place *place;
  call_list calls; /* each is made on the next target, or on the actor's session */
  wsuv_client_t *client;
  wsuv_client_t *other; /* NULL, or the client whose end is the callback */
  subject actor;        /* has the session of the callback */
  subject *targets;
  size_t target_count;
  bool own;      /* the calls are made on the actor's session */
  bool acted;    /* the calls have been made */
  bool answered; /* one of them has answered for all that share the answer */
  size_t gone, posts, posted;
  bool client_ends;                        /* a call has ended the client */
  session_user extra[EXTRA_MAX];           /* sessions that calls have made */
  wsuv_transport_t *transports[EXTRA_MAX]; /* of those that have one */
  size_t extra_count;
};

void cast_begin(cast *c, world *w);
void cast_end(cast *c);

/* Each call on a target of its own, all targets in that state. Those that look share one. */
void play_on_others(cast *c, const call_place *place, const call_state *state, call_list calls);

/* Each call on the callback's own session, in a play of its own. Those that look share one. */
void play_on_own(cast *c, const call_place *place, const call_state *state, call_list calls);

/* Calls on a client that has a session in that state; NULL: one in each state. */
void play_on_client(cast *c, const call_place *place, const call_state *state, call_list calls);

/* The calls are made, unless they have been. For the callbacks. */
void play_act(play *p);

/* Connect to the peer that refuses. The session is asked, or waits for the answer to another one
   with the same cookies. */
void play_connect_to_refuser(play *p, session_user *u, const char *cookies,
                             void (*on_unauthorized)(wsuv_session_t *session,
                                                     const wsuv_unauthorized_t *refusal));

/* For calls: a user of another session of the play's client; and the callback for its end. */
session_user *play_init_user(const play *p, session_user *u);
void play_client_gone(wsuv_client_t *client);

#endif
