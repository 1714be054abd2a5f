#include "support/crowd.h"

#include <stdlib.h>

#include "testkit/check.h"

void crowd_begin(crowd *c, session_user *u, size_t count) {
  *c = (crowd){.w = u->w, .client = user_client(u), .count = count};
  c->members = check_alloc(count * sizeof *c->members);
  for (size_t i = 0; i < count; i++) {
    user_init_on(&c->members[i].u, u);
    c->members[i].u.forgets = true;
  }
}

session_user *crowd_member(const crowd *c, size_t i) {
  return &c->members[i].u;
}

void crowd_connect_one(crowd *c, size_t i, const char *url) {
  secure_user *s = &c->members[i];
  bool secure = world_tls(c->w) != NULL;
  int err =
      secure ? secure_request(s, c->client, c->w, url, NULL) : user_try_connect_url(&s->u, url);
  CHECK(err == 0);
}

void crowd_connect(crowd *c, const char *url) {
  for (size_t i = 0; i < c->count; i++) crowd_connect_one(c, i, url);
}

size_t crowd_count(const crowd *c, bool (*is)(const session_user *u)) {
  size_t n = 0;
  for (size_t i = 0; i < c->count; i++) n += is(crowd_member(c, i));
  return n;
}

bool crowd_is_open(const session_user *u) {
  return u->opens > 0 && u->closes == 0;
}

bool crowd_is_over(const session_user *u) {
  return u->closes > 0;
}

bool crowd_is_settled(void *arg) {
  const crowd *c = arg;
  return crowd_count(c, crowd_is_open) + crowd_count(c, crowd_is_over) == c->count;
}

void crowd_free(crowd *c) {
  for (size_t i = 0; i < c->count; i++) {
    CHECK(crowd_member(c, i)->closes <= 1);
    secure_user_free(&c->members[i]);
  }
  free(c->members);
}

void crowd_end(crowd *c, session_user *u) {
  user_close_client(u);
  crowd_free(c);
}
