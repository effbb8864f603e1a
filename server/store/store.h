/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: SQL with one text for SQLite and PostgreSQL, grouped writes, and
 * reads on connections of their own.
 *
 * SQL is written with $1 … $n, each used in that order first, and with BIGINT
 * and TEXT as the only column types, so that one text serves both. A statement
 * is prepared once per connection and found again by its text. Text sorts by
 * bytes with COLLATE "C" on both; without it, PostgreSQL asks its locale.
 *
 * Threads: commands run on the store's one writer thread, reads on the calling
 * thread. Everything else here may be called on any thread.
 */
#ifndef NX_SERVER_STORE_H
#define NX_SERVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct nx_store;
struct nx_tx;  /* a transaction under way: valid inside the callback that got it */
struct nx_row; /* a row under the cursor: valid inside its callback */

enum nx_store_kind { NX_STORE_SQLITE = 1, NX_STORE_POSTGRESQL = 2 };

struct nx_store_options {
	enum nx_store_kind kind;
	const char *database; /* SQLite: a path; PostgreSQL: a libpq connection string */
	unsigned readers;     /* connections for reading */
	unsigned group_limit; /* commands committed together at most */
	unsigned queue_limit; /* commands waiting at most; one more is NX_UNAVAILABLE */
	/* Called on the store's threads when another server changed something: the
	 * payload of its nx_tx_notify(). An empty payload: the connection was lost for a
	 * while and anything may have changed. NULL: none. */
	void (*notified)(void *context, const char *payload);
	void *notified_context;
};

/* Opens and checks, starts no thread yet. NX_UNAVAILABLE when the database is out of reach. */
enum nx_status nx_store_open(const struct nx_store_options *options, struct nx_store **out,
			     struct nx_error *error);
/* Starts writer (and listener). After migrations. */
enum nx_status nx_store_start(struct nx_store *store, struct nx_error *error);
/* Commits what is queued, refuses what comes later with NX_UNAVAILABLE, joins the threads. */
void nx_store_stop(struct nx_store *store);
void nx_store_close(struct nx_store *store); /* NULL is fine */
/* Can it be read and written now? For /ready; costs a short query at most once a second. */
bool nx_store_usable(struct nx_store *store, struct nx_error *error);

struct nx_store_figures {
	uint64_t commits, commands, failures, retries, reconnects;
	unsigned queued;
};
void nx_store_figures(struct nx_store *store, struct nx_store_figures *out);

/* --- who works on the database ------------------------------------------------ */

/*
 * This server works with a component of the schema (migrate.h) until it closes the store; other servers
 * may as well. Between nx_store_open() and nx_store_start(). NX_UNAVAILABLE while somebody takes the
 * component away or brings it. When the connection is lost and found again, and the component is gone,
 * the store takes no more changes, and says why.
 */
enum nx_status nx_store_claim(struct nx_store *store, const char *component, struct nx_error *error);
/* No server works with it, nor will one until the store is closed. NX_CONFLICT: a server does; which. On
 * SQLite, whose servers cannot learn of what other processes write, no server at all may be running. */
enum nx_status nx_store_claim_alone(struct nx_store *store, const char *component, struct nx_error *error);
/* Let others share it from now on. After nx_store_start(). */
enum nx_status nx_store_claim_yield(struct nx_store *store, const char *component, struct nx_error *error);
#define NX_CLAIMANT_TEXT 96
/* Who is in the way of nx_store_claim_alone() on this database now; "" when nobody is. Writes nothing. */
enum nx_status nx_claimant(struct nx_tx *tx, const char *database, const char *component,
			   char who[static NX_CLAIMANT_TEXT], struct nx_error *error);

/* --- SQL ------------------------------------------------------------------ */

/* A parameter. Text is borrowed for the call. */
struct nx_value {
	enum { NX_VALUE_NULL, NX_VALUE_INTEGER, NX_VALUE_TEXT } type;
	int64_t integer;
	const char *text;
};
#define NX_NULL ((struct nx_value){.type = NX_VALUE_NULL})
#define NX_INT(value) ((struct nx_value){.type = NX_VALUE_INTEGER, .integer = (value)})
/* NULL text is SQL NULL. */
#define NX_TEXT(value) nx_value_text(value)
static inline struct nx_value nx_value_text(const char *text)
{
	return (struct nx_value){.type = text ? NX_VALUE_TEXT : NX_VALUE_NULL, .text = text};
}
/* nx_sql(tx, error, "UPDATE … $1 … $2", NX_PARAMS(NX_TEXT(id), NX_INT(3))) */
#define NX_PARAMS(...)                                                                                       \
	((const struct nx_value[]){__VA_ARGS__}),                                                            \
		(sizeof((const struct nx_value[]){__VA_ARGS__}) / sizeof(struct nx_value))
#define NX_NO_PARAMS NULL, 0

/*
 * Run one statement. A violated UNIQUE constraint is NX_CONFLICT; a lost
 * connection, a busy or full database is NX_UNAVAILABLE; anything else
 * NX_INTERNAL. After a failure inside a command the command must end with that
 * status. nx_sql() may answer before the database does; then a failure is
 * NX_UNAVAILABLE to a later call, or ends the command after its return, and the
 * command is run again with answers at once. So NX_CONFLICT is always the answer to
 * the statement that met it.
 */
enum nx_status nx_sql(struct nx_tx *tx, struct nx_error *error, const char *sql,
		      const struct nx_value *params, size_t count);
/* The same, and how many rows were changed. */
enum nx_status nx_sql_changed(struct nx_tx *tx, struct nx_error *error, const char *sql,
			      const struct nx_value *params, size_t count, int64_t *changed);
/* Every row to `each` until it answers false. `each` must not run SQL on this tx. */
enum nx_status nx_sql_each(struct nx_tx *tx, struct nx_error *error, const char *sql,
			   const struct nx_value *params, size_t count,
			   bool (*each)(void *context, const struct nx_row *row), void *context);
/* One row or none: NX_NOT_FOUND when there is none (error untouched). */
enum nx_status nx_sql_one(struct nx_tx *tx, struct nx_error *error, const char *sql,
			  const struct nx_value *params, size_t count,
			  bool (*each)(void *context, const struct nx_row *row), void *context);
/* A single integer of a single row. */
enum nx_status nx_sql_integer(struct nx_tx *tx, struct nx_error *error, const char *sql,
			      const struct nx_value *params, size_t count, int64_t *out);

/* Columns count from 0. Text is "" for NULL; valid inside the callback. */
const char *nx_row_text(const struct nx_row *row, size_t column);
int64_t nx_row_integer(const struct nx_row *row, size_t column);
bool nx_row_null(const struct nx_row *row, size_t column);
size_t nx_row_columns(const struct nx_row *row);

/* --- reading ---------------------------------------------------------------- */

/* Run `work` in a read-only transaction on a free reader (waits for one, at most 5 s). */
enum nx_status nx_store_read(struct nx_store *store,
			     enum nx_status (*work)(struct nx_tx *tx, void *context, struct nx_error *error),
			     void *context, struct nx_error *error);

/* --- writing ---------------------------------------------------------------- */

/*
 * A command: one unit of change. Commands that wait together are committed
 * together, each inside a savepoint of its own, so that the failure of one is
 * not that of its neighbours. `run` may be called again after a lost race
 * (NX_CONFLICT from the table, a serialization failure): it must start from
 * nothing each time. `done` is called exactly once, on the writer thread, after
 * the commit (status NX_OK) or when it failed; it must be quick and must not
 * write to the store. The memory is the caller's; free it in `done` at the earliest.
 */
struct nx_command {
	enum nx_status (*run)(struct nx_command *command, struct nx_tx *tx, struct nx_error *error);
	void (*done)(struct nx_command *command, enum nx_status status, const struct nx_error *error);
	struct nx_command *next; /* the store's */
};

/* Never blocks. When the queue is full or the store stopped, `done` is called at once. */
void nx_store_submit(struct nx_store *store, struct nx_command *command);
/* Submit and wait (start-up, tests). `done` is replaced. */
enum nx_status nx_store_write(struct nx_store *store, struct nx_command *command, struct nx_error *error);

/* How a transaction, or the savepoint of a command, ended. */
enum nx_tx_end {
	NX_TX_COMMITTED = 1,
	NX_TX_ROLLED_BACK = 2,
	NX_TX_UNKNOWN = 3, /* the connection was lost during COMMIT */
};
/* Call `hook` when it is known how this command's work ended: committed ones in order of
 * registration, rolled back ones in reverse. Before `done`. Writer thread. */
void nx_tx_at_end(struct nx_tx *tx, void (*hook)(void *context, enum nx_tx_end end), void *context);
/* Tell other servers on the same database, on commit (PostgreSQL NOTIFY; nothing on SQLite).
 * The payload's first word is its subject: of all that is told of a subject in one commit,
 * only the last goes out. */
enum nx_status nx_tx_notify(struct nx_tx *tx, const char *payload, struct nx_error *error);
enum nx_store_kind nx_tx_kind(const struct nx_tx *tx);

#endif
