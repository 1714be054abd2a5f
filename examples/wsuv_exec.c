/* Runs a command for each session, for --exec. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wsuv_cgi.h"
#include "wsuv_child.h"
#include "wsuv_pump.h"
#include "wsuv_report.h"
#include "wsuv_service.h"

enum {
  DEFAULT_MAX = 100,  /* processes */
  PATIENCE_MS = 2000, /* between the end of standard input, SIGTERM and SIGKILL */
  QUIET_MS = 1000     /* after the exit: others that hold the output are not waited for longer */
};

typedef struct job job;

typedef struct exec {
  service_host *host;
  char **argv;  /* of the command */
  job *jobs;    /* a list */
  size_t count; /* how many; those that end are among them */
  size_t max;   /* so many are allowed */
  uint64_t patience_ms;
} exec;

/* One session, and its process. */
struct job {
  exec *exec;
  job *previous, *next;
  child child;
  pump pump;
  wsuv_session_t *session; /* NULL: it has ended */
  bool open;               /* the session is, or was */
  bool exited, failed;     /* the process */
};

/* --- the process --- */

static void close_session(job *j, unsigned code) {
  if (j->session != NULL) service_close(j->session, code);
}

static void on_source_end(void *up, int status) {
  job *j = up;
  if (status < 0) {
    report("output of the command: %s", wsuv_strerror(status));
    close_session(j, WSUV_CLOSE_INTERNAL_ERROR);
  } else if (j->exited) {
    close_session(j, j->failed ? WSUV_CLOSE_INTERNAL_ERROR : WSUV_CLOSE_NORMAL);
  }
}

/* Output waits as long as the session has no room for it. */
static void on_quiet(uv_timer_t *timer) {
  job *j = timer->data;
  if (j->pump.reading) close_session(j, j->failed ? WSUV_CLOSE_INTERNAL_ERROR : WSUV_CLOSE_NORMAL);
}

/* The session ends behind the last output of a process that has ended. */
static void end_after_output(job *j) {
  if (!j->exited || !j->open || j->session == NULL) return;
  if (j->pump.reported) {
    on_source_end(j, 0);
    return;
  }
  j->child.timer.data = j;
  uv_timer_start(&j->child.timer, on_quiet, QUIET_MS, QUIET_MS);
}

static void on_exited(child *c, bool failed) {
  job *j = c->up;
  j->exited = true;
  j->failed = failed;
  end_after_output(j);
}

static void on_sink_done(void *up) {
  job *j = up;
  child_close_input(&j->child);
}

static void on_gone(child *c) {
  job *j = c->up;
  exec *e = j->exec;
  if (j->previous != NULL) j->previous->next = j->next;
  if (j->next != NULL) j->next->previous = j->previous;
  if (e->jobs == j) e->jobs = j->next;
  e->count--;
  pump_free(&j->pump);
  free(j);
}

/* --- the session --- */

static job *job_of(const wsuv_session_t *session) {
  const pump *p = wsuv_session_data(session);
  return p->up;
}

static void on_open(wsuv_session_t *session) {
  job *j = job_of(session);
  j->open = true;
  pump_start(&j->pump, session, (uv_stream_t *) &j->child.out, (uv_stream_t *) &j->child.in);
  end_after_output(j);
}

/* There is no session, or no more. */
static void end_job(job *j) {
  j->session = NULL;
  pump_end(&j->pump, (uv_stream_t *) &j->child.out, (uv_stream_t *) &j->child.in);
  child_end(&j->child);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  (void) info;
  end_job(job_of(session));
}

/* --- upgrades --- */

static job *new_job(exec *e) {
  static const pump_events of_pump = {on_source_end, on_sink_done};
  static const child_events of_child = {on_exited, on_gone};
  const options *o = e->host->options;
  job *j = calloc(1, sizeof *j);
  if (j == NULL) return NULL;
  j->exec = e;
  j->next = e->jobs;
  if (e->jobs != NULL) e->jobs->previous = j;
  e->jobs = j;
  e->count++;
  j->child.events = &of_child;
  j->child.patience_ms = e->patience_ms;
  j->child.up = j->pump.up = j;
  j->pump.events = &of_pump;
  j->pump.binary = o->binary;
  j->pump.items.unit = o->binary ? ITEMS_PIECES : o->null ? ITEMS_NULLS : ITEMS_LINES;
  j->pump.eol = o->null ? "" : "\n";
  j->pump.eol_len = o->binary ? 0 : 1;
  return j;
}

/* NULL: it was reported. */
static job *start_job(exec *e, wsuv_upgrade_t *upgrade) {
  char **environment = cgi_environment(upgrade, e->host->port);
  job *j = environment != NULL ? new_job(e) : NULL;
  int err = j != NULL ? child_start(&j->child, e->host->loop, e->argv, environment) : UV_ENOMEM;
  cgi_free(environment);
  if (err == 0) return j;
  report("%s: %s", e->argv[0], wsuv_strerror(err));
  return NULL;
}

static void on_upgrade(wsuv_upgrade_t *upgrade) {
  exec *e = wsuv_upgrade_data(upgrade);
  if (service_refuse_others(upgrade, e->host->options)) return;
  bool full = e->count >= e->max;
  job *j = full ? NULL : start_job(e, upgrade);
  if (j == NULL) {
    service_refuse(upgrade, full ? 503 : 500);
  } else if (service_accept(upgrade, &j->pump, &j->session) < 0) {
    end_job(j);
  }
}

static void kill_all(void *data) {
  const exec *e = data;
  for (job *j = e->jobs; j != NULL; j = j->next) child_kill(&j->child);
}

/* --- the beginning --- */

static char **make_argv(const options *o) {
  static char *shell[] = {"/bin/sh", "-c", NULL, NULL};
  if (o->arguments == NULL) {
    shell[2] = (char *) o->command;
    return shell;
  }
  /* The word before the arguments is "--". */
  o->arguments[-1] = (char *) o->command;
  return o->arguments - 1;
}

int exec_init(service *s, service_host *host, wsuv_config_t *config) {
  static exec e;
  const options *o = host->options;
  e = (exec){.host = host,
             .argv = make_argv(o),
             .max = o->max > 0 ? o->max : DEFAULT_MAX,
             .patience_ms = o->timeout_ms > 0 ? o->timeout_ms : PATIENCE_MS};
  pump_set_callbacks(&s->callbacks, config);
  s->callbacks.on_open = on_open;
  s->callbacks.on_close = on_close;
  s->on_upgrade = on_upgrade;
  s->data = &e;
  s->on_abort = kill_all;
  return 0;
}
