#include "support/matrix/matrix.h"

/* The callbacks, and how each is made to come. */

#include <stdio.h>

#include "support/hop_peers.h"
#include "testkit/check.h"

/* --- the acts in them --- */

static void act_of(session_user *u) {
  play_act(u->data);
}

static void act_at_message(session_user *u, const wsuv_message_t *m) {
  (void) m;
  play_act(u->data);
}

static void act_at_piece(session_user *u, const wsuv_message_piece_t *m) {
  (void) m;
  play_act(u->data);
}

static void act_at_frame(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  play_act(u->data);
}

/* Completions of the calls have other names. */
static void act_at_done(session_user *u, char name, int done) {
  play *p = u->data;
  if (name != 'a') return;
  CHECK((done == 0) == !p->place->after_end);
  play_act(p);
}

static void act_at_post(wsuv_client_t *client, void *arg) {
  (void) client;
  play_act(arg);
}

static void act_at_client_gone(wsuv_client_t *client) {
  play *p = wsuv_client_data(client);
  p->other = NULL;
  play_act(p);
}

static void act_when_refused(wsuv_session_t *s, const wsuv_unauthorized_t *refusal) {
  const session_user *u = wsuv_session_data(s);
  CHECK(no_call_is_running() && refusal->attempt > 0);
  play_act(u->data);
}

static bool act_when_redirected(wsuv_session_t *s, const wsuv_redirect_t *redirect) {
  const session_user *u = wsuv_session_data(s);
  CHECK(no_call_is_running() && redirect->status == 302);
  play_act(u->data);
  return true;
}

/* --- the triggers --- */

static void outside(play *p, session_user *u) {
  (void) u;
  play_act(p);
}

static void open_it(play *p, session_user *u) {
  u->at_open = act_of;
  user_connect(u, &p->cast->own);
}

static void be_refused(play *p, session_user *u) {
  char cookies[32];
  (void) snprintf(cookies, sizeof cookies, "actor=%zu", p->cast->plays); /* it fits */
  play_connect_to_refuser(p, u, cookies, act_when_refused);
}

static void be_redirected(play *p, session_user *u) {
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url(p->cast->mover, "/"));
  CHECK(hop_connect(u, &r, act_when_redirected, NULL) == 0);
}

static void message(play *p, session_user *u) {
  u->at_message = act_at_message;
  frame_peer_send(&p->cast->own, "TEXT \"a\"");
}

static void piece(play *p, session_user *u) {
  u->at_piece = act_at_piece;
  frame_peer_send(&p->cast->own, "TEXT \"a\"");
}

static void frame(play *p, session_user *u) {
  u->at_frame = act_at_frame;
  frame_peer_send(&p->cast->own, "TEXT \"a\"");
}

static void ping(play *p, session_user *u) {
  u->at_ping = act_of;
  frame_peer_send(&p->cast->own, "PING 01");
}

static void pong(play *p, session_user *u) {
  u->at_pong = act_of;
  frame_peer_send(&p->cast->own, "PONG 01");
}

/* Of more bytes than the high-water mark, which is 1. */
static void drain(play *p, session_user *u) {
  (void) p;
  u->at_drain = act_of;
  CHECK(user_text(u, "high") == 0);
}

static void post(play *p, session_user *u) {
  (void) u;
  CHECK(wsuv_client_post(p->client, act_at_post, p) == 0);
}

static void client_gone(play *p, session_user *u) {
  (void) u;
  CHECK(wsuv_client_close(p->other, act_at_client_gone) == 0);
}

static void sent(play *p, session_user *u) {
  (void) p;
  u->at_done = act_at_done;
  CHECK(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1) == 0);
}

static void flushed(play *p, session_user *u) {
  (void) p;
  u->at_done = act_at_done;
  CHECK(user_flush(u, 'a') == 0);
}

static void cancelled(play *p, session_user *u) {
  u->at_done = act_at_done;
  CHECK(user_ping(u, "first") == (p->actor.state->sending == MAY_SEND ? 0 : WSUV_ESTATE));
  CHECK(user_flush(u, 'a') == 0);
  user_terminate(u);
}

static void close_it(play *p, session_user *u) {
  (void) p;
  u->at_close = act_of;
  user_terminate(u);
}

/* --- the table --- */

static const call_place places[] = {
    {.name = "outside of callbacks", .trigger = outside},
    {.name = "on_open",
     .trigger = open_it,
     .connects = true,
     .not_paused = true,
     .not_closing = true},
    {.name = "on_unauthorized", .trigger = be_refused, .connects = true, .own = OWN_REFUSED},
    {.name = "on_redirect", .trigger = be_redirected, .connects = true, .own = OWN_REDIRECTED},
    {.name = "on_message", .trigger = message, .not_paused = true},
    {.name = "on_message_piece", .trigger = piece, .streamed = true, .not_paused = true},
    {.name = "on_frame", .trigger = frame, .raw = true, .not_paused = true},
    {.name = "on_ping", .trigger = ping, .not_paused = true},
    {.name = "on_pong", .trigger = pong, .not_paused = true},
    {.name = "on_drain", .trigger = drain, .not_closing = true},
    {.name = "a post", .trigger = post},
    {.name = "the end of another client", .trigger = client_gone, .other_client = true},
    {.name = "the completion of a send", .trigger = sent, .not_closing = true},
    {.name = "the completion of a flush", .trigger = flushed},
    {.name = "a cancelled completion", .trigger = cancelled, .after_end = true},
    {.name = "on_close", .trigger = close_it, .after_end = true},
};

place_list all_places(void) {
  return (place_list){places, sizeof places / sizeof *places};
}

bool place_can_come(const call_place *place, const call_state *own) {
  if (own->own != place->own) return false;
  if (own->paused) return !place->not_paused;
  return own->stage != WSUV_STAGE_CLOSING || !place->not_closing;
}
