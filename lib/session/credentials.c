#include "session/credentials.h"

#include "base/sized.h"

SIZED_TYPE(credentials_type, wsuv_credentials_t, gid, sizeof(wsuv_credentials_t));

int credentials_tell(wsuv_credentials_t *to, const ws_filter *filter, log_to log) {
  ws_credentials read;
  ws_why why = {""};
  if (filter == NULL) return WSUV_ESTATE;
  int err = filter->ops->query(filter, WS_QUERY_CREDENTIALS, &read);
  if (err < 0) return err;
  const wsuv_credentials_t full = {
      .size = sizeof full, .pid = read.pid, .uid = read.uid, .gid = read.gid};
  err = sized_out(to, &credentials_type, &full, &why);
  return err < 0 ? log_refusal(log, err, &why) : 0;
}
