#ifndef WS_NET_ENVIRONMENT_H
#define WS_NET_ENVIRONMENT_H

/* The environment variables of the process. */

/* The value of a variable. NULL: not set, empty, or the program runs with more rights than its user
   has. It is valid until the environment is changed. */
const char *environment_variable(const char *name);

#endif
