/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to SQLite, as sqlite.c and sqlite_statement.c share it. */
#ifndef NX_SERVER_STORE_SQLITE_H
#define NX_SERVER_STORE_SQLITE_H

#include <sqlite3.h>

#include "server/store/backend.h"
#include "server/store/statement_cache.h"

struct nx_sqlite {
	struct nx_connection head;
	sqlite3 *handle;
	enum nx_use use;
	int claims; /* the descriptor that carries its claims; -1: none */
	bool alone; /* it has claimed all, and needs to claim nothing more */
	struct nx_statement_cache statements;
};

static inline struct nx_sqlite *nx_sqlite_of(struct nx_connection *connection)
{
	return (struct nx_sqlite *)connection;
}

/* Open and set up; the file must be there. */
enum nx_outcome nx_sqlite_connect(const char *path, enum nx_use use, struct nx_connection **out,
				  struct nx_error *error);
/* What the connection's last failure, with extended code `code`, means; fills the error. */
enum nx_outcome nx_sqlite_failed(const struct nx_sqlite *sqlite, int code, struct nx_error *error);

enum nx_outcome nx_sqlite_execute(struct nx_connection *connection, const struct nx_request *request,
				  struct nx_error *error);
void nx_sqlite_forget_statements(struct nx_sqlite *sqlite);

/* --- sqlite_claim.c, sqlite_rehearsal.c --- */
enum nx_outcome nx_sqlite_claim(struct nx_connection *connection, const char *database, uint32_t number,
				enum nx_claim how, struct nx_error *error);
enum nx_outcome nx_sqlite_claimant(struct nx_connection *connection, const char *database, uint32_t number,
				   char who[static NX_CLAIMANT_TEXT], struct nx_error *error);
enum nx_outcome nx_sqlite_rehearse(const char *database, struct nx_connection **out, struct nx_error *error);

const char *nx_sqlite_row_text(const struct nx_row *row, size_t column);
int64_t nx_sqlite_row_integer(const struct nx_row *row, size_t column);
bool nx_sqlite_row_null(const struct nx_row *row, size_t column);
size_t nx_sqlite_row_columns(const struct nx_row *row);

#endif
