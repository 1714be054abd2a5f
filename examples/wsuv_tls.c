#include "wsuv_tls.h"

/* Makes a configuration of TLS out of what the command line says. Whether files, pins and versions
   are of use is for the library to say. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

bool tls_options_init(tls_options *tls, size_t pin_max) {
  wsuv_tls_config_init(&tls->config);
  tls->password = NULL;
  tls->pins = calloc(pin_max, sizeof *tls->pins);
  return tls->pins != NULL;
}

void tls_options_add_pin(tls_options *tls, const char *pin) {
  tls->config.pins = tls->pins;
  tls->pins[tls->config.pin_count++] = pin;
}

/* The line without its end; 0, or a code of libuv's. An empty file has an empty line. */
static int read_line(char **line, FILE *file) {
  size_t room = 0;
  *line = NULL;
  errno = 0;
  ssize_t len = getline(line, &room, file);
  if (*line == NULL) return UV_ENOMEM;
  if (len < 0 && errno != 0) return uv_translate_sys_error(errno);
  (*line)[len < 0 ? 0 : strcspn(*line, "\r\n")] = '\0';
  return 0;
}

int tls_options_read_password(tls_options *tls, const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return uv_translate_sys_error(errno);
  free(tls->password);
  int err = read_line(&tls->password, file);
  fclose(file);
  tls->config.key_password = tls->password;
  return err;
}

bool tls_version_read(wsuv_tls_version_t *version, const char *s) {
  if (strcmp(s, "1.2") == 0) {
    *version = WSUV_TLS_1_2;
  } else if (strcmp(s, "1.3") == 0) {
    *version = WSUV_TLS_1_3;
  } else {
    return false;
  }
  return true;
}

bool tls_library_read(wsuv_tls_library_t *library, const char *s) {
  if (strcmp(s, "mbedtls") == 0) {
    *library = WSUV_TLS_LIBRARY_MBEDTLS;
  } else if (strcmp(s, "openssl") == 0) {
    *library = WSUV_TLS_LIBRARY_OPENSSL;
  } else {
    return false;
  }
  return true;
}

bool tls_ocsp_read(wsuv_tls_ocsp_t *ocsp, const char *s) {
  static const char *const names[] = {"check", "require", "off"}; /* by their values */
  for (int i = WSUV_TLS_OCSP_CHECK; i <= WSUV_TLS_OCSP_OFF; i++) {
    if (strcmp(s, names[i]) != 0) continue;
    *ocsp = (wsuv_tls_ocsp_t) i;
    return true;
  }
  return false;
}

void tls_options_free(tls_options *tls) {
  free(tls->pins);
  free(tls->password);
}
