#ifndef TEST_TEMP_FILE_H
#define TEST_TEMP_FILE_H

/* A file of the test's own, empty at first. Closing removes it. */

#include <stddef.h>

typedef struct temp_file {
  char path[64]; /* This is its name, with the folder. */
} temp_file;

void temp_file_open(temp_file *f);
void temp_file_close(temp_file *f);

/* Put these bytes in the place of what is in the file. */
void temp_file_put(const temp_file *f, const void *data, size_t len);

#endif
