#include "support/socket_path.h"

/* Makes the folder when it is first asked. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "testkit/check.h"

static char folder[] = P_tmpdir "/wsuv-XXXXXX", path[sizeof folder + 2];

static void remove_folder(void) {
  (void) rmdir(folder);
}

const char *socket_path(void) {
  if (path[0] != '\0') return path;
  CHECK(mkdtemp(folder) != NULL);
  CHECK(atexit(remove_folder) == 0);
  (void) snprintf(path, sizeof path, "%s/s", folder);
  return path;
}
