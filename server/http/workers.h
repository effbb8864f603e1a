/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take jobs from one bounded queue, in order. */
#ifndef NX_SERVER_HTTP_WORKERS_H
#define NX_SERVER_HTTP_WORKERS_H

#include <stdbool.h>

#include "base/error.h"

struct nx_workers;

struct nx_job {
	void (*run)(struct nx_job *job); /* on a worker; the job is its own from then on */
	struct nx_job *next;		 /* the queue's */
};

enum nx_status nx_workers_new(const char *name, unsigned threads, unsigned queue_limit,
			      struct nx_workers **out, struct nx_error *error);
/* Any thread. False when the queue is full or closed: the job stays the caller's. */
bool nx_workers_submit(struct nx_workers *workers, struct nx_job *job);
unsigned nx_workers_queued(struct nx_workers *workers);
/* Joins the threads when what they run is done. Jobs still queued are not run. NULL is fine. */
void nx_workers_free(struct nx_workers *workers);

#endif
