/* F40 and F61: every function of a server, called in every callback, while the server is in every
   state and the program keeps upgrades. The tables of functions, states and callbacks are those of
   support/matrix. */

#include "support/matrix/server_matrix.h"

static void play_in_each_state(world *w, const server_place *place, server_call_list calls) {
  const server_state_list states = server_states();
  for (size_t i = 0; i < states.count; i++) server_play_run(w, place, &states.states[i], calls);
}

WORLD_AND_SIM_TLS_TEST(test_every_call_upon_the_server, w) {
  const server_place_list places = server_places();
  if (w->seed > 0) return; /* it changes only how the network cuts what is sent */
  for (size_t i = 0; i < places.count; i++) {
    play_in_each_state(w, &places.places[i], server_calls());
  }
}

/* Each end, of a server that may be ending already. */
WORLD_TEST(test_every_end_of_the_server, w) {
  const server_place_list places = server_places();
  const server_call_list ends = server_end_calls();
  if (w->seed > 0) return; /* the same */
  for (size_t i = 0; i < places.count; i++) {
    for (size_t k = 0; k < ends.count; k++) {
      play_in_each_state(w, &places.places[i], (server_call_list){&ends.calls[k], 1});
    }
  }
}
