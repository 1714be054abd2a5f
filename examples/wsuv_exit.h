#ifndef EXAMPLES_WSUV_EXIT_H
#define EXAMPLES_WSUV_EXIT_H

/* Exit statuses of wsuv. */

typedef enum exit_code {
  EXIT_CLOSED = 0,    /* cleanly: 1000, 1001 or no code; a server ended as it was asked to */
  EXIT_OURS = 1,      /* usage, URL, header, standard input or output */
  EXIT_REFUSED = 2,   /* or no connection; could not listen */
  EXIT_LOST = 3,      /* or the protocol was violated; a server was ended by a second signal */
  EXIT_CODE = 4,      /* closed by the peer with any other code */
  EXIT_UNFINISHED = 5 /* closed in order before everything was sent or received, or not cleanly */
} exit_code;

/* What a call of the library refuses is the user's fault, with few exceptions. */
exit_code exit_code_of_call(int err);

#endif
