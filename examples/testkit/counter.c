#include "counter.h"

/* The part of the program that its tests are about. It knows nothing of the tests: it has a server,
   wherever that one comes from. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 32, QUEUE_MAX_BYTES = 4096, PING_INTERVAL_MS = 20 * 1000 };

/* From the decision on the upgrade until on_close. */
typedef struct member {
  struct member *next;
  struct counter *counter;
  struct room *room;
  wsuv_session_t *session; /* NULL: it is not open yet. */
} member;

typedef struct room {
  struct room *next;
  member *members;
  long value;
  char name[NAME_MAX_BYTES + 1];
} room;

struct counter {
  room *rooms;
  char *token;
};

/* --- rooms --- */

static room *find_or_make_room(counter *c, const char *name) {
  room *r = c->rooms;
  while (r != NULL && strcmp(r->name, name) != 0) r = r->next;
  if (r != NULL || (r = calloc(1, sizeof *r)) == NULL) return r;
  memcpy(r->name, name, strlen(name) + 1);
  r->next = c->rooms;
  return c->rooms = r;
}

static void free_if_empty(counter *c, room *r) {
  room **link = &c->rooms;
  if (r->members != NULL) return;
  while (*link != r) link = &(*link)->next;
  *link = r->next;
  free(r);
}

static void remove_member(member *m) {
  member **link = &m->room->members;
  while (*link != m) link = &(*link)->next;
  *link = m->next;
  free_if_empty(m->counter, m->room);
  free(m);
}

/* Nobody is left with an old value: who cannot be told it is disconnected. If the queue is full,
   the library does that, by the configuration. */
static void say(wsuv_session_t *session, long value) {
  char text[24];
  int len = snprintf(text, sizeof text, "%ld", value);
  int err = wsuv_send_text(session, text, (size_t) len);
  if (err < 0 && err != WSUV_ESTATE) wsuv_session_terminate(session);
}

static void set_value(room *r, long value) {
  r->value = value;
  for (const member *m = r->members; m != NULL; m = m->next)
    if (m->session != NULL) say(m->session, value);
}

/* --- sessions in rooms --- */

static bool is_text(const wsuv_message_t *m, const char *text) {
  return m->type == WSUV_FRAME_TEXT && m->len == strlen(text) && memcmp(m->data, text, m->len) == 0;
}

static void on_open(wsuv_session_t *session) {
  member *m = wsuv_session_data(session);
  m->session = session;
}

static void refuse_message(wsuv_session_t *session, const char *allowed) {
  if (wsuv_session_close(session, WSUV_CLOSE_UNSUPPORTED_DATA, allowed) < 0)
    wsuv_session_terminate(session);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  member *m = wsuv_session_data(session);
  if (is_text(message, "+1"))
    set_value(m->room, m->room->value + 1);
  else if (is_text(message, "-1"))
    set_value(m->room, m->room->value - 1);
  else if (is_text(message, "get"))
    say(session, m->room->value);
  else
    refuse_message(session, "+1, -1 or get");
}

/* It is called for every upgrade that was accepted, also if the session has never opened. */
static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  (void) info;
  remove_member(wsuv_session_data(session));
}

/* --- who may come in --- */

/* After an error other than WSUV_ESTATE, an answer is still owed: a plainer one. */
static void settle(wsuv_upgrade_t *upgrade, int err) {
  if (err < 0 && err != WSUV_ESTATE) wsuv_upgrade_refuse(upgrade, 503, NULL, 0, NULL, 0);
}

static int accept_with(wsuv_upgrade_t *upgrade, void *data) {
  wsuv_accept_t accept;
  wsuv_accept_init(&accept, upgrade);
  accept.data = data;
  return wsuv_upgrade_accept(upgrade, &accept, NULL);
}

static void let_in(wsuv_upgrade_t *upgrade, counter *c, room *r) {
  member *m = calloc(1, sizeof *m);
  if (m == NULL) {
    free_if_empty(c, r);
    settle(upgrade, UV_ENOMEM);
    return;
  }
  *m = (member){.next = r->members, .counter = c, .room = r};
  r->members = m;
  int err = accept_with(upgrade, m);
  if (err < 0) remove_member(m);
  settle(upgrade, err);
}

static void on_room_upgrade(wsuv_upgrade_t *upgrade) {
  const char *name = wsuv_upgrade_param(upgrade, "room");
  counter *c = wsuv_upgrade_data(upgrade);
  if (strlen(name) > NAME_MAX_BYTES) {
    settle(upgrade, wsuv_upgrade_refuse(upgrade, 404, NULL, 0, NULL, 0));
    return;
  }
  room *r = find_or_make_room(c, name);
  if (r != NULL)
    let_in(upgrade, c, r);
  else
    settle(upgrade, UV_ENOMEM);
}

/* --- the administrator --- */

/* It takes as long, wherever the first difference is. */
static bool is_token(const char *given, const char *token) {
  size_t len = strlen(token);
  if (given == NULL || strlen(given) != len) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < len; i++) difference |= (unsigned char) (given[i] ^ token[i]);
  return difference == 0;
}

static bool has_token(wsuv_upgrade_t *upgrade, const char *token) {
  static const char scheme[] = "Bearer ";
  const char *field = wsuv_upgrade_header(upgrade, "Authorization");
  if (field != NULL && strncmp(field, scheme, sizeof scheme - 1) == 0)
    return is_token(field + sizeof scheme - 1, token);
  return is_token(wsuv_upgrade_query(upgrade, "token"), token);
}

/* Browsers send Origin, and show pages nothing of a refusal but that it has failed: a page learns
   the cause from a close code. */
static void on_admin_upgrade(wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t field = {"WWW-Authenticate", "Bearer realm=\"admin\""};
  static const char body[] = "A token is needed.\n";
  counter *c = wsuv_upgrade_data(upgrade);
  if (has_token(upgrade, c->token))
    settle(upgrade, accept_with(upgrade, c));
  else if (wsuv_upgrade_header(upgrade, "Origin") != NULL)
    settle(upgrade, wsuv_upgrade_refuse_open(upgrade, 4401, "a token is needed"));
  else
    settle(upgrade, wsuv_upgrade_refuse(upgrade, 401, &field, 1, body, sizeof body - 1));
}

static void on_admin_message(wsuv_session_t *session, const wsuv_message_t *message) {
  const counter *c = wsuv_session_data(session);
  if (!is_text(message, "reset")) {
    refuse_message(session, "reset");
    return;
  }
  for (room *r = c->rooms; r != NULL; r = r->next) set_value(r, 0);
  int err = wsuv_send_text(session, "ok", 2);
  if (err < 0 && err != WSUV_ESTATE) wsuv_session_terminate(session);
}

/* --- the beginning and the end --- */

void counter_config_init(wsuv_config_t *config) {
  static const char *const origins[] = {"https://counter.example"};
  wsuv_server_config_init(config);
  config->ping_interval_ms = PING_INTERVAL_MS;
  config->max_message_size = 16;
  config->outgoing_max = QUEUE_MAX_BYTES;
  config->outgoing_policy = WSUV_OUTGOING_CLOSE;
  config->origins = origins;
  config->origin_count = 1;
}

static int add_route(wsuv_server_t *server, const char *path, wsuv_upgrade_cb on_upgrade,
                     const wsuv_callbacks_t *callbacks, counter *c) {
  wsuv_route_t route;
  wsuv_route_init(&route, path);
  route.on_upgrade = on_upgrade;
  route.callbacks = callbacks;
  route.data = c;
  return wsuv_server_add_route(server, &route);
}

counter *counter_new(wsuv_server_t *server, const char *token) {
  static const wsuv_callbacks_t in_room = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                           .on_message = on_message, .on_close = on_close};
  static const wsuv_callbacks_t admin = {WSUV_CALLBACKS_INIT, .on_message = on_admin_message};
  counter *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->token = strdup(token);
  int err = c->token != NULL ? 0 : UV_ENOMEM;
  if (err == 0) err = add_route(server, "/counter/{room}", on_room_upgrade, &in_room, c);
  if (err == 0) err = add_route(server, "/admin", on_admin_upgrade, &admin, c);
  if (err == 0) return c;
  counter_free(c);
  return NULL;
}

void counter_free(counter *c) {
  if (c == NULL) return;
  free(c->token);
  free(c);
}
