#include "support/secure_user.h"

#include <stdio.h>
#include <string.h>

#include "testkit/check.h"

/* The callbacks of session_user.h, with notes about TLS before them. */

static secure_user *self(const wsuv_session_t *s) {
  return wsuv_session_data(s);
}

static bool is_of_the_world(const wsuv_tls_info_t *info) {
  const cert *c = world_cert();
  return info->peer_certificate_len == c->der_len &&
         memcmp(info->peer_certificate, c->der, c->der_len) == 0;
}

static void on_open(wsuv_session_t *session) {
  secure_user *s = self(session);
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  CHECK(wsuv_session_tls(session, &info) == 0);
  s->resumed = info.resumed;
  s->shown = is_of_the_world(&info);
  (void) snprintf(s->version, sizeof s->version, "%s", info.version);
  (void) snprintf(s->suite, sizeof s->suite, "%s", info.ciphersuite);
  (void) snprintf(s->alpn, sizeof s->alpn, "%s", info.alpn != NULL ? info.alpn : "none");
  user_callbacks()->on_open(session);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *told) {
  secure_user *s = self(session);
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  s->tls_at_close = wsuv_session_tls(session, &info);
  s->shown_at_close = s->tls_at_close == 0 && is_of_the_world(&info);
  if (told->stage == WSUV_STAGE_TLS && s->tls_at_close == 0) {
    CHECK(*info.version == '\0' && *info.ciphersuite == '\0' && info.alpn == NULL);
    CHECK(!info.resumed);
  }
  if (s->u.opens > 0) CHECK(strcmp(s->version, info.version) == 0);
  s->tls_error = told->tls_error;
  s->tls_library = told->tls_library;
  s->verify_flags = told->tls_verify_flags;
  user_callbacks()->on_close(session, told);
}

int secure_request(secure_user *s, wsuv_client_t *client, world *w, const char *url,
                   const wsuv_tls_config_t *tls) {
  wsuv_callbacks_t callbacks = *user_callbacks();
  wsuv_config_t config;
  wsuv_tls_config_t own;
  wsuv_request_t r;
  s->u.w = w;
  s->u.client = client;
  callbacks.on_open = on_open;
  callbacks.on_close = on_close;
  wsuv_request_init(&r, url);
  r.data = s;
  if (tls != NULL) {
    own = *tls;
    wsuv_client_get_config(client, &config);
    config.tls = &own;
    r.config = &config;
  }
  int err = wsuv_connect(client, &r, &callbacks, &s->u.session);
  memset(&own, 0xa5, sizeof own);
  return err;
}

void secure_open(secure_user *s, wsuv_client_t *client, frame_peer *p,
                 const wsuv_tls_config_t *tls) {
  CHECK(secure_request(s, client, p->raw->w, raw_peer_url(p->raw, "/"), tls) == 0);
  world_run_until_count(p->raw->w, &s->u.opens, 1);
}

void secure_close(secure_user *s) {
  CHECK(user_close(&s->u, 1000, NULL) == 0);
  user_run_to_close(&s->u);
}

void secure_try(secure_user *s, wsuv_client_t *client, raw_peer *p, const wsuv_tls_config_t *tls) {
  CHECK(secure_request(s, client, p->w, raw_peer_url(p, "/"), tls) == 0);
  user_run_to_close(&s->u);
}

bool secure_failed(const secure_user *s, int status) {
  return user_ended_by(&s->u, status, WSUV_STAGE_TLS) && s->u.opens == 0 && s->u.end.code == 0 &&
         s->tls_at_close == (s->shown_at_close ? 0 : WSUV_ESTATE);
}

void secure_user_free(secure_user *s) {
  user_free(&s->u);
}
