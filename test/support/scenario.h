#ifndef TEST_SCENARIO_H
#define TEST_SCENARIO_H

/* The begin and the end of a scenario: one session, its user, and a scripted peer. */

#include "support/frame_peer.h"
#include "support/session_user.h"

/* Start a peer, and open a session to it. Fields of the peer and hooks of the user may be set
   afterwards. config NULL: the defaults. */
void scenario_start(world *w, frame_peer *p, session_user *u, const wsuv_config_t *config);

/* Wait for on_close, close the client, free the user and the peer. */
void scenario_finish(session_user *u, frame_peer *p);

/* Close with code 1000, which the peer answers, and finish. */
void scenario_close(session_user *u, frame_peer *p);

#endif
