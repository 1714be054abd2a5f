#include "wsuv_access.h"

/* Whether URLs and cookies may be used is for the library to say. */

#include <stdlib.h>
#include <string.h>

void access_init(access_options *a) {
  *a = (access_options){.auth = WSUV_AUTH_BASIC};
  wsuv_tls_config_init(&a->proxy_tls);
}

static void hide(char *text, size_t len) {
  memset(text, '*', len);
}

static void hide_credentials(char *url) {
  char *begin = strstr(url, "://");
  char *end = NULL;
  begin = begin != NULL ? begin + 3 : url;
  for (char *s = begin; *s != '\0' && strchr("/?#", *s) == NULL; s++)
    if (*s == '@') end = s;
  if (end != NULL) hide(begin, (size_t) (end - begin));
}

/* Add to a list that is one string. */
static bool append(char **list, const char *separator, const char *text) {
  const size_t len = *list != NULL ? strlen(*list) : 0;
  const size_t size = len + strlen(separator) + strlen(text) + 1;
  char *longer = realloc(*list, size);
  if (longer == NULL) return false;
  *list = longer;
  (void) snprintf(longer + len, size - len, "%s%s", len > 0 ? separator : "", text); /* it fits */
  return true;
}

bool access_add_proxy(access_options *a, char *url) {
  bool added = append(&a->proxies, " ", url);
  hide_credentials(url);
  return added;
}

static bool copy(char **to, const char *from) {
  free(*to);
  *to = strdup(from);
  return *to != NULL;
}

bool access_set_user(access_options *a, char *text) {
  char *colon = strchr(text, ':');
  free(a->password);
  a->password = NULL;
  if (colon == NULL) return copy(&a->user, text);
  *colon = '\0';
  bool copied = copy(&a->user, text) && copy(&a->password, colon + 1);
  *colon = ':';
  hide(colon + 1, strlen(colon + 1));
  return copied;
}

bool access_add_cookies(access_options *a, char *text) {
  bool added = append(&a->cookies, "; ", text);
  hide(text, strlen(text));
  return added;
}

bool access_read_auth(wsuv_auth_t *auth, const char *text) {
  static const char *const names[] = {"basic", "digest", "any"}; /* by their values */
  for (int i = WSUV_AUTH_BASIC; i <= WSUV_AUTH_ANY; i++) {
    if (strcmp(text, names[i]) != 0) continue;
    *auth = (wsuv_auth_t) i;
    return true;
  }
  return false;
}

char *access_take_url(char *url) {
  char *taken = strdup(url);
  hide_credentials(url);
  return taken;
}

void access_free(access_options *a) {
  free(a->proxies);
  free(a->user);
  free(a->password);
  free(a->cookies);
}
