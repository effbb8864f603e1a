/* SPDX-License-Identifier: Apache-2.0 */
/* One connection and one thread that hear what other servers on the same database changed. */
#ifndef NX_SERVER_STORE_LISTENER_H
#define NX_SERVER_STORE_LISTENER_H

#include "server/store/writer.h"

struct nx_listener;

/* Listens when it answers NX_OK. `writer` is whose own notifications are not passed on. */
enum nx_status nx_listener_start(const struct nx_store_options *options, const struct nx_backend *backend,
				 const struct nx_writer *writer, struct nx_listener **out,
				 struct nx_error *error);
void nx_listener_stop(struct nx_listener *listener); /* and frees it; NULL is fine */

#endif
