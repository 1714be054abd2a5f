#ifndef TEST_NAME_FOLDER_H
#define TEST_NAME_FOLDER_H

/* A folder with nsswitch.conf, resolv.conf, gai.conf and hosts of the test's own, empty at first
   but for a resolv.conf that names 127.0.0.1. */

#include "net/uv/name_service.h"

typedef struct name_folder {
  char folder[32];
  char paths[4][48];
  name_files files;
} name_folder;

void name_folder_open(name_folder *f);
void name_folder_close(name_folder *f);

/* Put another file in the place of the one at a path of `files`; NULL: none. */
void name_folder_put(const char *path, const char *text);

#endif
