/* F40: every function of a session, called in every callback, on the session of the callback. The
   tables of functions, states and callbacks are those of support/matrix. */

#include "support/matrix/matrix.h"
#include "support/world_test.h"

WORLD_AND_SIM_TLS_TEST(test_every_call_upon_its_own_session, w) {
  const place_list places = all_places();
  const state_list states = own_states();
  cast c;
  if (w->seed > 0) return; /* it changes only how the network cuts what is sent */
  cast_begin(&c, w);
  for (size_t i = 0; i < places.count; i++) {
    for (size_t k = 0; k < states.count; k++) {
      if (!place_can_come(&places.places[i], &states.states[k])) continue;
      play_on_own(&c, &places.places[i], &states.states[k], session_calls());
    }
  }
  cast_end(&c);
}
