#!/bin/bash
# Wrong guess: ares_getaddrinfo() gives the addresses of a name in the order of getaddrinfo().
#
# Both sort by the rules of RFC 6724 6, with other tables. c-ares has those of RFC 6724, where unique
# local addresses (fc00::/7), 6to4 and Teredo come behind IPv4. The C library has the precedences of
# RFC 3484, where all IPv6 but IPv4-mapped comes before IPv4. And c-ares does not compare IPv4
# addresses by their prefixes; the C library does, within the network of the source address. So on a
# machine with a unique local address, the one takes IPv4 first, and the other IPv6.
#
# Needs root, for a network namespace with addresses of its own; Debian 12's apt; a C compiler.
# Prints what is seen, and fails if it changes.
set -euo pipefail

version=1.18.1-3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libc-ares-dev libc-ares2; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >order.c <<'END'
#include <ares.h>
#include <arpa/inet.h>
#include <gnu/libc-version.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

static void print(const struct sockaddr *addr) {
  const struct sockaddr_in *in = (const void *) addr;
  const struct sockaddr_in6 *in6 = (const void *) addr;
  char text[INET6_ADDRSTRLEN];
  int v4 = addr->sa_family == AF_INET;
  printf(" %s", inet_ntop(addr->sa_family, v4 ? (const void *) &in->sin_addr : &in6->sin6_addr,
                          text, sizeof text));
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *result) {
  (void) arg;
  (void) timeouts;
  printf("c-ares %s:", ares_version(NULL));
  if (status != ARES_SUCCESS) printf(" %s", ares_strerror(status));
  for (struct ares_addrinfo_node *n = status == 0 ? result->nodes : NULL; n; n = n->ai_next)
    print(n->ai_addr);
  printf("\n");
  ares_freeaddrinfo(result);
}

int main(int argc, char **argv) {
  const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  const struct addrinfo system_hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *list;
  ares_channel channel;
  if (argc != 2 || ares_init(&channel) != ARES_SUCCESS) return 1;
  ares_getaddrinfo(channel, argv[1], NULL, &hints, on_answer, NULL);
  ares_destroy(channel);
  if (getaddrinfo(argv[1], NULL, &system_hints, &list) != 0) return 1;
  printf("getaddrinfo of glibc %s:", gnu_get_libc_version());
  for (struct addrinfo *i = list; i != NULL; i = i->ai_next) print(i->ai_addr);
  printf("\n");
  freeaddrinfo(list);
  return 0;
}
END
lib=$(dirname "$(find root -name 'libcares.so.2' | head -n 1)")
"${CC:-cc}" -std=gnu11 -o order order.c -I root/usr/include "$lib"/libcares.so.2

cat >hosts <<'END'
192.168.7.9 local.example
fd12:3456::9 local.example
192.168.8.1 near.example
192.168.7.9 near.example
END
printf 'hosts: files\n' >nsswitch.conf

seen=$(unshare -nm sh -ec '
  mount --bind hosts /etc/hosts
  mount --bind nsswitch.conf /etc/nsswitch.conf
  ip link set lo up
  ip link add near type veth peer name far
  ip link set near up
  ip link set far up
  ip address add 192.168.7.3/24 dev near
  ip address add fd12:3456::3/48 dev near nodad
  ip route add default dev near
  for name in local.example near.example; do LD_LIBRARY_PATH=$1 ./order "$name"; done
' sh "$lib")
echo "$seen"

[ "$seen" = 'c-ares 1.18.1: 192.168.7.9 fd12:3456::9
getaddrinfo of glibc 2.36: fd12:3456::9 192.168.7.9
c-ares 1.18.1: 192.168.8.1 192.168.7.9
getaddrinfo of glibc 2.36: 192.168.7.9 192.168.8.1' ]
