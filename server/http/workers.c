/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct nx_workers {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct nx_job *first, **last;
	unsigned queued, limit;
	bool closed;
	char name[16];
	unsigned count;
	pthread_t thread[];
};

/* NULL when the queue was closed. */
static struct nx_job *job_next(struct nx_workers *workers)
{
	struct nx_job *job = NULL;

	pthread_mutex_lock(&workers->lock);
	while (!workers->first && !workers->closed)
		pthread_cond_wait(&workers->wake, &workers->lock);
	if (!workers->closed) {
		job = workers->first;
		workers->first = job->next;
		if (!workers->first)
			workers->last = &workers->first;
		workers->queued--;
	}
	pthread_mutex_unlock(&workers->lock);
	return job;
}

static void *worker_main(void *context)
{
	struct nx_workers *workers = context;
	struct nx_job *job;

	pthread_setname_np(pthread_self(), workers->name);
	while ((job = job_next(workers)))
		job->run(job);
	return NULL;
}

enum nx_status nx_workers_new(const char *name, unsigned threads, unsigned queue_limit,
			      struct nx_workers **out, struct nx_error *error)
{
	struct nx_workers *workers = nx_alloc(sizeof(*workers) + threads * sizeof(workers->thread[0]));

	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->wake, NULL);
	workers->last = &workers->first;
	workers->limit = queue_limit;
	snprintf(workers->name, sizeof(workers->name), "%s", name);
	while (workers->count < threads) {
		int failure = pthread_create(&workers->thread[workers->count], NULL, worker_main, workers);
		if (failure) {
			nx_workers_free(workers);
			return nx_fail(error, NX_INTERNAL, NULL, "cannot start %u worker threads: %s",
				       threads, strerror(failure));
		}
		workers->count++;
	}
	*out = workers;
	return NX_OK;
}

bool nx_workers_submit(struct nx_workers *workers, struct nx_job *job)
{
	bool taken = false;

	job->next = NULL;
	pthread_mutex_lock(&workers->lock);
	if (!workers->closed && workers->queued < workers->limit) {
		*workers->last = job;
		workers->last = &job->next;
		workers->queued++;
		taken = true;
		pthread_cond_signal(&workers->wake);
	}
	pthread_mutex_unlock(&workers->lock);
	return taken;
}

unsigned nx_workers_queued(struct nx_workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	unsigned queued = workers->queued;
	pthread_mutex_unlock(&workers->lock);
	return queued;
}

void nx_workers_free(struct nx_workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->closed = true;
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->count; i++)
		pthread_join(workers->thread[i], NULL);
	pthread_cond_destroy(&workers->wake);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}
