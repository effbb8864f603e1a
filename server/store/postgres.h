/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to PostgreSQL, as the postgres*.c files share it. It stays in
 * libpq's pipeline mode and never blocks in libpq: a server that is frozen costs
 * its patience, and no more.
 */
#ifndef NX_SERVER_STORE_POSTGRES_H
#define NX_SERVER_STORE_POSTGRES_H

#include <libpq-fe.h>

#include "server/store/backend.h"
#include "server/store/statement_cache.h"

struct nx_postgres_statement {
	struct nx_cached head;
	char name[16];
};

/* Something that was sent and whose result has not been read yet. */
struct nx_postgres_pending {
	enum { NX_PENDING_PREPARE, NX_PENDING_EXECUTE, NX_PENDING_SYNC } type;
	struct nx_postgres_statement *statement; /* PREPARE: what to forget when it fails */
};

struct nx_postgres {
	struct nx_connection head;
	PGconn *handle;
	enum nx_use use;
	int patience; /* milliseconds of silence after which the server counts as lost; -1: for ever */
	bool lost;    /* it was silent for too long, or hung up: nothing more is tried */
	struct nx_statement_cache statements;
	unsigned serial; /* of statements' names */
	char tag[16];	 /* "COMMIT", "ROLLBACK", …: the last request that was waited for */
	struct nx_postgres_pending *pending;
	size_t pending_count, pending_room;
};

static inline struct nx_postgres *nx_postgres_of(struct nx_connection *connection)
{
	return (struct nx_postgres *)connection;
}

/* --- postgres_failure.c --- */
/* What a failed result means; fills the error. NULL: the connection itself failed. */
enum nx_outcome nx_postgres_failed(const struct nx_postgres *postgres, const PGresult *result,
				   struct nx_error *error);

/* --- postgres_pipeline.c --- */
void nx_postgres_sent(struct nx_postgres *postgres, const struct nx_postgres_pending *pending);
/* The next result; NULL after the last of a statement, or when the connection is lost. */
PGresult *nx_postgres_result(struct nx_postgres *postgres);
/* Read all that is pending. Rows and figures of the last statement go to `request` (NULL: dropped). */
enum nx_outcome nx_postgres_collect(struct nx_postgres *postgres, const struct nx_request *request,
				    struct nx_error *error);
enum nx_outcome nx_postgres_flush(struct nx_connection *connection, struct nx_error *error);
/* Mark the end of what was sent, so that the server answers it. */
bool nx_postgres_sync(struct nx_postgres *postgres);
enum nx_outcome nx_postgres_script(struct nx_connection *connection, const char *text,
				   struct nx_error *error);

/* --- postgres_statement.c --- */
enum nx_outcome nx_postgres_execute(struct nx_connection *connection, const struct nx_request *request,
				    struct nx_error *error);
/* Hand the rows of a result to the request until it wants no more. */
bool nx_postgres_deliver(const struct nx_request *request, const PGresult *result);
const char *nx_postgres_row_text(const struct nx_row *row, size_t column);
int64_t nx_postgres_row_integer(const struct nx_row *row, size_t column);
bool nx_postgres_row_null(const struct nx_row *row, size_t column);
size_t nx_postgres_row_columns(const struct nx_row *row);

/* --- postgres_claim.c, postgres_rehearsal.c --- */
enum nx_outcome nx_postgres_claim(struct nx_connection *connection, const char *database, uint32_t number,
				  enum nx_claim how, struct nx_error *error);
enum nx_outcome nx_postgres_claimant(struct nx_connection *connection, const char *database, uint32_t number,
				     char who[static NX_CLAIMANT_TEXT], struct nx_error *error);
enum nx_outcome nx_postgres_rehearse(const char *database, struct nx_connection **out,
				     struct nx_error *error);

/* --- postgres_listen.c --- */
enum nx_outcome nx_postgres_listen(struct nx_connection *connection, struct nx_error *error);
enum nx_outcome nx_postgres_await(struct nx_connection *connection, int wake, nx_notice_handler handler,
				  void *context, struct nx_error *error);

#endif
