/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store asks of a database engine, and nothing else about it. There are
 * two: sqlite.c and postgres.c. A connection is used by one thread at a time.
 *
 * Waiting for each answer of a database that is a process away costs more than
 * the work itself, so a request may be deferred: it is sent, and how it ended is
 * told by the next call that waits. SQLite has no distance to bridge, and
 * answers everything at once.
 */
#ifndef NX_SERVER_STORE_BACKEND_H
#define NX_SERVER_STORE_BACKEND_H

#include "server/store/store.h"

/* What became of a request, in the order from well to hopeless. */
enum nx_outcome {
	NX_SQL_OK = 0,
	NX_SQL_UNIQUE, /* a UNIQUE constraint said no: NX_CONFLICT, worth another run */
	NX_SQL_RACE,   /* serialization failure, deadlock: NX_UNAVAILABLE, worth another run */
	NX_SQL_BUSY,   /* somebody holds a lock for longer than we wait: NX_UNAVAILABLE */
	NX_SQL_DISK,   /* disk full or failing, memory or connections used up: NX_UNAVAILABLE */
	NX_SQL_LOST,   /* the connection is of no use any more: NX_UNAVAILABLE */
	NX_SQL_WRONG,  /* everything else is our own fault: NX_INTERNAL */
};
enum nx_status nx_outcome_status(enum nx_outcome outcome);

enum nx_use {
	NX_USE_READ,   /* nx_store_read() */
	NX_USE_WRITE,  /* the writer, and migrations before there is one */
	NX_USE_LISTEN, /* notifications alone */
};

enum nx_begin {
	NX_BEGIN_READ,	  /* one consistent view; nothing may be written */
	NX_BEGIN_WRITE,	  /* alone among all writers of the database; locks are waited for 5 s */
	NX_BEGIN_HURRY,	  /* the same; locks are waited for a moment only, where engines have any */
	NX_BEGIN_MIGRATE, /* the same; statements may take as long as they like */
};

enum nx_claim {
	NX_CLAIM_SHARED, /* with others who share it; waits for a moment */
	NX_CLAIM_ALONE,
	NX_CLAIM_YIELD, /* was alone, and lets others share it from now on */
};

struct nx_request {
	const char *sql;
	const struct nx_value *params;
	size_t count;
	bool deferrable; /* nobody looks at rows, counts or failure yet */
	bool stream;	 /* many rows may come: do not hold them all in memory */
	bool (*each)(void *context, const struct nx_row *row); /* NULL: rows are dropped */
	void *context;
	int64_t *changed; /* NULL: not asked; else set on NX_SQL_OK */
};

/* Called for each notification; `from` identifies the connection that sent it. */
typedef void (*nx_notice_handler)(void *context, int from, const char *payload);

struct nx_backend;

/* The head of every engine's connection, and of every engine's row. */
struct nx_connection {
	const struct nx_backend *backend;
};
struct nx_row {
	const struct nx_backend *backend;
};

/* Functions fill `error` unless they answer NX_SQL_OK. */
struct nx_backend {
	enum nx_store_kind kind;
	/* A quick look at the database that answers an integer. */
	const char *glance;
	/* A statement that writes something that nobody will miss: does the disk take it? */
	const char *probe;
	/* Tells other servers its parameter on commit; NULL: there can be no other servers. */
	const char *notify;
	/* SELECTs every (table, column) that there is, in order. */
	const char *columns;

	enum nx_outcome (*open)(const char *database, enum nx_use use, struct nx_connection **out,
				struct nx_error *error);
	void (*close)(struct nx_connection *connection); /* rolls back; NULL is fine */
	/* Without asking the database: has it hung up since the last call? */
	bool (*alive)(struct nx_connection *connection);
	/* Which connection of the database this is; see nx_notice_handler. */
	int (*identity)(const struct nx_connection *connection);

	enum nx_outcome (*begin)(struct nx_connection *connection, enum nx_begin how, struct nx_error *error);
	enum nx_outcome (*execute)(struct nx_connection *connection, const struct nx_request *request,
				   struct nx_error *error);
	/* Wait for what was deferred; the first failure is told. */
	enum nx_outcome (*flush)(struct nx_connection *connection, struct nx_error *error);
	/* After a flush. NX_SQL_LOST: nobody knows; any other failure: rolled back or still open. */
	enum nx_outcome (*commit)(struct nx_connection *connection, struct nx_error *error);
	/* False: the connection is lost. */
	bool (*rollback)(struct nx_connection *connection);
	/* End a transaction that only read, without waiting. */
	void (*release)(struct nx_connection *connection);
	/* After a failure: does the transaction still stand (so that a savepoint helps)? */
	bool (*in_transaction)(const struct nx_connection *connection);
	/* Several statements in one text, inside a transaction. */
	enum nx_outcome (*script)(struct nx_connection *connection, const char *text, struct nx_error *error);

	/* Claim a component by its number until the connection is closed. NX_SQL_BUSY: others are in the
	 * way. */
	enum nx_outcome (*claim)(struct nx_connection *connection, const char *database, uint32_t number,
				 enum nx_claim how, struct nx_error *error);
	/* Who is in the way of one who wants to be alone, for a message; "" when nobody is. */
	enum nx_outcome (*claimant)(struct nx_connection *connection, const char *database, uint32_t number,
				    char who[static NX_CLAIMANT_TEXT], struct nx_error *error);
	/* A connection to a private copy of the tables, in a transaction that is never to be committed.
	 * NX_NOT_FOUND in `error`: there is no database. */
	enum nx_outcome (*rehearse)(const char *database, struct nx_connection **out, struct nx_error *error);

	/* Notifications; NULL where `notify` is. `listen` once, then `await` again and again: it
	 * returns NX_SQL_OK when `wake` becomes readable or notifications were handed over. */
	enum nx_outcome (*listen)(struct nx_connection *connection, struct nx_error *error);
	enum nx_outcome (*await)(struct nx_connection *connection, int wake, nx_notice_handler handler,
				 void *context, struct nx_error *error);

	const char *(*row_text)(const struct nx_row *row, size_t column);
	int64_t (*row_integer)(const struct nx_row *row, size_t column);
	bool (*row_null)(const struct nx_row *row, size_t column);
	size_t (*row_columns)(const struct nx_row *row);
};

extern const struct nx_backend nx_sqlite_backend;
extern const struct nx_backend nx_postgres_backend;

/* A request without parameters or rows. */
enum nx_outcome nx_execute(struct nx_connection *connection, const char *sql, bool deferrable,
			   struct nx_error *error);

#endif
