#ifndef EXAMPLES_WSUV_SENDER_H
#define EXAMPLES_WSUV_SENDER_H

/* What is sent: messages of the command line, or standard input. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wsuv.h>

#include "wsuv_input.h"
#include "wsuv_options.h"
#include "wsuv_print.h"

/* Zeroed, but for the first three. */
typedef struct sender {
  const options *options;
  printer *printer;        /* shows messages of the command line on a terminal */
  size_t item_max;         /* bytes of a message, or a piece, that can be sent */
  wsuv_session_t *session; /* NULL: it has not opened */
  input input;
  unsigned long sent;  /* messages: of standard input, or of -m */
  unsigned long left;  /* those of them that the kernel has taken */
  unsigned long lines; /* of standard input that were taken */
  bool begun;          /* --stream: the message that standard input is */
  bool ending;         /* and it has to be ended yet */
  bool hung_up;        /* by /close */
  bool failed;         /* standard input did, or a message could not be sent; it was reported */
} sender;

/* The session is open. It is closed behind the last message, unless the options say otherwise, and
   with 1001 after a failure. */
void sender_start(sender *s, wsuv_session_t *session);

/* There is room in the queue again. */
void sender_resume(sender *s);

/* Send no more. Allowed at any time. */
void sender_stop(sender *s);

/* Whether a message has begun to be sent and is not with the kernel yet; *left: bytes of it that
   have still to be read, or UINT64_MAX if that is not known. */
bool sender_is_sending(const sender *s, uint64_t *left);

/* Whether there is nothing that should have been sent and was not. */
bool sender_has_sent_all(const sender *s);

#endif
