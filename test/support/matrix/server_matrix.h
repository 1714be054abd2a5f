#ifndef TEST_SERVER_MATRIX_H
#define TEST_SERVER_MATRIX_H

/* The matrix of calls for a server: every function of a server, a listener, an upgrade and an
   exchange is called, in every callback, on a server in every state, with sessions that are open,
   and upgrades and exchanges that the program keeps. Where something new has its place:

     a function      server_calls.c, a row in its table
     a state         server_states in server_play.c, the same
     a callback      server_places in server_play.c, the same

   The test is test/net/server/test_calls_on_server.c. */

#include <stdbool.h>
#include <stddef.h>

#include "support/server_user.h"

typedef struct server_play server_play;

/* When a call returns 0. Otherwise it returns WSUV_ESTATE. */
typedef enum server_rule {
  SERVER_ALWAYS_0,
  SERVER_UNLESS_CLOSED,
  SERVER_WHILE_LISTENING,
  SERVER_WHILE_OWED,         /* It answers an upgrade, which is its own. */
  SERVER_WHILE_EXCHANGE_OWED /* It answers an exchange, which is its own. */
} server_rule;

typedef struct server_call {
  const char *name; /* the functions that it calls, with a space between two */
  server_rule rule;
  int (*run)(server_play *p, wsuv_upgrade_t *u); /* what the function returned; -1: it was wrong */
} server_call;

typedef struct server_call_list {
  const server_call *calls;
  size_t count;
} server_call_list;

server_call_list server_calls(void);
server_call_list server_end_calls(void); /* each is made alone */

typedef struct server_state {
  const char *name;
  int (*begin)(server_user *s); /* in the callback, before the calls; NULL: nothing is done */
  bool listening, closed;
  bool peers_gone; /* the peers of upgrades and exchanges have gone before */
} server_state;

typedef struct server_place {
  const char *name;
  void (*trigger)(server_play *p); /* has the callback come, which calls server_play_act */
  bool opens;                      /* it is the on_open of the actor */
  bool raw;                        /* the actor's session is raw */
} server_place;

typedef struct server_state_list {
  const server_state *states;
  size_t count;
} server_state_list;

typedef struct server_place_list {
  const server_place *places;
  size_t count;
} server_place_list;

server_state_list server_states(void);
server_place_list server_places(void);

enum { SERVER_PLAY_UPGRADES = 5, SERVER_PLAY_EXCHANGES = 5 };

struct server_play {
  world *w;
  server_user s;
  const server_place *place;
  const server_state *state;
  server_call_list calls;
  session_user *actor; /* has the session of the callback */
  session_user *other; /* has a session that is open before the callback */
  raw_client *client;  /* of the actor */
  /* Kept upgrades and their clients. The first is for calls that only look. */
  wsuv_upgrade_t *upgrades[SERVER_PLAY_UPGRADES];
  raw_client *peers[SERVER_PLAY_UPGRADES];
  size_t upgrade_count, answered;
  /* The same of exchanges. */
  wsuv_exchange_t *exchanges[SERVER_PLAY_EXCHANGES];
  raw_client *exchange_peers[SERVER_PLAY_EXCHANGES];
  size_t exchange_count, exchanges_answered;
  bool acted; /* the calls have been made */
  size_t posts, posted;
};

/* The calls are made, unless they have been. For the callbacks. */
void server_play_act(server_play *p);

void server_play_run(world *w, const server_place *place, const server_state *state,
                     server_call_list calls);

#endif
