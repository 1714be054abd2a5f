#ifndef EXAMPLES_WSUV_HELP_H
#define EXAMPLES_WSUV_HELP_H

/* What `wsuv --help` says. */

/* Print it on standard output, whose errors are the caller's to look at. */
void help_print(void);

#endif
