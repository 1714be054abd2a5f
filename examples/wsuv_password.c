#include "wsuv_password.h"

/* Switches the echo of the terminal off, and on again in any case: until then signals only
   interrupt. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

enum { PASSWORD_SIZE = 1024 }; /* bytes of a line, with its end */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { SIGNALS = sizeof signals / sizeof *signals };

static volatile sig_atomic_t caught;

static void on_signal(int number) {
  caught = number;
}

/* How it was before. */
typedef struct prompt {
  int tty;
  struct termios modes;
  sigset_t mask;
  struct sigaction actions[SIGNALS];
} prompt;

/* They come while input is waited for, and at no other time. Those that are ignored remain so. */
static void catch_signals(prompt *p) {
  struct sigaction action = {.sa_handler = on_signal};
  sigset_t all;
  sigemptyset(&action.sa_mask);
  sigemptyset(&all);
  for (int i = 0; i < SIGNALS; i++) sigaddset(&all, signals[i]);
  sigprocmask(SIG_BLOCK, &all, &p->mask);
  for (int i = 0; i < SIGNALS; i++) {
    sigaction(signals[i], NULL, &p->actions[i]);
    if (p->actions[i].sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
  }
}

static void release_signals(const prompt *p) {
  for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &p->actions[i], NULL);
  if (caught != 0) raise(caught);
  sigprocmask(SIG_SETMASK, &p->mask, NULL);
}

/* Ctrl-Z would leave the shell without an echo. */
static int hide_input(prompt *p) {
  if (tcgetattr(p->tty, &p->modes) < 0) return uv_translate_sys_error(errno);
  struct termios hidden = p->modes;
  hidden.c_lflag &= ~(tcflag_t) ECHO;
  hidden.c_lflag |= ICANON | ISIG | ECHONL;
  hidden.c_cc[VSUSP] = _POSIX_VDISABLE;
  return tcsetattr(p->tty, TCSAFLUSH, &hidden) < 0 ? uv_translate_sys_error(errno) : 0;
}

/* The bytes of a piece of input; negative: a code of libuv's, of which UV_EOF is the end. */
static int read_piece(const prompt *p, char *room, size_t size) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(p->tty, &set);
  if (pselect(p->tty + 1, &set, NULL, NULL, NULL, &p->mask) < 0)
    return uv_translate_sys_error(errno);
  ssize_t n = read(p->tty, room, size);
  if (n < 0) return uv_translate_sys_error(errno);
  return n > 0 ? (int) n : UV_EOF;
}

static int read_line(const prompt *p, char line[PASSWORD_SIZE]) {
  size_t len = 0;
  while (len == 0 || line[len - 1] != '\n') {
    int n = len < PASSWORD_SIZE ? read_piece(p, line + len, PASSWORD_SIZE - len) : UV_E2BIG;
    if (n < 0) return n;
    len += (size_t) n;
  }
  line[len - 1] = '\0';
  return 0;
}

/* The end of the line is shown nevertheless. */
static int ask(prompt *p, const char *user, char line[PASSWORD_SIZE]) {
  int err = hide_input(p);
  if (err < 0) return err;
  dprintf(p->tty, "Password of %s: ", user);
  err = read_line(p, line);
  if (err < 0) dprintf(p->tty, "\n");
  if (tcsetattr(p->tty, TCSAFLUSH, &p->modes) < 0 && err == 0) err = uv_translate_sys_error(errno);
  return err;
}

int password_ask(char **password, const char *user) {
  char line[PASSWORD_SIZE];
  prompt p = {.tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)};
  if (p.tty < 0) return uv_translate_sys_error(errno);
  catch_signals(&p);
  int err = ask(&p, user, line);
  close(p.tty);
  release_signals(&p);
  if (err < 0) return err;
  *password = strdup(line);
  return *password != NULL ? 0 : UV_ENOMEM;
}
