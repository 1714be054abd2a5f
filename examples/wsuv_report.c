#include "wsuv_report.h"

/* Writes lines for people to standard error. Nothing that a peer sent reaches a terminal as it is:
   control characters are escaped. */

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <uv.h>

#include "wsuv_certificate.h"
#include "wsuv_escape.h"
#include "wsuv_output.h"
#include "wsuv_screen.h"

enum {
  PREFIX_SIZE = 8,  /* bytes, with room to spare */
  LINE_SIZE = 4096, /* bytes; longer lines are cut */
  BODY_SHOWN = 200, /* bytes of a body's first line; the rest is cut off */
  BLOCKED_MS = 200  /* a reader of standard output that takes longer may be why a server gave up */
};

static void put_line(const char *prefix, const char *format, va_list args) {
  char line[LINE_SIZE], shown[PREFIX_SIZE + LINE_SIZE * ESCAPE_ROOM + 1];
  size_t prefix_len = (size_t) snprintf(shown, sizeof shown, "%s", prefix), len;
  vsnprintf(line, sizeof line, format, args);
  escape_text(shown + prefix_len, &len, line, strlen(line), ESCAPE_LINE, true);
  len += prefix_len;
  shown[len++] = '\n';
  screen_begin();
  output_report(shown, len);
  screen_end();
}

void report(const char *format, ...) {
  va_list args;
  va_start(args, format);
  put_line("wsuv: ", format, args);
  va_end(args);
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
  va_list args;
  va_start(args, format);
  put_line("* ", format, args);
  va_end(args);
}

void report_log(const char *text) {
  note("%s", text);
}

/* The log has a line about TLS already. */
static void report_certificate(const wsuv_session_t *session) {
  wsuv_tls_info_t tls;
  certificate c;
  wsuv_tls_info_init(&tls);
  if (wsuv_session_tls(session, &tls) < 0 || tls.peer_certificate == NULL) return;
  if (!certificate_read(&c, tls.peer_certificate, tls.peer_certificate_len)) {
    note("certificate: cannot be read");
    note("SHA-256 of the certificate: %s", c.digest);
    return;
  }
  note("certificate: %s", c.subject);
  note("issuer: %s", c.issuer);
  note("expires: %s", c.expiry);
  note("pin: %s", c.pin);
}

static void report_address(const wsuv_session_t *session, const char *what) {
  struct sockaddr_storage address;
  char name[64];
  if (wsuv_session_peer_address(session, &address) < 0) return;
  if (address.ss_family == AF_UNIX) {
    note("%s %s", what, ((const struct sockaddr_un *) &address)->sun_path);
    return;
  }
  unsigned port = address.ss_family == AF_INET
                      ? ntohs(((const struct sockaddr_in *) &address)->sin_port)
                      : ntohs(((const struct sockaddr_in6 *) &address)->sin6_port);
  if (uv_ip_name((const struct sockaddr *) &address, name, sizeof name) < 0) return;
  note("%s %s port %u", what, name, port);
}

static void report_proxy(const char *proxies) {
  if (proxies != NULL) note("through %s", proxies);
}

void report_open(const wsuv_session_t *session, bool subprotocols, bool compression) {
  const char *subprotocol = wsuv_session_subprotocol(session);
  const char *extensions = wsuv_session_extensions(session);
  report_address(session, "connected to");
  report_proxy(wsuv_session_proxy(session));
  report_certificate(session);
  if (*subprotocol != '\0') note("subprotocol: %s", subprotocol);
  if (subprotocols && *subprotocol == '\0') note("the server chose no subprotocol");
  if (*extensions != '\0') note("extensions: %s", extensions);
  if (compression && *extensions == '\0') note("compression was declined by the server");
}

bool closed_in_order(const wsuv_close_info_t *info) {
  bool usual = info->code == WSUV_CLOSE_NORMAL || info->code == WSUV_CLOSE_GOING_AWAY ||
               info->code == WSUV_CLOSE_NO_STATUS;
  return info->status == 0 && usual;
}

bool was_refused(const wsuv_close_info_t *info) {
  return info->status == WSUV_ESTATUS || (info->stage == WSUV_STAGE_PROXY && info->http_status > 0);
}

/* A server that gives up may do so because nothing of it is read. */
static const char *blocked_output(void) {
  static char text[64];
  uint64_t ms = output_blocked_ms();
  if (ms < BLOCKED_MS) return "";
  snprintf(text, sizeof text, "; standard output was blocked for %.1f s", (double) ms / 1000);
  return text;
}

void report_blocked(uint64_t blocked_ms) {
  report("standard output has been blocked for %.1f s, and the server has ended the connection",
         (double) blocked_ms / 1000);
}

static bool is_encoded(const wsuv_close_info_t *info) {
  for (size_t i = 0; i < info->header_count; i++)
    if (strcasecmp(info->headers[i].name, "Content-Encoding") == 0) return true;
  return false;
}

/* The first line of the body that is not empty, and its length: 0 if it is markup or no text. */
static int first_line(const char **line, const wsuv_close_info_t *info) {
  *line = "";
  if (info->body_len == 0 || is_encoded(info)) return 0;
  const char *s = info->body, *end = s + info->body_len;
  while (s < end && strchr(" \t\r\n", *s) != NULL && *s != '\0') s++;
  if (s == end || *s == '<') return 0;
  int len = 0;
  while (s + len < end && s[len] != '\r' && s[len] != '\n' && s[len] != '\0') len++;
  if (s + len < end && s[len] == '\0') return 0;
  *line = s;
  if (len <= BODY_SHOWN) return len;
  for (len = BODY_SHOWN; len > 0 && ((unsigned char) s[len] & 0xc0) == 0x80;) len--;
  return len;
}

static void report_error(const wsuv_close_info_t *info, bool body) {
  const char *line = "";
  const char *separator = *info->detail != '\0' ? ": " : "";
  if (info->stage < WSUV_STAGE_OPEN) {
    int len = body && was_refused(info) ? first_line(&line, info) : 0;
    report("could not connect: %s: %s%s%s%s%.*s", wsuv_stage_name(info->stage),
           wsuv_strerror(info->status), separator, info->detail, len > 0 ? ": " : "", len, line);
  } else {
    report("connection lost: %s%s%s%s", wsuv_strerror(info->status), separator, info->detail,
           blocked_output());
  }
}

/* Of the peer's close frame, with what follows. */
static void report_code(const wsuv_close_info_t *info, const char *rest) {
  char code[16] = "";
  if (info->code != WSUV_CLOSE_NO_STATUS)
    snprintf(code, sizeof code, ": %u", (unsigned) info->code);
  report("closed by the peer%s%s%s%s%s%s", code, *info->reason != '\0' ? ": " : "", info->reason,
         *rest != '\0' ? ": " : "", rest, blocked_output());
}

void report_close(const wsuv_close_info_t *info, bool body) {
  if (info->status < 0) {
    report_error(info, body);
  } else if (!closed_in_order(info)) {
    report_code(info, "");
  }
}

void report_unfinished(const wsuv_close_info_t *info, const char *missing) {
  if (info->by_peer) {
    report_code(info, missing);
  } else {
    report("closed: %s", missing);
  }
}

void report_details(const wsuv_session_t *session, const wsuv_close_info_t *info) {
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  const char *name = wsuv_close_code_name(info->code);
  if (info->stage < WSUV_STAGE_OPEN) {
    bool connected = info->stage > WSUV_STAGE_CONNECT;
    report_address(session, connected ? "connected to" : "the last address tried is");
    report_proxy(info->proxy);
    report_certificate(session);
  }
  if (info->body_len > 0) note("< %.*s", (int) info->body_len, (const char *) info->body);
  if (*name != '\0') note("close code %u: %s", (unsigned) info->code, name);
  if (wsuv_session_rtt(session, &rtt) < 0) return;
  note("round trip: last %.3f ms, smallest %.3f, smoothed %.3f", (double) rtt.last_us / 1000,
       (double) rtt.min_us / 1000, (double) rtt.smoothed_us / 1000);
}

void report_pong(const void *data, size_t len) {
  note("pong: %.*s", (int) len, len > 0 ? (const char *) data : "");
}

static void note_both(const char *what, uint64_t sent, uint64_t received) {
  note("%s: %llu sent, %llu received", what, (unsigned long long) sent,
       (unsigned long long) received);
}

static double ms(uint64_t us) {
  return (double) us / 1000;
}

/* How much of the payload was left by compression. */
static double percent(uint64_t framed, uint64_t payload) {
  return payload > 0 ? 100 * (double) framed / (double) payload : 100;
}

void report_stats(const wsuv_session_t *session) {
  wsuv_stats_t s;
  wsuv_stats_init(&s);
  if (wsuv_session_get_stats(session, &s) < 0) return;
  note_both("messages", s.messages_sent, s.messages_received);
  note_both("frames", s.frames_sent, s.frames_received);
  note_both("payload bytes", s.payload_sent, s.payload_received);
  if (*wsuv_session_extensions(session) != '\0') {
    note("payload in frames: %.1f %% sent, %.1f %% received",
         percent(s.framed_sent, s.payload_sent), percent(s.framed_received, s.payload_received));
  }
  note_both("wire bytes", s.wire_sent, s.wire_received);
  note_both("pings", s.pings_sent, s.pings_received);
  note_both("pongs", s.pongs_sent, s.pongs_received);
  note("ms: resolve %.3f, connect %.3f, upgrade %.3f, open %.3f", ms(s.resolve_us),
       ms(s.connect_us), ms(s.upgrade_us), ms(s.open_us));
  if (s.rtt_min_us == 0) return;
  note("round trip ms: last %.3f, smallest %.3f, smoothed %.3f", ms(s.rtt_last_us),
       ms(s.rtt_min_us), ms(s.rtt_smoothed_us));
}
