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

/* `work` inside such a transaction, which is committed when it went well. */
enum nx_status nx_store_alone(struct nx_store *store,
			      enum nx_status (*work)(struct nx_tx *tx, void *context, struct nx_error *error),
			      void *context, struct nx_error *error)
{
	struct nx_tx tx = {.connection = nx_writer_connection(store->writer), .mode = NX_TX_CAREFUL};
	enum nx_outcome outcome = begin_alone(tx.connection, error);
	enum nx_status status;

	if (outcome != NX_SQL_OK)
		return nx_outcome_status(outcome);
	status = work(&tx, context, error);
	if (status == NX_OK)
		status = nx_outcome_status(nx_tx_send_notices(&tx, error));
	if (status == NX_OK)
		status = nx_outcome_status(store->backend->flush(tx.connection, error));
	if (status == NX_OK)
		status = nx_outcome_status(store->backend->commit(tx.connection, error));
	if (status != NX_OK)
		store->backend->rollback(tx.connection);
	nx_tx_settle(&tx, status == NX_OK ? NX_TX_COMMITTED : NX_TX_ROLLED_BACK);
	nx_tx_free(&tx);
	return status;
}

/* The records of all steps; the table for them is made when there is none. */
static enum nx_status records_read(struct nx_tx *tx, struct nx_records *records, struct nx_error *error)
{
	enum nx_status status = nx_sql(tx, error,
				       "CREATE TABLE IF NOT EXISTS schema_migrations ("
				       " component TEXT NOT NULL,"
				       " number BIGINT NOT NULL,"
				       " name TEXT NOT NULL,"
				       " checksum TEXT NOT NULL,"
				       " down TEXT NOT NULL,"
				       " applied_at BIGINT NOT NULL,"
				       " PRIMARY KEY (component, number))",
				       NX_NO_PARAMS);

	return status == NX_OK ? nx_records_load(tx, records, error) : status;
}

struct asking {
	const char *component;
	bool recorded;
};

static enum nx_status ask_recorded(struct nx_tx *tx, void *context, struct nx_error *error)
{
	NX_CLEANUP(nx_records_free) struct nx_records records = {0};
	struct asking *asking = context;
	enum nx_status status = records_read(tx, &records, error);

	asking->recorded = nx_records_of(&records, asking->component) > 0;
	return status;
}

enum nx_status nx_store_recorded(struct nx_store *store, const char *component, bool *out,
				 struct nx_error *error)
{
	struct asking asking = {.component = component};
	enum nx_status status = nx_store_alone(store, ask_recorded, &asking, error);

	if (status == NX_OK)
		*out = asking.recorded;
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

static enum nx_status apply_next(struct nx_tx *tx, void *context, struct nx_error *error)
{
	NX_CLEANUP(nx_records_free) struct nx_records records = {0};
	struct upgrade *upgrade = context;
	struct nx_error why = {0};
	enum nx_status status = records_read(tx, &records, error);

	if (status == NX_OK)
		status = nx_records_check(&records, upgrade->components, upgrade->count, error);
	if (status != NX_OK || !find_next(upgrade, &records))
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

static enum nx_status components_check(const struct nx_component *components, size_t count,
				       struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; i < count && status == NX_OK; i++)
		status = nx_component_check(&components[i], error);
	return status;
}

enum nx_status nx_components_apply(struct nx_tx *tx, const struct nx_component *components, size_t count,
				   struct nx_error *error)
{
	struct upgrade upgrade = {.components = components, .count = count};
	enum nx_status status = components_check(components, count, error);

	do {
		if (status == NX_OK)
			status = apply_next(tx, &upgrade, error);
	} while (status == NX_OK && upgrade.component);
	return status;
}

enum nx_status nx_store_migrate(struct nx_store *store, const struct nx_component *components, size_t count,
				unsigned *applied, struct nx_error *error)
{
	struct upgrade upgrade = {.components = components, .count = count};
	enum nx_status status = components_check(components, count, error);

	for (*applied = 0; status == NX_OK; (*applied)++) {
		status = nx_store_alone(store, apply_next, &upgrade, error);
		if (status != NX_OK || !upgrade.component)
			break;
	}
	return status;
}

/* --- down --- */

enum nx_status nx_component_undo(struct nx_tx *tx, const char *name, struct nx_error *error)
{
	NX_CLEANUP(nx_records_free) struct nx_records records = {0};
	struct nx_error why = {0};
	enum nx_status status;

	if (strcmp(name, nx_core_component.name) == 0)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s is no plugin: to give up everything, remove the database", name);
	status = records_read(tx, &records, error);
	if (status != NX_OK)
		return status;
	if (nx_records_of(&records, name) == 0)
		return nx_fail(error, NX_NOT_FOUND, NULL, "the database holds nothing of a plugin %s", name);
	for (size_t i = records.count; i-- > 0;) {
		const struct nx_record *record = &records.rows[i];

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

static enum nx_status undo_all(struct nx_tx *tx, void *name, struct nx_error *error)
{
	return nx_component_undo(tx, name, error);
}

enum nx_status nx_store_drop_component(struct nx_store *store, const char *name, struct nx_error *error)
{
	NX_AUTO_FREE char *copy = nx_strdup(name);

	return nx_store_alone(store, undo_all, copy, error);
}
