#include "net/uv/name_service.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

/* Reads the files line by line and word by word. The answer to what is not understood is
   "getaddrinfo", so the grammars need not be complete. */

enum { FILE_SIZE_MAX = 64 * 1024 };

const name_files name_files_of_system = {
    .nsswitch = "/etc/nsswitch.conf",
    .resolv = "/etc/resolv.conf",
    .gai = "/etc/gai.conf",
    .hosts = "/etc/hosts",
};

/* --- words --- */

typedef struct word {
  const char *text; /* This is where the word begins; it is not terminated. */
  size_t len;       /* The word has this many bytes. */
} word;

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_line(char c) {
  return c == '\n' || c == '\0' || c == '#';
}

/* The next word of the line; false: there is none, and *at stays in the line. */
static bool next_word(const char **at, word *w) {
  const char *s = *at;
  while (is_blank(*s)) s++;
  w->text = s;
  while (!is_blank(*s) && !ends_line(*s)) s++;
  w->len = (size_t) (s - w->text);
  *at = s;
  return w->len > 0;
}

/* *at goes to the next line; false: there is none. */
static bool next_line(const char **at) {
  const char *end = strchr(*at, '\n');
  if (end == NULL) return false;
  *at = end + 1;
  return true;
}

static bool word_is(const word *w, const char *text) {
  return strlen(text) == w->len && memcmp(w->text, text, w->len) == 0;
}

static bool word_begins(const word *w, const char *text) {
  size_t len = strlen(text);
  return w->len >= len && memcmp(w->text, text, len) == 0;
}

/* --- nsswitch.conf --- */

/* Cut "hosts:" off; false: the line is of another database. */
static bool is_hosts_line(const char **at) {
  static const char database[] = "hosts";
  const char *s = *at;
  while (is_blank(*s)) s++;
  if (strncmp(s, database, sizeof database - 1) != 0) return false;
  s += sizeof database - 1;
  while (is_blank(*s)) s++;
  if (*s != ':') return false;
  *at = s + 1;
  return true;
}

/* The order does not matter: a name that is in the file hosts goes to getaddrinfo. */
static bool has_files_and_dns(const char *at) {
  bool files = false, dns = false;
  word w;
  while (next_word(&at, &w)) {
    if (word_is(&w, "files")) {
      files = true;
    } else if (word_is(&w, "dns")) {
      dns = true;
    } else {
      return false;
    }
  }
  return files && dns;
}

/* Without a line for hosts, the C library takes files and dns. */
bool name_service_nsswitch_is_plain(const char *text) {
  do {
    const char *at = text;
    if (is_hosts_line(&at) && !has_files_and_dns(at)) return false;
  } while (next_line(&text));
  return true;
}

/* --- gai.conf --- */

bool name_service_gai_is_plain(const char *text) {
  word w;
  do {
    if (next_word(&text, &w)) return false;
  } while (next_line(&text));
  return true;
}

/* --- resolv.conf --- */

static bool options_are_plain(const char *at) {
  word w;
  while (next_word(&at, &w)) {
    bool known = word_begins(&w, "ndots:") || word_begins(&w, "timeout:") ||
                 word_begins(&w, "attempts:") || word_is(&w, "rotate") || word_is(&w, "edns0") ||
                 word_is(&w, "trust-ad");
    if (!known) return false;
  }
  return true;
}

/* c-ares 1.18 leaves servers with a scope out. */
static bool server_is_plain(const char *at) {
  word w;
  return next_word(&at, &w) && memchr(w.text, '%', w.len) == NULL;
}

/* The C library takes the last of several lines `domain` and `search`, c-ares 1.18 the first. */
static bool resolv_line_is_plain(const char *at, unsigned *searches) {
  word w;
  if (!next_word(&at, &w) || *w.text == ';') return true;
  if (word_is(&w, "nameserver")) return server_is_plain(at);
  if (word_is(&w, "options")) return options_are_plain(at);
  return (word_is(&w, "domain") || word_is(&w, "search")) && ++*searches == 1;
}

bool name_service_resolv_is_plain(const char *text) {
  unsigned searches = 0;
  do {
    if (!resolv_line_is_plain(text, &searches)) return false;
  } while (next_line(&text));
  return true;
}

/* --- hosts --- */

bool name_service_hosts_has(const char *text, const char *host) {
  size_t len = strlen(host);
  word w;
  do {
    bool is_address = true;
    while (next_word(&text, &w)) {
      if (!is_address && w.len == len && strncasecmp(w.text, host, len) == 0) return true;
      is_address = false;
    }
  } while (next_line(&text));
  return false;
}

/* --- names --- */

static bool is_under(const char *host, const char *domain) {
  size_t len = strlen(host), domain_len = strlen(domain);
  if (len > 0 && host[len - 1] == '.') len--;
  if (len < domain_len || strncasecmp(host + len - domain_len, domain, domain_len) != 0)
    return false;
  return len == domain_len || host[len - domain_len - 1] == '.';
}

bool name_is_localhost(const char *host) {
  return is_under(host, "localhost");
}

/* getaddrinfo takes what ends in a number for an address, such as "127.1" and "0x7f000001". */
bool name_is_for_dns(const char *host) {
  const char *label = host;
  for (const char *s = host; *s != '\0'; s++) {
    unsigned char c = (unsigned char) *s;
    if (c > 127 || (isalnum(c) == 0 && strchr("-_.", c) == NULL)) return false;
    if (c == '.') label = s + 1;
  }
  return isalpha((unsigned char) *label) != 0 && !name_is_localhost(host) &&
         !is_under(host, "local");
}

/* --- reading --- */

/* Whether the file has changed since the stamp was taken; *stamp becomes that of today. */
static bool has_changed(name_file_stamp *stamp, const char *path) {
  struct stat st;
  name_file_stamp now;
  memset(&now, 0, sizeof now); /* with what pads it, as the stamps are compared as bytes */
  if (stat(path, &st) == 0) {
    now.device = (uint64_t) st.st_dev;
    now.inode = (uint64_t) st.st_ino;
    now.size = (uint64_t) st.st_size;
    now.changed_s = (int64_t) st.st_mtim.tv_sec;
    now.changed_ns = (int64_t) st.st_mtim.tv_nsec;
  }
  if (memcmp(stamp, &now, sizeof now) == 0) return false;
  *stamp = now;
  return true;
}

static int read_open_file(int fd, const wsuv_allocator_t *alloc, char **text) {
  struct stat st;
  if (fstat(fd, &st) != 0 || st.st_size > FILE_SIZE_MAX) return WS_EINVAL;
  size_t size = (size_t) st.st_size, used = 0;
  char *block = ws_malloc(alloc, size + 1);
  if (block == NULL) return WS_ENOMEM;
  ssize_t n = 1;
  while (used < size && n > 0) {
    n = read(fd, block + used, size - used);
    if (n > 0) used += (size_t) n;
  }
  if (n < 0) {
    ws_free(alloc, block);
    return WS_EINVAL;
  }
  block[used] = '\0';
  *text = block;
  return 0;
}

/* *text is the file's content, which the caller frees, or NULL: there is no such file. 0;
   WS_EINVAL: the file cannot be read, or is too large; WS_ENOMEM. */
static int read_file(const char *path, const wsuv_allocator_t *alloc, char **text) {
  *text = NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno == ENOENT ? 0 : WS_EINVAL;
  int err = read_open_file(fd, alloc, text);
  close(fd);
  return err;
}

/* What is found out about several files. */
typedef struct verdict {
  bool plain; /* All files are plain or absent. */
  bool whole; /* All files could be read. */
} verdict;

/* 0 or WS_ENOMEM. */
static int judge(const char *path, const wsuv_allocator_t *alloc, bool (*is_plain)(const char *),
                 verdict *v) {
  char *text;
  int err = read_file(path, alloc, &text);
  if (err == WS_ENOMEM) return err;
  if (err < 0) v->whole = false;
  if (err < 0 || (text != NULL && !is_plain(text))) v->plain = false;
  ws_free(alloc, text);
  return 0;
}

void name_service_init(name_service *ns, const name_files *files) {
  memset(ns, 0, sizeof *ns);
  ns->files = files;
}

/* The stamps are taken before the files are read: what changes in between is seen next time. A
   failure to read one, such as a lack of descriptors, does not last. */
static int name_service_update(name_service *ns, const wsuv_allocator_t *alloc) {
  const name_files *files = ns->files;
  verdict v = {.plain = true, .whole = true};
  bool resolv = has_changed(&ns->resolv, files->resolv) || ns->resolv_version == 0;
  bool nsswitch = has_changed(&ns->nsswitch, files->nsswitch);
  bool gai = has_changed(&ns->gai, files->gai);
  if (resolv) ns->resolv_version++;
  if (ns->whole && !resolv && !nsswitch && !gai) return 0;
  ns->whole = false;
  int err = judge(files->nsswitch, alloc, name_service_nsswitch_is_plain, &v);
  if (err == 0) err = judge(files->resolv, alloc, name_service_resolv_is_plain, &v);
  if (err == 0) err = judge(files->gai, alloc, name_service_gai_is_plain, &v);
  if (err < 0) return err;
  ns->plain = v.plain;
  ns->whole = v.whole;
  return 0;
}

int name_service_choose(name_service *ns, const wsuv_allocator_t *alloc, const char *host,
                        bool *dns) {
  char *hosts;
  *dns = false;
  if (!name_is_for_dns(host)) return 0;
  int err = name_service_update(ns, alloc);
  if (err < 0 || !ns->plain) return err;
  err = read_file(ns->files->hosts, alloc, &hosts);
  if (err == WS_ENOMEM) return err;
  *dns = err == 0 && (hosts == NULL || !name_service_hosts_has(hosts, host));
  ws_free(alloc, hosts);
  return 0;
}

int name_service_try_resolv(const name_service *ns) {
  int fd = open(ns->files->resolv, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno == ENOENT ? 0 : -errno;
  close(fd);
  return 0;
}
