/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/migrate.h"

#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "server/store/migrate_records.h"
#include "server/store/store_internal.h"
#include "server/store/tx.h"

/* Another server that migrates is waited for this many times 5 seconds. */
#define LOCK_TRIES 12

/* One transaction of a migration: alone on the database, or not at all. */
static enum nx_outcome begin_alone(struct nx_connection *connection, struct nx_error *error)
{
	enum nx_outcome outcome = NX_SQL_OK;

	for (unsigned tries = 0; tries < LOCK_TRIES; tries++) {
		outcome = connection->backend->begin(connection, NX_BEGIN_MIGRATE, error);
		if (outcome == NX_SQL_OK)
			outcome = connection->backend->flush(connection, error);
		if (outcome == NX_SQL_OK)
			return NX_SQL_OK;
		connection->backend->rollback(connection);
		if (outcome != NX_SQL_BUSY)
			return outcome;
	}
	return outcome;
}

/* `work` inside such a transaction, with the records of all steps at hand. */
static enum nx_status work_alone(struct nx_store *store,
				 enum nx_status (*work)(struct nx_tx *tx, const struct nx_records *records,
							void *context, struct nx_error *error),
				 void *context, struct nx_error *error)
{
	NX_CLEANUP(nx_records_free) struct nx_records records = {0};
	struct nx_tx tx = {.connection = nx_writer_connection(store->writer), .mode = NX_TX_CAREFUL};
	enum nx_outcome outcome = begin_alone(tx.connection, error);
	enum nx_status status;

	if (outcome != NX_SQL_OK)
		return nx_outcome_status(outcome);
	status = nx_sql(&tx, error,
			"CREATE TABLE IF NOT EXISTS schema_migrations ("
			" component TEXT NOT NULL,"
			" number BIGINT NOT NULL,"
			" name TEXT NOT NULL,"
			" checksum TEXT NOT NULL,"
			" down TEXT NOT NULL,"
			" applied_at BIGINT NOT NULL,"
			" PRIMARY KEY (component, number))",
			NX_NO_PARAMS);
	if (status == NX_OK)
		status = nx_records_load(&tx, &records, error);
	if (status == NX_OK)
		status = work(&tx, &records, context, error);
	if (status == NX_OK)
		status = nx_outcome_status(store->backend->commit(tx.connection, error));
	if (status != NX_OK)
		store->backend->rollback(tx.connection);
	nx_tx_free(&tx);
	return status;
}

/* Several statements, none of which may end the transaction. */
static enum nx_status run_script(struct nx_tx *tx, const char *text, struct nx_error *error)
{
	const struct nx_backend *backend = tx->connection->backend;
	enum nx_outcome outcome = backend->script(tx->connection, text, error);

	if (outcome != NX_SQL_OK)
		return nx_outcome_status(outcome);
	if (!backend->in_transaction(tx->connection))
		return nx_fail(error, NX_INTERNAL, NULL, "its text ends the transaction");
	return NX_OK;
}

/* --- up --- */

struct upgrade {
	const struct nx_component *components;
	size_t count;
	const struct nx_component *component; /* out: whose step was applied; NULL: nothing is left */
	struct nx_migration step;
};

static bool find_next(struct upgrade *upgrade, const struct nx_records *records)
{
	upgrade->component = NULL;
	for (size_t i = 0; i < upgrade->count; i++) {
		const struct nx_component *component = &upgrade->components[i];
		size_t done = nx_records_of(records, component->name);

		if (done < component->migrations.count) {
			upgrade->component = component;
			upgrade->step = nx_component_step(component, (uint32_t)done);
			return true;
		}
	}
	return false;
}

static enum nx_status record_step(struct nx_tx *tx, const struct upgrade *upgrade, struct nx_error *error)
{
	const struct nx_migration *step = &upgrade->step;
	char checksum[NX_HASH_TEXT];

	nx_step_checksum(step, checksum);
	return nx_sql(tx, error,
		      "INSERT INTO schema_migrations (component, number, name, checksum, down, applied_at)"
		      " VALUES ($1, $2, $3, $4, $5, $6)",
		      NX_PARAMS(NX_TEXT(upgrade->component->name), NX_INT(step->number), NX_TEXT(step->name),
				NX_TEXT(checksum), NX_TEXT(step->down), NX_INT(time(NULL))));
}

static enum nx_status apply_next(struct nx_tx *tx, const struct nx_records *records, void *context,
				 struct nx_error *error)
{
	struct upgrade *upgrade = context;
	enum nx_status status = nx_records_check(records, upgrade->components, upgrade->count, error);
	struct nx_error why = {0};

	if (status != NX_OK || !find_next(upgrade, records))
		return status;
	status = run_script(tx, upgrade->step.up, &why);
	if (status == NX_OK)
		status = record_step(tx, upgrade, &why);
	if (status != NX_OK)
		return nx_fail(error, status, NULL, "migration %u of %s (%s) was not applied: %s",
			       upgrade->step.number, upgrade->component->name, upgrade->step.name,
			       why.message);
	return NX_OK;
}

enum nx_status nx_store_migrate(struct nx_store *store, const struct nx_component *components, size_t count,
				unsigned *applied, struct nx_error *error)
{
	struct upgrade upgrade = {.components = components, .count = count};

	*applied = 0;
	for (size_t i = 0; i < count; i++) {
		enum nx_status status = nx_component_check(&components[i], error);

		if (status != NX_OK)
			return status;
	}
	for (;; (*applied)++) {
		enum nx_status status = work_alone(store, apply_next, &upgrade, error);

		if (status != NX_OK || !upgrade.component)
			return status;
	}
}

/* --- down --- */

static enum nx_status undo_all(struct nx_tx *tx, const struct nx_records *records, void *context,
			       struct nx_error *error)
{
	const char *name = context;
	struct nx_error why = {0};

	if (nx_records_of(records, name) == 0)
		return nx_fail(error, NX_NOT_FOUND, NULL, "the database holds nothing of a plugin %s", name);
	for (size_t i = records->count; i-- > 0;) {
		const struct nx_record *record = &records->rows[i];
		enum nx_status status;

		if (strcmp(record->component, name) != 0)
			continue;
		status = run_script(tx, record->down, &why);
		if (status != NX_OK)
			return nx_fail(error, status, NULL, "%s was not dropped, %s failed: %s", name,
				       record->down, why.message);
	}
	return nx_sql(tx, error, "DELETE FROM schema_migrations WHERE component = $1",
		      NX_PARAMS(NX_TEXT(name)));
}

enum nx_status nx_store_drop_component(struct nx_store *store, const char *name, struct nx_error *error)
{
	NX_AUTO_FREE char *copy = nx_strdup(name);

	if (strcmp(name, nx_core_component.name) == 0)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s is no plugin: to give up everything, remove the database", name);
	return work_alone(store, undo_all, copy, error);
}
