/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that goes on with what is being renumbered, whoever began it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/renumbering/renumbering.h"

/* How often it is looked whether something is due, when nothing was said. */
#define LOOK_SECONDS 1
/* After a failure. */
#define RETRY_SECONDS 5

struct nx_renumberings {
	struct nx_server *server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool ending, poked;
	bool failed;		  /* something did not go in this turn */
	char after[NX_UUID_TEXT]; /* the organization that the last round came to; "": a turn begins */
	int64_t since;		  /* when it was started: seconds since 1970 */
	char told[320];		  /* the failure that was logged last; "" for none */
	struct nx_renumbering_list list;
};

static bool ending(struct nx_renumberings *renumberings)
{
	bool is;

	pthread_mutex_lock(&renumberings->lock);
	is = renumberings->ending;
	pthread_mutex_unlock(&renumberings->lock);
	return is;
}

static void failure_tell(struct nx_renumberings *renumberings, const struct nx_renumbering *row,
			 const struct nx_error *error)
{
	if (strcmp(renumberings->told, error->message) == 0)
		return;
	memcpy(renumberings->told, error->message, sizeof(renumberings->told));
	nx_log(NX_LOG_WARNING, "a renumbering does not go on", "organization",
	       row ? row->organization_id : NULL, "reason", error->message, NULL);
}

static enum nx_status list_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct nx_renumberings *renumberings = context;

	return nx_renumbering_due(renumberings->server->fields, tx, renumberings->after, &renumberings->list,
				  error);
}

/* The next round goes on after those that are listed, or begins anew: whatever stands still in some
 * organizations, each has its turn. Answers whether there are more in this turn. */
static bool turn_go_on(struct nx_renumberings *renumberings)
{
	const struct nx_renumbering_list *list = &renumberings->list;
	bool more = list->count == NX_RENUMBERINGS_LIMIT;

	snprintf(renumberings->after, sizeof(renumberings->after), "%s",
		 more ? list->rows[list->count - 1].organization_id : "");
	return more;
}

/* One step of each that is listed. Answers whether there is more to do at once. */
static bool round_run(struct nx_renumberings *renumberings)
{
	struct nx_error error = {0};
	bool any = false;

	if (nx_store_read(renumberings->server->store, list_read, renumberings, &error) != NX_OK) {
		failure_tell(renumberings, NULL, &error);
		renumberings->failed = true;
		return false;
	}
	for (size_t i = 0; i < renumberings->list.count && !ending(renumberings); i++) {
		struct nx_renumbering *row = &renumberings->list.rows[i];
		bool more;

		if (nx_renumbering_step(renumberings->server, row, renumberings->since, &more, &error) !=
		    NX_OK) {
			failure_tell(renumberings, row, &error);
			renumberings->failed = true;
		}
		any |= more;
	}
	return turn_go_on(renumberings) || any;
}

static void wait_for(struct nx_renumberings *renumberings)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += renumberings->failed ? RETRY_SECONDS : LOOK_SECONDS;
	pthread_mutex_lock(&renumberings->lock);
	while (!renumberings->ending && !renumberings->poked &&
	       pthread_cond_clockwait(&renumberings->wake, &renumberings->lock, CLOCK_MONOTONIC, &until) == 0)
		continue;
	renumberings->poked = false;
	pthread_mutex_unlock(&renumberings->lock);
}

static void *thread_run(void *context)
{
	struct nx_renumberings *renumberings = context;

	while (!ending(renumberings)) {
		if (!renumberings->after[0])
			renumberings->failed = false;
		if (!round_run(renumberings) && !ending(renumberings))
			wait_for(renumberings);
		if (!renumberings->after[0] && !renumberings->failed)
			renumberings->told[0] = '\0';
	}
	return NULL;
}

struct nx_renumberings *nx_renumberings_start(struct nx_server *server, struct nx_error *error)
{
	struct nx_renumberings *renumberings = nx_alloc(sizeof(*renumberings));
	int number;

	renumberings->server = server;
	renumberings->since = time(NULL);
	pthread_mutex_init(&renumberings->lock, NULL);
	pthread_cond_init(&renumberings->wake, NULL);
	number = pthread_create(&renumberings->thread, NULL, thread_run, renumberings);
	if (number == 0)
		return renumberings;
	nx_fail(error, NX_INTERNAL, NULL, "no thread for renumbering: %s", strerror(number));
	free(renumberings);
	return NULL;
}

void nx_renumberings_poke(struct nx_renumberings *renumberings)
{
	if (!renumberings)
		return;
	pthread_mutex_lock(&renumberings->lock);
	renumberings->poked = true;
	pthread_cond_signal(&renumberings->wake);
	pthread_mutex_unlock(&renumberings->lock);
}

void nx_renumberings_stop(struct nx_renumberings *renumberings)
{
	if (!renumberings)
		return;
	pthread_mutex_lock(&renumberings->lock);
	renumberings->ending = true;
	pthread_cond_signal(&renumberings->wake);
	pthread_mutex_unlock(&renumberings->lock);
	pthread_join(renumberings->thread, NULL);
	pthread_cond_destroy(&renumberings->wake);
	pthread_mutex_destroy(&renumberings->lock);
	free(renumberings);
}
