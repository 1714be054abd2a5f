#include "net/uv/name_service.h"

/* Which names c-ares may serve, by the system's files and by the name. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "support/alloc_failures.h"
#include "support/name_folder.h"
#include "support/test.h"
#include "testkit/check.h"
#include "testkit/track_alloc.h"

typedef struct text_case {
  const char *text;
  bool plain;
} text_case;

static void check_cases(bool (*is_plain)(const char *), const text_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (is_plain(cases[i].text) != cases[i].plain) fail_msg("\"%s\"", cases[i].text);
  }
}

TEST(test_names_nsswitch_has_files_and_dns_only) {
  static const text_case cases[] = {
      {"", true},
      {"passwd: files systemd\n", true},
      {"hosts: files dns", true},
      {"hosts:files dns\n", true},
      {"hosts:\t\tdns files\r\n", true},
      {"  hosts :  files dns # and mdns4\n", true},
      {"# hosts: files mdns4\nhosts: files dns\n", true},
      {"passwd: files\n\nhosts:          files dns\nnetworks: files\n", true},
      {"hosts: files", false},
      {"hosts: dns", false},
      {"hosts:", false},
      {"hosts: files mdns4_minimal [NOTFOUND=return] dns", false},
      {"hosts: files dns myhostname", false},
      {"hosts: files resolve [!UNAVAIL=return] dns", false},
      {"hosts: files [NOTFOUND=return] dns", false},
      {"hosts: files dns[NOTFOUND=return]", false},
      {"hosts: files dns nis", false},
      {"hosts: files dns\nhosts: files myhostname dns\n", false},
      {"hosts: FILES dns", false},
  };
  check_cases(name_service_nsswitch_is_plain, cases, sizeof cases / sizeof *cases);
}

TEST(test_names_gai_has_comments_only) {
  static const text_case cases[] = {
      {"", true},
      {"\n\n", true},
      {"# precedence ::ffff:0:0/96 100\n#\n  # x", true},
      {"precedence ::ffff:0:0/96 100\n", false},
      {"#\nlabel ::1/128 0", false},
      {"reload yes", false},
  };
  check_cases(name_service_gai_is_plain, cases, sizeof cases / sizeof *cases);
}

TEST(test_names_resolv_has_what_cares_can_do) {
  static const text_case cases[] = {
      {"", true},
      {"nameserver 192.0.2.1\nnameserver 2001:db8::1\n", true},
      {"# made by hand\n; search x\nnameserver 192.0.2.1\n", true},
      {"nameserver 192.0.2.1\nsearch a.test b.test\noptions edns0 trust-ad ndots:5", true},
      {"domain a.test\noptions rotate timeout:1 attempts:2\n", true},
      {"nameserver fe80::1%eth0\n", false}, /* 1.18 leaves it out */
      {"nameserver\n", false},
      {"domain a.test\nsearch a.test b.test\n", false}, /* 1.18 takes the first */
      {"options use-vc\n", false},
      {"options no-aaaa\n", false},
      {"options single-request\n", false},
      {"sortlist 192.0.2.0\n", false},
      {"lookup file bind\n", false},
  };
  check_cases(name_service_resolv_is_plain, cases, sizeof cases / sizeof *cases);
}

TEST(test_names_found_in_hosts) {
  static const char text[] = "127.0.0.1 localhost\n"
                             "# 192.0.2.1 comment.test\n"
                             "192.0.2.2\tone.test  Two.test # three.test\n"
                             "192.0.2.3 four.test#five.test\n"
                             "six.test";
  static const char *const there[] = {"localhost", "one.test", "two.TEST", "four.test"};
  static const char *const not_there[] = {
      "comment.test", "three.test", "five.test", "six.test",
      "test",         "one",        "192.0.2.2", "four.test#five.test"};
  for (size_t i = 0; i < sizeof there / sizeof *there; i++)
    assert_true(name_service_hosts_has(text, there[i]));
  for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
    assert_false(name_service_hosts_has(text, not_there[i]));
  assert_false(name_service_hosts_has("", "a"));
}

TEST(test_names_that_dns_alone_decides) {
  static const char *const for_dns[] = {
      "a",   "a.test", "A.B.test", "xn--bcher-kva.test", "_a._b.test", "1.2.3.test",
      "a-b", "locals", "notlocal", "local.test",         "3.d.test",   "localhost.test"};
  static const char *const others[] = {
      "",          ".",          "a.",          "a.test.",    "192.0.2.7",
      "127.1",     "127",        "0x7f.1",      "0x7f000001", "1.2.3",
      "::1",       "fe80::1%lo", "fe80::1%1",   "a b",        "b\xc3\xbc.test",
      "a\\046b",   "a\x01",      "local",       "x.local",    "X.LOCAL.",
      "localhost", "LocalHost.", "x.localhost", "a.3",        "a:b",
      "a/b",       "a..",        "[::1]",       "*.test",     "a%00"};
  for (size_t i = 0; i < sizeof for_dns / sizeof *for_dns; i++) {
    if (!name_is_for_dns(for_dns[i])) fail_msg("%s", for_dns[i]);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (name_is_for_dns(others[i])) fail_msg("%s", others[i]);
  }
}

TEST(test_names_under_localhost) {
  assert_true(name_is_localhost("localhost"));
  assert_true(name_is_localhost("LOCALHOST."));
  assert_true(name_is_localhost("a.b.localhost"));
  assert_true(name_is_localhost("x.localhost."));
  assert_false(name_is_localhost("xlocalhost"));
  assert_false(name_is_localhost("localhost.test"));
  assert_false(name_is_localhost(""));
  assert_false(name_is_localhost("."));
}

/* --- with files --- */

typedef struct rig {
  track_alloc alloc;
  name_folder folder;
  name_service ns;
} rig;

static void rig_open(rig *r) {
  track_alloc_init(&r->alloc);
  name_folder_open(&r->folder);
  name_service_init(&r->ns, &r->folder.files);
}

static void rig_close(rig *r) {
  name_folder_close(&r->folder);
  CHECK(r->alloc.live == 0);
}

static bool goes_to_dns(rig *r, const char *host) {
  bool dns;
  assert_int_equal(name_service_choose(&r->ns, &r->alloc.handle, host, &dns), 0);
  return dns;
}

TEST(test_names_go_to_dns_with_plain_files_or_none) {
  SCOPED(rig, r);
  const name_files *f = &r.folder.files;
  assert_true(goes_to_dns(&r, "a.test"));
  assert_false(goes_to_dns(&r, "a.local"));
  name_folder_put(f->nsswitch, NULL);
  name_folder_put(f->resolv, NULL);
  name_folder_put(f->gai, NULL);
  name_folder_put(f->hosts, NULL);
  assert_true(goes_to_dns(&r, "a.test"));
}

TEST(test_names_follow_the_files_when_they_change) {
  SCOPED(rig, r);
  const name_files *f = &r.folder.files;
  assert_true(goes_to_dns(&r, "a.test"));
  name_folder_put(f->nsswitch, "hosts: files dns myhostname\n");
  assert_false(goes_to_dns(&r, "a.test"));
  name_folder_put(f->nsswitch, "hosts: files dns\n");
  assert_true(goes_to_dns(&r, "a.test"));
  name_folder_put(f->gai, "precedence ::ffff:0:0/96 100\n");
  assert_false(goes_to_dns(&r, "a.test"));
  name_folder_put(f->gai, NULL);
  assert_true(goes_to_dns(&r, "a.test"));
  name_folder_put(f->resolv, "options use-vc\n");
  assert_false(goes_to_dns(&r, "a.test"));
  name_folder_put(f->resolv, "nameserver 127.0.0.1\n");
  assert_true(goes_to_dns(&r, "a.test"));
  name_folder_put(f->hosts, "192.0.2.1 a.test\n");
  assert_false(goes_to_dns(&r, "a.test"));
  assert_true(goes_to_dns(&r, "b.test"));
}

TEST(test_names_count_versions_of_resolv_conf) {
  SCOPED(rig, r);
  const name_files *f = &r.folder.files;
  name_folder_put(f->resolv, NULL);
  for (size_t i = 0; i < 3; i++) assert_true(goes_to_dns(&r, "a.test"));
  assert_int_equal(r.ns.resolv_version, 1);
  name_folder_put(f->resolv, "nameserver 127.0.0.1\n");
  for (size_t i = 0; i < 3; i++) assert_true(goes_to_dns(&r, "a.test"));
  assert_int_equal(r.ns.resolv_version, 2);
  name_folder_put(f->gai, "#\n");
  assert_true(goes_to_dns(&r, "a.test"));
  assert_int_equal(r.ns.resolv_version, 2);
}

/* F54: a file that cannot be read is none that is plain, and is tried again. */
TEST(test_names_do_not_keep_what_could_not_be_read) {
  SCOPED(rig, r);
  const name_files *f = &r.folder.files;
  name_folder_put(f->gai, NULL);
  assert_int_equal(mkdir(f->gai, 0700), 0);
  assert_false(goes_to_dns(&r, "a.test"));
  assert_false(r.ns.whole);
  assert_int_equal(rmdir(f->gai), 0);
  assert_true(goes_to_dns(&r, "a.test"));
  assert_true(r.ns.whole);
}

TEST(test_names_tell_whether_resolv_conf_can_be_opened) {
  SCOPED(rig, r);
  char path[64];
  assert_int_equal(name_service_try_resolv(&r.ns), 0);
  (void) snprintf(path, sizeof path, "%s/below", r.folder.files.resolv);
  r.folder.files.resolv = path;
  assert_int_equal(name_service_try_resolv(&r.ns), -ENOTDIR);
  r.folder.files.resolv = "/nowhere/resolv.conf";
  assert_int_equal(name_service_try_resolv(&r.ns), 0);
}

TEST(test_names_leave_large_files_to_getaddrinfo) {
  SCOPED(rig, r);
  enum { SIZE = 64 * 1024 };
  char *text = check_alloc(SIZE + 2);
  memset(text, '\n', SIZE);
  name_folder_put(r.folder.files.hosts, text);
  assert_true(goes_to_dns(&r, "a.test"));
  text[SIZE] = '\n';
  name_folder_put(r.folder.files.hosts, text);
  assert_false(goes_to_dns(&r, "a.test"));
  name_folder_put(r.folder.files.hosts, "");
  name_folder_put(r.folder.files.resolv, text);
  assert_false(goes_to_dns(&r, "a.test"));
  free(text);
}

TEST(test_names_without_memory) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(rig, r);
    bool dns;
    alloc_failures_begin(&f, &r.alloc);
    int err = name_service_choose(&r.ns, &r.alloc.handle, "a.test", &dns);
    bool failed = alloc_failures_end(&f, &r.alloc);
    assert_int_equal(err, failed ? WS_ENOMEM : 0);
    assert_int_equal(dns, !failed);
    assert_true(goes_to_dns(&r, "a.test"));
    name_folder_put(r.folder.files.nsswitch, "hosts: nis\n");
    assert_false(goes_to_dns(&r, "a.test"));
  }
}
