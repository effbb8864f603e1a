/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/claim.h"

#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "server/store/backoff.h"
#include "server/store/store_internal.h"
#include "server/store/tx.h"

/* A server that was just told to end may need a moment to be gone. */
#define PATIENCE_MILLISECONDS 2000
#define PAUSE_MILLISECONDS 50

void nx_claim_list_add(struct nx_claim_list *claims, const char *name)
{
	claims->names = nx_realloc_array(claims->names, claims->count + 1, sizeof(*claims->names));
	claims->names[claims->count++] = nx_strdup(name);
}

void nx_claim_list_free(struct nx_claim_list *claims)
{
	for (size_t i = 0; i < claims->count; i++)
		free(claims->names[i]);
	free(claims->names);
	*claims = (struct nx_claim_list){0};
}

/* FNV-1a, cut to what both engines take. Two names that share a number only share a lock. */
static uint32_t claim_number(const char *name)
{
	uint32_t hash = 2166136261U;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619U;
	return hash & 0x7fffffffU;
}

enum nx_outcome nx_claim_list_take(const struct nx_claim_list *claims, struct nx_connection *connection,
				   const char *database, struct nx_error *error)
{
	enum nx_outcome outcome = NX_SQL_OK;

	for (size_t i = 0; i < claims->count && outcome == NX_SQL_OK; i++)
		outcome = connection->backend->claim(connection, database, claim_number(claims->names[i]),
						     NX_CLAIM_SHARED, error);
	return outcome;
}

static bool take_integer(void *context, const struct nx_row *row)
{
	*(int64_t *)context = nx_row_integer(row, 0);
	return false;
}

static enum nx_outcome check_recorded(struct nx_connection *connection, const char *name,
				      struct nx_error *error)
{
	int64_t steps = 0;
	const struct nx_value component = NX_TEXT(name);
	const struct nx_request request = {
		.sql = "SELECT count(*) FROM schema_migrations WHERE component = $1",
		.params = &component,
		.count = 1,
		.each = take_integer,
		.context = &steps,
	};
	enum nx_outcome outcome = connection->backend->execute(connection, &request, error);

	if (outcome != NX_SQL_OK || steps > 0)
		return outcome;
	nx_fail(error, NX_UNAVAILABLE, NULL,
		"%s was taken out of the database while this server had lost it: restart the server, "
		"without that plugin",
		name);
	return NX_SQL_WRONG;
}

enum nx_outcome nx_claim_list_renew(const struct nx_claim_list *claims, struct nx_connection *connection,
				    const char *database, struct nx_error *error)
{
	enum nx_outcome outcome = nx_claim_list_take(claims, connection, database, error);

	for (size_t i = 0; i < claims->count && outcome == NX_SQL_OK; i++)
		outcome = check_recorded(connection, claims->names[i], error);
	return outcome;
}

enum nx_status nx_store_claim(struct nx_store *store, const char *component, struct nx_error *error)
{
	NX_CLEANUP(nx_claim_list_free) struct nx_claim_list one = {0};
	enum nx_outcome outcome;

	nx_claim_list_add(&one, component);
	outcome = nx_claim_list_take(&one, nx_writer_connection(store->writer), store->database, error);
	if (outcome == NX_SQL_OK)
		nx_writer_claim(store->writer, component);
	return nx_outcome_status(outcome);
}

enum nx_status nx_store_claim_alone(struct nx_store *store, const char *component, struct nx_error *error)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MILLISECONDS * 1000000L};
	struct nx_connection *connection = nx_writer_connection(store->writer);
	uint64_t deadline = nx_milliseconds() + PATIENCE_MILLISECONDS;
	uint32_t number = claim_number(component);
	char who[NX_CLAIMANT_TEXT] = "";
	enum nx_outcome outcome;

	while ((outcome = store->backend->claim(connection, store->database, number, NX_CLAIM_ALONE,
						error)) == NX_SQL_BUSY &&
	       nx_milliseconds() < deadline)
		nanosleep(&pause, NULL);
	if (outcome != NX_SQL_BUSY)
		return nx_outcome_status(outcome);
	outcome = store->backend->claimant(connection, store->database, number, who, error);
	if (outcome != NX_SQL_OK)
		return nx_outcome_status(outcome);
	return nx_fail(error, NX_CONFLICT, NULL, "a server is at work on the database (%s)",
		       who[0] ? who : "which has just ended: try again");
}

struct yielding {
	struct nx_command command;
	struct nx_store *store;
	uint32_t number;
};

/* On the writer's thread, whose connection it is. */
static enum nx_status yield(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	const struct yielding *yielding = (struct yielding *)command;

	return nx_outcome_status(tx->connection->backend->claim(tx->connection, yielding->store->database,
								yielding->number, NX_CLAIM_YIELD, error));
}

enum nx_status nx_store_claim_yield(struct nx_store *store, const char *component, struct nx_error *error)
{
	struct yielding yielding = {
		.command = {.run = yield}, .store = store, .number = claim_number(component)};

	return nx_store_write(store, &yielding.command, error);
}

enum nx_status nx_claimant(struct nx_tx *tx, const char *database, const char *component,
			   char who[static NX_CLAIMANT_TEXT], struct nx_error *error)
{
	struct nx_connection *connection = tx->connection;

	return nx_outcome_status(
		connection->backend->claimant(connection, database, claim_number(component), who, error));
}
