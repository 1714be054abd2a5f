#!/bin/bash
# Wrong guess: uv_ip6_addr() takes the addresses with a zone that getaddrinfo() takes, and returns
# an error for a zone that does not exist.
#
# libuv 1.44.2 looks the zone up as a name of an interface and nothing else. A number, which systems
# should take by RFC 4007 11.2, and a name that does not exist give scope 0 and success, as if there
# were no zone, and connect() fails later with EINVAL; getaddrinfo() takes the number and refuses
# the name. Nor does the zone come back: uv_ip6_name() writes an address without it. A program has
# to look at sin6_scope_id, or to read and write zones itself.
#
# Needs Debian 12's apt and a C compiler. Prints what is seen, and fails if it changes.
set -euo pipefail

version=1.44.2-1+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libuv1-dev libuv1; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >zones.c <<'END'
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include <uv.h>

static void show_scope(const char *function, const struct sockaddr_in6 *addr) {
  char name[IF_NAMESIZE] = "none";
  if (addr->sin6_scope_id != 0 && if_indextoname(addr->sin6_scope_id, name) == NULL) {
    perror("if_indextoname");
  }
  printf("  %s: scope %s\n", function, name);
}

static void with_libuv(const char *text) {
  struct sockaddr_in6 addr;
  char back[64];
  int err = uv_ip6_addr(text, 80, &addr);
  if (err != 0) {
    printf("  uv_ip6_addr: %s\n", uv_err_name(err));
    return;
  }
  show_scope("uv_ip6_addr", &addr);
  if (uv_ip6_name(&addr, back, sizeof back) == 0) printf("  uv_ip6_name: %s\n", back);
}

static void with_libc(const char *text) {
  struct addrinfo hints = {.ai_family = AF_INET6, .ai_flags = AI_NUMERICHOST}, *found = NULL;
  char back[64];
  int err = getaddrinfo(text, NULL, &hints, &found);
  if (err != 0) {
    printf("  getaddrinfo: %s\n", err == EAI_NONAME ? "EAI_NONAME" : gai_strerror(err));
    return;
  }
  show_scope("getaddrinfo", (struct sockaddr_in6 *) found->ai_addr);
  err = getnameinfo(found->ai_addr, found->ai_addrlen, back, sizeof back, NULL, 0, NI_NUMERICHOST);
  if (err == 0) printf("  getnameinfo: %s\n", back);
  freeaddrinfo(found);
}

static void show(const char *what, const char *text) {
  printf("%s\n", what);
  with_libuv(text);
  with_libc(text);
}

int main(void) {
  char number[64];
  snprintf(number, sizeof number, "fe80::1%%%u", if_nametoindex("lo"));
  printf("libuv %s\n", uv_version_string());
  show("no zone: fe80::1", "fe80::1");
  show("a name: fe80::1%lo", "fe80::1%lo");
  show("the number of lo", number);
  show("no such name: fe80::1%nosuch", "fe80::1%nosuch");
  return 0;
}
END
lib=$(dirname "$(find root -name 'libuv.so.1')")
cc -o zones zones.c -I root/usr/include "$lib/libuv.so.1"
LD_LIBRARY_PATH=$lib ./zones | tee seen

cat >expected <<'END'
libuv 1.44.2
no zone: fe80::1
  uv_ip6_addr: scope none
  uv_ip6_name: fe80::1
  getaddrinfo: scope none
  getnameinfo: fe80::1
a name: fe80::1%lo
  uv_ip6_addr: scope lo
  uv_ip6_name: fe80::1
  getaddrinfo: scope lo
  getnameinfo: fe80::1%lo
the number of lo
  uv_ip6_addr: scope none
  uv_ip6_name: fe80::1
  getaddrinfo: scope lo
  getnameinfo: fe80::1%lo
no such name: fe80::1%nosuch
  uv_ip6_addr: scope none
  uv_ip6_name: fe80::1
  getaddrinfo: EAI_NONAME
END
diff expected seen
