/* Digest: known answers of RFC 7616, RFC 2617 and RFC 2069, challenges that are refused, and
   secrets that are not left in memory. The hash functions are those of the TLS library. */

#include <string.h>

#include "base/error.h"
#include "net/tls/tls_library.h"
#include "proto/tunnel/digest.h"
#include "support/alloc_failures.h"
#include "support/secret_alloc.h"
#include "support/test.h"

#define TEXT(s) ((ws_text){s, sizeof(s) - 1})
#define RFC_NONCE "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define RFC_OPAQUE "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
#define RFC_CNONCE "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"

static const digest_request rfc_request = {
    .user = {"Mufasa", 6},
    .password = {"Circle of Life", 14},
    .method = {"GET", 3},
    .target = {"/dir/index.html", 15},
    .cnonce = {RFC_CNONCE, sizeof RFC_CNONCE - 1},
    .count = 1,
    .hash = tls_library_hash,
};

static int read_text(digest_challenge *d, const wsuv_allocator_t *alloc, const char *field,
                     ws_why *why) {
  challenge c;
  digest_challenge_init(d, alloc);
  assert_int_equal(challenge_next(&field, &c), 1);
  return digest_challenge_read(d, &c, why);
}

static void assert_answer(const char *field, const digest_request *request, const char *expected) {
  track_alloc alloc;
  digest_challenge d;
  text_buf value;
  track_alloc_init(&alloc);
  text_buf_init(&value, &alloc.handle);
  assert_int_equal(read_text(&d, &alloc.handle, field, NULL), 0);
  assert_int_equal(digest_write(&value, &d, request), 0);
  assert_int_equal(text_buf_add(&value, "", 1), 0);
  assert_string_equal(text_buf_base(&value), expected);
  text_buf_clear(&value);
  digest_challenge_clear(&d);
  assert_int_equal(alloc.live, 0);
}

/* RFC 7616 3.9.1 */
TEST(test_digest_of_rfc_7616_with_sha_256) {
  assert_answer("Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
                "algorithm=SHA-256, nonce=\"" RFC_NONCE "\", opaque=\"" RFC_OPAQUE "\"",
                &rfc_request,
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
                "uri=\"/dir/index.html\", algorithm=SHA-256, nonce=\"" RFC_NONCE "\", "
                "nc=00000001, cnonce=\"" RFC_CNONCE "\", qop=auth, "
                "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", "
                "opaque=\"" RFC_OPAQUE "\"");
}

TEST(test_digest_of_rfc_7616_with_md5) {
  assert_answer("Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, "
                "nonce=\"" RFC_NONCE "\", opaque=\"" RFC_OPAQUE "\"",
                &rfc_request,
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
                "uri=\"/dir/index.html\", algorithm=MD5, nonce=\"" RFC_NONCE "\", nc=00000001, "
                "cnonce=\"" RFC_CNONCE "\", qop=auth, "
                "response=\"8ca523f5e9506fed4657c9700eebdbec\", opaque=\"" RFC_OPAQUE "\"");
}

/* The same, with what Python's hashlib makes of RFC 7616 3.4.2. */
TEST(test_digest_with_session_algorithms) {
  assert_answer("Digest realm=\"http-auth@example.org\", qop=\"auth\", algorithm=MD5-sess, "
                "nonce=\"" RFC_NONCE "\"",
                &rfc_request,
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
                "uri=\"/dir/index.html\", algorithm=MD5-sess, nonce=\"" RFC_NONCE "\", "
                "nc=00000001, cnonce=\"" RFC_CNONCE "\", qop=auth, "
                "response=\"e783283f46242139c486a698fec7211d\"");
  assert_answer("Digest realm=\"http-auth@example.org\", qop=auth, algorithm=\"sha-256-SESS\", "
                "nonce=\"" RFC_NONCE "\", opaque=\"\"",
                &rfc_request,
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
                "uri=\"/dir/index.html\", algorithm=SHA-256-sess, nonce=\"" RFC_NONCE "\", "
                "nc=00000001, cnonce=\"" RFC_CNONCE "\", qop=auth, "
                "response=\"2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7\", "
                "opaque=\"\"");
}

/* RFC 2069 2.4, with the response of its erratum 749. */
TEST(test_digest_of_rfc_2069) {
  digest_request r = rfc_request;
  r.password = TEXT("CircleOfLife");
  assert_answer("Digest realm=\"testrealm@host.com\", "
                "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
                &r,
                "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                "uri=\"/dir/index.html\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                "response=\"1949323746fe6a43ef61f9606e7febea\", "
                "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"");
}

/* RFC 2617 3.5 */
TEST(test_digest_of_rfc_2617) {
  digest_request r = rfc_request;
  r.password = TEXT("Circle Of Life");
  r.cnonce = TEXT("0a4f113b");
  assert_answer("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
                "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", domain=\"/a /b\", stale=FALSE",
                &r,
                "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                "uri=\"/dir/index.html\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
                "nc=00000001, cnonce=\"0a4f113b\", qop=auth, "
                "response=\"6629fae49393a05397450978507c4ef1\", "
                "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"");
}

#define API "Digest realm=\"api@example.org\", qop=\"auth\", algorithm="
#define API_NONCE "nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\""

static const digest_request api_request = {
    .user = {"J\xc3\xa4s\xc3\xb8n Doe", 11},
    .password = {"Secret, or not?", 15},
    .method = {"GET", 3},
    .target = {"/doe.json", 9},
    .cnonce = {"NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", 32},
    .count = 1,
    .hash = tls_library_hash,
};

#define API_ANSWER(USERNAME)                                                      \
  "Digest " USERNAME                                                              \
  ", realm=\"api@example.org\", uri=\"/doe.json\", algorithm=SHA-256, " API_NONCE \
  ", nc=00000001, cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm\", qop=auth, "        \
  "response=\"06d0c14162099f487a92ebceaf71097534ee5f90d858386449c337ab69f7f6b8\""

/* RFC 7616 3.9.2 with SHA-256; values of Python's hashlib. Those of the RFC are of SHA-512-256, and
   wrong (erratum 4897). */
TEST(test_digest_with_userhash_and_charset) {
  assert_answer(
      API "SHA-256, " API_NONCE ", charset=UTF-8, userhash=true", &api_request,
      API_ANSWER(
          "username=\""
          "5a1a8a47df5c298551b9b42ba9b05835174a5bd7d511ff7fe9191d8e946fc4e7\"") ", userhash=true");
  assert_answer(API "SHA-256, " API_NONCE ", charset=UTF-8, userhash=false", &api_request,
                API_ANSWER("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe"));
  assert_answer(API "SHA-256, " API_NONCE, &api_request,
                API_ANSWER("username=\"J\xc3\xa4s\xc3\xb8n Doe\""));
}

/* What is quoted is hashed without its escapes, and is quoted again. */
TEST(test_digest_quotes) {
  digest_request r = rfc_request;
  r.user = TEXT("a\"b\\");
  r.count = 0xfedcba98;
  assert_answer("Digest realm=\"r\\\"\\\\\\x\", nonce=n, qop=auth", &r,
                "Digest username=\"a\\\"b\\\\\", realm=\"r\\\"\\\\x\", uri=\"/dir/index.html\", "
                "nonce=\"n\", nc=fedcba98, cnonce=\"" RFC_CNONCE "\", qop=auth, "
                "response=\"1d51a6a859da7030f32a112e860242b4\"");
}

static void assert_refused(const char *field, int err, const char *words) {
  track_alloc alloc;
  digest_challenge d;
  ws_why why = {""};
  track_alloc_init(&alloc);
  assert_int_equal(read_text(&d, &alloc.handle, field, &why), err);
  assert_string_equal(why.text, words);
  digest_challenge_clear(&d);
  assert_int_equal(alloc.live, 0);
}

TEST(test_digest_challenges_that_are_refused) {
  assert_refused(API "SHA-512-256, " API_NONCE, WS_ENOTSUP,
                 "algorithm SHA-512-256 of Digest is not supported");
  assert_refused("Digest realm=a, nonce=b, algorithm=md5-sess2", WS_ENOTSUP,
                 "algorithm md5-sess2 of Digest is not supported");
  assert_refused("Digest realm=a, nonce=b, algorithm=\"\"", WS_ENOTSUP,
                 "algorithm  of Digest is not supported");
  assert_refused("Digest realm=a, nonce=b, qop=auth-int", WS_ENOTSUP,
                 "qop auth-int of Digest is not supported");
  assert_refused("Digest realm=a, nonce=b, qop=\"\"", WS_ENOTSUP,
                 "qop  of Digest is not supported");
  assert_refused("Digest realm=a, nonce=b, algorithm=MD5-sess", WS_ENOTSUP,
                 "Digest with -sess without qop");
  assert_refused("Digest nonce=b", WS_EINVAL, "Digest without realm or nonce");
  assert_refused("Digest realm=b", WS_EINVAL, "Digest without realm or nonce");
  assert_refused("Digest", WS_EINVAL, "Digest without realm or nonce");
  assert_refused("Digest abc==", WS_EINVAL, "Digest without realm or nonce");
  assert_refused("Digest realm=a, nonce=b, Realm=c", WS_EINVAL, "realm of Digest is repeated");
  assert_refused("Digest stale=true, realm=a, nonce=b, stale=false", WS_EINVAL,
                 "stale of Digest is repeated");
  assert_refused("Digest realm=a, nonce=b, x=1, x=2, domain=3, domain=4", 0, "");
}

/* A long list of qop is not read. */
TEST(test_digest_with_a_long_qop) {
  char field[512];
  memset(field, 'x', sizeof field);
  memcpy(field, "Digest realm=a, nonce=b, qop=\"auth, ", 36);
  memcpy(field + 400, "\"", 2);
  assert_refused(field, WS_ENOTSUP,
                 "qop auth, xxxxxxxxxxxxxxxxxxxxxxxxxx of Digest is not supported");
}

TEST(test_digest_strength) {
  static const char *const order[] = {"Digest realm=a, nonce=b",
                                      "Digest realm=a, nonce=b, qop=auth",
                                      "Digest realm=a, nonce=b, algorithm=SHA-256",
                                      "Digest realm=a, nonce=b, algorithm=SHA-256, qop=auth"};
  int last = -1;
  for (size_t i = 0; i < COUNT_OF(order); i++) {
    track_alloc alloc;
    digest_challenge d;
    track_alloc_init(&alloc);
    assert_int_equal(read_text(&d, &alloc.handle, order[i], NULL), 0);
    assert_true(digest_challenge_strength(&d) > last);
    last = digest_challenge_strength(&d);
    digest_challenge_clear(&d);
  }
}

TEST(test_digest_stale) {
  track_alloc alloc;
  digest_challenge d;
  track_alloc_init(&alloc);
  assert_int_equal(read_text(&d, &alloc.handle, "Digest realm=a, nonce=b, stale=TRUE", NULL), 0);
  assert_true(d.stale);
  digest_challenge_clear(&d);
}

/* Fails at its n-th call. */
static int fail_at, failure;

static int failing_hash(ws_hash_kind kind, const ws_view *parts, size_t count,
                        uint8_t hash[WS_HASH_SIZE_MAX]) {
  return fail_at-- == 0 ? failure : tls_library_hash(kind, parts, count, hash);
}

TEST(test_digest_without_the_hash_function) {
  digest_request r = api_request;
  int err = WS_ENOTSUP;
  r.hash = failing_hash;
  failure = WS_ENOTSUP;
  for (int n = 0; err != 0; n++) {
    track_alloc alloc;
    digest_challenge d;
    text_buf value;
    track_alloc_init(&alloc);
    text_buf_init(&value, &alloc.handle);
    fail_at = n;
    assert_int_equal(
        read_text(&d, &alloc.handle, API "SHA-256-sess, " API_NONCE ", userhash=true", NULL), 0);
    err = digest_write(&value, &d, &r);
    assert_int_equal(err, n < 5 ? WS_ENOTSUP : 0);
    text_buf_clear(&value);
    digest_challenge_clear(&d);
    assert_int_equal(alloc.live, 0);
  }
}

/* F46 */
TEST(test_digest_without_memory) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    track_alloc alloc;
    digest_challenge d;
    text_buf value;
    track_alloc_init(&alloc);
    text_buf_init(&value, &alloc.handle);
    alloc_failures_begin(&f, &alloc);
    int err = read_text(&d, &alloc.handle,
                        API "SHA-256, " API_NONCE ", opaque=\"a\\\"\", charset=UTF-8", NULL);
    if (err == 0) err = digest_write(&value, &d, &api_request);
    assert_int_equal(err, alloc_failures_end(&f, &alloc) ? WS_ENOMEM : 0);
    text_buf_clear(&value);
    digest_challenge_clear(&d);
    assert_int_equal(alloc.live, 0);
  }
}

/* "abc" of RFC 1321 A.5 and FIPS 180-4, in parts. */
TEST(test_hashes_of_the_library) {
  static const uint8_t md5[] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
  static const uint8_t sha256[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                   0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                   0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
  const ws_view parts[] = {{(const uint8_t *) "a", 1}, {NULL, 0}, {(const uint8_t *) "bc", 2}};
  uint8_t hash[WS_HASH_SIZE_MAX];
  assert_int_equal(tls_library_hash(WS_HASH_MD5, parts, 3, hash), 0);
  assert_memory_equal(hash, md5, ws_hash_size(WS_HASH_MD5));
  assert_int_equal(tls_library_hash(WS_HASH_SHA256, parts, 3, hash), 0);
  assert_memory_equal(hash, sha256, ws_hash_size(WS_HASH_SHA256));
}
