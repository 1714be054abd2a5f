#include "wsuv_endpoint.h"

/* Reads addresses. Whether a host is one is for others to say. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { PORT_MAX = 65535 };

char *endpoint_cut_host(char *s, const char **host) {
  char *end;
  if (*s == '[') {
    *host = s + 1;
    end = strchr(s, ']');
    if (end == NULL) return NULL;
    *end++ = '\0';
  } else {
    *host = s;
    end = strchr(s, ':');
  }
  if (end == NULL || *end != ':') return NULL;
  *end = '\0';
  return end + 1;
}

bool endpoint_read(endpoint *e, char *s, const char *host) {
  static const char unix_prefix[] = "unix:";
  *e = (endpoint){.host = host};
  if (strncmp(s, unix_prefix, sizeof unix_prefix - 1) == 0) {
    e->path = s + sizeof unix_prefix - 1;
    return *e->path != '\0';
  }
  char *end, *port = s;
  if (strchr(s, ':') != NULL) port = endpoint_cut_host(s, &e->host);
  if (port == NULL || e->host == NULL || *e->host == '\0') return false;
  if (*port < '0' || *port > '9') return false;
  unsigned long number = strtoul(port, &end, 10);
  e->port = (unsigned) number;
  return *end == '\0' && number <= PORT_MAX;
}

bool endpoint_has_room(const endpoint *e) {
  return e->path == NULL || strlen(e->path) < sizeof((struct sockaddr_un *) NULL)->sun_path;
}
