#ifndef TEST_CROWD_H
#define TEST_CROWD_H

/* Many sessions of one client that connect at the same time, over TLS in a secure world. */

#include <stdbool.h>
#include <stddef.h>

#include "support/secure_user.h"

typedef struct crowd {
  world *w;
  wsuv_client_t *client;
  size_t count, most; /* most: how many were connecting at the same time, for the test to note */
  secure_user *members;
} crowd;

/* Of the client of `u`. None is connected yet. */
void crowd_begin(crowd *c, session_user *u, size_t count);
session_user *crowd_member(const crowd *c, size_t i);

/* Each of them, or all of them, to one URL. */
void crowd_connect_one(crowd *c, size_t i, const char *url);
void crowd_connect(crowd *c, const char *url);

size_t crowd_count(const crowd *c, bool (*is)(const session_user *u));
bool crowd_is_open(const session_user *u);
bool crowd_is_over(const session_user *u);

/* For world_run_until: whether all are open or over. */
bool crowd_is_settled(void *c);

/* Free the members, each of which has ended at most once. Their client is closed before this, or
   by crowd_end: that of `u`. */
void crowd_free(crowd *c);
void crowd_end(crowd *c, session_user *u);

#endif
