/* SPDX-License-Identifier: Apache-2.0 */
/* The store as store.c and migrate.c share it. */
#ifndef NX_SERVER_STORE_INTERNAL_H
#define NX_SERVER_STORE_INTERNAL_H

#include <pthread.h>

#include "server/store/listener.h"
#include "server/store/readers.h"
#include "server/store/writer.h"

struct nx_store {
	const struct nx_backend *backend;
	char *database;
	struct nx_store_options options; /* its `database` is the one above */
	struct nx_writer *writer;
	struct nx_readers *readers;
	struct nx_listener *listener; /* NULL: not started, or no other servers */

	/* The answer of nx_store_usable(), and when it was found. */
	pthread_mutex_t lock;
	uint64_t checked; /* milliseconds; 0: never */
	bool checking, usable;
	struct nx_error trouble;
};

#endif
