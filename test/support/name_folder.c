#include "support/name_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testkit/check.h"

/* Files are renamed into their places, so that a change is seen however quick it is. */

void name_folder_open(name_folder *f) {
  static const char *const names[4] = {"nsswitch", "resolv", "gai", "hosts"};
  memset(f, 0, sizeof *f);
  (void) snprintf(f->folder, sizeof f->folder, "%s", P_tmpdir "/wsuv-XXXXXX");
  CHECK(mkdtemp(f->folder) != NULL);
  for (size_t i = 0; i < 4; i++)
    (void) snprintf(f->paths[i], sizeof f->paths[i], "%s/%s", f->folder, names[i]);
  f->files.nsswitch = f->paths[0];
  f->files.resolv = f->paths[1];
  f->files.gai = f->paths[2];
  f->files.hosts = f->paths[3];
  name_folder_put(f->files.nsswitch, "");
  name_folder_put(f->files.resolv, "nameserver 127.0.0.1\n");
  name_folder_put(f->files.gai, "");
  name_folder_put(f->files.hosts, "");
}

void name_folder_close(name_folder *f) {
  for (size_t i = 0; i < 4; i++) (void) unlink(f->paths[i]);
  CHECK(rmdir(f->folder) == 0);
}

void name_folder_put(const char *path, const char *text) {
  char next[64];
  (void) unlink(path);
  if (text == NULL) return;
  (void) snprintf(next, sizeof next, "%s+", path);
  FILE *file = fopen(next, "w");
  CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
  CHECK(rename(next, path) == 0);
}
