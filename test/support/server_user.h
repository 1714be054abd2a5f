#ifndef TEST_SERVER_USER_H
#define TEST_SERVER_USER_H

/* A user of one server. It writes down all that happens to the server, makes a session_user for
   each session, and checks what holds for every server: callbacks come from the loop, never inside
   a call, and none comes after the server's end. A test is given one that is begun, and finished
   when it returns:

       SERVER_TEST(test_echo, w, s) {
         server_user_start(s);
         raw_client *c = server_user_connect(s, "/");
         raw_client_send_frames(c, "TEXT \"hello\"");
         raw_client_run_to_frames(c, 1);
         assert_true(raw_client_saw(c, "TEXT \"hello\""));
       }

   Before the server is made the test sets s->config, which has the defaults at first, and s->each,
   whose hooks and settings are those of each session's user. A test whose hooks use its own
   variables calls server_user_finish before it returns. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

#include <wsuv.h>
#include <wsuv/exchange.h>
#include <wsuv/server.h>

#include "support/raw_client.h"
#include "support/session_user.h"
#include "support/world_server.h"
#include "support/world_test.h"

typedef struct server_user server_user;

struct server_user {
  world *w;
  wsuv_config_t config;  /* of the server */
  uv_loop_t *loop;       /* of the server, over libuv; NULL: the world's */
  wsuv_server_t *server; /* NULL before it is made and after its end */
  wsuv_listener_t *listener;
  struct sockaddr_storage address; /* of the listener */
  session_user each;               /* hooks and settings of each session's user */
  session_user **sessions;         /* in the order of opening, or of closing unopened */
  size_t session_count, open_count, close_count; /* all of them; and those of on_open, on_close */
  size_t upgrades, gone;                         /* calls of on_upgrade and on_gone */
  wsuv_upgrade_t *upgrade;                       /* the latest */
  size_t requests;                               /* calls of on_request */
  wsuv_exchange_t *exchange;                     /* the latest */
  size_t refused;                                /* calls of on_refused */
  bytes refusals;                                /* a line for each: "NO_ROUTE 404\n" */
  int refused_code;
  wsuv_stage_t refused_stage;
  char refused_address[INET6_ADDRSTRLEN]; /* of the last refusal; "": of a Unix socket */
  bytes log;              /* lines of level INFO and above that begin with "refused" */
  size_t lines;           /* how many */
  bytes accepted;         /* lines that begin with "accepted", and what TLS has negotiated */
  size_t ends, end_calls; /* callbacks of the server's end that came, and that are due */
  void (*at_upgrade)(server_user *s, wsuv_upgrade_t *u);
  void (*at_gone)(server_user *s, wsuv_upgrade_t *u);
  void (*at_request)(server_user *s, wsuv_exchange_t *x);
  void (*at_refused)(server_user *s, const wsuv_refusal_t *r);
  void (*at_end)(server_user *s);
  void *data; /* the test's */
  char url[256];
};

/* --- beginning --- */

void server_user_begin(server_user *s, world *w);

/* The server. It is made with s->config if there is none yet. */
wsuv_server_t *server_user_server(server_user *s);
int server_user_make(server_user *s); /* 0, or a code, and there is none */

/* Add a route whose sessions have users. */
void server_user_route(server_user *s, const char *path);
/* The same with more than a path; its callbacks and data are set. What the library returns. */
int server_user_add_route(server_user *s, wsuv_route_t *route);

/* Let at_upgrade decide. */
void server_user_decide(server_user *s, void (*at_upgrade)(server_user *s, wsuv_upgrade_t *u));
/* An at_upgrade that leaves the decision for later: s->upgrade is it. */
void server_user_keep(server_user *s, wsuv_upgrade_t *u);
/* An upgrade hook for routes: calls s->at_upgrade. */
void server_user_on_upgrade(wsuv_upgrade_t *u);

/* Let at_request answer what is no upgrade. */
void server_user_serve(server_user *s, void (*at_request)(server_user *s, wsuv_exchange_t *x));

/* Listen at 127.0.0.1. */
void server_user_listen(server_user *s);

/* Route "/", whose sessions echo unless s->each has an at_message; and listen, too. */
void server_user_route_echo(server_user *s);
void server_user_start(server_user *s);

/* An at_message: sends the message back, if the session is open. */
void server_user_echo(session_user *u, const wsuv_message_t *m);
/* An at_message that does nothing. */
void server_user_ignore(session_user *u, const wsuv_message_t *m);

/* --- clients --- */

/* The URL of a path; valid until the next call. */
const char *server_user_url(server_user *s, const char *path);

/* A client of it; and one that is upgraded, and whose session is open. */
raw_client *server_user_client(server_user *s);
raw_client *server_user_connect(server_user *s, const char *target);

/* --- sessions --- */

session_user *server_user_session(const server_user *s, size_t number); /* must be there */
void server_user_run_to_sessions(server_user *s, size_t opened);        /* on_open, in all */
void server_user_run_to_closes(server_user *s, size_t closed);          /* on_close, in all */
void server_user_run_to_refusals(server_user *s, size_t refused);
void server_user_run_to_upgrades(server_user *s, size_t upgrades);
void server_user_run_to_requests(server_user *s, size_t requests);

/* Whether just these refusals came, "NO_ROUTE 404\nGONE 0\n", and each with one line of log. On
   false it has said on stderr which did. */
bool server_user_refused(const server_user *s, const char *lines);

/* --- calls, with a note that they are running --- */

/* Accept for a user of the server's; `accept` NULL: the defaults. Its data and, unless it has some,
   its callbacks are set. */
int server_user_accept(server_user *s, wsuv_upgrade_t *u, const wsuv_accept_t *accept);
int server_user_refuse(wsuv_upgrade_t *u, int status);
int server_user_refuse_open(wsuv_upgrade_t *u, unsigned code, const char *reason);

int server_user_respond(wsuv_exchange_t *x, int status, const char *body);
int server_user_decline(wsuv_exchange_t *x);

/* End the server; one more callback is due. */
int server_user_close(server_user *s);
int server_user_terminate(server_user *s);
int server_user_drain(server_user *s);
void server_user_run_to_end(server_user *s); /* until all of them came */

/* End the server, or terminate it, while the request of `c` has no answer: that is 503, or none. */
void server_user_end_with_kept(server_user *s, raw_client *c, bool terminates);

/* --- ending --- */

/* Close the raw clients and the server, wait for its end, and free what was written down. What is
   finished already is left as it is. */
void server_user_finish(server_user *s);
void server_user_renew(server_user *s); /* finish, and begin again */

typedef void server_fn(world *w, server_user *s);
void server_user_run(world *w, server_fn *play); /* begin, play, finish */

/* How many connections a test makes that is about many: what the environment variable
   WSUV_TEST_CROWD says, or else `usual`. */
size_t server_user_crowd(size_t usual);

/* A test may leave its argument W unused. */
#define SERVER_FUNCTION(NAME, W, S) \
  static void NAME(__attribute__((unused)) world *W, server_user *S)

#define SERVER_TEST_IN(NAME, W, S, PLACES) \
  SERVER_FUNCTION(NAME, W, S);             \
  static void NAME##_run(world *w) {       \
    server_user_run(w, NAME);              \
  }                                        \
  WORLD_TEST_ADD(NAME, NAME##_run, PLACES) \
  SERVER_FUNCTION(NAME, W, S)

/* In the same places as the tests of world_test.h with these names. */
#define SERVER_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_SIM | WORLD_IN_UV)
#define SERVER_SIM_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_SIM)
#define SERVER_UV_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_UV)
#define SERVER_TLS_TEST(NAME, W, S) \
  SERVER_TEST_IN(NAME, W, S, WORLD_IN_SIM | WORLD_IN_UV | WORLD_IN_SIM_TLS | WORLD_IN_UV_TLS)
#define SERVER_SIM_TLS_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_SIM | WORLD_IN_SIM_TLS)
#define SERVER_ONLY_SIM_TLS_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_SIM_TLS)
#define SERVER_ONLY_TLS_TEST(NAME, W, S) \
  SERVER_TEST_IN(NAME, W, S, WORLD_IN_SIM_TLS | WORLD_IN_UV_TLS)
#define SERVER_ONLY_UV_TLS_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_UV_TLS)
#define SERVER_UV_AND_TLS_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_UV | WORLD_IN_UV_TLS)

#endif
