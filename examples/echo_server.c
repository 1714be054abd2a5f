/* The smallest server: sends each message back to its sender. */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>
#include <wsuv.h>

/* A peer that does not read gets the close code rather than messages with some left out. */
static void on_message(wsuv_session_t *s, const wsuv_message_t *m) {
  int err = wsuv_send_message(s, m->type, m->data, m->len);
  if (err < 0) wsuv_session_close(s, WSUV_CLOSE_POLICY_VIOLATION, "too slow");
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message = on_message};
  static struct sockaddr_storage addr;
  wsuv_server_t *server;
  wsuv_listener_t *listener;
  if (argc != 2) return 1;
  int err = wsuv_server_new(&server, uv_default_loop(), NULL);
  if (err == 0) err = wsuv_server_route(server, "/{path...}", &callbacks, NULL);
  if (err == 0)
    err = wsuv_server_listen(server, NULL, (unsigned) strtoul(argv[1], NULL, 10), &listener);
  if (err == 0) err = wsuv_listener_address(listener, &addr);
  if (err < 0) return fprintf(stderr, "%s\n", wsuv_strerror(err)), 1;
  printf("port %u\n", ntohs(((struct sockaddr_in6 *) &addr)->sin6_port));
  fflush(stdout);
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
