/* F40: every function that is not a session's, called in every callback, while the client has a
   session in every state. The tables of functions, states and callbacks are those of
   support/matrix. */

#include "support/matrix/matrix.h"
#include "support/world_test.h"
#include "support/world_tls.h"

static void make_in_each_state(cast *c, const call_place *place, call_list calls) {
  const state_list states = other_states();
  for (size_t i = 0; i < states.count; i++) {
    if (state_can_be(c->w, &states.states[i])) play_on_client(c, place, &states.states[i], calls);
  }
}

WORLD_AND_SIM_TLS_TEST(test_every_call_upon_the_client, w) {
  const place_list places = all_places();
  cast c;
  if (w->seed > 0) return; /* it changes only how the network cuts what is sent */
  cast_begin(&c, w);
  for (size_t i = 0; i < places.count; i++) {
    make_in_each_state(&c, &places.places[i], client_calls());
  }
  cast_end(&c);
}

/* Each client wants a full handshake of TLS. Over TLS it has a session in each state at once. */
static void end_in_each_state(cast *c, const call_place *place, call_list end) {
  if (world_tls(c->w) != NULL) {
    play_on_client(c, place, NULL, end);
  } else {
    make_in_each_state(c, place, end);
  }
}

WORLD_AND_SIM_TLS_TEST(test_every_end_of_the_client, w) {
  const place_list places = all_places();
  const call_list ends = client_end_calls();
  cast c;
  if (w->seed > 0) return; /* the same */
  cast_begin(&c, w);
  for (size_t i = 0; i < places.count; i++) {
    for (size_t k = 0; k < ends.count; k++) {
      end_in_each_state(&c, &places.places[i], (call_list){&ends.calls[k], 1});
    }
  }
  cast_end(&c);
}
