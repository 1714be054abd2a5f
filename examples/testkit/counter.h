#ifndef COUNTER_H
#define COUNTER_H

/* Counters that people share. Each path /counter/ROOM is a room with a counter, which is there as
   long as somebody is in the room. Messages are text:

     +1, -1   everybody in the room gets the new value
     get      only the sender gets the value

   The path /admin needs a token, in the query (/admin?token=TOKEN) or as
   `Authorization: Bearer TOKEN`. Its message `reset` sets all counters to 0, which everybody gets,
   and is answered by `ok`. Any other message ends the session with the code 1003. */

#include <wsuv.h>

typedef struct counter counter;

/* What a server of counters needs in its configuration. */
void counter_config_init(wsuv_config_t *config);

/* Add the routes to a server. NULL: there is no memory. */
counter *counter_new(wsuv_server_t *server, const char *token);

/* After the server has closed. */
void counter_free(counter *c);

#endif
