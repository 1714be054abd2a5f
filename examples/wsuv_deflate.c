#include "wsuv_deflate.h"

/* Reads what of permessage-deflate (RFC 7692 7.1) the user wants. */

#include <stdlib.h>
#include <string.h>

static bool read_number(unsigned *n, const char *s) {
  char *end;
  if (s == NULL || *s < '0' || *s > '9') return false;
  unsigned long value = strtoul(s, &end, 10);
  *n = value > 99 ? 99 : (unsigned) value; /* which is out of range */
  return *end == '\0';
}

static bool read_flag(bool *flag, const char *value) {
  *flag = true;
  return value == NULL;
}

/* In an offer it may stand without a value: there is no limit then (RFC 7692 7.1.2.2). */
static bool read_client_bits(unsigned *bits, const char *value) {
  if (value != NULL) return read_number(bits, value);
  *bits = 15;
  return true;
}

static bool read_level(int *level, const char *value) {
  unsigned n;
  if (!read_number(&n, value)) return false;
  *level = (int) n;
  return true;
}

static bool read_param(wsuv_deflate_options_t *o, const char *name, const char *value) {
  if (strcmp(name, "server_no_context_takeover") == 0)
    return read_flag(&o->server_no_context_takeover, value);
  if (strcmp(name, "client_no_context_takeover") == 0)
    return read_flag(&o->client_no_context_takeover, value);
  if (strcmp(name, "server_max_window_bits") == 0)
    return read_number(&o->server_max_window_bits, value);
  if (strcmp(name, "client_max_window_bits") == 0)
    return read_client_bits(&o->client_max_window_bits, value);
  return strcmp(name, "level") == 0 && read_level(&o->level, value);
}

bool deflate_read(wsuv_deflate_options_t *options, char *text) {
  char *rest = text;
  for (char *name; (name = strtok_r(rest, "; ", &rest)) != NULL;) {
    char *value = strchr(name, '=');
    if (value != NULL) *value++ = '\0';
    if (!read_param(options, name, value)) return false;
  }
  return true;
}
