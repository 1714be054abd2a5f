#include "proto/tunnel/challenge.h"

#include <string.h>

#include "proto/http/ascii.h"

/*   field      = #challenge                                                RFC 9110 11.6.1
     challenge  = auth-scheme [ 1*SP ( token68 / #auth-param ) ]                     11.3
     auth-param = token BWS "=" BWS ( token / quoted-string )                        11.2
     token68    = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="       11.2

   A comma stands before the next parameter and before the next challenge: a token with "=" behind
   it is the name of a parameter, any other one is a scheme. */

static const char *skip_space(const char *s) {
  return s + strspn(s, " \t");
}

static const char *skip_token(const char *s) {
  while (ascii_is_tchar(*s)) s++;
  return s;
}

static const char *skip_commas(const char *s) {
  return s + strspn(s, ", \t");
}

/* Behind the quoted-string that begins here; NULL: it does not end. */
static const char *skip_quoted(const char *s) {
  for (s++; *s != '"'; s++) {
    if (*s == '\\') s++;
    if (*s == '\0') return NULL;
  }
  return s + 1;
}

static const char *skip_token68(const char *s) {
  while (ascii_is_alnum(*s) || (*s != '\0' && strchr("-._~+/", *s) != NULL)) s++;
  return s + strspn(s, "=");
}

static ws_text slice(const char *s, const char *end) {
  return (ws_text){s, (size_t) (end - s)};
}

/* Read the parameter that begins here. Behind it; NULL: there is none. */
static const char *read_param(const char *s, challenge_param *p) {
  const char *end = skip_token(s);
  p->name = slice(s, end);
  s = skip_space(end);
  if (p->name.len == 0 || *s != '=') return NULL;
  s = skip_space(s + 1);
  p->quoted = *s == '"';
  end = p->quoted ? skip_quoted(s) : skip_token(s);
  if (end == NULL || end == s) return NULL;
  p->value = p->quoted ? slice(s + 1, end - 1) : slice(s, end);
  return end;
}

static bool ends_element(const char *s) {
  s = skip_space(s);
  return *s == '\0' || *s == ',';
}

/* Read the parameters that begin here. Behind the last one; NULL: one is malformed. */
static const char *read_params(const char *s, challenge *c) {
  challenge_param p;
  const char *end = s;
  for (const char *at = s;; at = skip_commas(end)) {
    const char *after = read_param(at, &p);
    if (after == NULL) {
      /* A name with "=" is no scheme. */
      if (*skip_space(skip_token(at)) == '=') return NULL;
      break;
    }
    if (!ends_element(after)) return NULL;
    end = after;
  }
  c->params = slice(s, end);
  return end;
}

/* What follows a scheme and its space. Behind it; NULL: it is malformed. */
static const char *read_rest(const char *s, challenge *c) {
  challenge_param p;
  if (*s == ',' || *s == '\0') return s;
  const char *end = skip_token68(s);
  /* "a=" is a token68, "a=b" and "a = b" are parameters. */
  if (end != s && ends_element(end) && read_param(s, &p) == NULL) {
    c->token68 = slice(s, end);
    return end;
  }
  return read_params(s, c);
}

int challenge_next(const char **rest, challenge *c) {
  const char *s = skip_commas(*rest), *end = skip_token(s);
  *c = (challenge){.scheme = slice(s, end)};
  *rest = s;
  if (*s == '\0') return 0;
  if (end == s || (*end != '\0' && *end != ' ' && *end != '\t' && *end != ',')) return -1;
  end = read_rest(skip_space(end), c);
  if (end == NULL || !ends_element(end)) return -1;
  *rest = end;
  return 1;
}

bool challenge_param_next(ws_text *params, challenge_param *p) {
  if (params->len == 0) return false;
  const char *end = params->base + params->len;
  const char *after = read_param(skip_commas(params->base), p);
  if (after == NULL || after > end) return false;
  *params = slice(after, end);
  return true;
}

int challenge_param_value(const challenge_param *p, text_buf *value) {
  int err = text_buf_add(value, "", 0);
  for (size_t i = 0; i < p->value.len; i++) {
    if (p->quoted && p->value.base[i] == '\\') i++;
    err = text_buf_add(value, p->value.base + i, 1);
  }
  return err;
}
