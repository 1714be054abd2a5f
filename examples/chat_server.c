/* A chat for browsers: each path /chat/ROOM is a room of its own. The page in examples/page is for
   it, and every other client of WebSocket, too.

     chat_server [-a ADDRESS] [-p FOLDER] [-o ORIGIN]... [PORT]

   Without -a it listens on localhost only; port 0, the default, is any free one. If systemd has
   passed sockets (LISTEN_FDS), it listens on those. With -p, the path / is the page in that folder.
   Pages of other origins than the server's own need -o: `-o null` is for a page that was opened
   from a file; the server's own is then to be named, too. Standard output gets a line for each
   session, as in the access log of a web server.

   A client says its name in the query, as in /chat/tea?name=Ada. What it sends is what it says.
   What it receives are lines of text:

     here NAME       NAME was in the room before; then come "here OWN-NAME" and all that follows
     join NAME       NAME has come
     leave NAME      NAME has gone
     say NAME TEXT   NAME, which has no space in it, has said TEXT */

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>
#include <wsuv.h>

enum {
  NAME_MAX_BYTES = 32,   /* of a member, and of a room */
  TEXT_MAX_BYTES = 4096, /* of what a member says at a time */
  ROOM_MAX_MEMBERS = 200,
  QUEUE_MAX_BYTES = 256 * 1024, /* that wait for a member who reads too slowly */
  MESSAGES_PER_SECOND = 20,
  PING_INTERVAL_MS = 25 * 1000,
  ORIGINS_MAX = 16,
  PATH_MAX_BYTES = 1024, /* of a file of the page */
  FIRST_PASSED_FD = 3    /* of systemd's sockets, sd_listen_fds(3) */
};

/* A member of a room: from the decision on the upgrade until on_close. */
typedef struct member {
  struct member *next;
  struct room *room;
  wsuv_session_t *session;
  bool open; /* The others have been told. */
  char name[NAME_MAX_BYTES + 1];
} member;

/* There is a room as long as it has members. */
typedef struct room {
  struct room *next;
  member *members;
  size_t count;
  char name[NAME_MAX_BYTES + 1];
} room;

static struct program {
  wsuv_server_t *server;
  room *rooms;
  uv_signal_t signals[2];
  const char *address, *folder;
  const char *origins[ORIGINS_MAX];
  size_t origin_count;
  unsigned port;
} prog = {.address = "localhost"};

/* --- rooms --- */

static room *find_room(const char *name) {
  room *r = prog.rooms;
  while (r != NULL && strcmp(r->name, name) != 0) r = r->next;
  return r;
}

static room *find_or_make_room(const char *name) {
  room *r = find_room(name);
  if (r != NULL || (r = calloc(1, sizeof *r)) == NULL) return r;
  memcpy(r->name, name, strlen(name) + 1);
  r->next = prog.rooms;
  return prog.rooms = r;
}

static void free_room(room *r) {
  room **link = &prog.rooms;
  while (*link != r) link = &(*link)->next;
  *link = r->next;
  free(r);
}

static void add_member(room *r, member *m) {
  m->room = r;
  m->next = r->members;
  r->members = m;
  r->count++;
}

static void remove_member(member *m) {
  room *r = m->room;
  member **link = &r->members;
  while (*link != m) link = &(*link)->next;
  *link = m->next;
  free(m);
  if (--r->count == 0) free_room(r);
}

static bool has_member(const room *r, const char *name) {
  const member *m = r->members;
  while (m != NULL && strcmp(m->name, name) != 0) m = m->next;
  return m != NULL;
}

/* Sends a line to all who are in the room. A session whose queue is full ends with close code 1008,
   by its configuration, and its member leaves in on_close: nobody waits for it here. */
static void tell_room(const room *r, const char *kind, const char *name, const wsuv_message_t *m) {
  char line[16 + NAME_MAX_BYTES + TEXT_MAX_BYTES];
  wsuv_prepared_t *prepared; /* compressed once for all */
  size_t said = m != NULL ? m->len : 0;
  size_t len = (size_t) snprintf(line, sizeof line, m != NULL ? "%s %s " : "%s %s", kind, name);
  if (said > 0) memcpy(line + len, m->data, said); /* it may have zero bytes */
  len += said;
  if (wsuv_prepared_new(&prepared, WSUV_FRAME_TEXT, line, len, NULL) < 0) return;
  for (const member *to = r->members; to != NULL; to = to->next)
    if (to->open) wsuv_send_prepared(to->session, prepared, NULL, NULL);
  wsuv_prepared_free(prepared);
}

/* --- sessions --- */

static void on_open(wsuv_session_t *session) {
  member *m = wsuv_session_data(session);
  char line[16 + NAME_MAX_BYTES];
  tell_room(m->room, "join", m->name, NULL);
  m->session = session;
  m->open = true;
  for (const member *other = m->room->members; other != NULL; other = other->next) {
    if (!other->open || other == m) continue;
    int len = snprintf(line, sizeof line, "here %s", other->name);
    wsuv_send_text(session, line, (size_t) len);
  }
  int len = snprintf(line, sizeof line, "here %s", m->name);
  wsuv_send_text(session, line, (size_t) len);
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  const member *m = wsuv_session_data(session);
  if (message->type == WSUV_FRAME_TEXT)
    tell_room(m->room, "say", m->name, message);
  else
    wsuv_session_close(session, WSUV_CLOSE_UNSUPPORTED_DATA, "text only");
}

/* It is called for every upgrade that was accepted, also if the session has never opened. */
static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  char line[WSUV_ACCESS_LINE_SIZE];
  member *m = wsuv_session_data(session);
  wsuv_access_line(session, info, time(NULL), line);
  puts(line);
  fflush(stdout);
  if (m->open) {
    m->open = false;
    tell_room(m->room, "leave", m->name, NULL);
  }
  remove_member(m);
}

/* --- who may come in --- */

/* In lines of text a space ends a name. A name that is not UTF-8 could not be sent: its member
   would be in the room, and nobody would see it. Preparing a message checks that. */
static bool is_name(const char *s) {
  size_t len = strlen(s);
  wsuv_prepared_t *text;
  if (len == 0 || len > NAME_MAX_BYTES) return false;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char) s[i] <= ' ' || s[i] == 0x7f) return false;
  if (wsuv_prepared_new(&text, WSUV_FRAME_TEXT, s, len, NULL) < 0) return false;
  wsuv_prepared_free(text);
  return true;
}

/* A page sees nothing of a refusal but that it has failed. So the session is opened and closed with
   a code of our own, which the page gets. */
static void turn_away(wsuv_upgrade_t *upgrade, unsigned code, const char *reason) {
  int err = wsuv_upgrade_refuse_open(upgrade, code, reason);
  if (err < 0 && err != WSUV_ESTATE) wsuv_upgrade_refuse(upgrade, 503, NULL, 0, NULL, 0);
}

static void let_in(wsuv_upgrade_t *upgrade, room *r, const char *name) {
  wsuv_accept_t accept;
  member *m = calloc(1, sizeof *m);
  if (m == NULL) {
    if (r->count == 0) free_room(r);
    turn_away(upgrade, WSUV_CLOSE_TRY_AGAIN_LATER, "no memory");
    return;
  }
  memcpy(m->name, name, strlen(name) + 1);
  add_member(r, m);
  wsuv_accept_init(&accept, upgrade);
  accept.data = m;
  int err = wsuv_upgrade_accept(upgrade, &accept, NULL);
  if (err == 0) return; /* on_close will remove the member */
  remove_member(m);
  if (err != WSUV_ESTATE) turn_away(upgrade, WSUV_CLOSE_TRY_AGAIN_LATER, NULL);
}

static void on_upgrade(wsuv_upgrade_t *upgrade) {
  const char *where = wsuv_upgrade_param(upgrade, "room");
  const char *name = wsuv_upgrade_query(upgrade, "name");
  if (name == NULL || !is_name(name) || !is_name(where)) {
    turn_away(upgrade, 4400, "a name has 1 to 32 bytes and no spaces");
    return;
  }
  room *r = find_or_make_room(where);
  if (r == NULL)
    turn_away(upgrade, WSUV_CLOSE_TRY_AGAIN_LATER, "no memory");
  else if (r->count == ROOM_MAX_MEMBERS)
    turn_away(upgrade, 4403, "the room is full");
  else if (has_member(r, name))
    turn_away(upgrade, 4409, "the name is taken");
  else
    let_in(upgrade, r, name);
}

/* --- the page --- */

static struct file {
  const char *path, *name, *type;
  char *text;
  size_t len;
} files[] = {{.path = "/", .name = "index.html", .type = "text/html; charset=utf-8"},
             {.path = "/chat.js", .name = "chat.js", .type = "text/javascript; charset=utf-8"},
             {.path = "/chat.css", .name = "chat.css", .type = "text/css; charset=utf-8"}};

enum { FILES = sizeof files / sizeof *files };

/* It is read before the loop runs, so it may block. */
static bool read_file(struct file *f) {
  char path[PATH_MAX_BYTES];
  int len = snprintf(path, sizeof path, "%s/%s", prog.folder, f->name);
  FILE *in = len < (int) sizeof path ? fopen(path, "rb") : NULL;
  f->text = malloc(WSUV_EXCHANGE_BODY_MAX);
  bool ok = in != NULL && f->text != NULL;
  if (ok) {
    f->len = fread(f->text, 1, WSUV_EXCHANGE_BODY_MAX, in);
    ok = f->len < WSUV_EXCHANGE_BODY_MAX && ferror(in) == 0;
  }
  if (in != NULL) fclose(in);
  if (!ok) fprintf(stderr, "chat_server: cannot read %s\n", path);
  return ok;
}

static bool read_page(void) {
  for (int i = 0; i < FILES && prog.folder != NULL; i++)
    if (!read_file(&files[i])) return false;
  return true;
}

static const struct file *find_file(const wsuv_exchange_t *exchange) {
  const char *method = wsuv_exchange_method(exchange), *path = wsuv_exchange_path(exchange);
  if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) return NULL;
  for (int i = 0; i < FILES; i++)
    if (strcmp(files[i].path, path) == 0) return &files[i];
  return NULL;
}

/* The page may have its own script and style, and open sessions anywhere. */
static void on_request(wsuv_exchange_t *exchange) {
  const struct file *f = find_file(exchange);
  int err = UV_ENOENT;
  if (f != NULL) {
    const wsuv_header_t fields[] = {
        {"Content-Type", f->type},
        {"Cache-Control", "no-cache"},
        {"Content-Security-Policy", "default-src 'self'; connect-src ws: wss:"},
        {"X-Content-Type-Options", "nosniff"}};
    err = wsuv_exchange_respond(exchange, 200, fields, 4, f->text, f->len);
  }
  if (err < 0 && err != WSUV_ESTATE) wsuv_exchange_decline(exchange);
}

/* --- the program --- */

static void on_signal(uv_signal_t *handle, int number) {
  (void) number;
  for (int i = 0; i < 2; i++) uv_close((uv_handle_t *) &prog.signals[i], NULL);
  wsuv_server_close(handle->data, NULL, NULL);
}

static void catch_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM};
  for (int i = 0; i < 2; i++) {
    uv_signal_init(uv_default_loop(), &prog.signals[i]);
    prog.signals[i].data = prog.server;
    uv_signal_start(&prog.signals[i], on_signal, numbers[i]);
  }
}

static int configure(wsuv_config_t *config) {
  static wsuv_extension_t deflate;
  static const wsuv_extension_t *const extensions[] = {&deflate};
  wsuv_server_config_init(config);
  config->ping_interval_ms = PING_INTERVAL_MS;
  config->max_message_size = TEXT_MAX_BYTES;
  config->max_message_rate = MESSAGES_PER_SECOND;
  config->outgoing_max = QUEUE_MAX_BYTES;
  config->outgoing_policy = WSUV_OUTGOING_CLOSE;
  config->keep_handshake = true; /* for the access log */
  config->extensions = extensions;
  config->extension_count = 1;
  if (prog.origin_count > 0) { /* they replace the default, which allows the address itself */
    config->origins = prog.origins;
    config->origin_count = prog.origin_count;
  }
  return wsuv_permessage_deflate(&deflate, NULL);
}

static int add_route(void) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                      .on_message = on_message, .on_close = on_close};
  wsuv_route_t route;
  wsuv_route_init(&route, "/chat/{room}");
  route.callbacks = &callbacks;
  route.on_upgrade = on_upgrade;
  if (prog.folder != NULL) wsuv_server_on_request(prog.server, on_request);
  return wsuv_server_add_route(prog.server, &route);
}

/* The number of sockets that systemd has passed to this process, sd_listen_fds(3). */
static int count_passed_sockets(void) {
  const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
  if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != getpid()) return 0;
  return (int) strtol(count, NULL, 10);
}

static int listen_somewhere(void) {
  struct sockaddr_storage addr;
  wsuv_listener_t *listener;
  int passed = count_passed_sockets(), err = 0;
  for (int i = 0; i < passed && err == 0; i++)
    err = wsuv_server_listen_fd(prog.server, FIRST_PASSED_FD + i, NULL, NULL);
  if (passed > 0) return err;
  err = wsuv_server_listen(prog.server, prog.address, prog.port, &listener);
  if (err == 0) err = wsuv_listener_address(listener, &addr);
  if (err == 0) { /* the port is at the same place in an address of IPv6 */
    printf("port %u\n", ntohs(((struct sockaddr_in *) &addr)->sin_port));
    fflush(stdout);
  }
  return err;
}

static bool read_arguments(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "a:o:p:")) != -1) {
    if (option == 'a') {
      prog.address = optarg;
    } else if (option == 'p') {
      prog.folder = optarg;
    } else if (option == 'o' && prog.origin_count < ORIGINS_MAX) {
      prog.origins[prog.origin_count++] = optarg;
    } else {
      return false;
    }
  }
  if (optind < argc) prog.port = (unsigned) strtoul(argv[optind++], NULL, 10);
  return optind == argc;
}

int main(int argc, char **argv) {
  if (!read_arguments(argc, argv)) {
    fprintf(stderr, "usage: chat_server [-a ADDRESS] [-p FOLDER] [-o ORIGIN]... [PORT]\n");
    return 1;
  }
  if (!read_page()) return 1;
  signal(SIGPIPE, SIG_IGN);
  wsuv_config_t config;
  int err = configure(&config);
  if (err == 0) err = wsuv_server_new(&prog.server, uv_default_loop(), &config);
  if (err == 0) err = add_route();
  if (err == 0) err = listen_somewhere();
  if (err == 0) {
    catch_signals();
  } else {
    fprintf(stderr, "chat_server: %s\n", wsuv_strerror(err));
    wsuv_server_close(prog.server, NULL, NULL);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  for (int i = 0; i < FILES; i++) free(files[i].text);
  return err < 0 || uv_loop_close(uv_default_loop()) != 0;
}
