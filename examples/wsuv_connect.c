#include "wsuv_connect.h"

/* The client. Joins its session to standard input and output: the parts that know one of them only
   are in files beside it. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wsuv.h>

#include "wsuv_interrupt.h"
#include "wsuv_output.h"
#include "wsuv_progress.h"
#include "wsuv_report.h"
#include "wsuv_sender.h"
#include "wsuv_settings.h"

typedef struct program {
  const options *options;
  wsuv_client_t *client;
  wsuv_session_t *session;
  sender sender;
  printer *printer;
  progress progress;
  unsigned long received; /* messages */
  bool mute;              /* standard output takes nothing any more */
  bool failed;            /* standard output did */
  settings settings;
  exit_code code;
} program;

/* End the session for a reason that is not the peer's. */
static void give_up(program *p) {
  sender_stop(&p->sender);
  wsuv_session_close(p->session, WSUV_CLOSE_GOING_AWAY, NULL);
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
  judge_print(p, print_head(p->printer, wsuv_session_status(p->session), headers, count));
}

static void print_refusal(program *p, const wsuv_close_info_t *info) {
  if (!was_refused(info)) return;
  int err = print_head(p->printer, info->http_status, info->headers, info->header_count);
  if (err == 0) err = print_body(p->printer, info->body, info->body_len);
  judge_print(p, err);
}

static bool is_sending(void *up, uint64_t *left) {
  const program *p = up;
  return sender_is_sending(&p->sender, left);
}

static void find_socket(uv_handle_t *handle, void *arg) {
  uv_os_fd_t fd;
  bool stream = handle->type == UV_TCP || handle->type == UV_NAMED_PIPE;
  if (stream && uv_fileno(handle, &fd) == 0) *(int *) arg = fd;
}

/* Nothing is read of the session while standard output is blocked, not even its end. */
static void watch_socket(uv_loop_t *loop) {
  int fd = -1;
  if (isatty(STDOUT_FILENO)) return; /* it is not blocked for long without somebody who knows */
  uv_walk(loop, find_socket, &fd);
  output_watch(fd, report_blocked);
}

static void on_open(wsuv_session_t *session) {
  program *p = wsuv_session_data(session);
  if (p->options->verbose > 0)
    report_open(session, p->options->subprotocol_count > 0, p->options->deflate);
  if (p->options->include) print_answer(p);
  watch_socket(wsuv_client_loop(p->client));
  progress_start(&p->progress, wsuv_client_loop(p->client), session, is_sending, p);
  sender_start(&p->sender, session);
}

static void on_drain(wsuv_session_t *session) {
  program *p = wsuv_session_data(session);
  sender_resume(&p->sender);
}

/* What comes behind the last message of -n is not wanted. */
static void print_some(program *p, wsuv_frame_type_t type, const void *data, size_t len,
                       bool last) {
  unsigned long limit = p->options->limit;
  if (limit > 0 && p->received == limit) return;
  p->received += last;
  if (!p->mute) judge_print(p, print_message(p->printer, type, data, len, last));
  if (limit == 0 || p->received < limit) return;
  sender_stop(&p->sender);
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

/* What is missing when a session was closed in order; false: nothing. -n counts in place of the
   end of the input. Without a reader of the output nothing more is wanted. */
static bool find_missing(const program *p, const wsuv_close_info_t *info, char *text, size_t size) {
  const options *o = p->options;
  const char *what = NULL;
  if (p->mute) return false;
  if (o->limit > 0 && p->received < o->limit) {
    snprintf(text, size, "%lu of %lu messages have arrived", p->received, o->limit);
    return true;
  }
  if (o->limit == 0 && !sender_has_sent_all(&p->sender)) {
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
  if (p->failed || p->sender.failed) return EXIT_OURS;
  if (info->status == UV_ENOMEM || info->status == WSUV_ERANDOM) return EXIT_LOST;
  if (info->status < 0) return info->stage < WSUV_STAGE_OPEN ? EXIT_REFUSED : EXIT_LOST;
  if (!closed_in_order(info)) return EXIT_CODE;
  if (!find_missing(p, info, missing, sizeof missing)) return EXIT_CLOSED;
  report_unfinished(info, missing);
  return EXIT_UNFINISHED;
}

static void finish(program *p) {
  interrupt_stop();
  wsuv_client_close(p->client, NULL);
  uv_stop(wsuv_client_loop(p->client));
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  program *p = wsuv_session_data(session);
  progress_stop(&p->progress);
  sender_stop(&p->sender); /* from here on nobody types */
  output_watch(-1, NULL);
  if (p->options->verbose > 0) report_details(session, info);
  if (p->options->include) print_refusal(p, info);
  report_close(info, !p->options->include);
  if (p->options->stats) report_stats(session);
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

static int make_client(program *p, uv_loop_t *loop) {
  int err = settings_make(&p->settings, p->options);
  if (err < 0) return err;
  p->sender.item_max = p->settings.config.outgoing_max;
  return wsuv_client_new(&p->client, loop, &p->settings.config);
}

static int open_session(program *p) {
  wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open, .on_message = on_message,
                                .on_drain = on_drain, .on_close = on_close};
  const options *o = p->options;
  wsuv_request_t request;
  if (o->stream) callbacks.on_message_piece = on_message_piece;
  if (o->slash) callbacks.on_pong = on_pong;
  wsuv_request_init(&request, o->url);
  request.origin = o->origin;
  request.data = p;
  request.address = resolve_find(o->resolves, o->resolve_count, o->url);
  request.user = o->access.user;
  request.password = o->access.password;
  request.cookies = o->access.cookies;
  return wsuv_connect(p->client, &request, &callbacks, &p->session);
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
  if (err == WSUV_EURL && lacks_scheme(p->options->url)) {
    report_scheme(p->options->url, err);
  } else {
    report("%s", settings_error(&p->settings, err));
  }
  p->code = exit_code_of_call(err);
  return p->code;
}

exit_code connect_run(const options *o, printer *out, uv_loop_t *loop) {
  static program the_program;
  program *p = &the_program;
  p->options = p->sender.options = o;
  p->printer = p->sender.printer = out;
  int err = make_client(p, loop);
  if (err < 0) return fail_call(p, err);
  err = interrupt_start(loop, on_interrupt, p);
  if (err == 0) err = open_session(p);
  if (err < 0) {
    fail_call(p, err);
    finish(p);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return p->code;
}
