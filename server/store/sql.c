/* SPDX-License-Identifier: Apache-2.0 */
/* nx_sql() and its kin: one request each, whose first failure closes the transaction. */
#include <string.h>
#include <strings.h>

#include "server/store/tx.h"

enum nx_status nx_outcome_status(enum nx_outcome outcome)
{
	switch (outcome) {
	case NX_SQL_OK:
		return NX_OK;
	case NX_SQL_UNIQUE:
		return NX_CONFLICT;
	case NX_SQL_RACE:
	case NX_SQL_BUSY:
	case NX_SQL_DISK:
	case NX_SQL_LOST:
		return NX_UNAVAILABLE;
	case NX_SQL_WRONG:
		break;
	}
	return NX_INTERNAL;
}

enum nx_outcome nx_execute(struct nx_connection *connection, const char *sql, bool deferrable,
			   struct nx_error *error)
{
	struct nx_request request = {.sql = sql, .deferrable = deferrable};

	return connection->backend->execute(connection, &request, error);
}

static bool only_reads(const char *sql)
{
	sql += strspn(sql, " \t\n(");
	return strncasecmp(sql, "SELECT", strlen("SELECT")) == 0;
}

static enum nx_status run_request(struct nx_tx *tx, const struct nx_request *request, struct nx_error *error)
{
	if (tx->outcome == NX_SQL_OK) {
		if (!only_reads(request->sql))
			tx->written = true;
		tx->outcome = tx->connection->backend->execute(tx->connection, request, &tx->failure);
	}
	if (tx->outcome == NX_SQL_OK)
		return NX_OK;
	/* It may be an earlier statement that failed, even of another command. */
	if (tx->mode == NX_TX_HASTY)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "to be run once more: %s", tx->failure.message);
	if (error)
		*error = tx->failure;
	return tx->failure.status;
}

enum nx_status nx_sql(struct nx_tx *tx, struct nx_error *error, const char *sql,
		      const struct nx_value *params, size_t count)
{
	struct nx_request request = {
		.sql = sql, .params = params, .count = count, .deferrable = tx->mode == NX_TX_HASTY};

	return run_request(tx, &request, error);
}

enum nx_status nx_sql_changed(struct nx_tx *tx, struct nx_error *error, const char *sql,
			      const struct nx_value *params, size_t count, int64_t *changed)
{
	struct nx_request request = {.sql = sql, .params = params, .count = count};

	request.changed = changed;
	return run_request(tx, &request, error);
}

enum nx_status nx_sql_each(struct nx_tx *tx, struct nx_error *error, const char *sql,
			   const struct nx_value *params, size_t count,
			   bool (*each)(void *context, const struct nx_row *row), void *context)
{
	struct nx_request request = {.sql = sql,
				     .params = params,
				     .count = count,
				     .stream = true,
				     .each = each,
				     .context = context};

	return run_request(tx, &request, error);
}

/* The first row goes on, the others do not. */
struct first_row {
	bool (*each)(void *context, const struct nx_row *row);
	void *context;
	bool seen;
};

static bool take_first(void *context, const struct nx_row *row)
{
	struct first_row *first = context;

	first->seen = true;
	first->each(first->context, row);
	return false;
}

enum nx_status nx_sql_one(struct nx_tx *tx, struct nx_error *error, const char *sql,
			  const struct nx_value *params, size_t count,
			  bool (*each)(void *context, const struct nx_row *row), void *context)
{
	struct first_row first = {.each = each, .context = context};
	struct nx_request request = {
		.sql = sql, .params = params, .count = count, .each = take_first, .context = &first};
	enum nx_status status = run_request(tx, &request, error);

	if (status != NX_OK)
		return status;
	return first.seen ? NX_OK : NX_NOT_FOUND;
}

static bool take_integer(void *context, const struct nx_row *row)
{
	*(int64_t *)context = nx_row_integer(row, 0);
	return false;
}

enum nx_status nx_sql_integer(struct nx_tx *tx, struct nx_error *error, const char *sql,
			      const struct nx_value *params, size_t count, int64_t *out)
{
	return nx_sql_one(tx, error, sql, params, count, take_integer, out);
}

const char *nx_row_text(const struct nx_row *row, size_t column)
{
	return row->backend->row_text(row, column);
}

int64_t nx_row_integer(const struct nx_row *row, size_t column)
{
	return row->backend->row_integer(row, column);
}

bool nx_row_null(const struct nx_row *row, size_t column)
{
	return row->backend->row_null(row, column);
}

size_t nx_row_columns(const struct nx_row *row)
{
	return row->backend->row_columns(row);
}
