/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the store: named, and deaf to signals, which are the control thread's. */
#ifndef NX_SERVER_STORE_THREAD_H
#define NX_SERVER_STORE_THREAD_H

#include <pthread.h>

#include "base/error.h"

/* `name`: at most 15 characters. NX_UNAVAILABLE when the system gives no thread. */
enum nx_status nx_thread_start(pthread_t *thread, const char *name, void *(*run)(void *context),
			       void *context, struct nx_error *error);

#endif
