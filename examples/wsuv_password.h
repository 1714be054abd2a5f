#ifndef EXAMPLES_WSUV_PASSWORD_H
#define EXAMPLES_WSUV_PASSWORD_H

/* Asks for a password on the terminal. */

/* On the terminal of the process, whatever its standard input is; what is typed is not shown. Free
   *password. 0, or a code of libuv's: UV_ENXIO: there is no terminal, UV_EOF: nothing was typed
   before the end. A signal that ends the process does so behind the prompt, with the terminal as it
   was. */
int password_ask(char **password, const char *user);

#endif
