#include "wsuv_resolve.h"

/* Reads HOST:PORT:ADDRESS, and finds host and port of a URL. Whether the URL is a good one, and the
   address an address, is for the library to say. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wsuv_endpoint.h"

enum { PORT_MAX = 65535, PORT_PLAIN = 80, PORT_SECURE = 443 };

static bool strip_brackets(const char **address, char *s) {
  size_t len = strlen(s);
  *address = s;
  if (*s != '[') return len > 0;
  if (len < 3 || s[len - 1] != ']') return false;
  s[len - 1] = '\0';
  *address = s + 1;
  return true;
}

bool resolve_read(resolve_entry *entry, char *s) {
  char *end, *rest = endpoint_cut_host(s, &entry->host);
  if (rest == NULL || *entry->host == '\0' || *rest < '0' || *rest > '9') return false;
  entry->port = strtoul(rest, &end, 10);
  if (*end != ':' || entry->port == 0 || entry->port > PORT_MAX) return false;
  return strip_brackets(&entry->address, end + 1);
}

/* Host and port in a URL; the host is not terminated. */
typedef struct place {
  const char *host;
  size_t len;
  unsigned long port;
} place;

static bool is_secure(const char *url) {
  return strncasecmp(url, "wss:", 4) == 0 || strncasecmp(url, "https:", 6) == 0;
}

static bool find_place(place *at, const char *url) {
  const char *colon = strstr(url, "://");
  if (colon == NULL) return false;
  const char *s = colon + 3, *end = s + strcspn(s, "/?#");
  const char *user = memchr(s, '@', (size_t) (end - s));
  if (user != NULL) s = user + 1;
  bool brackets = *s == '[';
  at->host = s + brackets;
  at->len = strcspn(at->host, brackets ? "]" : ":/?#");
  const char *port = at->host + at->len + brackets;
  at->port = is_secure(url) ? PORT_SECURE : PORT_PLAIN;
  if (port < end && *port == ':' && port + 1 < end) at->port = strtoul(port + 1, NULL, 10);
  return true;
}

const char *resolve_find(const resolve_entry *entries, size_t count, const char *url) {
  place at;
  if (!find_place(&at, url)) return NULL;
  for (size_t i = 0; i < count; i++) {
    const resolve_entry *e = &entries[i];
    if (e->port == at.port && strlen(e->host) == at.len &&
        strncasecmp(e->host, at.host, at.len) == 0) {
      return e->address;
    }
  }
  return NULL;
}
