/* The smallest whole program: sends "hello" to a URL, prints the first answer, closes. */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <uv.h>
#include <wsuv.h>

static bool failed;

static void on_open(wsuv_session_t *s) {
  wsuv_send_text(s, "hello", 5);
}

static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  if (wsuv_session_stage(s) != WSUV_STAGE_OPEN) return; /* what comes behind the first */
  printf("%.*s\n", (int) m->len, (const char *) m->data);
  wsuv_session_close(s, WSUV_CLOSE_NORMAL, NULL);
}

static void on_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  failed = info->status < 0;
  if (failed)
    fprintf(stderr, "%s: %s\n", wsuv_stage_name(info->stage), wsuv_strerror(info->status));
  wsuv_client_close(wsuv_session_client(s), NULL);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_close};
  wsuv_client_t *client;
  if (argc != 2) return 1;
  int err = wsuv_client_new(&client, uv_default_loop(), NULL);
  if (err == 0) err = wsuv_connect_url(client, argv[1], &callbacks, NULL, NULL);
  if (err < 0) return fprintf(stderr, "%s\n", wsuv_strerror(err)), 1;
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return uv_loop_close(uv_default_loop()) != 0 || failed;
}
