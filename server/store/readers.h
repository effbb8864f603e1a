/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections for reading: as many at once as configured, opened at first need,
 * the one used last first, replaced when they are lost. While the database is
 * away, takers are refused at once between attempts to reach it. Any thread.
 */
#ifndef NX_SERVER_STORE_READERS_H
#define NX_SERVER_STORE_READERS_H

#include "server/store/backend.h"

struct nx_readers;

struct nx_readers *nx_readers_new(const struct nx_store_options *options, const struct nx_backend *backend);
void nx_readers_free(struct nx_readers *readers); /* when all are given back; NULL is fine */
/* NX_UNAVAILABLE when none is free for `patience` milliseconds, or the database is away. */
enum nx_status nx_readers_take(struct nx_readers *readers, uint64_t patience, struct nx_connection **out,
			       struct nx_error *error);
/* `lost`: it is closed instead of kept. */
void nx_readers_give(struct nx_readers *readers, struct nx_connection *connection, bool lost);

#endif
