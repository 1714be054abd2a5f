/* wsuv: WebSocket on the command line. Joins the session to standard input and output: the parts
   that know one of them only are in the wsuv_*.c files beside it. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include <wsuv.h>

#include "wsuv_input.h"
#include "wsuv_interrupt.h"
#include "wsuv_json.h"
#include "wsuv_options.h"
#include "wsuv_print.h"
#include "wsuv_report.h"
#include "wsuv_slash.h"

typedef enum exit_code {
  EXIT_CLOSED = 0,    /* cleanly: 1000, 1001 or no code */
  EXIT_OURS = 1,      /* usage, URL, header, standard input or output */
  EXIT_REFUSED = 2,   /* or no connection */
  EXIT_LOST = 3,      /* or the protocol was violated */
  EXIT_CODE = 4,      /* closed by the peer with any other code */
  EXIT_UNFINISHED = 5 /* closed in order before everything was sent or received, or not cleanly */
} exit_code;

typedef struct program {
  options options;
  wsuv_client_t *client;
  wsuv_session_t *session;
  input input;
  printer printer;
  unsigned long sent;     /* messages: of standard input, or of -m */
  unsigned long left;     /* those of them that the kernel has taken */
  unsigned long lines;    /* of standard input that were taken */
  unsigned long received; /* messages */
  size_t item_max;        /* bytes of a message, or a piece, that can be sent */
  bool begun;             /* --stream: the message that standard input is */
  bool ending;            /* and it has to be ended yet */
  bool hung_up;           /* by /close */
  bool mute;              /* standard output takes nothing any more */
  bool failed;            /* standard input or output did, or a message could not be sent */
  char refusal[256];      /* why a call of the library has failed, in its words; "": not said */
  exit_code code;
} program;

/* End the session for a reason that is not the peer's. */
static void give_up(program *p) {
  input_close(&p->input);
  wsuv_session_close(p->session, WSUV_CLOSE_GOING_AWAY, NULL);
}

/* --- sending --- */

static void report_item(const program *p, const char *what) {
  if (p->options.message_count > 0) {
    report("message %lu: %s", p->sent + 1, what);
  } else if (p->options.binary || p->options.stream) {
    report("standard input: %s", what);
  } else {
    report("standard input, line %lu: %s", p->lines + 1, what);
  }
}

/* An item cannot be sent at all. */
static void fail_item(program *p, const char *what) {
  report_item(p, what);
  p->failed = true;
  give_up(p);
}

/* What a send said. */
static input_verdict judge_item(program *p, int err) {
  if (err == WSUV_EQUEUEFULL) return INPUT_LATER;
  if (err == WSUV_ESTATE) return INPUT_ENOUGH;
  if (err == 0) return INPUT_TAKEN;
  fail_item(p, wsuv_strerror(err));
  return INPUT_ENOUGH;
}

static void on_left(wsuv_session_t *session, int status, void *arg) {
  program *p = arg;
  (void) session;
  if (status == 0) p->left++;
}

static wsuv_frame_type_t message_type(const program *p) {
  return p->options.binary ? WSUV_FRAME_BINARY : WSUV_FRAME_TEXT;
}

static input_verdict send_message(program *p, wsuv_frame_type_t type, const char *data,
                                  size_t len) {
  uv_buf_t buf = uv_buf_init((char *) data, (unsigned) len);
  input_verdict verdict = judge_item(p, wsuv_send_bufs(p->session, type, &buf, 1, on_left, p));
  if (verdict == INPUT_TAKEN) p->sent++;
  return verdict;
}

static input_verdict send_json(program *p, const char *data, size_t len) {
  json_message message;
  int err = json_read(&message, data, len);
  if (err < 0) {
    fail_item(p, err == UV_EINVAL ? "not a message in JSON" : wsuv_strerror(err));
    return INPUT_ENOUGH;
  }
  input_verdict verdict = send_message(p, message.type, message.data, message.len);
  free(message.memory);
  return verdict;
}

/* For --slash. What is wrong with a command is reported, and the session goes on. */
static input_verdict run_command(program *p, const slash_line *line) {
  int err = 0;
  switch (line->kind) {
  case SLASH_PING: err = wsuv_send_ping(p->session, line->data, line->len); break;
  case SLASH_PONG: err = wsuv_send_pong(p->session, line->data, line->len); break;
  case SLASH_CLOSE:
    err = wsuv_session_close(p->session, line->code, line->reason);
    p->hung_up = err == 0;
    break;
  default: report_item(p, "no such command: /ping, /pong, /close [CODE [REASON]], or //TEXT");
  }
  if (err == WSUV_ESTATE || p->hung_up) return INPUT_ENOUGH;
  if (err < 0) report_item(p, wsuv_strerror(err));
  return INPUT_TAKEN;
}

static input_verdict take_line(program *p, const char *data, size_t len) {
  slash_line line = {.kind = SLASH_TEXT, .data = data, .len = len};
  if (p->options.slash) slash_read(&line, data, len);
  if (line.kind != SLASH_TEXT) return run_command(p, &line);
  if (p->options.json) return send_json(p, line.data, line.len);
  return send_message(p, message_type(p), line.data, line.len);
}

static input_verdict send_line(void *up, const char *data, size_t len) {
  program *p = up;
  input_verdict verdict = take_line(p, data, len);
  if (verdict == INPUT_TAKEN) p->lines++;
  return verdict;
}

static int begin_stream(program *p) {
  if (p->begun) return 0;
  int err = wsuv_send_begin(p->session, message_type(p));
  p->begun = err == 0;
  p->sent += p->begun;
  return err;
}

static input_verdict send_piece(void *up, const char *data, size_t len) {
  program *p = up;
  int err = begin_stream(p);
  if (err == 0) err = wsuv_send_piece(p->session, data, len, NULL, NULL);
  return judge_item(p, err);
}

static void all_sent(program *p) {
  const options *o = &p->options;
  if (o->limit == 0 && !o->no_input) wsuv_session_close(p->session, WSUV_CLOSE_NORMAL, NULL);
}

/* A queue that is full of small pieces may have no room for the end either. */
static void end_stream(program *p) {
  input_verdict verdict = judge_item(p, wsuv_send_end(p->session, on_left, p));
  p->ending = verdict == INPUT_LATER;
  if (verdict == INPUT_TAKEN) all_sent(p);
}

static void on_input_end(void *up, int status) {
  program *p = up;
  if (status == 0) {
    if (p->begun) {
      end_stream(p);
    } else {
      all_sent(p);
    }
    return;
  }
  if (status == UV_E2BIG) status = WSUV_EMSGSIZE;
  fail_item(p, wsuv_strerror(status));
}

static void send_messages(program *p) {
  const options *o = &p->options;
  input_verdict verdict = INPUT_TAKEN;
  while (verdict == INPUT_TAKEN && p->sent < o->message_count) {
    const char *text = o->messages[p->sent];
    verdict = send_message(p, message_type(p), text, strlen(text));
  }
  if (verdict == INPUT_TAKEN) all_sent(p);
}

static void send_input(program *p) {
  static const input_events items = {send_line, on_input_end};
  static const input_events pieces = {send_piece, on_input_end};
  const options *o = &p->options;
  input_unit unit = o->null ? INPUT_NULLS : INPUT_LINES;
  if (o->binary) unit = INPUT_WHOLE;
  if (o->stream) unit = INPUT_PIECES;
  int err = input_start(&p->input, wsuv_client_loop(p->client), unit, p->item_max,
                        o->stream ? &pieces : &items, p);
  if (err < 0) on_input_end(p, err);
}

/* --- the session --- */

/* What printing said. */
static void judge_print(program *p, int err) {
  if (err == 0) return;
  p->mute = true;
  if (err != UV_EPIPE && err != UV_EINTR) {
    report("standard output: %s", wsuv_strerror(err));
    p->failed = true;
  }
  give_up(p);
}

static void print_answer(program *p) {
  size_t count;
  const wsuv_header_t *headers = wsuv_session_response_headers(p->session, &count);
  judge_print(p, print_head(&p->printer, wsuv_session_status(p->session), headers, count));
}

static void print_refusal(program *p, const wsuv_close_info_t *info) {
  if (info->status != WSUV_ESTATUS) return;
  int err = print_head(&p->printer, info->http_status, info->headers, info->header_count);
  if (err == 0) err = print_body(&p->printer, info->body, info->body_len);
  judge_print(p, err);
}

static void on_open(wsuv_session_t *session) {
  program *p = wsuv_session_data(session);
  if (p->options.verbose > 0)
    report_open(session, p->options.subprotocol_count > 0, p->options.deflate);
  if (p->options.include) print_answer(p);
  if (p->options.message_count > 0) {
    send_messages(p);
  } else if (!p->options.no_input) {
    send_input(p);
  }
}

static void on_drain(wsuv_session_t *session) {
  program *p = wsuv_session_data(session);
  if (p->options.message_count > 0) {
    send_messages(p);
  } else if (p->ending) {
    end_stream(p);
  } else {
    input_resume(&p->input);
  }
}

/* What comes behind the last message of -n is not wanted. */
static void print_some(program *p, wsuv_frame_type_t type, const void *data, size_t len,
                       bool last) {
  unsigned long limit = p->options.limit;
  if (limit > 0 && p->received == limit) return;
  p->received += last;
  if (!p->mute) judge_print(p, print_message(&p->printer, type, data, len, last));
  if (limit == 0 || p->received < limit) return;
  input_close(&p->input);
  wsuv_session_close(p->session, WSUV_CLOSE_NORMAL, NULL);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  print_some(wsuv_session_data(session), message->type, message->data, message->len, true);
}

static void on_message_piece(wsuv_session_t *session, const wsuv_message_piece_t *piece) {
  print_some(wsuv_session_data(session), piece->type, piece->data, piece->len, piece->last);
}

static void on_pong(wsuv_session_t *session, const void *data, size_t len) {
  (void) session;
  report_pong(data, len);
}

/* After an interrupt only what had come of standard input counts, not its end. */
static bool all_is_sent(const program *p) {
  const options *o = &p->options;
  if (p->left < p->sent) return false;
  if (o->message_count > 0) return p->sent == o->message_count;
  return o->no_input || p->hung_up || input_is_used_up(&p->input, interrupt_count() == 0);
}

/* What is missing when a session was closed in order; false: nothing. -n counts in place of the
   end of the input. Without a reader of the output nothing more is wanted. */
static bool find_missing(const program *p, const wsuv_close_info_t *info, char *text, size_t size) {
  const options *o = &p->options;
  const char *what = NULL;
  if (p->mute) return false;
  if (o->limit > 0 && p->received < o->limit) {
    snprintf(text, size, "%lu of %lu messages have arrived", p->received, o->limit);
    return true;
  }
  if (o->limit == 0 && !all_is_sent(p)) {
    what = o->message_count > 0 ? "not all messages were sent"
                                : "standard input was not sent to its end";
  } else if (!info->clean) {
    what = "the close frame was not answered";
  }
  if (what != NULL) snprintf(text, size, "%s", what);
  return what != NULL;
}

static exit_code judge(const program *p, const wsuv_close_info_t *info) {
  char missing[128];
  if (p->failed) return EXIT_OURS;
  if (info->status == UV_ENOMEM || info->status == WSUV_ERANDOM) return EXIT_LOST;
  if (info->status < 0) return info->stage < WSUV_STAGE_OPEN ? EXIT_REFUSED : EXIT_LOST;
  if (!closed_in_order(info)) return EXIT_CODE;
  if (!find_missing(p, info, missing, sizeof missing)) return EXIT_CLOSED;
  report_unfinished(info, missing);
  return EXIT_UNFINISHED;
}

static void finish(program *p) {
  input_close(&p->input);
  interrupt_stop();
  wsuv_client_close(p->client, NULL);
  uv_stop(wsuv_client_loop(p->client));
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  program *p = wsuv_session_data(session);
  if (p->options.verbose > 0) report_details(session, info);
  if (p->options.include) print_refusal(p, info);
  report_close(info, !p->options.include);
  if (p->options.stats) report_stats(session);
  p->code = judge(p, info);
  finish(p);
}

static void on_interrupt(void *data) {
  program *p = data;
  if (interrupt_count() > 1) {
    wsuv_session_terminate(p->session);
  } else {
    give_up(p);
  }
}

/* --- the beginning --- */

/* The log hook. A call that fails is told with its one line about that (fail_call); on_close tells
   what else fails. */
static void on_log(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                   void *arg) {
  program *p = arg;
  if (session == NULL && level == WSUV_LOG_ERROR) {
    snprintf(p->refusal, sizeof p->refusal, "%s", text);
  } else if (p->options.verbose > 0) {
    report_log(text);
  }
}

enum { STREAM_QUEUE = 1024 * 1024 }; /* bytes: as much as is read ahead of a slow server */

static int make_client(program *p, uv_loop_t *loop) {
  wsuv_config_t config;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_client_config_init(&config);
  config.tls = &p->options.tls.config;
  if (p->options.deflate) {
    int err = wsuv_permessage_deflate(&deflate, &p->options.deflate_options);
    if (err < 0) return err;
    config.extensions = extensions;
    config.extension_count = 1;
  }
  config.resolver = p->options.resolver;
  config.ping_interval_ms = p->options.ping_interval_ms;
  if (p->options.timeout_ms > 0)
    config.handshake_timeout_ms = config.close_timeout_ms = p->options.timeout_ms;
  if (p->options.close_deadline_ms > 0) config.close_deadline_ms = p->options.close_deadline_ms;
  config.log = on_log;
  config.log_arg = p;
  config.log_level = WSUV_LOG_ERROR;
  if (p->options.verbose > 0)
    config.log_level = p->options.verbose > 1 ? WSUV_LOG_TRACE : WSUV_LOG_DEBUG;
  if (p->options.stream) {
    config.max_frame_size = UINT64_MAX;
    config.outgoing_max = STREAM_QUEUE;
  }
  p->item_max = config.outgoing_max;
  return wsuv_client_new(&p->client, loop, &config);
}

static int open_session(program *p) {
  wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open, .on_message = on_message,
                                .on_drain = on_drain, .on_close = on_close};
  const options *o = &p->options;
  wsuv_request_t request;
  if (o->stream) callbacks.on_message_piece = on_message_piece;
  if (o->slash) callbacks.on_pong = on_pong;
  wsuv_request_init(&request, o->url);
  request.origin = o->origin;
  request.headers = o->headers;
  request.header_count = o->header_count;
  request.data = p;
  request.address = resolve_find(o->resolves, o->resolve_count, o->url);
  if (o->subprotocol_count > 0) {
    request.subprotocols = o->subprotocols;
    request.subprotocol_count = o->subprotocol_count;
  }
  return wsuv_connect(p->client, &request, &callbacks, &p->session);
}

/* What the call itself refuses is the user's fault, with few exceptions. */
static exit_code judge_call(int err) {
  switch (err) {
  case WSUV_EURL:
  case WSUV_EINVAL_HEADER:
  case UV_EINVAL:
  case UV_ENOTSUP:
  case UV_EPROTONOSUPPORT: return EXIT_OURS;
  case UV_ENOMEM:
  case WSUV_ERANDOM: return EXIT_LOST;
  default: return EXIT_REFUSED;
  }
}

/* The port 443 is that of wss. */
static void report_scheme(const char *url, int err) {
  int host = (int) strcspn(url, "/?#");
  bool secure = host > 4 && strncmp(url + host - 4, ":443", 4) == 0;
  report("%s: no scheme; did you mean %s://%.*s%s?", wsuv_strerror(err), secure ? "wss" : "ws",
         host, url, url[host] != '\0' ? "/..." : "");
}

static bool lacks_scheme(const char *url) {
  size_t host = strcspn(url, "/?#@");
  return host > 0 && url[host] != '@' && strstr(url, "://") == NULL && url[host - 1] != ':';
}

static exit_code fail_call(program *p, int err) {
  if (err == WSUV_EURL && lacks_scheme(p->options.url)) {
    report_scheme(p->options.url, err);
  } else {
    report("%s", *p->refusal != '\0' ? p->refusal : wsuv_strerror(err));
  }
  p->code = judge_call(err);
  return p->code;
}

enum { LAST_TURNS = 16 }; /* more than handles need to be closed */

/* When the verdict is out, only handles are left to be closed, unless a thread is in a name lookup:
   that can take a minute, and the process would wait for it even when it exits. */
static void wind_up(const program *p, uv_loop_t *loop) {
  int turns = 0;
  while (turns < LAST_TURNS && uv_run(loop, UV_RUN_NOWAIT) != 0) turns++;
  if (turns < LAST_TURNS) return;
  fflush(stdout);
  _exit((int) p->code);
}

static exit_code run(program *p, uv_loop_t *loop) {
  int err = make_client(p, loop);
  if (err < 0) return fail_call(p, err);
  err = interrupt_start(loop, on_interrupt, p);
  if (err == 0) err = open_session(p);
  if (err < 0) {
    fail_call(p, err);
    finish(p);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  wind_up(p, loop);
  return p->code;
}

/* Without descriptors there is not even a loop. */
static exit_code run_on_default_loop(program *p) {
  uv_loop_t *loop = uv_default_loop();
  if (loop == NULL) return fail_call(p, UV_EMFILE);
  exit_code code = run(p, loop);
  uv_loop_close(loop);
  return code;
}

/* The loop's own descriptors may not take the place of a standard one that is closed. Reading gives
   the end then, and writing fails. */
static void fill_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
      (void) open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

static print_format format_of(const options *o) {
  if (o->binary) return PRINT_RAW;
  if (o->json) return PRINT_JSON;
  return o->null ? PRINT_NULL : PRINT_LINES;
}

int main(int argc, char **argv) {
  static program p;
  fill_descriptors();
  signal(SIGPIPE, SIG_IGN);
  options_result result = options_read(&p.options, argc, argv);
  print_init(&p.printer, format_of(&p.options), p.options.timestamps);
  exit_code code = result == OPTIONS_DONE ? EXIT_CLOSED : EXIT_OURS;
  if (result == OPTIONS_RUN) code = run_on_default_loop(&p);
  options_free(&p.options);
  return (int) code;
}
