/* Name lookups by c-ares, against a name server of the test's own. F38 */

#include <string.h>
#include <sys/resource.h>

#include <ares.h>
#include <netinet/in.h>
#include <uv.h>

#include "base/error.h"
#include "net/address.h"
#include "net/uv/env_uv.h"
#include "net/uv/lookup_cares.h"
#include "support/alloc_failures.h"
#include "support/dns_server.h"
#include "support/name_folder.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { PORT = 8080, MANY = 200 };

static const dns_rule the_rules[] = {
    {"one.test", .addresses = {"198.51.100.1"}},
    {"both.test", .addresses = {"198.51.100.1", "198.51.100.2", "2001:db8::1"}},
    {"six.test", .addresses = {"2001:db8::1", "2001:db8::2"}},
    {"alias.test", .addresses = {"198.51.100.3"}, .cname = "real.test"},
    {"nodata.test", .rcode = 0},
    {"servfail.test", .rcode = 2},
    {"refused.test", .rcode = 5},
    {"long.test", .addresses = {"198.51.100.4"}, .truncates = true},
    {"garbage.test", .addresses = {"198.51.100.5"}, .garbage = true},
    {"silent-1.test", .silent = true},
    {"silent-2.test", .silent = true},
    {"db.corp.test", .addresses = {"198.51.100.6"}},
    {"a.b.corp.test", .addresses = {"198.51.100.7"}},
    {NULL, .rcode = 3},
};

typedef struct rig {
  world *w;
  ws_env *env;
  name_folder folder;
  dns_server server;
} rig;

static void rig_open_with(rig *r, world *w, wsuv_resolver_t resolver) {
  memset(r, 0, sizeof *r);
  r->w = w;
  name_folder_open(&r->folder);
  dns_server_start(&r->server, world_uv_loop(w), "127.0.0.1", 0, the_rules);
  r->folder.files.dns_port = r->server.port;
  assert_int_equal(env_uv_new(&r->env, world_uv_loop(w), &w->alloc->handle, NULL, NULL, resolver),
                   0);
  env_uv_set_name_files(r->env, &r->folder.files);
}

static void rig_open(rig *r, world *w) {
  rig_open_with(r, w, WSUV_RESOLVER_CARES);
}

static void rig_close(rig *r) {
  world_env_close(r->w, r->env);
  dns_server_stop(&r->server);
  world_run(r->w);
  name_folder_close(&r->folder);
}

typedef struct query {
  rig *r;
  ws_lookup *lookup;
  size_t answers;
  int status;
  char text[128];       /* the addresses, sorted by the library, each with a space behind it */
  struct query *victim; /* cancelled by the answer */
  struct query *next;   /* begun by it */
  size_t *all;          /* counts answers of several */
} query;

static void ask(query *q, rig *r, const char *host);

static void on_answer(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  query *q = data;
  char text[ADDRESS_TEXT_SIZE];
  q->answers++;
  q->status = status;
  CHECK((status == 0) == (count > 0));
  for (size_t i = 0; i < count; i++) {
    address_print(text, &addrs[i]);
    CHECK(((const struct sockaddr_in *) &addrs[i])->sin_port == htons(PORT)); /* IPv6's, too */
    CHECK(strlen(q->text) + strlen(text) + 2 <= sizeof q->text);
    strcat(strcat(q->text, text), " ");
  }
  if (q->all != NULL) ++*q->all;
  if (q->victim != NULL && q->victim->answers == 0) {
    q->r->env->ops->lookup_cancel(q->victim->lookup);
    q->victim->victim = NULL;
  }
  if (q->next != NULL) ask(q->next, q->r, "one.test");
}

static int try_ask(query *q, rig *r, const char *host) {
  q->r = r;
  return r->env->ops->lookup(r->env, host, PORT, on_answer, q, &q->lookup);
}

static void ask(query *q, rig *r, const char *host) {
  CHECK(try_ask(q, r, host) == 0);
  CHECK(q->answers == 0);
}

static void cancel(query *q) {
  q->r->env->ops->lookup_cancel(q->lookup);
}

static void assert_answer(rig *r, const char *host, int status, const char *addresses) {
  query q = {0};
  ask(&q, r, host);
  world_run_until_count(r->w, &q.answers, 1);
  if (q.status != status || strcmp(q.text, addresses) != 0)
    fail_msg("%s: %s, %s", host, wsuv_err_name(q.status), q.text);
}

static bool loop_goes_on(world *w) {
  return uv_run(world_uv_loop(w), UV_RUN_NOWAIT) != 0;
}

/* --- answers --- */

WORLD_UV_TEST(test_cares_gives_the_addresses, w) {
  SCOPED(rig, r, w);
  assert_answer(&r, "one.test", 0, "198.51.100.1 ");
  assert_answer(&r, "ONE.Test", 0, "198.51.100.1 ");
  assert_answer(&r, "alias.test", 0, "198.51.100.3 ");
  assert_answer(&r, "six.test", 0, "2001:db8::1 2001:db8::2 ");
  assert_int_equal(r.server.by_tcp, 0);
}

WORLD_UV_TEST(test_cares_gives_both_families, w) {
  SCOPED(rig, r, w);
  query q = {0};
  ask(&q, &r, "both.test");
  world_run_until_count(w, &q.answers, 1);
  if (strstr(q.text, "198.51.100.1 198.51.100.2 ") == NULL) fail_msg("%s", q.text);
  assert_non_null(strstr(q.text, "2001:db8::1 "));
}

WORLD_UV_TEST(test_cares_tells_why_there_is_no_address, w) {
  SCOPED(rig, r, w);
  assert_answer(&r, "none.test", UV_EAI_NONAME, "");
  assert_answer(&r, "nodata.test", UV_EAI_NODATA, "");
  assert_answer(&r, "servfail.test", UV_EAI_AGAIN, "");
  assert_answer(&r, "refused.test", UV_EAI_AGAIN, "");
}

WORLD_UV_TEST(test_cares_survives_an_answer_that_is_cut, w) {
  SCOPED(rig, r, w);
  query q = {0};
  ask(&q, &r, "garbage.test");
  world_run_until_count(w, &q.answers, 1);
  assert_true(q.status <= UV_EAI_ADDRFAMILY && q.status >= UV_EAI_PROTOCOL);
}

WORLD_UV_TEST(test_cares_goes_on_over_tcp_when_an_answer_is_truncated, w) {
  SCOPED(rig, r, w);
  assert_answer(&r, "long.test", 0, "198.51.100.4 ");
  assert_true(r.server.by_tcp >= 1);
}

WORLD_UV_TEST(test_cares_without_a_name_server_fails, w) {
  SCOPED(rig, r, w);
  name_folder_put(r.folder.files.resolv, "nameserver 127.0.0.9\n"); /* nobody listens there */
  assert_answer(&r, "one.test", UV_EAI_AGAIN, "");
}

/* As getaddrinfo: a dotless name with the search domains first, any other as it is first. */
WORLD_UV_TEST(test_cares_searches_as_getaddrinfo_does, w) {
  SCOPED(rig, r, w);
  name_folder_put(r.folder.files.resolv, "nameserver 127.0.0.1\nsearch x.test corp.test\n");
  assert_answer(&r, "db", 0, "198.51.100.6 ");
  assert_answer(&r, "one.test", 0, "198.51.100.1 ");
  assert_string_equal(r.server.asked, "one.test");
  assert_answer(&r, "a.b", 0, "198.51.100.7 ");
  assert_answer(&r, "none", UV_EAI_NONAME, "");
  assert_string_equal(r.server.asked, "none");
}

/* --- which names --- */

WORLD_UV_TEST(test_cares_is_not_asked_what_dns_does_not_know, w) {
  SCOPED(rig, r, w);
  query q = {0};
  assert_int_equal(try_ask(&q, &r, ""), UV_EAI_NONAME);
  assert_answer(&r, "198.51.100.7", 0, "198.51.100.7 ");
  assert_answer(&r, "127.1", 0, "127.0.0.1 ");
  assert_answer(&r, "0x7f000001", 0, "127.0.0.1 ");
  assert_answer(&r, "2001:db8::7", 0, "2001:db8::7 ");
  ask(&q, &r, "fe80::1%lo");
  world_run_until_count(w, &q.answers, 1);
  assert_int_equal(r.server.questions, 0);
}

/* RFC 6761 6.3 */
WORLD_UV_TEST(test_lookup_under_localhost_is_loopback, w) {
  for (int i = WSUV_RESOLVER_CARES; i <= WSUV_RESOLVER_SYSTEM; i++) {
    rig r;
    query plain = {0}, below = {0};
    rig_open_with(&r, w, (wsuv_resolver_t) i);
    ask(&plain, &r, "localhost");
    world_run_until_count(w, &plain.answers, 1);
    ask(&below, &r, "a.b.LocalHost");
    world_run_until_count(w, &below.answers, 1);
    assert_int_equal(below.status, 0);
    assert_string_equal(below.text, plain.text);
    assert_int_equal(r.server.questions, 0);
    rig_close(&r);
  }
}

WORLD_UV_TEST(test_system_resolver_does_not_use_cares, w) {
  rig r;
  rig_open_with(&r, w, WSUV_RESOLVER_SYSTEM);
  query q = {0};
  ask(&q, &r, world_bad_name(w));
  world_run_until_count(w, &q.answers, 1);
  assert_int_equal(r.server.questions, 0);
  rig_close(&r);
}

WORLD_UV_TEST(test_cares_leaves_names_to_getaddrinfo_when_nsswitch_has_more, w) {
  SCOPED(rig, r, w);
  query q = {0};
  name_folder_put(r.folder.files.nsswitch, "hosts: files mdns4_minimal dns\n");
  ask(&q, &r, world_bad_name(w));
  world_run_until_count(w, &q.answers, 1);
  assert_int_equal(r.server.questions, 0);
  name_folder_put(r.folder.files.nsswitch, "hosts: files dns\n");
  assert_answer(&r, world_bad_name(w), UV_EAI_NONAME, "");
  assert_true(r.server.questions > 0);
}

/* --- many, and silence --- */

WORLD_UV_TEST(test_cares_two_silent_names_do_not_hold_up_ten, w) {
  static const char *const silent[] = {"silent-1.test", "silent-2.test"};
  SCOPED(rig, r, w);
  query quiet[2] = {0}, q[10] = {0};
  size_t answers = 0;
  for (size_t i = 0; i < 2; i++) ask(&quiet[i], &r, silent[i]);
  for (size_t i = 0; i < 10; i++) {
    q[i].all = &answers;
    ask(&q[i], &r, i % 2 == 0 ? "one.test" : "alias.test");
  }
  world_run_until_count(w, &answers, 10);
  for (size_t i = 0; i < 10; i++) assert_int_equal(q[i].status, 0);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(quiet[i].answers, 0);
    cancel(&quiet[i]);
  }
}

WORLD_UV_TEST(test_cares_looks_up_many_at_once, w) {
  static query q[MANY];
  SCOPED(rig, r, w);
  size_t answers = 0;
  memset(q, 0, sizeof q);
  for (size_t i = 0; i < MANY; i++) {
    q[i].all = &answers;
    ask(&q[i], &r, i % 3 == 0 ? "one.test" : i % 3 == 1 ? "none.test" : "alias.test");
  }
  world_run_until_count(w, &answers, MANY);
  for (size_t i = 0; i < MANY; i++) {
    assert_int_equal(q[i].answers, 1);
    assert_int_equal(q[i].status, i % 3 == 1 ? UV_EAI_NONAME : 0);
  }
}

/* --- the contract of the environment --- */

/* c-ares refuses the names inside of the call. */
WORLD_UV_TEST(test_cares_answers_from_the_loop_only, w) {
  SCOPED(rig, r, w);
  char name[80];
  query q[3] = {0};
  memset(name, 'a', 70);
  strcpy(name + 70, ".test");
  ask(&q[0], &r, name);
  ask(&q[1], &r, "a..test");
  ask(&q[2], &r, name);
  cancel(&q[2]);
  world_run(w);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(q[i].answers, 1);
    assert_int_equal(q[i].status, UV_EAI_NONAME);
  }
  assert_int_equal(q[2].answers, 0);
}

WORLD_UV_TEST(test_cares_keeps_the_loop_while_a_lookup_runs_and_no_longer, w) {
  SCOPED(rig, r, w);
  query a = {0}, b = {0};
  assert_false(loop_goes_on(w));
  ask(&a, &r, "silent-1.test");
  ask(&b, &r, "silent-2.test");
  for (size_t i = 0; i < 3; i++) assert_true(loop_goes_on(w));
  cancel(&a);
  assert_true(loop_goes_on(w));
  cancel(&b);
  world_run(w); /* ends although nobody has answered */
  assert_answer(&r, "one.test", 0, "198.51.100.1 ");
  world_run(w);
  assert_int_equal(a.answers + b.answers, 0);
}

WORLD_UV_TEST(test_cares_cancelled_after_any_number_of_turns, w) {
  static const char *const names[] = {"one.test", "long.test", "none.test", "db", "servfail.test"};
  SCOPED(rig, r, w);
  name_folder_put(r.folder.files.resolv, "nameserver 127.0.0.1\nsearch x.test corp.test\n");
  for (size_t name = 0; name < sizeof names / sizeof *names; name++) {
    bool answered = false;
    for (size_t turns = 0; !answered; turns++) {
      query q = {0};
      ask(&q, &r, names[name]);
      for (size_t i = 0; i < turns; i++) (void) uv_run(world_uv_loop(w), UV_RUN_ONCE);
      answered = q.answers == 1;
      if (!answered) cancel(&q);
      world_run(w);
      assert_int_equal(q.answers, answered);
    }
  }
}

WORLD_UV_TEST(test_cares_cancelled_beside_another, w) {
  SCOPED(rig, r, w);
  query a = {0}, b = {0};
  ask(&a, &r, "silent-1.test");
  ask(&b, &r, "one.test");
  cancel(&a);
  world_run_until_count(w, &b.answers, 1);
  assert_string_equal(b.text, "198.51.100.1 ");
  world_run(w);
  assert_int_equal(a.answers, 0);
}

WORLD_UV_TEST(test_cares_cancelled_by_the_answer_of_another, w) {
  SCOPED(rig, r, w);
  query a = {0}, b = {0};
  a.victim = &b;
  b.victim = &a;
  ask(&a, &r, "a..test"); /* both have their answers before the first is given */
  ask(&b, &r, "b..test");
  world_run(w);
  assert_int_equal(a.answers + b.answers, 1);
}

WORLD_UV_TEST(test_cares_started_by_the_answer_of_another, w) {
  SCOPED(rig, r, w);
  query a = {0}, b = {0};
  a.next = &b;
  ask(&a, &r, "none.test");
  world_run_until_count(w, &b.answers, 1);
  assert_string_equal(b.text, "198.51.100.1 ");
}

/* Nothing is waited for. */
WORLD_UV_TEST(test_cares_environment_closes_with_cancelled_lookups, w) {
  SCOPED(rig, r, w);
  query q[4] = {0};
  for (size_t i = 0; i < 4; i++) ask(&q[i], &r, i % 2 == 0 ? "silent-1.test" : "one.test");
  (void) loop_goes_on(w);
  for (size_t i = 0; i < 4; i++) {
    if (q[i].answers == 0) cancel(&q[i]);
  }
}

/* --- resolv.conf --- */

static const dns_rule other_rules[] = {{"one.test", .addresses = {"198.51.100.99"}},
                                       {NULL, .rcode = 3}};

/* The lookup that is under way keeps the server that it has asked. */
WORLD_UV_TEST(test_cares_reads_resolv_conf_again_when_it_changes, w) {
  SCOPED(rig, r, w);
  dns_server other;
  query quiet = {0};
  dns_server_start(&other, world_uv_loop(w), "127.0.0.2", r.server.port, other_rules);
  assert_answer(&r, "one.test", 0, "198.51.100.1 ");
  ask(&quiet, &r, "silent-1.test");
  name_folder_put(r.folder.files.resolv, "nameserver 127.0.0.2\n");
  assert_answer(&r, "one.test", 0, "198.51.100.99 ");
  assert_int_equal(quiet.answers, 0);
  cancel(&quiet);
  name_folder_put(r.folder.files.resolv, "nameserver 127.0.0.1\n");
  assert_answer(&r, "one.test", 0, "198.51.100.1 ");
  dns_server_stop(&other);
}

/* --- F46 --- */

static void play_all(rig *r) {
  query q[3] = {0};
  static const char *const names[] = {"one.test", "both.test", "long.test"};
  for (size_t i = 0; i < 3; i++) {
    int err = try_ask(&q[i], r, names[i]);
    assert_true(err == 0 || err == WS_ENOMEM);
    if (err < 0) q[i].answers = 1;
  }
  world_run(r->w);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(q[i].answers, 1);
    assert_true(q[i].status == 0 || q[i].status == WS_ENOMEM || q[i].status == UV_EAI_AGAIN);
  }
}

WORLD_UV_TEST(test_cares_without_memory, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(rig, r, w);
    alloc_failures_begin(&f, w->alloc);
    play_all(&r);
    (void) alloc_failures_end(&f, w->alloc);
    play_all(&r);
  }
}

/* Where c-ares cannot begin, AUTO takes the system's resolver. */
WORLD_UV_TEST(test_auto_resolver_falls_back, w) {
  for (int i = WSUV_RESOLVER_AUTO; i <= WSUV_RESOLVER_CARES; i++) {
    rig r;
    query q = {0};
    rig_open_with(&r, w, (wsuv_resolver_t) i);
    assert_answer(&r, "one.test", 0, "198.51.100.1 ");
    const uint64_t failed = w->alloc->failed;
    w->alloc->fail_at = w->alloc->calls + 2; /* the first is the contents of hosts */
    int err = try_ask(&q, &r, world_bad_name(w));
    w->alloc->fail_at = 0;
    assert_int_equal(w->alloc->failed, failed + 1);
    assert_int_equal(err, i == WSUV_RESOLVER_AUTO ? 0 : WS_ENOMEM);
    world_run(w);
    assert_int_equal(q.answers, err == 0 ? 1 : 0);
    rig_close(&r);
  }
}

/* F37, F54: a lack of descriptors fails one lookup, and nothing wrong is kept of it. */
WORLD_UV_TEST(test_cares_without_descriptors_fails_once, w) {
  SCOPED(rig, r, w);
  struct rlimit limit, none;
  query q = {0};
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  none = limit;
  none.rlim_cur = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  int err = try_ask(&q, &r, "one.test");
  world_run(w);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_true(err < 0 || q.status < 0);
  assert_int_equal(r.server.questions, 0);
  assert_answer(&r, "one.test", 0, "198.51.100.1 ");
}

/* --- codes --- */

TEST(test_cares_codes_all_have_one_of_ours) {
  static const struct {
    int status, code;
  } codes[] = {
      {ARES_SUCCESS, 0},
      {ARES_ENODATA, UV_EAI_NODATA},
      {ARES_EFORMERR, UV_EAI_FAIL},
      {ARES_ESERVFAIL, UV_EAI_AGAIN},
      {ARES_ENOTFOUND, UV_EAI_NONAME},
      {ARES_ENOTIMP, UV_EAI_FAIL},
      {ARES_EREFUSED, UV_EAI_AGAIN},
      {ARES_EBADQUERY, UV_EAI_FAIL},
      {ARES_EBADNAME, UV_EAI_NONAME},
      {ARES_EBADFAMILY, UV_EAI_FAMILY},
      {ARES_EBADRESP, UV_EAI_FAIL},
      {ARES_ECONNREFUSED, UV_EAI_AGAIN},
      {ARES_ETIMEOUT, UV_EAI_AGAIN},
      {ARES_EOF, UV_EAI_FAIL},
      {ARES_EFILE, UV_EAI_FAIL},
      {ARES_ENOMEM, UV_EAI_MEMORY},
      {ARES_EDESTRUCTION, UV_EAI_CANCELED},
      {ARES_EBADSTR, UV_EAI_FAIL},
      {ARES_EBADFLAGS, UV_EAI_BADFLAGS},
      {ARES_ENONAME, UV_EAI_NONAME},
      {ARES_EBADHINTS, UV_EAI_BADHINTS},
      {ARES_ENOTINITIALIZED, UV_EAI_FAIL},
      {ARES_ELOADIPHLPAPI, UV_EAI_FAIL},
      {ARES_EADDRGETNETWORKPARAMS, UV_EAI_FAIL},
      {ARES_ECANCELLED, UV_EAI_CANCELED},
      {ARES_ESERVICE, UV_EAI_SERVICE},
      {ARES_ESERVICE + 1, UV_EAI_FAIL}, /* 1.34: no name server is configured */
  };
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    assert_int_equal(codes[i].status, i);
    assert_int_equal(lookup_cares_code(codes[i].status), codes[i].code);
  }
}
