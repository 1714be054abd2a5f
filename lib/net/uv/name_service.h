#ifndef WS_NET_UV_NAME_SERVICE_H
#define WS_NET_UV_NAME_SERVICE_H

/* Which names DNS alone decides, by what the system's files say: nsswitch.conf(5), resolv.conf(5),
   gai.conf(5) and hosts(5). All other names need getaddrinfo. It reads files, and knows neither
   libuv nor a resolver. */

#include <stdbool.h>
#include <stdint.h>

#include <wsuv/hooks.h>

/* Paths of the files. The strings outlive the service. */
typedef struct name_files {
  const char *nsswitch; /* This is the path of nsswitch.conf. */
  const char *resolv;   /* This is the path of resolv.conf. */
  const char *gai;      /* This is the path of gai.conf. */
  const char *hosts;    /* This is the path of hosts. */
  uint16_t dns_port;    /* Name servers listen on this port; 0: on the usual one. */
} name_files;

/* The files of the system. */
extern const name_files name_files_of_system;

/* What is compared to notice that a file has changed. All fields are 0 for a file that is not
   there. */
typedef struct name_file_stamp {
  uint64_t device;    /* The file is on this device. */
  uint64_t inode;     /* The file has this number there; a renamed file brings another one. */
  uint64_t size;      /* The file has this many bytes. */
  int64_t changed_s;  /* The file was changed at this time, in seconds. */
  int64_t changed_ns; /* These are the nanoseconds of the time. */
} name_file_stamp;

typedef struct name_service {
  const name_files *files; /* These files are read; they outlive the service. */
  /* These are the stamps of nsswitch.conf, gai.conf and resolv.conf when they were read last. */
  name_file_stamp nsswitch, gai, resolv;
  bool plain; /* These three files have nothing but what DNS and the file hosts can do. */
  bool whole; /* All of them could be read, and need not be read again until one changes. */
  /* This counts the versions of resolv.conf that were seen; 0: no file was read yet. */
  unsigned resolv_version;
} name_service;

/* Nothing is read yet. `files` outlives the service. */
void name_service_init(name_service *ns, const name_files *files);

/* Look whether the files have changed, and decide about a name. *dns: DNS alone decides; otherwise
   the name is one for getaddrinfo. 0 or WS_ENOMEM. A file that cannot be read, or has more than
   64 KiB, is one for getaddrinfo. */
int name_service_choose(name_service *ns, const wsuv_allocator_t *alloc, const char *host,
                        bool *dns);

/* Whether resolv.conf can be opened, or is not there: c-ares takes its own defaults for those of a
   file that it cannot open. 0 or the system's code, negative. */
int name_service_try_resolv(const name_service *ns);

/* Whether a name has a form that DNS alone can decide: letters, digits, '-', '_' and '.'; not a
   number, not relative to nothing ("name."), and neither under `localhost` (RFC 6761 6.3) nor
   `local` (RFC 6762). */
bool name_is_for_dns(const char *host);

/* Whether a name is `localhost`, or under it (RFC 6761 6.3). */
bool name_is_localhost(const char *host);

/* For tests: judge the contents of a file. */
bool name_service_nsswitch_is_plain(const char *text); /* hosts: `files` and `dns`, no more */
bool name_service_gai_is_plain(const char *text);      /* nothing but comments */
/* Only what c-ares 1.18 and 1.34 take as the C library does. */
bool name_service_resolv_is_plain(const char *text);
bool name_service_hosts_has(const char *text, const char *host);

#endif
