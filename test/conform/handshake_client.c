/* Opens one session after the other, on the public API, and prints how each opening handshake
   ended, one line a URL. Knows nothing of what should have come. */

#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include <wsuv.h>

enum {
  SUBPROTOCOLS_MAX = 16,
  LINE_SIZE = 4096, /* bytes of a URL, with the end of its line */
  WORD_SIZE = 128   /* bytes of a message or subprotocol that are shown */
};

typedef struct run {
  wsuv_client_t *client;
  char **urls; /* NULL: standard input has them */
  const char *subprotocols[SUBPROTOCOLS_MAX];
  size_t subprotocol_count;
  unsigned long timeout_ms; /* of the handshake; 0: the default */
  bool offers_deflate;
  wsuv_deflate_options_t deflate; /* if it is offered */
  /* The session that there is now: */
  bool is_open;
  char subprotocol[WORD_SIZE];
  char message[WORD_SIZE]; /* the first one; "" if none came */
} run;

static void next(run *r);

/* --- the session --- */

/* One word of visible characters, "-" for none at all. */
static void take_word(char dst[WORD_SIZE], const void *data, size_t len) {
  const unsigned char *src = data;
  if (len >= WORD_SIZE) len = WORD_SIZE - 1;
  for (size_t i = 0; i < len; i++) dst[i] = isgraph(src[i]) ? (char) src[i] : '?';
  dst[len] = '\0';
  if (len == 0) strcpy(dst, "-");
}

static void on_open(wsuv_session_t *session) {
  run *r = wsuv_session_data(session);
  const char *subprotocol = wsuv_session_subprotocol(session);
  r->is_open = true;
  take_word(r->subprotocol, subprotocol, strlen(subprotocol));
}

/* The first message is all that is wanted. */
static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  run *r = wsuv_session_data(session);
  if (r->message[0] == '\0') take_word(r->message, message->data, message->len);
  wsuv_session_close(session, 1000, NULL);
}

/* A message in a line that tells of an error is one that came before it. */
static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  run *r = wsuv_session_data(session);
  if (info->status == 0 && r->is_open) {
    printf("open %s %s\n", r->subprotocol, r->message[0] != '\0' ? r->message : "-");
  } else {
    printf("%s %s %d%s%s\n", wsuv_err_name(info->status), wsuv_stage_name(info->stage),
           info->http_status, r->message[0] != '\0' ? " " : "", r->message);
  }
  fflush(stdout);
  next(r);
}

/* --- the order of things --- */

/* NULL: there is none left. */
static const char *next_url(run *r, char line[LINE_SIZE]) {
  if (r->urls != NULL) return *r->urls != NULL ? *r->urls++ : NULL;
  if (fgets(line, LINE_SIZE, stdin) == NULL) return NULL;
  line[strcspn(line, "\n")] = '\0';
  return line;
}

static int connect_to(run *r, const char *url) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_close};
  r->is_open = false;
  r->subprotocol[0] = r->message[0] = '\0';
  return wsuv_connect_url(r->client, url, &callbacks, r, NULL);
}

static void next(run *r) {
  char line[LINE_SIZE];
  const char *url;
  while ((url = next_url(r, line)) != NULL) {
    int err = connect_to(r, url);
    if (err == 0) return;
    printf("%s call 0\n", wsuv_err_name(err));
    fflush(stdout);
  }
  wsuv_client_close(r->client, NULL);
}

static int run_all(run *r) {
  wsuv_config_t config;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_client_config_init(&config);
  int err = wsuv_permessage_deflate(&deflate, r->offers_deflate ? &r->deflate : NULL);
  if (err < 0) return err;
  config.extensions = extensions;
  config.extension_count = r->offers_deflate ? 1 : 0;
  if (r->timeout_ms > 0) config.handshake_timeout_ms = r->timeout_ms;
  config.subprotocols = r->subprotocols;
  config.subprotocol_count = r->subprotocol_count;
  err = wsuv_client_new(&r->client, uv_default_loop(), &config);
  if (err == 0) next(r);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return err;
}

/* --- the command line --- */

/* 0, or -1: there is no such setting. */
static int set_deflate(wsuv_deflate_options_t *options, const char *name, unsigned bits) {
  if (strcmp(name, "server_no_context_takeover") == 0) {
    options->server_no_context_takeover = true;
  } else if (strcmp(name, "client_no_context_takeover") == 0) {
    options->client_no_context_takeover = true;
  } else if (strcmp(name, "server_max_window_bits") == 0) {
    options->server_max_window_bits = bits;
  } else if (strcmp(name, "client_max_window_bits") == 0) {
    options->client_max_window_bits = bits;
  } else {
    return -1;
  }
  return 0;
}

/* Settings with commas between: `server_no_context_takeover,client_max_window_bits=10`. */
static int read_deflate(run *r, char *settings) {
  wsuv_deflate_options_init(&r->deflate);
  r->offers_deflate = true;
  for (char *name = strtok(settings, ","); name != NULL; name = strtok(NULL, ",")) {
    char *value = strchr(name, '=');
    if (value != NULL) *value++ = '\0';
    unsigned bits = value != NULL ? (unsigned) strtoul(value, NULL, 10) : 0;
    if (set_deflate(&r->deflate, name, bits) < 0) return -1;
  }
  return 0;
}

/* 0, or -1: usage. */
static int read_arguments(run *r, int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "d:p:t:")) != -1) {
    if (option == 'p' && r->subprotocol_count < SUBPROTOCOLS_MAX) {
      r->subprotocols[r->subprotocol_count++] = optarg;
    } else if (option == 'd') {
      if (read_deflate(r, optarg) < 0) return -1;
    } else if (option == 't') {
      r->timeout_ms = strtoul(optarg, NULL, 10);
    } else {
      return -1;
    }
  }
  if (optind < argc) r->urls = argv + optind;
  return 0;
}

int main(int argc, char **argv) {
  static run r;
  signal(SIGPIPE, SIG_IGN);
  if (read_arguments(&r, argc, argv) < 0) {
    fputs("usage: handshake_client [-d SETTINGS] [-p SUBPROTOCOL]... [-t TIMEOUT_MS] [URL...]\n"
          "Without a URL, standard input has one in each line. -d offers permessage-deflate;\n"
          "SETTINGS are the names of its parameters with commas between: \"\" or\n"
          "server_no_context_takeover,client_max_window_bits=10 (0: not offered).\n",
          stderr);
    return 1;
  }
  int err = run_all(&r);
  if (err < 0) fprintf(stderr, "handshake_client: %s\n", wsuv_strerror(err));
  if (uv_loop_close(uv_default_loop()) != 0) return 2;
  return err < 0 ? 1 : 0;
}
