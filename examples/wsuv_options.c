#include "wsuv_options.h"

/* Reads the command line of wsuv. Whether a URL, a header or a subprotocol may be used is for the
   library to say. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv_deflate.h"
#include "wsuv_help.h"
#include "wsuv_password.h"

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
  OPTION_CRL,
  OPTION_OCSP,
  OPTION_OCSP_FILE,
  OPTION_CERT,
  OPTION_KEY,
  OPTION_PASS,
  OPTION_PIN,
  OPTION_TLS_MIN,
  OPTION_TLS_MAX,
  OPTION_TLS_ENGINE,
  OPTION_KEYLOG,
  OPTION_INSECURE,
  OPTION_PROXY,
  OPTION_NO_PROXY,
  OPTION_PROXY_CACERT,
  OPTION_LOCATION,
  OPTION_USER,
  OPTION_AUTH,
  OPTION_COOKIE,
  OPTION_HEADER_FILE,
  OPTION_LISTEN,
  OPTION_ECHO,
  OPTION_EXEC,
  OPTION_TO,
  OPTION_MAX,
  OPTION_ALLOW_ORIGIN,
  OPTION_ALLOW_HOST
};

enum { DEFAULT_REDIRECTS = 10 };

enum {
  LINES = MODE_CLIENT | MODE_PRINT, /* standard input is sent, what arrives is printed */
  SERVER = MODE_PRINT | MODE_ECHO | MODE_EXEC | MODE_RELAY,
  ALL = MODE_CLIENT | SERVER
};

/* An option, and the modes in which it has a meaning. */
typedef struct row {
  const char *name; /* without dashes */
  int argument;     /* as in struct option */
  int value;        /* that of the letter, or of the list above */
  int modes;
} row;

static const row rows[] = {
    {"m", required_argument, 'm', MODE_CLIENT},
    {"n", required_argument, 'n', LINES},
    {"b", no_argument, 'b', LINES | MODE_EXEC},
    {"H", required_argument, 'H', ALL},
    {"header-file", required_argument, OPTION_HEADER_FILE, ALL},
    {"p", required_argument, 'p', ALL},
    {"v", no_argument, 'v', ALL},
    {"help", no_argument, OPTION_HELP, ALL},
    {"version", no_argument, OPTION_VERSION, ALL},
    {"deflate", optional_argument, OPTION_DEFLATE, ALL},
    {"origin", required_argument, OPTION_ORIGIN, MODE_CLIENT},
    {"ping-interval", required_argument, OPTION_PING_INTERVAL, ALL},
    {"resolve", required_argument, OPTION_RESOLVE, MODE_CLIENT},
    {"resolver", required_argument, OPTION_RESOLVER, MODE_CLIENT},
    {"stream", no_argument, OPTION_STREAM, MODE_CLIENT},
    {"no-input", no_argument, OPTION_NO_INPUT, LINES},
    {"null", no_argument, OPTION_NULL, LINES | MODE_EXEC},
    {"json", no_argument, OPTION_JSON, LINES},
    {"slash", no_argument, OPTION_SLASH, MODE_CLIENT},
    {"timestamps", no_argument, OPTION_TIMESTAMPS, LINES},
    {"timeout", required_argument, OPTION_TIMEOUT, ALL},
    {"close-deadline", required_argument, OPTION_CLOSE_DEADLINE, ALL},
    {"include", no_argument, OPTION_INCLUDE, MODE_CLIENT},
    {"stats", no_argument, OPTION_STATS, MODE_CLIENT},
    {"cacert", required_argument, OPTION_CACERT, ALL},
    {"capath", required_argument, OPTION_CAPATH, ALL},
    {"crl", required_argument, OPTION_CRL, ALL},
    {"ocsp", required_argument, OPTION_OCSP, MODE_CLIENT},
    {"ocsp-file", required_argument, OPTION_OCSP_FILE, SERVER},
    {"cert", required_argument, OPTION_CERT, ALL},
    {"key", required_argument, OPTION_KEY, ALL},
    {"pass", required_argument, OPTION_PASS, ALL},
    {"pin", required_argument, OPTION_PIN, MODE_CLIENT},
    {"tls-min", required_argument, OPTION_TLS_MIN, ALL},
    {"tls-max", required_argument, OPTION_TLS_MAX, ALL},
    {"tls-engine", required_argument, OPTION_TLS_ENGINE, ALL},
    {"insecure", no_argument, OPTION_INSECURE, MODE_CLIENT},
    {"keylog", required_argument, OPTION_KEYLOG, ALL},
    {"proxy", required_argument, OPTION_PROXY, MODE_CLIENT},
    {"no-proxy", optional_argument, OPTION_NO_PROXY, MODE_CLIENT},
    {"proxy-cacert", required_argument, OPTION_PROXY_CACERT, MODE_CLIENT},
    {"location", optional_argument, OPTION_LOCATION, MODE_CLIENT},
    {"user", required_argument, OPTION_USER, MODE_CLIENT},
    {"auth", required_argument, OPTION_AUTH, MODE_CLIENT},
    {"cookie", required_argument, OPTION_COOKIE, MODE_CLIENT},
    {"listen", required_argument, OPTION_LISTEN, SERVER},
    {"echo", no_argument, OPTION_ECHO, MODE_ECHO},
    {"exec", required_argument, OPTION_EXEC, MODE_EXEC},
    {"to", required_argument, OPTION_TO, MODE_RELAY},
    {"max", required_argument, OPTION_MAX, SERVER},
    {"allow-origin", required_argument, OPTION_ALLOW_ORIGIN, SERVER},
    {"allow-host", required_argument, OPTION_ALLOW_HOST, SERVER},
};

enum { ROWS = sizeof rows / sizeof *rows };

/* The rows as getopt_long() wants them, which says NON_OPTION of other words. */
typedef struct table {
  char letters[2 * ROWS + 3];
  struct option names[ROWS + 1];
} table;

enum { NON_OPTION = 1 };

static bool is_letter(const row *r) {
  return r->name[1] == '\0';
}

/* With POSIXLY_CORRECT, the first word that is no option is the end of the options. */
static void make_table(table *t) {
  char *letter = t->letters;
  size_t n = 0;
  *t = (table){.names = {{NULL, 0, NULL, 0}}};
  *letter++ = getenv("POSIXLY_CORRECT") != NULL ? '+' : '-';
  *letter++ = ':';
  for (const row *r = rows; r < rows + ROWS; r++) {
    if (!is_letter(r)) {
      t->names[n++] = (struct option){r->name, r->argument, NULL, r->value};
      continue;
    }
    *letter++ = *r->name;
    if (r->argument == required_argument) *letter++ = ':';
  }
}

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

static options_result read_number(unsigned long *n, const char *s, const char *complaint) {
  char *end;
  *n = strtoul(s, &end, 10);
  if (*s < '0' || *s > '9' || *end != '\0' || *n == 0) return bad(complaint, s);
  return OPTIONS_RUN;
}

static options_result no_memory(void) {
  return bad("out of memory", "");
}

static options_result add_header(options *o, char *s) {
  int err = headers_add(&o->headers, s);
  if (err == UV_EINVAL) return bad("not a header, 'NAME: VALUE': ", s);
  return err == 0 ? OPTIONS_RUN : no_memory();
}

/* What is wrong in it may be secret. */
static options_result read_header_file(options *o, const char *path) {
  unsigned long line = 0;
  int err = headers_read(&o->headers, path, &line);
  if (err == 0) return OPTIONS_RUN;
  if (err == UV_EINVAL) {
    fprintf(stderr, "wsuv: %s: line %lu: not a header, 'NAME: VALUE'\n", path, line);
  } else {
    fprintf(stderr, "wsuv: %s: %s\n", path, wsuv_strerror(err));
  }
  return OPTIONS_BAD;
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

static options_result read_tls_library(wsuv_tls_library_t *library, const char *s) {
  return tls_library_read(library, s) ? OPTIONS_RUN
                                      : bad("not a TLS library, mbedtls or openssl: ", s);
}

static options_result read_ocsp(wsuv_tls_ocsp_t *ocsp, const char *s) {
  return tls_ocsp_read(ocsp, s) ? OPTIONS_RUN : bad("not check, require or off: ", s);
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
  case OPTION_CRL: tls->config.crl_file = optarg; break;
  case OPTION_OCSP: return read_ocsp(&tls->config.ocsp, optarg);
  case OPTION_OCSP_FILE: tls->config.ocsp_file = optarg; break;
  case OPTION_CERT: tls->config.cert_file = optarg; break;
  case OPTION_KEY: tls->config.key_file = optarg; break;
  case OPTION_PASS: return read_password(tls, optarg);
  case OPTION_PIN: tls_options_add_pin(tls, optarg); break;
  case OPTION_TLS_MIN: return read_tls_version(&tls->config.min_version, optarg);
  case OPTION_TLS_MAX: return read_tls_version(&tls->config.max_version, optarg);
  case OPTION_TLS_ENGINE: return read_tls_library(&tls->config.library, optarg);
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

/* The last write may be a good one behind others that have failed. */
static options_result show(const char *text) {
  fputs(text, stdout);
  bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
  return written ? OPTIONS_DONE : bad("cannot write to standard output", "");
}

static options_result show_help(void) {
  help_print();
  return show("");
}

static options_result show_version(void) {
  printf("wsuv %s\n", wsuv_version());
  return show("");
}

static options_result read_listen(options *o, char *s) {
  if (endpoint_read(&o->listen, s, "127.0.0.1")) return OPTIONS_RUN;
  return bad("not a [HOST:]PORT or unix:PATH for --listen", "");
}

static options_result read_to(options *o, char *s) {
  if (!endpoint_read(&o->to, s, NULL) || (o->to.path == NULL && o->to.port == 0))
    return bad("not a HOST:PORT or unix:PATH for --to", "");
  if (endpoint_has_room(&o->to)) return OPTIONS_RUN;
  return bad("the path of a Unix socket is too long: ", o->to.path);
}

static options_result read_location(options *o, const char *s) {
  o->access.redirects = DEFAULT_REDIRECTS;
  if (s == NULL) return OPTIONS_RUN;
  return read_number(&o->access.redirects, s, "not a number of redirects: ");
}

static options_result read_auth(options *o, const char *s) {
  if (access_read_auth(&o->access.auth, s)) return OPTIONS_RUN;
  return bad("not basic, digest or any: ", s);
}

/* Without a list, whatever else is said. */
static void read_no_proxy(access_options *a, const char *list) {
  if (list != NULL) {
    a->exceptions = list;
  } else {
    a->no_proxies = true;
  }
}

/* OPTIONS_RUN: go on. */
static options_result read_access_option(options *o, int option) {
  access_options *a = &o->access;
  switch (option) {
  case OPTION_PROXY: return access_add_proxy(a, optarg) ? OPTIONS_RUN : no_memory();
  case OPTION_NO_PROXY: read_no_proxy(a, optarg); break;
  case OPTION_PROXY_CACERT: a->proxy_tls.ca_file = optarg; break;
  case OPTION_LOCATION: return read_location(o, optarg);
  case OPTION_USER: return access_set_user(a, optarg) ? OPTIONS_RUN : no_memory();
  case OPTION_AUTH: return read_auth(o, optarg);
  case OPTION_COOKIE: return access_add_cookies(a, optarg) ? OPTIONS_RUN : no_memory();
  default: return read_tls_option(&o->tls, option);
  }
  return OPTIONS_RUN;
}

/* OPTIONS_RUN: go on. */
static options_result read_server_option(options *o, int option) {
  switch (option) {
  case OPTION_LISTEN: return read_listen(o, optarg);
  case OPTION_EXEC: o->command = optarg; break;
  case OPTION_TO: return read_to(o, optarg);
  case OPTION_MAX: return read_number(&o->max, optarg, "not a number of sessions: ");
  case OPTION_ALLOW_ORIGIN: o->origins[o->origin_count++] = optarg; break;
  case OPTION_ALLOW_HOST: o->hosts[o->host_count++] = optarg; break;
  default: return read_access_option(o, option);
  }
  return OPTIONS_RUN;
}

/* OPTIONS_RUN: go on. */
static options_result read_option(options *o, int option) {
  switch (option) {
  case 'm': o->messages[o->message_count++] = optarg; break;
  case 'n': return read_number(&o->limit, optarg, "not a number of messages: ");
  case 'b': o->binary = true; break;
  case 'H': return add_header(o, optarg);
  case OPTION_HEADER_FILE: return read_header_file(o, optarg);
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
  case NON_OPTION: o->words[o->word_count++] = optarg; break;
  default: return read_server_option(o, option);
  }
  return OPTIONS_RUN;
}

/* No list can be longer than the command line. */
static bool make_lists(options *o, size_t n) {
  o->messages = calloc(n, sizeof *o->messages);
  o->subprotocols = calloc(n, sizeof *o->subprotocols);
  o->resolves = calloc(n, sizeof *o->resolves);
  o->origins = calloc(n, sizeof *o->origins);
  o->hosts = calloc(n, sizeof *o->hosts);
  o->words = calloc(n, sizeof *o->words);
  bool tls = tls_options_init(&o->tls, n);
  access_init(&o->access);
  return tls && o->origins != NULL && o->hosts != NULL && o->words != NULL && o->messages != NULL &&
         o->subprotocols != NULL && o->resolves != NULL;
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

/* Which of the rows were given. */
typedef bool seen_rows[ROWS];

static void note_row(seen_rows seen, int value) {
  for (size_t i = 0; i < ROWS; i++) seen[i] = seen[i] || rows[i].value == value;
}

static bool was_seen(const seen_rows seen, int value) {
  for (size_t i = 0; i < ROWS; i++)
    if (rows[i].value == value) return seen[i];
  return false;
}

static options_mode find_mode(const seen_rows seen) {
  if (!was_seen(seen, OPTION_LISTEN)) return MODE_CLIENT;
  if (was_seen(seen, OPTION_EXEC)) return MODE_EXEC;
  if (was_seen(seen, OPTION_TO)) return MODE_RELAY;
  return was_seen(seen, OPTION_ECHO) ? MODE_ECHO : MODE_PRINT;
}

static options_result refuse_row(const row *r, options_mode mode) {
  const char *with = mode == MODE_CLIENT                              ? " without --listen"
                     : (r->modes & SERVER) == 0 || mode == MODE_PRINT ? " together with --listen"
                     : mode == MODE_EXEC                              ? " together with --exec"
                     : mode == MODE_RELAY                             ? " together with --to"
                                                                      : " together with --echo";
  fprintf(stderr, "wsuv: no meaning%s: %s%s\nTry 'wsuv --help'.\n", with, is_letter(r) ? "-" : "--",
          r->name);
  return OPTIONS_BAD;
}

static options_result check_modes(const options *o, const seen_rows seen) {
  for (size_t i = 0; i < ROWS; i++)
    if (seen[i] && (rows[i].modes & (int) o->mode) == 0) return refuse_row(&rows[i], o->mode);
  return OPTIONS_RUN;
}

/* What stands behind "--" are arguments of the command, if there is one. */
static void add_rest(options *o, char **rest) {
  if (o->mode == MODE_EXEC && strcmp(rest[-1], "--") == 0) {
    o->arguments = rest;
    return;
  }
  while (*rest != NULL) o->words[o->word_count++] = *rest++;
}

static options_result check_words(options *o) {
  if (o->mode != MODE_CLIENT) {
    for (size_t i = 0; i < o->word_count; i++)
      if (*o->words[i] != '/') return bad("not a path: ", o->words[i]);
    return OPTIONS_RUN;
  }
  if (o->word_count == 0) return bad("no URL given", "");
  if (o->word_count > 1) return bad("more than one URL: ", o->words[1]);
  o->url = access_take_url(o->words[0]);
  return o->url != NULL ? OPTIONS_RUN : no_memory();
}

/* OPTIONS_RUN: all are read, and optind is behind them. */
static options_result read_options(options *o, int argc, char **argv, seen_rows seen) {
  options_result result = OPTIONS_RUN;
  table t;
  int option;
  make_table(&t);
  opterr = 0;
  while (result == OPTIONS_RUN &&
         (option = getopt_long(argc, argv, t.letters, t.names, NULL)) != -1) {
    bool wrong = option == '?' || option == ':';
    result = wrong ? refuse_option(option, argv[optind - 1]) : read_option(o, option);
    note_row(seen, option);
  }
  return result;
}

static options_result ask_for_password(access_options *a) {
  if (a->user == NULL || a->password != NULL) return OPTIONS_RUN;
  int err = password_ask(&a->password, a->user);
  if (err == 0) return OPTIONS_RUN;
  fprintf(stderr, "wsuv: no password of %s, and it cannot be asked for: %s\n", a->user,
          wsuv_strerror(err));
  return OPTIONS_BAD;
}

options_result options_read(options *o, int argc, char **argv) {
  seen_rows seen = {false};
  *o = (options){0};
  if (!make_lists(o, (size_t) argc + 1)) return no_memory();
  options_result result = read_options(o, argc, argv, seen);
  if (result != OPTIONS_RUN) return result;
  o->mode = find_mode(seen);
  add_rest(o, argv + optind);
  result = check_modes(o, seen);
  if (result == OPTIONS_RUN) result = check_words(o);
  if (result == OPTIONS_RUN) result = check_together(o);
  return result == OPTIONS_RUN ? ask_for_password(&o->access) : result;
}

void options_free(options *o) {
  free(o->messages);
  free(o->subprotocols);
  headers_free(&o->headers);
  free(o->resolves);
  free(o->origins);
  free(o->hosts);
  free(o->words);
  free(o->url);
  tls_options_free(&o->tls);
  access_free(&o->access);
}
