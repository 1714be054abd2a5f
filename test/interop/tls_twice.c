/* Two sessions of one client, one after the other, and the first message that each of them got. The
   server tells there whether the second resumed the TLS of the first.

     tls_twice URL CA [mbedtls|openssl] */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <wsuv.h>

enum { SESSIONS = 2 };

typedef struct program {
  wsuv_client_t *client;
  const char *url;
  int begun;  /* sessions */
  int status; /* 0, or what went wrong */
} program;

static void begin_session(program *p);

static void on_open(wsuv_session_t *session) {
  wsuv_send_text(session, "hello", 5);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  printf("%.*s\n", (int) message->len, (const char *) message->data);
  wsuv_session_close(session, WSUV_CLOSE_NORMAL, NULL);
}

static void finish(program *p, int status) {
  p->status = status;
  if (status < 0) fprintf(stderr, "%s\n", wsuv_err_name(status));
  wsuv_client_close(p->client, NULL);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  program *p = wsuv_session_data(session);
  if (info->status == 0 && p->begun < SESSIONS) {
    begin_session(p);
  } else {
    finish(p, info->status);
  }
}

static void begin_session(program *p) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_message = on_message, .on_close = on_close};
  p->begun++;
  int err = wsuv_connect_url(p->client, p->url, &callbacks, p, NULL);
  if (err < 0) finish(p, err);
}

static int make_client(wsuv_client_t **client, const char *ca, const char *library) {
  wsuv_tls_config_t tls;
  wsuv_config_t config;
  wsuv_tls_config_init(&tls);
  wsuv_client_config_init(&config);
  tls.ca_file = ca;
  if (library != NULL) {
    tls.library =
        strcmp(library, "openssl") == 0 ? WSUV_TLS_LIBRARY_OPENSSL : WSUV_TLS_LIBRARY_MBEDTLS;
  }
  config.tls = &tls;
  return wsuv_client_new(client, uv_default_loop(), &config);
}

int main(int argc, char **argv) {
  program p = {.url = argc == 3 || argc == 4 ? argv[1] : NULL};
  if (p.url == NULL) return fprintf(stderr, "usage: tls_twice URL CA [mbedtls|openssl]\n"), 1;
  signal(SIGPIPE, SIG_IGN);
  int err = make_client(&p.client, argv[2], argv[3]);
  if (err < 0) return fprintf(stderr, "%s\n", wsuv_err_name(err)), 1;
  begin_session(&p);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return uv_loop_close(uv_default_loop()) < 0 || p.status < 0;
}
