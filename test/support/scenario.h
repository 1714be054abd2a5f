#ifndef TEST_SCENARIO_H
#define TEST_SCENARIO_H

/* What a scenario of a session has: a peer, and a user with a client of its own. A test is given
   both, begun and not connected; they are ended when it returns (scenario_finish).

       SCENARIO_TEST(test_close_is_answered, w, p, u) {
         scenario_open(u);
         assert_int_equal(user_close(u, 1000, "bye"), 0);
         user_run_to_close(u);
         assert_true(frame_peer_saw(p, "CLOSE #1000 \"bye\""));
       }

   Before the session is connected the test sets fields of the peer, hooks of the user, and
   u->config, which has the defaults at first. A test whose hooks use its own variables ends its
   session, or calls scenario_finish, before it returns. */

#include "support/frame_peer.h"
#include "support/session_user.h"
#include "support/world_test.h"

/* Start a peer, and make a user of it. */
void scenario_begin(world *w, frame_peer *p, session_user *u);

/* Connect to the peer. */
void scenario_connect(session_user *u);

/* The same, and wait until the session is open. */
void scenario_open(session_user *u);

/* The same for a raw session, and for one whose messages come in pieces. */
void scenario_open_raw(session_user *u);
void scenario_open_streamed(session_user *u);

/* Connect, and run until the session has ended. What the user wrote down before is forgotten. */
void scenario_play(session_user *u);

/* scenario_begin and scenario_open. config NULL: the defaults. */
void scenario_start(world *w, frame_peer *p, session_user *u, const wsuv_config_t *config);

/* Run on; when the session, after one turn at least, is at this stage, call `act` once and return.
   In the real world this is seen before the loop polls, so that no stage is missed. The session
   must come to that stage. */
void scenario_at_stage(session_user *u, wsuv_stage_t stage, void (*act)(session_user *u));

/* Wait for on_close if there is a session, close the client, free the user and the peer. What is
   finished already is left as it is. */
void scenario_finish(session_user *u);

/* Finish, and begin anew with another peer. For tests that play a scenario several times. */
void scenario_renew(session_user *u);

/* Close with code 1000, which the peer answers, and finish. */
void scenario_close(session_user *u);

/* Terminate the session if there is one, and finish. */
void scenario_terminate(session_user *u);

typedef void scenario_fn(world *w, frame_peer *p, session_user *u);
void scenario_run(world *w, scenario_fn *play); /* begin, play, finish */

/* A test may leave some of its arguments unused. */
#define SCENARIO_FUNCTION(NAME, W, P, U)                                                    \
  static void NAME(__attribute__((unused)) world *W, __attribute__((unused)) frame_peer *P, \
                   __attribute__((unused)) session_user *U)

#define SCENARIO_TEST_IN(NAME, W, P, U, PLACES) \
  SCENARIO_FUNCTION(NAME, W, P, U);             \
  static void NAME##_run(world *w) {            \
    scenario_run(w, NAME);                      \
  }                                             \
  WORLD_TEST_ADD(NAME, NAME##_run, PLACES)      \
  SCENARIO_FUNCTION(NAME, W, P, U)

/* In the same places as the tests of world_test.h with these names. */
#define SCENARIO_TEST(NAME, W, P, U) SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_SIM | WORLD_IN_UV)
#define SCENARIO_SIM_TEST(NAME, W, P, U) SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_SIM)
#define SCENARIO_UV_TEST(NAME, W, P, U) SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_UV)
#define SCENARIO_ONLY_UV_TLS_TEST(NAME, W, P, U) SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_UV_TLS)
#define SCENARIO_UV_AND_TLS_TEST(NAME, W, P, U) \
  SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_UV | WORLD_IN_UV_TLS)
#define SCENARIO_TLS_TEST(NAME, W, P, U) \
  SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_SIM | WORLD_IN_UV | WORLD_IN_SIM_TLS | WORLD_IN_UV_TLS)
#define SCENARIO_AND_SIM_TLS_TEST(NAME, W, P, U) \
  SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_SIM | WORLD_IN_UV | WORLD_IN_SIM_TLS)
#define SCENARIO_SIM_TLS_TEST(NAME, W, P, U) \
  SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_SIM | WORLD_IN_SIM_TLS)
#define SCENARIO_ONLY_TLS_TEST(NAME, W, P, U) \
  SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_SIM_TLS | WORLD_IN_UV_TLS)
#define SCENARIO_ONLY_SIM_TLS_TEST(NAME, W, P, U) SCENARIO_TEST_IN(NAME, W, P, U, WORLD_IN_SIM_TLS)

#endif
