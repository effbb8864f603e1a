/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of PostgreSQL: prepared once by name, parameters and rows as text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "server/store/postgres.h"

/* From the server's catalog, which never renumbers them. */
#define TYPE_BOOLEAN 16
#define TYPE_BIGINT 20
#define TYPE_FROM_CONTEXT 0

#define PARAMETER_LIMIT 128
/* Deferred statements whose small answers are left unread at most. */
#define PENDING_LIMIT 512

struct postgres_row {
	struct nx_row head;
	const PGresult *result;
	int index;
};

struct arguments {
	const char *values[PARAMETER_LIMIT];
	char numbers[PARAMETER_LIMIT][24];
};

static const struct postgres_row *row_of(const struct nx_row *row)
{
	return (const struct postgres_row *)row;
}

const char *nx_postgres_row_text(const struct nx_row *row, size_t column)
{
	const struct postgres_row *at = row_of(row);
	const char *text = PQgetvalue(at->result, at->index, (int)column);

	if (PQftype(at->result, (int)column) == TYPE_BOOLEAN && text[0])
		return text[0] == 't' ? "1" : "0";
	return text;
}

int64_t nx_postgres_row_integer(const struct nx_row *row, size_t column)
{
	return strtoll(nx_postgres_row_text(row, column), NULL, 10);
}

bool nx_postgres_row_null(const struct nx_row *row, size_t column)
{
	return PQgetisnull(row_of(row)->result, row_of(row)->index, (int)column);
}

size_t nx_postgres_row_columns(const struct nx_row *row)
{
	return (size_t)PQnfields(row_of(row)->result);
}

bool nx_postgres_deliver(const struct nx_request *request, const PGresult *result)
{
	struct postgres_row row = {.head.backend = &nx_postgres_backend, .result = result};

	for (; row.index < PQntuples(result); row.index++) {
		if (!request->each(request->context, &row.head))
			return false;
	}
	return true;
}

/* After an eviction of all, texts that are in use come back at their next use. */
static enum nx_outcome make_room(struct nx_postgres *postgres, struct nx_error *error)
{
	enum nx_outcome outcome;

	if (!nx_cache_full(&postgres->statements))
		return NX_SQL_OK;
	outcome = nx_postgres_script(&postgres->head, "DEALLOCATE ALL", error);
	if (outcome == NX_SQL_OK)
		nx_cache_clear(&postgres->statements, NULL);
	return outcome;
}

/* Integers say that they are, so that no context makes them 32 bits wide; text fits its context. */
static enum nx_outcome prepare(struct nx_postgres *postgres, const struct nx_request *request,
			       struct nx_postgres_statement **out, struct nx_error *error)
{
	struct nx_postgres_pending pending = {.type = NX_PENDING_PREPARE};
	enum nx_outcome outcome = make_room(postgres, error);
	Oid types[PARAMETER_LIMIT];

	if (outcome != NX_SQL_OK)
		return outcome;
	for (size_t i = 0; i < request->count; i++)
		types[i] = request->params[i].type == NX_VALUE_INTEGER ? TYPE_BIGINT : TYPE_FROM_CONTEXT;
	*out = pending.statement = nx_alloc(sizeof(**out));
	snprintf(pending.statement->name, sizeof(pending.statement->name), "nx%u", postgres->serial++);
	nx_cache_add(&postgres->statements, &pending.statement->head, request->sql);
	if (!PQsendPrepare(postgres->handle, pending.statement->name, request->sql, (int)request->count,
			   types)) {
		nx_cache_remove(&postgres->statements, &pending.statement->head);
		return nx_postgres_failed(postgres, NULL, error);
	}
	nx_postgres_sent(postgres, &pending);
	return NX_SQL_OK;
}

static void fill_arguments(const struct nx_request *request, struct arguments *arguments)
{
	for (size_t i = 0; i < request->count; i++) {
		const struct nx_value *value = &request->params[i];

		arguments->values[i] = value->type == NX_VALUE_TEXT ? value->text : NULL;
		if (value->type != NX_VALUE_INTEGER)
			continue;
		snprintf(arguments->numbers[i], sizeof(arguments->numbers[i]), "%" PRId64, value->integer);
		arguments->values[i] = arguments->numbers[i];
	}
}

static enum nx_outcome send_request(struct nx_postgres *postgres, const struct nx_request *request,
				    struct nx_error *error)
{
	struct nx_postgres_pending pending = {.type = NX_PENDING_EXECUTE};
	struct nx_postgres_statement *statement =
		(struct nx_postgres_statement *)nx_cache_find(&postgres->statements, request->sql);
	struct arguments arguments;

	if (request->count > PARAMETER_LIMIT) {
		nx_fail(error, NX_INTERNAL, NULL, "more than %d parameters: %s", PARAMETER_LIMIT,
			request->sql);
		return NX_SQL_WRONG;
	}
	if (!statement) {
		enum nx_outcome outcome = prepare(postgres, request, &statement, error);

		if (outcome != NX_SQL_OK)
			return outcome;
	}
	fill_arguments(request, &arguments);
	if (!PQsendQueryPrepared(postgres->handle, statement->name, (int)request->count, arguments.values,
				 NULL, NULL, 0))
		return nx_postgres_failed(postgres, NULL, error);
	nx_postgres_sent(postgres, &pending);
	return NX_SQL_OK;
}

enum nx_outcome nx_postgres_execute(struct nx_connection *connection, const struct nx_request *request,
				    struct nx_error *error)
{
	struct nx_postgres *postgres = nx_postgres_of(connection);
	enum nx_outcome outcome;

	if (postgres->lost)
		return nx_postgres_failed(postgres, NULL, error);
	outcome = send_request(postgres, request, error);
	if (outcome != NX_SQL_OK)
		return outcome;
	if (request->deferrable)
		return postgres->pending_count < PENDING_LIMIT ? NX_SQL_OK
							       : nx_postgres_flush(connection, error);
	if (!nx_postgres_sync(postgres))
		return nx_postgres_failed(postgres, NULL, error);
	return nx_postgres_collect(postgres, request, error);
}
