#ifndef TEST_SCENE_H
#define TEST_SCENE_H

/* What nearly every scenario of sessions has: a client, a raw peer, a session that is watched. */

#include "support/observer.h"
#include "support/raw_peer.h"
#include "support/world_client.h"

typedef struct scene {
  world *w;
  wsuv_client_t *client;
  raw_peer *peer;
  observer o;
} scene;

/* `config` NULL: the defaults. */
void scene_begin(scene *s, world *w, const wsuv_config_t *config);

/* Connect to the peer; it must be possible to begin. */
void scene_connect(scene *s);

/* The same, and run until the session has ended; what an earlier one left is forgotten. */
void scene_play(scene *s);

/* Run on; when the session, after a turn at least, is at this stage, do `act`, once, and return.
   In the real world that is seen before the loop polls, so that no stage is missed. The session
   must come to that stage. */
void scene_at_stage(scene *s, wsuv_stage_t stage, void (*act)(scene *s));

/* Close the client, and forget. */
void scene_end(scene *s);

#endif
