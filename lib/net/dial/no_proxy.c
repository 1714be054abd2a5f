#include "net/dial/no_proxy.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/view.h"
#include "net/address.h"
#include "net/address_ranges.h"

/* What curl 7.88 takes has the meaning that it has there, with two exceptions: a prefix of no bits
   holds for all addresses of its family, and what makes no sense is an error. curl knows no ports,
   brackets and "*.". */

enum { ENTRY_MAX = 255 }; /* characters of an entry */

static const char separators[] = ", \t";
static const char name_chars[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

/* What is looked for. */
typedef struct destination {
  ws_text name;                    /* This is the host, without a dot at its end. */
  bool is_address;                 /* The host is an address. */
  struct sockaddr_storage address; /* If so, this is it. */
  uint16_t port;                   /* This is the port. */
} destination;

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static bool same_text(const char *a, const char *b, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

static size_t len_without_dot(const char *s) {
  const size_t len = strlen(s);
  return len > 0 && s[len - 1] == '.' ? len - 1 : len;
}

/* Whether a name is `of`, if `itself` is set, or ends in "." and `of`. */
static bool is_below(ws_text name, const char *of, size_t len, bool itself) {
  if (name.len == len) return itself && same_text(name.base, of, len);
  if (name.len < len) return false;
  const char *end = name.base + name.len - len;
  return end[-1] == '.' && same_text(end, of, len);
}

/* Cut ":port" off, if there is one behind the colon. 0: no port; -1: malformed. */
static int cut_port(char *entry, char *colon) {
  unsigned long port = 0;
  const size_t digits = strspn(colon + 1, "0123456789");
  if (digits == 0 || digits > 5 || colon[1 + digits] != '\0') return -1;
  for (const char *s = colon + 1; *s != '\0'; s++) port = port * 10 + (unsigned long) (*s - '0');
  if (port == 0 || port > UINT16_MAX || colon == entry) return -1;
  *colon = '\0';
  return (int) port;
}

static int match_address(const char *entry, const destination *to, const char **wrong) {
  int found = address_range_has(entry, to->is_address ? &to->address : NULL);
  if (found < 0) *wrong = "malformed address or prefix length";
  return found;
}

static int match_name(const char *entry, const destination *to, const char **wrong) {
  const bool star = entry[0] == '*' && entry[1] == '.';
  if (star) entry++;
  if (*entry == '.') entry++;
  const size_t len = len_without_dot(entry);
  if (len == 0 || entry[strspn(entry, name_chars)] != '\0') {
    *wrong = strcmp(entry, "*") == 0 ? "'*' beside other entries" : "malformed name";
    return WS_EINVAL;
  }
  return !to->is_address && is_below(to->name, entry, len, !star);
}

/* "[address]", perhaps with a port. */
static int match_brackets(char *entry, const destination *to, const char **wrong) {
  char *bracket = strchr(entry, ']');
  int port = 0;
  *wrong = "malformed address in brackets";
  if (bracket == NULL || strchr(entry, '/') != NULL) return WS_EINVAL;
  if (bracket[1] == ':') port = cut_port(entry, bracket + 1);
  if (port < 0 || bracket[1] != '\0') return WS_EINVAL;
  *bracket = '\0';
  if (strchr(entry + 1, ':') == NULL) return WS_EINVAL;
  *wrong = NULL;
  const int found = match_address(entry + 1, to, wrong);
  return found == 1 && port != 0 && port != to->port ? 0 : found;
}

/* IPv6 has two colons or more, and a port needs brackets then. An entry of digits and dots only is
   an address: no name ends in digits (RFC 3696 2). */
static int match_entry(char *entry, const destination *to, const char **wrong) {
  char *colon = strchr(entry, ':');
  int port = 0;
  if (entry[0] == '[') return match_brackets(entry, to, wrong);
  if (colon != NULL && strchr(colon + 1, ':') == NULL) {
    port = cut_port(entry, colon);
    colon = NULL;
  }
  if (port < 0) {
    *wrong = "malformed port";
    return WS_EINVAL;
  }
  const bool is_address =
      colon != NULL || strchr(entry, '/') != NULL || entry[strspn(entry, "0123456789.")] == '\0';
  const int found = is_address ? match_address(entry, to, wrong) : match_name(entry, to, wrong);
  return found == 1 && port != 0 && port != to->port ? 0 : found;
}

static bool is_everything(const char *list) {
  const char *star = list + strspn(list, separators);
  return *star == '*' && star[1 + strspn(star + 1, separators)] == '\0';
}

int no_proxy_has(const char *list, const char *host, uint16_t port, const char **wrong) {
  destination to = {.name = {host, len_without_dot(host)}, .port = port};
  int result = 0;
  *wrong = NULL;
  to.is_address = address_parse(&to.address, host, port);
  if (is_everything(list)) return 1;
  while (*(list += strspn(list, separators)) != '\0') {
    char entry[ENTRY_MAX + 1];
    const size_t len = strcspn(list, separators);
    if (len > ENTRY_MAX) {
      *wrong = "entry of more than 255 characters";
      return WS_EINVAL;
    }
    memcpy(entry, list, len);
    entry[len] = '\0';
    list += len;
    const int found = match_entry(entry, &to, wrong);
    if (found < 0) return WS_EINVAL;
    if (found == 1) result = 1;
  }
  return result;
}
