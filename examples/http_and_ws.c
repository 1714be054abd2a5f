/* WebSockets inside an HTTP server of the program's own: llhttp parses, pages are answered here,
   and the requests of /live go to wsuv.

     http_and_ws [PORT]

   It listens on localhost; port 0, the default, is any free one. `/` is a page that shows how many
   people look at it, and how many pages were sent: a browser opens it. Everything else is 404. The
   path /live tells the same to every client of WebSocket, as a line of JSON for each change. A
   server that is not an example limits the time of its connections, too. */

#include <arpa/inet.h>
#include <llhttp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <wsuv.h>

enum {
  FIELDS_MAX = 64,
  TEXT_MAX = 8192,
  BACKLOG = 128,
  UNREAD_MAX = 256 * 1024,     /* bytes of responses that a client does not read */
  QUEUE_MAX_BYTES = 64 * 1024, /* the same of a session */
  PING_INTERVAL_MS = 25 * 1000
};

static const char page[] =
    "<!doctype html><meta charset=utf-8><title>live</title>\n"
    "<p>People here: <b id=people>?</b>, pages sent: <b id=pages>?</b></p>\n"
    "<script>\n"
    "const ws = new WebSocket(location.origin.replace('http', 'ws') + '/live')\n"
    "ws.onmessage = e => {\n"
    "  const now = JSON.parse(e.data)\n"
    "  for (const name in now) document.getElementById(name).textContent = now[name]\n"
    "}\n"
    "</script>\n";

/* A connection of the HTTP server. */
typedef struct conn {
  uv_tcp_t tcp; /* This must be the first field, because the handle's address is freed. */
  llhttp_t parser;
  char text[TEXT_MAX]; /* Target, names and values, each with a NUL behind it. */
  size_t used;         /* So many bytes of it are used. */
  size_t begin;        /* What is read now begins here. */
  const char *target;
  wsuv_header_t fields[FIELDS_MAX];
  size_t field_count;
  bool too_large;
  bool ends; /* The connection is closed when the response is written. */
  char room[4096];
} conn;

static wsuv_server_t *server;
static size_t people, pages;

/* --- the live counter --- */

/* One that is closing hears no more, and one that does not read is closed, by the configuration:
   nobody goes on with old numbers. */
static void tell(wsuv_session_t *session, void *arg) {
  int err = wsuv_send_text(session, arg, strlen(arg));
  if (err < 0 && err != WSUV_ESTATE && err != WSUV_EQUEUEFULL) wsuv_session_terminate(session);
}

static void tell_all(void) {
  char text[64];
  snprintf(text, sizeof text, "{\"people\":%zu,\"pages\":%zu}", people, pages);
  wsuv_server_each(server, tell, text);
}

static void on_open(wsuv_session_t *session) {
  (void) session;
  people++;
  tell_all();
}

/* It may not have been open: a client can go before it has its answer. */
static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  (void) session;
  if (info->stage < WSUV_STAGE_OPEN) return;
  people--;
  tell_all();
}

/* --- the HTTP server: responses --- */

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static void end(conn *c) {
  if (!uv_is_closing((uv_handle_t *) &c->tcp)) uv_close((uv_handle_t *) &c->tcp, on_closed);
}

/* The handle's `data` is not used here: wsuv may have taken the connection over meanwhile. */
static void on_written(uv_write_t *req, int status) {
  conn *c = req->data;
  free(req);
  if (c != NULL && (status < 0 || c->ends)) end(c);
}

/* A client may send its next requests before it has read the responses, but not without end. */
static bool reads(const conn *c) {
  return uv_stream_get_write_queue_size((const uv_stream_t *) &c->tcp) <= UNREAD_MAX;
}

static void respond(conn *c, const char *status, const char *body) {
  uv_write_t *req = reads(c) ? calloc(1, sizeof *req + TEXT_MAX) : NULL;
  if (req == NULL) {
    end(c);
    return;
  }
  char *text = (char *) (req + 1);
  int len = snprintf(text, TEXT_MAX,
                     "HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n%s\r\n%s",
                     status, strlen(body), c->ends ? "Connection: close\r\n" : "", body);
  uv_buf_t buf = uv_buf_init(text, (unsigned) len);
  req->data = c->ends ? c : NULL;
  if (uv_write(req, (uv_stream_t *) &c->tcp, &buf, 1, on_written) < 0) {
    free(req);
    end(c);
  }
}

static void refuse(conn *c, const char *status) {
  c->ends = true;
  respond(c, status, "");
}

static void answer(conn *c) {
  if (c->too_large) {
    refuse(c, "431 Request Header Fields Too Large");
  } else if (c->parser.method != HTTP_GET) {
    refuse(c, "405 Method Not Allowed");
  } else if (strcmp(c->target, "/") == 0) {
    pages++;
    respond(c, "200 OK", page);
    tell_all();
  } else {
    respond(c, "404 Not Found", "nothing here\n");
  }
}

/* --- the HTTP server: requests --- */

static void add(conn *c, const char *text, size_t len) {
  c->too_large = c->too_large || len >= TEXT_MAX - c->used;
  if (c->too_large) return;
  memcpy(c->text + c->used, text, len);
  c->used += len;
}

/* The text that was added since the last call. */
static const char *take(conn *c) {
  const char *text = c->text + c->begin;
  c->too_large = c->too_large || c->used == TEXT_MAX;
  if (c->too_large) return NULL;
  c->text[c->used++] = '\0';
  c->begin = c->used;
  return text;
}

/* Requests that came together with one that ends the connection are not answered. */
static int on_message_begin(llhttp_t *parser) {
  conn *c = parser->data;
  if (c->ends || uv_is_closing((uv_handle_t *) &c->tcp)) return -1;
  c->used = c->begin = c->field_count = 0;
  c->too_large = false;
  return 0;
}

static int on_text(llhttp_t *parser, const char *text, size_t len) {
  add(parser->data, text, len);
  return 0;
}

static int on_target_end(llhttp_t *parser) {
  conn *c = parser->data;
  c->target = take(c);
  return 0;
}

static int on_name_end(llhttp_t *parser) {
  conn *c = parser->data;
  c->too_large = c->too_large || c->field_count == FIELDS_MAX;
  if (!c->too_large) c->fields[c->field_count].name = take(c);
  return 0;
}

static int on_value_end(llhttp_t *parser) {
  conn *c = parser->data;
  if (!c->too_large) c->fields[c->field_count++].value = take(c);
  return 0;
}

/* llhttp stops behind a request for an upgrade: what follows is none of HTTP. */
static int on_message_complete(llhttp_t *parser) {
  conn *c = parser->data;
  c->ends = !llhttp_should_keep_alive(parser);
  if (!parser->upgrade) answer(c);
  return 0;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_text,
    .on_url_complete = on_target_end,
    .on_header_field = on_text,
    .on_header_field_complete = on_name_end,
    .on_header_value = on_text,
    .on_header_value_complete = on_value_end,
    .on_message_complete = on_message_complete,
};

/* --- handing over --- */

static void on_release(uv_stream_t *stream, void *arg) {
  (void) arg;
  free(stream);
}

static int take_over(conn *c, const char *rest, size_t len) {
  wsuv_http_request_t request;
  wsuv_http_request_init(&request, c->target);
  request.method = llhttp_method_name((llhttp_method_t) c->parser.method);
  request.http_major = c->parser.http_major;
  request.http_minor = c->parser.http_minor;
  request.headers = c->fields;
  request.header_count = c->field_count;
  return wsuv_server_upgrade(server, (uv_stream_t *) &c->tcp, &request, rest, len, on_release,
                             NULL);
}

/* `rest` came behind the request. If wsuv does not take the connection over, it is still ours. */
static void upgrade(conn *c, const char *rest, size_t len) {
  int err = c->too_large ? WSUV_EUPGRADE : take_over(c, rest, len);
  if (err == 0) return;
  c->ends = true;
  if (err == WSUV_EUPGRADE || err == UV_ENOENT) {
    answer(c);
  } else {
    refuse(c, err == WSUV_EINVAL_HEADER ? "400 Bad Request" : "503 Service Unavailable");
  }
}

/* --- connections --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  conn *c = handle->data;
  (void) suggested;
  *buf = uv_buf_init(c->room, sizeof c->room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  conn *c = stream->data;
  if (n < 0) end(c);
  if (n <= 0 || c->ends) return;
  llhttp_errno_t result = llhttp_execute(&c->parser, buf->base, (size_t) n);
  if (result == HPE_PAUSED_UPGRADE) {
    const char *rest = llhttp_get_error_pos(&c->parser);
    upgrade(c, rest, (size_t) (buf->base + n - rest));
  } else if (result != HPE_OK && !c->ends && !uv_is_closing((uv_handle_t *) stream)) {
    refuse(c, "400 Bad Request");
  }
}

static void on_connection(uv_stream_t *listener, int status) {
  conn *c = status == 0 ? calloc(1, sizeof *c) : NULL;
  if (c == NULL) return;
  uv_tcp_init(listener->loop, &c->tcp);
  c->tcp.data = c;
  llhttp_init(&c->parser, HTTP_REQUEST, &settings);
  c->parser.data = c;
  int err = uv_accept(listener, (uv_stream_t *) &c->tcp);
  if (err == 0) err = uv_read_start((uv_stream_t *) &c->tcp, on_alloc, on_read);
  if (err < 0) end(c);
}

/* --- beginning --- */

static void configure(wsuv_config_t *config) {
  wsuv_server_config_init(config);
  config->ping_interval_ms = PING_INTERVAL_MS;
  config->outgoing_max = QUEUE_MAX_BYTES;
  config->outgoing_policy = WSUV_OUTGOING_CLOSE;
}

static int make_server(uv_loop_t *loop) {
  wsuv_config_t config;
  configure(&config);
  return wsuv_server_new(&server, loop, &config);
}

static int add_route(void) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_close = on_close};
  return wsuv_server_route(server, "/live", &callbacks, NULL);
}

static int listen_at(uv_tcp_t *tcp, uv_loop_t *loop, int port) {
  struct sockaddr_in addr;
  int len = sizeof addr;
  uv_tcp_init(loop, tcp);
  int err = uv_ip4_addr("127.0.0.1", port, &addr);
  if (err == 0) err = uv_tcp_bind(tcp, (const struct sockaddr *) &addr, 0);
  if (err == 0) err = uv_listen((uv_stream_t *) tcp, BACKLOG, on_connection);
  if (err == 0) err = uv_tcp_getsockname(tcp, (struct sockaddr *) &addr, &len);
  if (err < 0) return err;
  printf("port %u\n", (unsigned) ntohs(addr.sin_port));
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv) {
  static uv_tcp_t listener;
  uv_loop_t *loop = uv_default_loop();
  signal(SIGPIPE, SIG_IGN);
  int err = make_server(loop);
  if (err == 0) err = add_route();
  if (err == 0) err = listen_at(&listener, loop, argc > 1 ? (int) strtol(argv[1], NULL, 10) : 0);
  if (err < 0) return fprintf(stderr, "%s\n", wsuv_strerror(err)), 1;
  return uv_run(loop, UV_RUN_DEFAULT);
}
