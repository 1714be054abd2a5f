#include "support/scenario.h"

#include "support/check.h"

void scenario_start(world *w, frame_peer *p, session_user *u, const wsuv_config_t *config) {
  frame_peer_start(p, w);
  user_open(u, w, p, config);
}

void scenario_finish(session_user *u, frame_peer *p) {
  user_finish(u);
  frame_peer_free(p);
}

void scenario_close(session_user *u, frame_peer *p) {
  CHECK(user_close(u, 1000, NULL) == 0);
  user_run_to_close(u);
  CHECK(user_ended_cleanly(u, 1000, 1000));
  scenario_finish(u, p);
}
