#ifndef EXAMPLES_WSUV_SERVICE_H
#define EXAMPLES_WSUV_SERVICE_H

/* What a server does with its sessions: one of these for each mode. */

#include <stdbool.h>
#include <uv.h>
#include <wsuv.h>

#include "wsuv_exit.h"
#include "wsuv_options.h"
#include "wsuv_print.h"

/* The server, as a service sees it. */
typedef struct service_host {
  const options *options;
  printer *printer;
  uv_loop_t *loop;
  unsigned port; /* that it listens on; 0: a Unix socket */
  /* Close the server, its sessions with this code. Allowed at any time, also again. */
  void (*close)(struct service_host *host, unsigned code, exit_code exit);
} service_host;

typedef struct service {
  wsuv_callbacks_t callbacks; /* of each session */
  wsuv_upgrade_cb on_upgrade; /* NULL: all are accepted */
  void *data;                 /* of each upgrade, and of each session unless it is changed */
  /* The server begins to close. Sessions end with their on_close; NULL: nothing else has to. */
  void (*on_stop)(void *data);
  /* Everything has to end at once; NULL: nothing but sessions has to. */
  void (*on_abort)(void *data);
} service;

/* Refuse an upgrade with a status of HTTP. */
void service_refuse(wsuv_upgrade_t *upgrade, int status);

/* Refuse an upgrade that offers subprotocols, but none of -p, before anything is begun for it: the
   library would refuse it only when it is accepted. Whether it was refused. */
bool service_refuse_others(wsuv_upgrade_t *upgrade, const options *o);

/* Accept one. 0; after an error it was refused, or is gone. */
int service_accept(wsuv_upgrade_t *upgrade, void *data, wsuv_session_t **session);

/* Close a session, or end it if there is no memory for that. */
void service_close(wsuv_session_t *session, unsigned code);

/* Fill in what is the mode's own of a service that is unset, and change the configuration to what
   it needs; `host` stays where it is, and its port is not known yet. 0, or a code of libuv's. */
int room_init(service *s, service_host *host, wsuv_config_t *config);
int echo_init(service *s, service_host *host, wsuv_config_t *config);
int exec_init(service *s, service_host *host, wsuv_config_t *config);
int relay_init(service *s, service_host *host, wsuv_config_t *config);

#endif
