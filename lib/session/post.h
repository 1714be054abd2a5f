#ifndef WS_SESSION_POST_H
#define WS_SESSION_POST_H

/* Calls that other threads asked the client for (wsuv_client_post). All but that on the loop's
   thread. */

#include "session/client.h"

int posts_init(wsuv_client_t *client); /* 0 or WS_ENOMEM */

/* Call those that are there now; any that is made meanwhile gets the client's next turn. */
void posts_run(wsuv_client_t *client);

/* Take no more. No other thread uses the client's turn afterwards. */
void posts_close(wsuv_client_t *client);

void posts_free(wsuv_client_t *client); /* all have been run */

#endif
