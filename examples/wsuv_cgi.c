#include "wsuv_cgi.h"

/* A field of the request never sets a variable that programs read for another purpose: `Proxy`
   would be HTTP_PROXY, through which many of them connect (CVE-2016-5385). What is inherited never
   looks like a part of the request. */

#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

typedef struct list {
  char **strings;
  size_t count, cap;
  bool failed; /* there was no memory */
} list;

/* The list owns `string`; NULL: there was no memory for it. */
static void add(list *l, char *string) {
  if (l->count + 1 >= l->cap) {
    size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
    char **strings = realloc(l->strings, cap * sizeof *strings);
    if (strings != NULL) {
      l->strings = strings;
      l->cap = cap;
      strings[l->count] = NULL;
    }
  }
  if (string == NULL || l->count + 1 >= l->cap) {
    free(string);
    l->failed = true;
    return;
  }
  l->strings[l->count++] = string;
  l->strings[l->count] = NULL;
}

static void set_bytes(list *l, const char *name, const char *value, size_t len) {
  size_t size = strlen(name) + 1 + len + 1;
  char *string = malloc(size);
  if (string != NULL) snprintf(string, size, "%s=%.*s", name, (int) len, value);
  add(l, string);
}

static void set(list *l, const char *name, const char *value) {
  set_bytes(l, name, value, strlen(value));
}

static void set_number(list *l, const char *name, unsigned number) {
  char text[16];
  snprintf(text, sizeof text, "%u", number);
  set(l, name, number > 0 ? text : "");
}

/* --- what is inherited --- */

/* HTTP_PROXY is the user's own: no field of a request sets it. */
static bool is_inherited(const char *variable) {
  static const char *const names[] = {
      "AUTH_TYPE",    "CONTENT_LENGTH",  "CONTENT_TYPE", "GATEWAY_INTERFACE", "HTTPS",
      "PATH_INFO",    "PATH_TRANSLATED", "QUERY_STRING", "REMOTE_ADDR",       "REMOTE_HOST",
      "REMOTE_IDENT", "REMOTE_PORT",     "REMOTE_USER",  "REQUEST_METHOD",    "REQUEST_URI",
      "SCRIPT_NAME",  "SERVER_NAME",     "SERVER_PORT",  "SERVER_PROTOCOL",   "SERVER_SOFTWARE"};
  size_t len = strcspn(variable, "=");
  if (strncmp(variable, "HTTP_PROXY=", 11) == 0) return true;
  if (strncmp(variable, "HTTP_", 5) == 0) return false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == len && strncmp(names[i], variable, len) == 0) return false;
  return true;
}

static void inherit(list *l) {
  for (char **variable = environ; *variable != NULL; variable++)
    if (is_inherited(*variable)) add(l, strdup(*variable));
}

/* --- the request's line --- */

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char) tolower((unsigned char) c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of an escape, such as %20, or -1: it is none. */
static int escaped_byte(const char *s) {
  int high = *s == '%' ? hex(s[1]) : -1;
  int low = high >= 0 ? hex(s[2]) : -1;
  return low >= 0 ? high * 16 + low : -1;
}

/* Decode percent-escapes in place; the server has refused those that are malformed, and zero
   bytes. */
static void decode(char *s) {
  char *out = s;
  while (*s != '\0') {
    int byte = escaped_byte(s);
    *out++ = byte >= 0 ? (char) byte : *s;
    s += byte >= 0 ? 3 : 1;
  }
  *out = '\0';
}

/* The target of the request may name the host, too (RFC 9112 3.2.2). */
static const char *path_of(const char *target) {
  const char *authority = strstr(target, "://");
  if (*target == '/' || authority == NULL) return target;
  const char *s = authority + 3;
  return s + strcspn(s, "/?");
}

static void set_target(list *l, const char *target) {
  const char *path = path_of(target);
  size_t len = strcspn(path, "?");
  char *info = strndup(path, len);
  if (info == NULL) {
    l->failed = true;
    return;
  }
  decode(info);
  set(l, "REQUEST_METHOD", "GET");
  set(l, "REQUEST_URI", target);
  set(l, "SCRIPT_NAME", "");
  set(l, "PATH_INFO", info);
  set(l, "QUERY_STRING", path[len] == '?' ? path + len + 1 : "");
  free(info);
}

/* --- its fields --- */

/* Names with other characters than these could be mistaken for others: A_B for A-B. */
static bool is_plain(const char *name) {
  for (; *name != '\0'; name++)
    if (!isalnum((unsigned char) *name) && *name != '-') return false;
  return true;
}

static bool is_passed(const char *name) {
  return is_plain(name) && strcasecmp(name, "Proxy") != 0;
}

/* The values of all fields of that name, joined (RFC 9110 5.3; of cookies RFC 6265 5.4). */
static char *join(const wsuv_header_t *headers, size_t count, const char *name) {
  const char *separator = strcasecmp(name, "Cookie") == 0 ? "; " : ", ";
  char *value = NULL;
  for (size_t i = 0; i < count; i++) {
    if (strcasecmp(headers[i].name, name) != 0) continue;
    size_t len = value != NULL ? strlen(value) : 0;
    size_t size = len + 2 + strlen(headers[i].value) + 1;
    char *longer = realloc(value, size);
    if (longer == NULL) {
      free(value);
      return NULL;
    }
    value = longer;
    snprintf(value + len, size - len, "%s%s", len > 0 ? separator : "", headers[i].value);
  }
  return value;
}

static void set_field(list *l, const wsuv_header_t *headers, size_t count, const char *name) {
  char variable[256] = "HTTP_";
  char *value = join(headers, count, name);
  size_t n = strlen(variable);
  if (value == NULL) {
    l->failed = true;
    return;
  }
  for (; *name != '\0' && n + 1 < sizeof variable; name++)
    variable[n++] = *name == '-' ? '_' : (char) toupper((unsigned char) *name);
  if (*name == '\0') set(l, variable, value);
  free(value);
}

static bool came_before(const wsuv_header_t *headers, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcasecmp(headers[i].name, name) == 0) return true;
  return false;
}

static void set_fields(list *l, wsuv_upgrade_t *upgrade) {
  size_t count;
  const wsuv_header_t *headers = wsuv_upgrade_headers(upgrade, &count);
  if (headers == NULL) {
    l->failed = true;
    return;
  }
  for (size_t i = 0; i < count; i++) {
    const char *name = headers[i].name;
    if (is_passed(name) && !came_before(headers, i, name)) set_field(l, headers, count, name);
  }
}

/* --- both ends --- */

static void set_peer(list *l, const wsuv_upgrade_t *upgrade) {
  struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
  char name[64] = "";
  unsigned port = 0;
  int err = wsuv_upgrade_peer_address(upgrade, &address);
  if (err == 0 && address.ss_family == AF_INET)
    port = ntohs(((const struct sockaddr_in *) &address)->sin_port);
  if (err == 0 && address.ss_family == AF_INET6)
    port = ntohs(((const struct sockaddr_in6 *) &address)->sin6_port);
  if (port > 0 && uv_ip_name((const struct sockaddr *) &address, name, sizeof name) < 0)
    *name = '\0';
  set(l, "REMOTE_ADDR", name);
  set(l, "REMOTE_HOST", name);
  set_number(l, "REMOTE_PORT", port);
}

static void set_server(list *l, const wsuv_upgrade_t *upgrade, unsigned port) {
  const char *host = wsuv_upgrade_header(upgrade, "Host");
  wsuv_tls_info_t tls;
  wsuv_tls_info_init(&tls);
  if (host == NULL) host = "";
  set(l, "GATEWAY_INTERFACE", "CGI/1.1");
  set(l, "SERVER_SOFTWARE", "wsuv/" WSUV_VERSION_STRING);
  set(l, "SERVER_PROTOCOL", "HTTP/1.1");
  set_bytes(l, "SERVER_NAME", host, *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":"));
  set_number(l, "SERVER_PORT", port);
  if (wsuv_upgrade_tls(upgrade, &tls) == 0) set(l, "HTTPS", "on");
}

char **cgi_environment(wsuv_upgrade_t *upgrade, unsigned port) {
  list l = {.strings = NULL};
  inherit(&l);
  set_server(&l, upgrade, port);
  set_peer(&l, upgrade);
  set_target(&l, wsuv_upgrade_target(upgrade));
  set_fields(&l, upgrade);
  if (!l.failed) return l.strings;
  cgi_free(l.strings);
  return NULL;
}

void cgi_free(char **environment) {
  for (char **string = environment; string != NULL && *string != NULL; string++) free(*string);
  free(environment);
}
