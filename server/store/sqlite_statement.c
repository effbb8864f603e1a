/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of SQLite: prepared once, bound by the number in the name of "$n". */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "server/store/sqlite.h"

struct sqlite_statement {
	struct nx_cached head;
	sqlite3_stmt *handle;
};

struct sqlite_row {
	struct nx_row head;
	sqlite3_stmt *handle;
};

static sqlite3_stmt *handle_of(const struct nx_row *row)
{
	return ((const struct sqlite_row *)row)->handle;
}

const char *nx_sqlite_row_text(const struct nx_row *row, size_t column)
{
	const unsigned char *text = sqlite3_column_text(handle_of(row), (int)column);

	return text ? (const char *)text : "";
}

int64_t nx_sqlite_row_integer(const struct nx_row *row, size_t column)
{
	return sqlite3_column_int64(handle_of(row), (int)column);
}

bool nx_sqlite_row_null(const struct nx_row *row, size_t column)
{
	return sqlite3_column_type(handle_of(row), (int)column) == SQLITE_NULL;
}

size_t nx_sqlite_row_columns(const struct nx_row *row)
{
	return (size_t)sqlite3_column_count(handle_of(row));
}

static void finalize(struct nx_cached *entry)
{
	sqlite3_finalize(((struct sqlite_statement *)entry)->handle);
}

void nx_sqlite_forget_statements(struct nx_sqlite *sqlite)
{
	nx_cache_clear(&sqlite->statements, finalize);
}

static enum nx_outcome prepare(struct nx_sqlite *sqlite, const char *sql, sqlite3_stmt **out,
			       struct nx_error *error)
{
	struct sqlite_statement *statement;
	sqlite3_stmt *handle;
	const char *rest;
	int code = sqlite3_prepare_v3(sqlite->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, &rest);

	if (code != SQLITE_OK)
		return nx_sqlite_failed(sqlite, code, error);
	if (rest[strspn(rest, " \t\n;")] != '\0') {
		sqlite3_finalize(handle);
		nx_fail(error, NX_INTERNAL, NULL, "more than one statement: %s", sql);
		return NX_SQL_WRONG;
	}
	if (nx_cache_full(&sqlite->statements))
		nx_sqlite_forget_statements(sqlite);
	statement = nx_alloc(sizeof(*statement));
	statement->handle = handle;
	nx_cache_add(&sqlite->statements, &statement->head, sql);
	*out = handle;
	return NX_SQL_OK;
}

static enum nx_outcome find_statement(struct nx_sqlite *sqlite, const char *sql, sqlite3_stmt **out,
				      struct nx_error *error)
{
	struct nx_cached *entry = nx_cache_find(&sqlite->statements, sql);

	if (!entry)
		return prepare(sqlite, sql, out, error);
	*out = ((struct sqlite_statement *)entry)->handle;
	return NX_SQL_OK;
}

static int bind_value(sqlite3_stmt *handle, int index, const struct nx_value *value)
{
	switch (value->type) {
	case NX_VALUE_INTEGER:
		return sqlite3_bind_int64(handle, index, value->integer);
	case NX_VALUE_TEXT:
		return sqlite3_bind_text(handle, index, value->text, -1, SQLITE_STATIC);
	case NX_VALUE_NULL:
		break;
	}
	return sqlite3_bind_null(handle, index);
}

/* SQLite numbers "$n" by first use, so it is the name that says which parameter is meant. */
static enum nx_outcome bind_all(struct nx_sqlite *sqlite, sqlite3_stmt *handle,
				const struct nx_request *request, struct nx_error *error)
{
	int count = sqlite3_bind_parameter_count(handle);

	for (int i = 1; i <= count; i++) {
		const char *name = sqlite3_bind_parameter_name(handle, i);
		unsigned long number = name ? strtoul(name + 1, NULL, 10) : 0;
		int code;

		if (number < 1 || number > request->count) {
			nx_fail(error, NX_INTERNAL, NULL, "no parameter %s for: %s", name ? name : "?",
				request->sql);
			return NX_SQL_WRONG;
		}
		code = bind_value(handle, i, &request->params[number - 1]);
		if (code != SQLITE_OK)
			return nx_sqlite_failed(sqlite, code, error);
	}
	return NX_SQL_OK;
}

static int step_all(sqlite3_stmt *handle, const struct nx_request *request)
{
	struct sqlite_row row = {.head.backend = &nx_sqlite_backend, .handle = handle};
	bool wanted = request->each != NULL;
	int code;

	while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
		if (wanted)
			wanted = request->each(request->context, &row.head);
		/* Whoever writes goes to the end, so that all its effects are there. */
		if (!wanted && sqlite3_stmt_readonly(handle))
			return SQLITE_DONE;
	}
	return code;
}

enum nx_outcome nx_sqlite_execute(struct nx_connection *connection, const struct nx_request *request,
				  struct nx_error *error)
{
	struct nx_sqlite *sqlite = nx_sqlite_of(connection);
	sqlite3_stmt *handle = NULL;
	enum nx_outcome outcome = find_statement(sqlite, request->sql, &handle, error);
	int code;

	if (outcome != NX_SQL_OK)
		return outcome;
	outcome = bind_all(sqlite, handle, request, error);
	if (outcome != NX_SQL_OK)
		return outcome;
	code = step_all(handle, request);
	if (code != SQLITE_DONE)
		outcome = nx_sqlite_failed(sqlite, sqlite3_extended_errcode(sqlite->handle), error);
	else if (request->changed)
		*request->changed = sqlite3_stmt_readonly(handle) ? 0 : sqlite3_changes64(sqlite->handle);
	/* The parameters are the caller's and end with the call. */
	sqlite3_reset(handle);
	sqlite3_clear_bindings(handle);
	return outcome;
}
