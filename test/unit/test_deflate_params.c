/* Negotiating permessage-deflate (RFC 7692 7.1): what is offered, answered, accepted and refused.
 */

#include <stdio.h>
#include <string.h>

#include <wsuv/deflate.h>

#include "base/error.h"
#include "proto/extension/deflate_params.h"
#include "proto/extension/extension_params.h"
#include "support/extension_pair.h"
#include "support/test.h"

/* Options as text: s and c for no context takeover, S and C for windows. */
typedef struct options_spec {
  bool s, c;
  unsigned server_bits, client_bits;
} options_spec;

static const options_spec by_default = {false, false, 15, 15};

static wsuv_deflate_options_t options_of(const options_spec *spec) {
  wsuv_deflate_options_t o;
  wsuv_deflate_options_init(&o);
  o.server_no_context_takeover = spec->s;
  o.client_no_context_takeover = spec->c;
  o.server_max_window_bits = spec->server_bits;
  o.client_max_window_bits = spec->client_bits;
  return o;
}

/* Both roles through the whole machinery, so that the header's grammar is in it. */
static int client_accepts(const options_spec *spec, const char *answer, const char **why,
                          char offer[512]) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *hooks[] = {&deflate};
  wsuv_deflate_options_t o = options_of(spec);
  SCOPED(extension_pair, p);
  assert_int_equal(wsuv_permessage_deflate(&deflate, &o), 0);
  int err = extension_pair_accept(&p, hooks, 1, answer);
  *why = p.why;
  if (offer != NULL) memcpy(offer, p.offer, sizeof p.offer);
  return err;
}

static int server_answers(const options_spec *spec, const char *offer, char answer[512]) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *hooks[] = {&deflate};
  wsuv_deflate_options_t o = options_of(spec);
  SCOPED(extension_pair, p);
  assert_int_equal(wsuv_permessage_deflate(&deflate, &o), 0);
  int err = extension_pair_answer(&p, hooks, 1, offer);
  memcpy(answer, p.answer, sizeof p.answer);
  return err;
}

#define D "permessage-deflate"
#define SNCT "; server_no_context_takeover"
#define CNCT "; client_no_context_takeover"
#define SMWB "; server_max_window_bits"
#define CMWB "; client_max_window_bits"

TEST(test_deflate_params_offer_says_what_is_wanted) {
  static const struct {
    options_spec spec;
    const char *offer;
  } cases[] = {
      {{false, false, 15, 15}, D CMWB},
      {{false, false, 15, 0}, D},
      {{true, false, 15, 0}, D SNCT},
      {{false, true, 15, 0}, D CNCT},
      {{false, false, 8, 0}, D SMWB "=8"},
      {{false, false, 9, 15}, D SMWB "=9" CMWB},
      {{false, false, 15, 8}, D CMWB "=8"},
      {{false, false, 15, 14}, D CMWB "=14"},
      {{true, true, 10, 11}, D SNCT CNCT SMWB "=10" CMWB "=11"},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char offer[512];
    const char *why;
    assert_int_equal(client_accepts(&cases[i].spec, "", &why, offer), 0);
    assert_string_equal(offer, cases[i].offer);
  }
}

static void assert_accepts(const options_spec *spec, const char *answer, bool good) {
  const char *why;
  int err = client_accepts(spec, answer, &why, NULL);
  if (err != (good ? 0 : WSUV_EEXTENSION)) fail_msg("'%s': %d, %s", answer, err, why);
  if (!good && (why == NULL || *why == '\0')) fail_msg("'%s': no reason", answer);
}

/* F5 */
TEST(test_deflate_params_client_accepts_what_may_come_unoffered) {
  static const char *const good[] = {"",
                                     D,
                                     D SNCT,
                                     D CNCT,
                                     D SNCT CNCT,
                                     D SMWB "=8",
                                     D SMWB "=15",
                                     D SMWB "=\"9\"",
                                     D CNCT SMWB "=10" SNCT};
  const options_spec bare = {false, false, 15, 0};
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    assert_accepts(&bare, good[i], true);
    assert_accepts(&by_default, good[i], true);
  }
  assert_accepts(&by_default, D CMWB "=8", true);
  assert_accepts(&by_default, D CMWB "=15", true);
}

/* F5 */
TEST(test_deflate_params_client_refuses_bad_answers) {
  static const char *const bad[] = {D "; unknown",
                                    D "; unknown=1",
                                    D "; SERVER_NO_CONTEXT_TAKEOVER",
                                    D SNCT SNCT,
                                    D CNCT CNCT,
                                    D SMWB "=10" SMWB "=10",
                                    D CMWB "=10" CMWB "=11",
                                    D SMWB,
                                    D CMWB,
                                    D SNCT "=1",
                                    D CNCT "=true",
                                    D SMWB "=7",
                                    D SMWB "=16",
                                    D SMWB "=08",
                                    D SMWB "=0",
                                    D SMWB "=010",
                                    D SMWB "=100",
                                    D SMWB "=1",
                                    D SMWB "=-8",
                                    D SMWB "=9x",
                                    D SMWB "=\"\"",
                                    D SMWB "=",
                                    D SMWB "=18",
                                    D SMWB "=99999999999999999999",
                                    D CMWB "=7",
                                    D CMWB "=16",
                                    D CMWB "=x",
                                    D ", " D,
                                    "permessage-deflate2",
                                    "permessage-bzip2"};
  for (size_t i = 0; i < COUNT_OF(bad); i++) assert_accepts(&by_default, bad[i], false);
  const options_spec bare = {false, false, 15, 0};
  assert_accepts(&bare, D CMWB "=15", false); /* not offered */
  assert_accepts(&bare, D CMWB "=8", false);
}

TEST(test_deflate_params_client_gets_what_it_requires) {
  const options_spec no_takeover = {true, false, 15, 15};
  assert_accepts(&no_takeover, D SNCT, true);
  assert_accepts(&no_takeover, D, false);
  assert_accepts(&no_takeover, D CNCT, false);
  for (unsigned wanted = 8; wanted < 15; wanted++) {
    const options_spec limited = {false, false, wanted, 15};
    assert_accepts(&limited, D, false);
    assert_accepts(&limited, D CMWB "=8", false);
    for (unsigned bits = 8; bits <= 15; bits++) {
      char answer[64];
      snprintf(answer, sizeof answer, D SMWB "=%u", bits);
      assert_accepts(&limited, answer, bits <= wanted);
    }
  }
  const options_spec hints = {false, true, 15, 10}; /* ask for nothing */
  assert_accepts(&hints, D, true);
  assert_accepts(&hints, D CMWB "=15", true);
}

TEST(test_deflate_params_server_answers_as_it_can) {
  static const struct {
    options_spec spec;
    const char *offer, *answer;
  } cases[] = {
      {{false, false, 15, 15}, D, D},
      {{false, false, 15, 15}, D CMWB, D},
      {{false, false, 15, 15}, D CMWB "=15", D},
      {{false, false, 15, 15}, D CMWB "=10", D CMWB "=10"},
      {{false, false, 15, 15}, D SMWB "=15", D SMWB "=15"},
      {{false, false, 15, 15}, D SMWB "=8", D SMWB "=8"},
      {{false, false, 15, 15}, D SNCT, D SNCT},
      /* a hint (RFC 7692 7.1.1.2), which is answered only when configured so */
      {{false, false, 15, 15}, D CNCT, D},
      {{false, false, 15, 15}, D CNCT CMWB, D},
      {{false, false, 15, 15}, D CNCT SNCT CMWB "=9", D SNCT CMWB "=9"},
      /* but gorilla's offer, which fails without both in the response */
      {{false, false, 15, 15}, D SNCT CNCT, D SNCT CNCT},
      {{false, false, 15, 15}, D CNCT SNCT, D SNCT CNCT},
      {{false, false, 12, 15}, D SNCT CNCT, D SNCT CNCT SMWB "=12"},
      {{false, false, 15, 15}, D SNCT CNCT SMWB "=15", D SNCT SMWB "=15"},
      {{false, false, 15, 15}, D SNCT CNCT CMWB, D SNCT},
      {{false, true, 15, 15}, D CNCT, D CNCT},
      {{false, true, 15, 15}, D, D CNCT},
      {{true, false, 15, 15}, D CNCT, D SNCT},
      /* client_max_window_bits only when it was offered (RFC 7692 7.1.2.2) */
      {{false, false, 15, 8}, D, D},
      {{false, false, 15, 8}, D SMWB "=9", D SMWB "=9"},
      {{false, false, 15, 8}, D CMWB, D CMWB "=8"},
      {{false, false, 15, 8}, D CMWB "=15", D CMWB "=8"},
      {{false, false, 15, 15}, D CMWB "=8", D CMWB "=8"},
      {{true, true, 12, 11}, D, D SNCT CNCT SMWB "=12"},
      {{true, true, 12, 11}, D CMWB, D SNCT CNCT SMWB "=12" CMWB "=11"},
      {{false, false, 12, 11}, D CMWB "=9" SMWB "=10", D SMWB "=10" CMWB "=9"},
      {{false, false, 12, 11}, D CMWB "=14" SMWB "=14", D SMWB "=12" CMWB "=11"},
      {{false, false, 15, 0}, D CMWB "=9", D},
      /* Offers that are not understood are declined, one by one. */
      {{false, false, 15, 15}, D "; unknown", ""},
      {{false, false, 15, 15}, D SMWB, ""},
      {{false, false, 15, 15}, D SMWB "=7", ""},
      {{false, false, 15, 15}, D SMWB "=16", ""},
      {{false, false, 15, 15}, D CMWB "=7", ""},
      {{false, false, 15, 15}, D CMWB CMWB, ""},
      {{false, false, 15, 15}, D SNCT "=1", ""},
      {{false, false, 15, 15}, D "; unknown, " D SMWB "=7, " D SNCT ", " D, D SNCT},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char answer[512];
    assert_int_equal(server_answers(&cases[i].spec, cases[i].offer, answer), 0);
    if (strcmp(answer, cases[i].answer) != 0) fail_msg("'%s': '%s'", cases[i].offer, answer);
  }
}

/* All combinations of both sides' options: the client takes every answer of the server's, and both
   mean the same by it. */
TEST(test_deflate_params_agree_whatever_the_options) {
  static const unsigned windows[] = {8, 9, 12, 15, 0};
  for (int n = 0; n < 4 * 4 * 5 * 4 * 4 * 5; n++) {
    int i = n;
    options_spec spec[2];
    for (int side = 0; side < 2; side++) {
      spec[side].s = (i % 4 & 1) != 0;
      spec[side].c = (i % 4 & 2) != 0;
      i /= 4;
      spec[side].server_bits = windows[i % 4];
      i /= 4;
      spec[side].client_bits = windows[i % 5];
      i /= 5;
    }
    wsuv_deflate_options_t client = options_of(&spec[0]), server = options_of(&spec[1]);
    wsuv_extension_t deflate[2];
    const wsuv_extension_t *hooks[] = {&deflate[0], &deflate[1]};
    SCOPED(extension_pair, p);
    assert_int_equal(wsuv_permessage_deflate(&deflate[0], &client), 0);
    assert_int_equal(wsuv_permessage_deflate(&deflate[1], &server), 0);
    int err = extension_pair_negotiate(&p, hooks, 1, hooks + 1, 1);
    if (err != 0) fail_msg("'%s' '%s': %d, %s", p.offer, p.answer, err, p.why);
    assert_non_null(p.client.set);
    assert_string_equal(extension_set_text(p.client.set), p.answer);
  }
}

static void check_ways(const wsuv_deflate_options_t *o, const wsuv_extension_param_t *params,
                       size_t count, deflate_way client, deflate_way server) {
  deflate_agreement a;
  const char *why = "";
  assert_int_equal(deflate_params_accept(o, params, count, &a, &why), 0);
  assert_int_equal(a.client.bits, client.bits);
  assert_int_equal(a.client.takeover, client.takeover);
  assert_int_equal(a.server.bits, server.bits);
  assert_int_equal(a.server.takeover, server.takeover);
}

TEST(test_deflate_params_lead_to_windows_and_takeover) {
  wsuv_deflate_options_t o;
  wsuv_deflate_options_init(&o);
  const wsuv_extension_param_t params[] = {{"server_max_window_bits", "9"},
                                           {"client_max_window_bits", "10"},
                                           {"client_no_context_takeover", NULL},
                                           {"server_no_context_takeover", NULL}};
  check_ways(&o, params, 0, (deflate_way){15, true}, (deflate_way){15, true});
  check_ways(&o, params, 1, (deflate_way){15, true}, (deflate_way){9, true});
  check_ways(&o, params, 2, (deflate_way){10, true}, (deflate_way){9, true});
  check_ways(&o, params, 3, (deflate_way){10, false}, (deflate_way){9, true});
  check_ways(&o, params, 4, (deflate_way){10, false}, (deflate_way){9, false});
  o.client_max_window_bits = 9; /* what we do of our own accord */
  o.client_no_context_takeover = true;
  check_ways(&o, params, 0, (deflate_way){9, false}, (deflate_way){15, true});
  check_ways(&o, params, 2, (deflate_way){9, false}, (deflate_way){9, true});
}

static void check_answered(const wsuv_deflate_options_t *o, const wsuv_extension_param_t *params,
                           size_t count, deflate_way client, deflate_way server) {
  deflate_agreement a;
  track_alloc alloc;
  text_buf text;
  wsuv_extension_params_t answer;
  track_alloc_init(&alloc);
  text_buf_init(&text, &alloc.handle);
  extension_params_begin(&answer, &text, "permessage-deflate");
  assert_int_equal(deflate_params_answer(o, params, count, &answer, &a), 1);
  assert_int_equal(a.client.bits, client.bits);
  assert_int_equal(a.client.takeover, client.takeover);
  assert_int_equal(a.server.bits, server.bits);
  assert_int_equal(a.server.takeover, server.takeover);
  text_buf_clear(&text);
  assert_int_equal(alloc.live, 0);
}

/* What a server holds ready: without client_max_window_bits its inflater has 32 KiB, and it keeps
   the window after a hint. */
TEST(test_deflate_params_of_a_server_lead_to_windows_and_takeover) {
  wsuv_deflate_options_t o;
  wsuv_deflate_options_init(&o);
  const wsuv_extension_param_t params[] = {{"client_no_context_takeover", NULL},
                                           {"server_max_window_bits", "9"},
                                           {"client_max_window_bits", "10"},
                                           {"server_no_context_takeover", NULL}};
  check_answered(&o, params, 0, (deflate_way){15, true}, (deflate_way){15, true});
  check_answered(&o, params, 1, (deflate_way){15, true}, (deflate_way){15, true});
  check_answered(&o, params, 2, (deflate_way){15, true}, (deflate_way){9, true});
  check_answered(&o, params, 3, (deflate_way){10, true}, (deflate_way){9, true});
  check_answered(&o, params, 4, (deflate_way){10, true}, (deflate_way){9, false});
  o.client_max_window_bits = 8; /* cannot be asked for without an offer */
  check_answered(&o, params, 2, (deflate_way){15, true}, (deflate_way){9, true});
  check_answered(&o, params, 3, (deflate_way){8, true}, (deflate_way){9, true});
  o.client_no_context_takeover = true; /* can */
  check_answered(&o, params, 0, (deflate_way){15, false}, (deflate_way){15, true});
}

TEST(test_deflate_options_out_of_range_are_refused) {
  for (int what = 0; what < 13; what++) {
    wsuv_deflate_options_t o;
    wsuv_extension_t deflate;
    wsuv_deflate_options_init(&o);
    assert_int_equal(wsuv_permessage_deflate(&deflate, &o), 0);
    switch (what) {
    case 0: o.size = 0; break;
    case 1: o.size--; break;
    case 2: o.level = -1; break;
    case 3: o.level = 10; break;
    case 4: o.mem_level = 0; break;
    case 5: o.mem_level = 10; break;
    case 6: o.server_max_window_bits = 0; break;
    case 7: o.server_max_window_bits = 7; break;
    case 8: o.server_max_window_bits = 16; break;
    case 9: o.client_max_window_bits = 7; break;
    case 10: o.client_max_window_bits = 16; break;
    case 11: o.max_inflated_size = 0; break; /* F18 */
    default: break;
    }
    size_t size = what == 12 ? sizeof deflate - 1 : sizeof deflate;
    int err = wsuv_permessage_deflate_fill(&deflate, size, &o);
    bool sizes = what < 2 || what == 12;
    if (err != (sizes ? (int) WSUV_ESIZE : (int) WS_EINVAL)) fail_msg("case %d: %d", what, err);
  }
}

TEST(test_deflate_options_have_defaults) {
  wsuv_deflate_options_t o;
  memset(&o, 0xff, sizeof o);
  wsuv_deflate_options_init(&o);
  assert_int_equal(o.size, sizeof o);
  assert_int_equal(o.level, 6);
  assert_int_equal(o.mem_level, 8);
  assert_false(o.server_no_context_takeover || o.client_no_context_takeover);
  assert_int_equal(o.server_max_window_bits, 15);
  assert_int_equal(o.client_max_window_bits, 15);
  assert_true(o.compress_if == NULL && o.compress_if_arg == NULL);
  assert_int_equal(o.compress_if_bigger_than, 0);
  assert_int_equal(o.max_inflated_size, 2147483647);
  _Alignas(wsuv_deflate_options_t) unsigned char
      larger[sizeof o + 16]; /* of a program that knows a later version */
  memset(larger, 0xff, sizeof larger);
  wsuv_deflate_options_defaults((wsuv_deflate_options_t *) (void *) larger, sizeof larger);
  for (size_t i = sizeof o; i < sizeof larger; i++) assert_int_equal(larger[i], 0);
}

/* An option that goes wrong after the extension was filled in is found when it is installed. */
TEST(test_deflate_options_are_checked_when_installed) {
  wsuv_extension_t deflate;
  const wsuv_extension_t *hooks[] = {&deflate};
  wsuv_deflate_options_t o;
  wsuv_deflate_options_init(&o);
  SCOPED(extension_pair, p);
  assert_int_equal(wsuv_permessage_deflate(&deflate, &o), 0);
  o.level = 77;
  assert_int_equal(extension_pair_accept(&p, hooks, 1, ""), WS_EINVAL);
}
