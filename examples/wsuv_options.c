#include "wsuv_options.h"

/* Reads the command line of wsuv. Whether a URL, a header or a subprotocol may be used is for the
   library to say. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv_deflate.h"

/* Several strings, because C99 compilers need not support longer ones. */
static const char help_messages[] =
    "usage: wsuv [options] URL\n"
    "\n"
    "Sends each line of standard input as a text message to a WebSocket, ws://HOST[:PORT]/PATH,\n"
    "wss://HOST[:PORT]/PATH or ws+unix:///SOCKET:/PATH, and prints each message that arrives as a\n"
    "line. At the end of standard input the connection is closed, and what still arrives is\n"
    "printed.\n"
    "\n"
    "  -m TEXT                  send TEXT in place of standard input; may be repeated\n"
    "  -n N                     close as soon as N messages have arrived, and not before\n"
    "  -b                       binary: all of standard input is one message (none if it is\n"
    "                           empty), as is each TEXT; what arrives is written as it is\n"
    "      --stream             all of standard input is one message of any length, text without "
    "-b\n"
    "                           (none if it is empty), sent as it is read; what arrives is "
    "written\n"
    "                           as it comes, whatever its length\n"
    "      --null               messages end with NUL in place of the end of a line, both ways\n"
    "      --json               messages are lines of JSON, both ways, so that they may have line\n"
    "                           ends: {\"type\":\"text\",\"data\":\"TEXT\"}, or binary with "
    "base64; a\n"
    "                           string is a text message, too\n"
    "      --timestamps         print the time before each message\n"
    "      --slash              lines may be commands: /ping [TEXT], /pong [TEXT], /close [CODE\n"
    "                           [REASON]]; //TEXT sends /TEXT\n"
    "      --no-input           do not read standard input, and do not close after the last TEXT\n"
    "                           either: stay until the server closes, -n is reached or a signal\n"
    "                           comes\n";

static const char help_connection[] =
    "  -H 'NAME: VALUE'         add a header to the handshake; may be repeated\n"
    "  -p SUBPROTOCOL           offer a subprotocol; may be repeated\n"
    "      --deflate[=PARAMS]   offer compression, permessage-deflate; PARAMS as in the "
    "handshake,\n"
    "                           'NAME; NAME=N': server_no_context_takeover,\n"
    "                           client_no_context_takeover, server_max_window_bits=8...15,\n"
    "                           client_max_window_bits=8...15; and level=0...9 (default 6)\n"
    "      --origin ORIGIN      send an Origin header\n"
    "      --ping-interval SEC  ping interval; no answer within twice the interval closes the\n"
    "                           connection\n"
    "      --resolve HOST:PORT:ADDRESS\n"
    "                           connect to ADDRESS, with no lookup, if the URL has that HOST and\n"
    "                           PORT; may be repeated\n"
    "      --resolver RESOLVER  look the host up with RESOLVER: auto (the default), cares, which\n"
    "                           needs no thread, or system\n"
    "      --timeout SEC        for connecting (default 10) and for closing (default 5): while "
    "the\n"
    "                           server acknowledges data, closing may take longer\n"
    "      --close-deadline SEC closing never takes longer than this (default 120)\n"
    "      --include            print status and headers of the answer before what arrives; of a\n"
    "                           refusal, the beginning of its body, too\n"
    "      --cacert FILE        trust the authorities in FILE (PEM), in place of the system's\n"
    "      --capath DIR         trust those in the files of DIR; together with --cacert: both\n"
    "      --cert FILE          show the server this certificate, with its chain (PEM)\n"
    "      --key FILE           its key (PEM or DER)\n"
    "      --pass FILE          the password of the key, the first line of FILE\n"
    "      --pin PIN            take only a certificate with this public key, sha256//BASE64; may\n"
    "                           be repeated: one of them\n"
    "      --tls-min VERSION    not below TLS VERSION, 1.2 (the default) or 1.3\n"
    "      --tls-max VERSION    not above it\n"
    "      --insecure           accept any certificate: an attacker on the network can read and\n"
    "                           change everything\n"
    "      --keylog FILE        append the TLS secrets to FILE; with them the traffic can be "
    "read\n"
    "  -v                       show address, certificate, handshake, frames and close on "
    "standard\n"
    "                           error; -vv: what is in the frames, too, the first 64 bytes of "
    "each\n"
    "      --stats              show statistics on standard error at the end\n"
    "      --help               show this\n"
    "      --version            show the version\n";

static const char help_rules[] =
    "\n"
    "SEC may have decimals. An empty line is an empty message; a last line without an end counts.\n"
    "A server may answer the close before it has answered the messages: -n waits for answers.\n"
    "A line that is not UTF-8, or a message over 16 MiB without --stream, is an error: nothing\n"
    "more is sent, and the connection is closed. SIGINT (Ctrl-C), SIGTERM and SIGHUP close with\n"
    "1001, a second signal at once.\n"
    "\n"
    "On a terminal, control characters of the server are escaped, lines of messages have the\n"
    "marks > (sent) and < (received), with colours unless NO_COLOR is set, and a message that\n"
    "takes over a second shows how far it is. If wsuv was built with libedit, lines that are\n"
    "typed can be edited and called back (arrow up), and messages that arrive do not tear them.\n"
    "\n"
    "Exit status:\n"
    "  0  closed cleanly: 1000, 1001 or no code; also when nobody reads standard output any more\n"
    "  1  usage, bad URL, header or subprotocol; standard input or output failed\n"
    "  2  could not connect, or was refused\n"
    "  3  connection lost, or protocol violated\n"
    "  4  closed by the peer with any other code\n"
    "  5  closed cleanly, but before standard input or all TEXTs were sent, or with fewer "
    "messages\n"
    "     than -n N; or not cleanly\n";

enum {
  OPTION_HELP = 256,
  OPTION_VERSION,
  OPTION_DEFLATE,
  OPTION_ORIGIN,
  OPTION_PING_INTERVAL,
  OPTION_RESOLVE,
  OPTION_RESOLVER,
  OPTION_STREAM,
  OPTION_NO_INPUT,
  OPTION_NULL,
  OPTION_JSON,
  OPTION_SLASH,
  OPTION_TIMESTAMPS,
  OPTION_TIMEOUT,
  OPTION_CLOSE_DEADLINE,
  OPTION_STATS,
  OPTION_INCLUDE,
  OPTION_CACERT,
  OPTION_CAPATH,
  OPTION_CERT,
  OPTION_KEY,
  OPTION_PASS,
  OPTION_PIN,
  OPTION_TLS_MIN,
  OPTION_TLS_MAX,
  OPTION_KEYLOG,
  OPTION_INSECURE
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"deflate", optional_argument, NULL, OPTION_DEFLATE},
    {"origin", required_argument, NULL, OPTION_ORIGIN},
    {"ping-interval", required_argument, NULL, OPTION_PING_INTERVAL},
    {"resolve", required_argument, NULL, OPTION_RESOLVE},
    {"resolver", required_argument, NULL, OPTION_RESOLVER},
    {"stream", no_argument, NULL, OPTION_STREAM},
    {"no-input", no_argument, NULL, OPTION_NO_INPUT},
    {"null", no_argument, NULL, OPTION_NULL},
    {"json", no_argument, NULL, OPTION_JSON},
    {"slash", no_argument, NULL, OPTION_SLASH},
    {"timestamps", no_argument, NULL, OPTION_TIMESTAMPS},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"close-deadline", required_argument, NULL, OPTION_CLOSE_DEADLINE},
    {"include", no_argument, NULL, OPTION_INCLUDE},
    {"stats", no_argument, NULL, OPTION_STATS},
    {"cacert", required_argument, NULL, OPTION_CACERT},
    {"capath", required_argument, NULL, OPTION_CAPATH},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"pass", required_argument, NULL, OPTION_PASS},
    {"pin", required_argument, NULL, OPTION_PIN},
    {"tls-min", required_argument, NULL, OPTION_TLS_MIN},
    {"tls-max", required_argument, NULL, OPTION_TLS_MAX},
    {"insecure", no_argument, NULL, OPTION_INSECURE},
    {"keylog", required_argument, NULL, OPTION_KEYLOG},
    {NULL, 0, NULL, 0},
};

static options_result bad(const char *what, const char *value) {
  fprintf(stderr, "wsuv: %s%s\nTry 'wsuv --help'.\n", what, value);
  return OPTIONS_BAD;
}

static options_result read_seconds(uint64_t *ms, const char *s) {
  char *end;
  double seconds = strtod(s, &end);
  if (end == s || *end != '\0' || !(seconds > 0 && seconds <= 1e9)) {
    return bad("not a number of seconds: ", s);
  }
  *ms = (uint64_t) (seconds * 1000);
  if (*ms == 0) *ms = 1;
  return OPTIONS_RUN;
}

static options_result read_limit(unsigned long *n, const char *s) {
  char *end;
  *n = strtoul(s, &end, 10);
  if (*s < '0' || *s > '9' || *end != '\0' || *n == 0) return bad("not a number of messages: ", s);
  return OPTIONS_RUN;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static options_result add_header(options *o, char *s) {
  char *colon = strchr(s, ':');
  if (colon == NULL) return bad("not a header, 'NAME: VALUE': ", s);
  char *value = colon + 1;
  char *end = s + strlen(s);
  *colon = '\0';
  while (is_blank(*value)) value++;
  while (end > value && is_blank(end[-1])) *--end = '\0';
  o->headers[o->header_count++] = (wsuv_header_t){s, value};
  return OPTIONS_RUN;
}

static options_result add_resolve(options *o, char *s) {
  if (!resolve_read(&o->resolves[o->resolve_count++], s)) {
    return bad("not a HOST:PORT:ADDRESS for --resolve", "");
  }
  return OPTIONS_RUN;
}

static options_result read_resolver(wsuv_resolver_t *resolver, const char *s) {
  static const char *const names[] = {"auto", "cares", "system"}; /* by their values */
  for (int i = WSUV_RESOLVER_AUTO; i <= WSUV_RESOLVER_SYSTEM; i++) {
    if (strcmp(s, names[i]) != 0) continue;
    *resolver = (wsuv_resolver_t) i;
    return OPTIONS_RUN;
  }
  return bad("not a resolver, auto, cares or system: ", s);
}

static options_result read_tls_version(wsuv_tls_version_t *version, const char *s) {
  return tls_version_read(version, s) ? OPTIONS_RUN : bad("not a version of TLS, 1.2 or 1.3: ", s);
}

static options_result read_password(tls_options *tls, const char *path) {
  int err = tls_options_read_password(tls, path);
  if (err == 0) return OPTIONS_RUN;
  fprintf(stderr, "wsuv: %s: %s\n", path, wsuv_strerror(err));
  return OPTIONS_BAD;
}

/* OPTIONS_RUN: go on. */
static options_result read_tls_option(tls_options *tls, int option) {
  switch (option) {
  case OPTION_CACERT: tls->config.ca_file = optarg; break;
  case OPTION_CAPATH: tls->config.ca_dir = optarg; break;
  case OPTION_CERT: tls->config.cert_file = optarg; break;
  case OPTION_KEY: tls->config.key_file = optarg; break;
  case OPTION_PASS: return read_password(tls, optarg);
  case OPTION_PIN: tls_options_add_pin(tls, optarg); break;
  case OPTION_TLS_MIN: return read_tls_version(&tls->config.min_version, optarg);
  case OPTION_TLS_MAX: return read_tls_version(&tls->config.max_version, optarg);
  case OPTION_INSECURE: wsuv_tls_config_disable_verification(&tls->config); break;
  case OPTION_KEYLOG: tls->config.keylog_file = optarg; break;
  default: break;
  }
  return OPTIONS_RUN;
}

/* `seen` is the argument that was read last, `option` what getopt_long() said of it. */
static options_result refuse_option(int option, const char *seen) {
  char letter[3] = {'-', (char) optopt, '\0'};
  const char *name = optopt > 0 && optopt < OPTION_HELP ? letter : seen;
  if (option == ':') return bad("a value is missing for the option ", name);
  return bad(optopt >= OPTION_HELP ? "no value is allowed here: " : "unknown option: ", name);
}

static options_result read_deflate(options *o, char *s) {
  o->deflate = true;
  wsuv_deflate_options_init(&o->deflate_options);
  if (s == NULL || deflate_read(&o->deflate_options, s)) return OPTIONS_RUN;
  return bad("not a parameter for --deflate, or without its value", "");
}

static options_result show(const char *text) {
  fputs(text, stdout);
  return fflush(stdout) == 0 ? OPTIONS_DONE : bad("cannot write to standard output", "");
}

static options_result show_help(void) {
  fputs(help_messages, stdout);
  fputs(help_connection, stdout);
  return show(help_rules);
}

static options_result show_version(void) {
  printf("wsuv %s\n", wsuv_version());
  return show("");
}

/* OPTIONS_RUN: go on. */
static options_result read_option(options *o, int option) {
  switch (option) {
  case 'm': o->messages[o->message_count++] = optarg; break;
  case 'n': return read_limit(&o->limit, optarg);
  case 'b': o->binary = true; break;
  case 'H': return add_header(o, optarg);
  case 'p': o->subprotocols[o->subprotocol_count++] = optarg; break;
  case 'v': o->verbose++; break;
  case OPTION_DEFLATE: return read_deflate(o, optarg);
  case OPTION_ORIGIN: o->origin = optarg; break;
  case OPTION_PING_INTERVAL: return read_seconds(&o->ping_interval_ms, optarg);
  case OPTION_RESOLVE: return add_resolve(o, optarg);
  case OPTION_RESOLVER: return read_resolver(&o->resolver, optarg);
  case OPTION_STREAM: o->stream = true; break;
  case OPTION_NO_INPUT: o->no_input = true; break;
  case OPTION_NULL: o->null = true; break;
  case OPTION_JSON: o->json = true; break;
  case OPTION_SLASH: o->slash = true; break;
  case OPTION_TIMESTAMPS: o->timestamps = true; break;
  case OPTION_TIMEOUT: return read_seconds(&o->timeout_ms, optarg);
  case OPTION_CLOSE_DEADLINE: return read_seconds(&o->close_deadline_ms, optarg);
  case OPTION_INCLUDE: o->include = true; break;
  case OPTION_STATS: o->stats = true; break;
  case OPTION_HELP: return show_help();
  case OPTION_VERSION: return show_version();
  default: return read_tls_option(&o->tls, option);
  }
  return OPTIONS_RUN;
}

/* No list can be longer than the command line. */
static bool make_lists(options *o, size_t n) {
  o->messages = calloc(n, sizeof *o->messages);
  o->subprotocols = calloc(n, sizeof *o->subprotocols);
  o->headers = calloc(n, sizeof *o->headers);
  o->resolves = calloc(n, sizeof *o->resolves);
  bool tls = tls_options_init(&o->tls, n);
  return tls && o->messages != NULL && o->subprotocols != NULL && o->headers != NULL &&
         o->resolves != NULL;
}

/* Lines are neither one binary message nor a stream. */
static options_result check_together(const options *o) {
  const char *lines = o->json ? "--json" : o->null ? "--null" : o->slash ? "--slash" : NULL;
  if (lines != NULL && (o->binary || o->stream))
    return bad("not together with -b or --stream: ", lines);
  if (o->json && o->null) return bad("not together with --json: --null", "");
  if (o->timestamps && o->binary) return bad("not together with -b: --timestamps", "");
  return OPTIONS_RUN;
}

options_result options_read(options *o, int argc, char **argv) {
  options_result result = OPTIONS_RUN;
  int option;
  *o = (options){0};
  if (!make_lists(o, (size_t) argc + 1)) return bad("out of memory", "");
  opterr = 0;
  while (result == OPTIONS_RUN &&
         (option = getopt_long(argc, argv, ":m:n:bH:p:v", long_options, NULL)) != -1) {
    bool wrong = option == '?' || option == ':';
    result = wrong ? refuse_option(option, argv[optind - 1]) : read_option(o, option);
  }
  if (result != OPTIONS_RUN) return result;
  if (optind == argc) return bad("no URL given", "");
  if (optind + 1 < argc) return bad("more than one URL: ", argv[optind + 1]);
  o->url = argv[optind];
  return check_together(o);
}

void options_free(options *o) {
  free(o->messages);
  free(o->subprotocols);
  free(o->headers);
  free(o->resolves);
  tls_options_free(&o->tls);
}
