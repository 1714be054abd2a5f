#ifndef EXAMPLES_WSUV_OPTIONS_H
#define EXAMPLES_WSUV_OPTIONS_H

/* The command line of wsuv. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wsuv.h>

#include "wsuv_access.h"
#include "wsuv_endpoint.h"
#include "wsuv_headers.h"
#include "wsuv_resolve.h"
#include "wsuv_tls.h"

/* What the program does. */
typedef enum options_mode {
  MODE_CLIENT = 1, /* it connects */
  MODE_PRINT = 2,  /* it listens, and so do all that follow */
  MODE_ECHO = 4,
  MODE_EXEC = 8,
  MODE_RELAY = 16
} options_mode;

/* Strings are those of argv, or copies; these and the lists are ended by options_free(). */
typedef struct options {
  options_mode mode;
  char *url;    /* of a client */
  char **words; /* the URL, or the paths of a server */
  size_t word_count;
  endpoint listen;      /* of a server */
  endpoint to;          /* MODE_RELAY */
  const char *command;  /* MODE_EXEC */
  char **arguments;     /* of the command, ended by NULL; NULL: it is a line for the shell */
  unsigned long max;    /* sessions of a server at a time; 0: the default */
  const char **origins; /* of pages that a server allows */
  size_t origin_count;
  const char **hosts; /* names that a server answers to */
  size_t host_count;
  const char *origin;    /* NULL: none */
  const char **messages; /* to be sent in place of standard input */
  size_t message_count;
  const char **subprotocols;
  size_t subprotocol_count;
  header_list headers;
  resolve_entry *resolves; /* from the first to the last of the command line */
  size_t resolve_count;
  wsuv_resolver_t resolver;
  tls_options tls;
  access_options access;
  unsigned long limit;        /* close after so many messages; 0: whenever all is sent */
  uint64_t ping_interval_ms;  /* 0: the library's default */
  uint64_t timeout_ms;        /* 0: the library's defaults */
  uint64_t close_deadline_ms; /* 0: the library's default */
  bool deflate;               /* offer it, with these options */
  wsuv_deflate_options_t deflate_options;
  bool binary;
  bool stream; /* messages in pieces, and standard input as one of them */
  int verbose; /* how many times */
  bool null;   /* NUL behind each message, in place of the end of a line, both ways */
  bool json;   /* messages are lines of JSON, both ways */
  bool slash;  /* lines that begin with a slash are commands */
  bool timestamps;
  bool no_input; /* listen only, behind the messages */
  bool stats;
  bool include;
} options;

typedef enum options_result {
  OPTIONS_RUN,
  OPTIONS_DONE, /* --help or --version was answered */
  OPTIONS_BAD   /* and the reason was printed */
} options_result;

/* Read the command line, argc words and NULL, and ask for a password that is missing; headers and
   addresses in argv are taken apart in place, and secrets overwritten. */
options_result options_read(options *o, int argc, char **argv);

void options_free(options *o);

#endif
