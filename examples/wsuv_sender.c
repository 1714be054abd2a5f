#include "wsuv_sender.h"

/* Turns the items of standard input, or of the command line, into messages and commands. */

#include <stdlib.h>
#include <string.h>

#include "wsuv_interrupt.h"
#include "wsuv_json.h"
#include "wsuv_report.h"
#include "wsuv_slash.h"

static void report_item(const sender *s, const char *what) {
  if (s->options->message_count > 0) {
    report("message %lu: %s", s->sent + 1, what);
  } else if (s->options->binary || s->options->stream) {
    report("standard input: %s", what);
  } else {
    report("standard input, line %lu: %s", s->lines + 1, what);
  }
}

/* An item cannot be sent at all. */
static void fail_item(sender *s, const char *what) {
  report_item(s, what);
  s->failed = true;
  sender_stop(s);
  wsuv_session_close(s->session, WSUV_CLOSE_GOING_AWAY, NULL);
}

/* What a send said. */
static input_verdict judge_item(sender *s, int err) {
  if (err == WSUV_EQUEUEFULL) return INPUT_LATER;
  if (err == WSUV_ESTATE) return INPUT_ENOUGH;
  if (err == 0) return INPUT_TAKEN;
  fail_item(s, wsuv_strerror(err));
  return INPUT_ENOUGH;
}

static void on_left(wsuv_session_t *session, int status, void *arg) {
  sender *s = arg;
  (void) session;
  if (status == 0) s->left++;
}

static wsuv_frame_type_t message_type(const sender *s) {
  return s->options->binary ? WSUV_FRAME_BINARY : WSUV_FRAME_TEXT;
}

static input_verdict send_message(sender *s, wsuv_frame_type_t type, const char *data, size_t len) {
  uv_buf_t buf = uv_buf_init((char *) data, (unsigned) len);
  input_verdict verdict = judge_item(s, wsuv_send_bufs(s->session, type, &buf, 1, on_left, s));
  if (verdict == INPUT_TAKEN) s->sent++;
  return verdict;
}

static input_verdict send_json(sender *s, const char *data, size_t len) {
  json_message message;
  int err = json_read(&message, data, len);
  if (err < 0) {
    fail_item(s, err == UV_EINVAL ? "not a message in JSON" : wsuv_strerror(err));
    return INPUT_ENOUGH;
  }
  input_verdict verdict = send_message(s, message.type, message.data, message.len);
  free(message.memory);
  return verdict;
}

static void on_flushed(wsuv_session_t *session, int status, void *arg) {
  sender *s = arg;
  (void) session;
  if (status == 0) input_resume(&s->input);
}

/* There are as many pings or pongs as may wait to be sent, and no on_drain follows. */
static input_verdict wait_for_pings(sender *s) {
  int err = wsuv_flush(s->session, on_flushed, s);
  return err == 0 ? INPUT_LATER : judge_item(s, err);
}

/* For --slash. What is wrong with a command is reported, and the session goes on. */
static input_verdict run_command(sender *s, const slash_line *line) {
  int err = 0;
  switch (line->kind) {
  case SLASH_PING: err = wsuv_send_ping(s->session, line->data, line->len); break;
  case SLASH_PONG: err = wsuv_send_pong(s->session, line->data, line->len); break;
  case SLASH_CLOSE:
    err = wsuv_session_close(s->session, line->code, line->reason);
    s->hung_up = err == 0;
    break;
  default: report_item(s, "no such command: /ping, /pong, /close [CODE [REASON]], or //TEXT");
  }
  if (err == WSUV_ESTATE || s->hung_up) return INPUT_ENOUGH;
  if (err == WSUV_EQUEUEFULL) return wait_for_pings(s);
  if (err < 0) report_item(s, wsuv_strerror(err));
  return INPUT_TAKEN;
}

static input_verdict take_line(sender *s, const char *data, size_t len) {
  slash_line line = {.kind = SLASH_TEXT, .data = data, .len = len};
  if (s->options->slash) slash_read(&line, data, len);
  if (line.kind != SLASH_TEXT) return run_command(s, &line);
  if (s->options->json) return send_json(s, line.data, line.len);
  return send_message(s, message_type(s), line.data, line.len);
}

static input_verdict send_line(void *up, const char *data, size_t len) {
  sender *s = up;
  input_verdict verdict = take_line(s, data, len);
  if (verdict == INPUT_TAKEN) s->lines++;
  return verdict;
}

static int begin_stream(sender *s) {
  if (s->begun) return 0;
  int err = wsuv_send_begin(s->session, message_type(s));
  s->begun = err == 0;
  s->sent += s->begun;
  return err;
}

static input_verdict send_piece(void *up, const char *data, size_t len) {
  sender *s = up;
  int err = begin_stream(s);
  if (err == 0) err = wsuv_send_piece(s->session, data, len, NULL, NULL);
  return judge_item(s, err);
}

static void all_sent(sender *s) {
  const options *o = s->options;
  if (o->limit == 0 && !o->no_input) wsuv_session_close(s->session, WSUV_CLOSE_NORMAL, NULL);
}

/* A queue that is full of small pieces may have no room for the end either. */
static void end_stream(sender *s) {
  input_verdict verdict = judge_item(s, wsuv_send_end(s->session, on_left, s));
  s->ending = verdict == INPUT_LATER;
  if (verdict == INPUT_TAKEN) all_sent(s);
}

static void on_input_end(void *up, int status) {
  sender *s = up;
  if (status == 0) {
    if (s->begun) {
      end_stream(s);
    } else {
      all_sent(s);
    }
    return;
  }
  if (status == UV_E2BIG) status = WSUV_EMSGSIZE;
  fail_item(s, wsuv_strerror(status));
}

static void send_messages(sender *s) {
  const options *o = s->options;
  input_verdict verdict = INPUT_TAKEN;
  while (verdict == INPUT_TAKEN && s->sent < o->message_count) {
    const char *text = o->messages[s->sent];
    verdict = send_message(s, message_type(s), text, strlen(text));
    if (verdict == INPUT_TAKEN) (void) print_sent(s->printer, text); /* messages will fail, too */
  }
  if (verdict == INPUT_TAKEN) all_sent(s);
}

static void send_input(sender *s) {
  static const input_events whole = {send_line, on_input_end};
  static const input_events pieces = {send_piece, on_input_end};
  const options *o = s->options;
  items_unit unit = o->null ? ITEMS_NULLS : ITEMS_LINES;
  if (o->binary) unit = ITEMS_WHOLE;
  if (o->stream) unit = ITEMS_PIECES;
  int err = input_start(&s->input, wsuv_client_loop(wsuv_session_client(s->session)), unit,
                        s->item_max, o->stream ? &pieces : &whole, s);
  if (err < 0) on_input_end(s, err);
}

void sender_start(sender *s, wsuv_session_t *session) {
  s->session = session;
  if (s->options->message_count > 0) {
    send_messages(s);
  } else if (!s->options->no_input) {
    send_input(s);
  }
}

void sender_resume(sender *s) {
  if (s->options->message_count > 0) {
    send_messages(s);
  } else if (s->ending) {
    end_stream(s);
  } else {
    input_resume(&s->input);
  }
}

void sender_stop(sender *s) {
  input_close(&s->input);
}

bool sender_is_sending(const sender *s, uint64_t *left) {
  bool one = s->options->binary || s->options->stream;
  *left = one && s->options->message_count == 0 ? input_left(&s->input) : UINT64_MAX;
  return s->left < s->sent;
}

/* After an interrupt only what had come of standard input counts, not its end. */
bool sender_has_sent_all(const sender *s) {
  const options *o = s->options;
  if (s->left < s->sent) return false;
  if (o->message_count > 0) return s->sent == o->message_count;
  return o->no_input || s->hung_up || input_is_used_up(&s->input, interrupt_count() == 0);
}
