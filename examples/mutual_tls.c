/* Mutual TLS: takes only a server that the authorities in CA vouch for, shows it the certificate in
   CERT, sends "hello", prints the first answer, and closes.

     mutual_tls wss://HOST[:PORT]/PATH CA CERT KEY                             (files in PEM) */

#include <signal.h>
#include <stdio.h>
#include <uv.h>
#include <wsuv.h>

static void on_open(wsuv_session_t *session) {
  wsuv_send_text(session, "hello", 5);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  if (wsuv_session_stage(session) != WSUV_STAGE_OPEN) return; /* what comes behind the first */
  printf("%.*s\n", (int) message->len, (const char *) message->data);
  wsuv_session_close(session, WSUV_CLOSE_NORMAL, NULL);
}

/* WSUV_ETLSVERIFY: we do not trust the server. WSUV_ETLS may be the server that does not trust us;
   with TLS 1.3 it says so only after our side is done, and the handshake fails in a later stage. */
static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  int *status = wsuv_session_data(session);
  *status = info->status;
  if (info->status < 0) {
    fprintf(stderr, "%s: %s: %s\n", wsuv_stage_name(info->stage), wsuv_strerror(info->status),
            info->detail);
  }
  wsuv_client_close(wsuv_session_client(session), NULL);
}

/* All of it is copied: nothing has to live longer than this call. */
static int make_client(wsuv_client_t **client, const char *ca, const char *cert, const char *key) {
  wsuv_tls_config_t tls;
  wsuv_tls_config_init(&tls);
  tls.ca_file = ca;
  tls.cert_file = cert;
  tls.key_file = key;

  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.tls = &tls;
  return wsuv_client_new(client, uv_default_loop(), &config);
}

int main(int argc, char **argv) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_close};
  wsuv_client_t *client;
  int status = 0;
  if (argc != 5) return fprintf(stderr, "usage: %s URL CA CERT KEY\n", argv[0]), 1;
  signal(SIGPIPE, SIG_IGN);
  int err = make_client(&client, argv[2], argv[3], argv[4]);
  if (err < 0) return fprintf(stderr, "%s\n", wsuv_strerror(err)), 1;
  err = wsuv_connect_url(client, argv[1], &callbacks, &status, NULL);
  if (err < 0) {
    fprintf(stderr, "%s\n", wsuv_strerror(err));
    wsuv_client_close(client, NULL);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return err < 0 || status < 0;
}
