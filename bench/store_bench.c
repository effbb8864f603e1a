/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable rows per second: an engine by itself, through its own library, beside
 * the same rows through the store's writer with 1, 8 and 64 commands in flight.
 *
 *   nexodus-bench-store [sqlite PATH] [postgresql CONNECTION-STRING]
 *
 * Without arguments: SQLite in a temporary file, and PostgreSQL where PGHOST says
 * there is one. The table bench_rows is made and dropped.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "bench/bench.h"
#include "server/store/migrate.h"

#define RUNS 5
#define SECONDS 1.0

static const struct nx_migration steps[] = {
	{1, "rows",
	 "CREATE TABLE bench_rows (id TEXT PRIMARY KEY, public_key TEXT NOT NULL UNIQUE,"
	 " organization TEXT NOT NULL, revision BIGINT NOT NULL, created_at BIGINT NOT NULL);"
	 "CREATE UNIQUE INDEX bench_rows_revision ON bench_rows (organization, revision);"
	 "CREATE INDEX bench_rows_created ON bench_rows (created_at)",
	 "DROP TABLE bench_rows"},
};
static const struct nx_component component = {"bench", NX_TABLE(steps)};

static const char insert_sql[] = "INSERT INTO bench_rows (id, public_key, organization, revision, created_at)"
				 " VALUES ($1, $2, $3, $4, $5)";

/* --- rows --- */

struct row {
	char id[NX_UUID_TEXT], public_key[NX_HASH_TEXT];
	int64_t revision;
};
static const char organization[] = "01890a5d-ac96-774b-bcce-b302099a8057";
static int64_t last_revision;

static void make_row(struct row *row)
{
	nx_uuid_make(row->id);
	nx_checksum(row->id, strlen(row->id), row->public_key);
	row->revision = ++last_revision;
}

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* --- an engine by itself: `batch` rows in each transaction --- */

struct bare {
	unsigned batch;
	sqlite3 *sqlite;
	sqlite3_stmt *insert;
	PGconn *postgres;
};

static void run_sqlite(struct bare *bare, const char *sql)
{
	if (sqlite3_exec(bare->sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(bare->sqlite));
}

static void insert_sqlite(struct bare *bare, const struct row *row)
{
	sqlite3_bind_text(bare->insert, 1, row->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(bare->insert, 2, row->public_key, -1, SQLITE_STATIC);
	sqlite3_bind_text(bare->insert, 3, organization, -1, SQLITE_STATIC);
	sqlite3_bind_int64(bare->insert, 4, row->revision);
	sqlite3_bind_int64(bare->insert, 5, row->revision);
	if (sqlite3_step(bare->insert) != SQLITE_DONE)
		fail("insert", sqlite3_errmsg(bare->sqlite));
	sqlite3_reset(bare->insert);
}

static void run_postgres(struct bare *bare, const char *sql)
{
	PGresult *result = PQexec(bare->postgres, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail(sql, PQerrorMessage(bare->postgres));
	PQclear(result);
}

static void insert_postgres(struct bare *bare, const struct row *row)
{
	char revision[24];
	const char *values[] = {row->id, row->public_key, organization, revision, revision};
	PGresult *result;

	snprintf(revision, sizeof(revision), "%lld", (long long)row->revision);
	result = PQexecPrepared(bare->postgres, "insert", 5, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail("insert", PQerrorMessage(bare->postgres));
	PQclear(result);
}

static void run_bare(struct bare *bare, const char *sql)
{
	if (bare->sqlite)
		run_sqlite(bare, sql);
	else
		run_postgres(bare, sql);
}

static double measure_bare(void *context)
{
	struct bare *bare = context;
	uint64_t start = bench_nanoseconds(), end = start + (uint64_t)(SECONDS * 1e9), now;
	uint64_t rows = 0;

	do {
		if (bare->batch > 1)
			run_bare(bare, "BEGIN");
		for (unsigned i = 0; i < bare->batch; i++, rows++) {
			struct row row;

			make_row(&row);
			if (bare->sqlite)
				insert_sqlite(bare, &row);
			else
				insert_postgres(bare, &row);
		}
		if (bare->batch > 1)
			run_bare(bare, "COMMIT");
		now = bench_nanoseconds();
	} while (now < end);
	return (double)rows / ((double)(now - start) / 1e9);
}

static void open_bare(struct bare *bare, const struct nx_store_options *options)
{
	PGresult *result;

	if (options->kind == NX_STORE_SQLITE) {
		if (sqlite3_open(options->database, &bare->sqlite) != SQLITE_OK)
			fail(options->database, sqlite3_errmsg(bare->sqlite));
		sqlite3_busy_timeout(bare->sqlite, 5000);
		run_sqlite(bare, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				 "PRAGMA wal_autocheckpoint = 4000");
		if (sqlite3_prepare_v2(bare->sqlite, insert_sql, -1, &bare->insert, NULL) != SQLITE_OK)
			fail("prepare", sqlite3_errmsg(bare->sqlite));
		return;
	}
	bare->postgres = PQconnectdb(options->database);
	if (PQstatus(bare->postgres) != CONNECTION_OK)
		fail("connect", PQerrorMessage(bare->postgres));
	run_postgres(bare, "SET synchronous_commit = on");
	result = PQprepare(bare->postgres, "insert", insert_sql, 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail("prepare", PQerrorMessage(bare->postgres));
	PQclear(result);
}

static void close_bare(struct bare *bare)
{
	sqlite3_finalize(bare->insert);
	sqlite3_close(bare->sqlite);
	PQfinish(bare->postgres);
}

/* --- through the writer: `flight` commands always wait or run --- */

struct command {
	struct nx_command head;
	struct row row;
	struct command *next; /* among those that are done */
};

static struct flight {
	struct nx_store *store;
	unsigned flight;
	sem_t done;
	pthread_mutex_t lock;
	struct command *finished;
} flight;

static enum nx_status insert_row(struct nx_command *command, struct nx_tx *tx, struct nx_error *error)
{
	const struct row *row = &((struct command *)command)->row;

	return nx_sql(tx, error, insert_sql,
		      NX_PARAMS(NX_TEXT(row->id), NX_TEXT(row->public_key), NX_TEXT(organization),
				NX_INT(row->revision), NX_INT(row->revision)));
}

static void finish(struct nx_command *head, enum nx_status status, const struct nx_error *error)
{
	struct command *command = (struct command *)head;

	if (status != NX_OK)
		fail("command", error->message);
	pthread_mutex_lock(&flight.lock);
	command->next = flight.finished;
	flight.finished = command;
	pthread_mutex_unlock(&flight.lock);
	sem_post(&flight.done);
}

static struct command *take_finished(void)
{
	struct command *command;

	while (sem_wait(&flight.done) != 0)
		;
	pthread_mutex_lock(&flight.lock);
	command = flight.finished;
	flight.finished = command->next;
	pthread_mutex_unlock(&flight.lock);
	return command;
}

static double measure_writer(void *context)
{
	NX_AUTO_FREE struct command *commands = nx_alloc_array(flight.flight, sizeof(*commands));
	uint64_t start = bench_nanoseconds(), end = start + (uint64_t)(SECONDS * 1e9), now;
	uint64_t rows = 0;

	(void)context;
	for (unsigned i = 0; i < flight.flight; i++) {
		commands[i].head = (struct nx_command){.run = insert_row, .done = finish};
		make_row(&commands[i].row);
		nx_store_submit(flight.store, &commands[i].head);
	}
	for (now = start; now < end; rows++, now = bench_nanoseconds()) {
		struct command *command = take_finished();

		make_row(&command->row);
		nx_store_submit(flight.store, &command->head);
	}
	for (unsigned i = 0; i < flight.flight; i++, rows++)
		take_finished();
	return (double)rows / ((double)(bench_nanoseconds() - start) / 1e9);
}

/* --- both, side by side --- */

static void compare(const struct nx_store_options *options, struct bare *bare, unsigned width)
{
	double by_itself[RUNS], through[RUNS], figure;
	char what[80];

	bare->batch = flight.flight = width;
	for (unsigned i = 0; i < RUNS; i++) {
		by_itself[i] = bench_median_of(1, measure_bare, bare);
		through[i] = bench_median_of(1, measure_writer, NULL);
	}
	figure = bench_median(by_itself, RUNS);
	snprintf(what, sizeof(what), "%s by itself, %u %s a transaction",
		 options->kind == NX_STORE_SQLITE ? "SQLite" : "PostgreSQL", width,
		 width > 1 ? "rows" : "row");
	bench_print(what, figure, "rows/s", 0);
	snprintf(what, sizeof(what), "through the writer, %u in flight", width);
	bench_print(what, bench_median(through, RUNS), "rows/s", figure);
}

static void measure_store(const struct nx_store_options *options)
{
	static const unsigned widths[] = {1, 8, 64};
	struct nx_error error = {0};
	struct bare bare = {0};
	unsigned applied;

	if (nx_store_open(options, &flight.store, &error) != NX_OK ||
	    nx_store_migrate(flight.store, &component, 1, &applied, &error) != NX_OK ||
	    nx_store_start(flight.store, &error) != NX_OK)
		fail("store", error.message);
	open_bare(&bare, options);
	for (size_t i = 0; i < NX_COUNT(widths); i++)
		compare(options, &bare, widths[i]);
	close_bare(&bare);
	nx_store_stop(flight.store);
	if (nx_store_drop_component(flight.store, component.name, &error) != NX_OK)
		fail("clean-up", error.message);
	nx_store_close(flight.store);
}

static void measure(enum nx_store_kind kind, const char *database)
{
	struct nx_store_options options = {
		.kind = kind, .database = database, .readers = 1, .group_limit = 64, .queue_limit = 4096};

	measure_store(&options);
}

static void remove_files(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < NX_COUNT(suffixes); i++) {
		NX_AUTO_FREE char *name = nx_printf("%s%s", path, suffixes[i]);

		unlink(name);
	}
}

static void measure_defaults(void)
{
	const char *directory = getenv("TMPDIR");
	NX_AUTO_FREE char *path =
		nx_printf("%s/nexodus-bench.%ld.db", directory ? directory : "/tmp", (long)getpid());

	measure(NX_STORE_SQLITE, path);
	remove_files(path);
	if (getenv("PGHOST"))
		measure(NX_STORE_POSTGRESQL, "");
}

int main(int count, char **arguments)
{
	nx_secret_setup();
	nx_log_setup("nexodus-bench-store", NX_LOG_WARNING, NX_LOG_AUTO);
	sem_init(&flight.done, 0, 0);
	pthread_mutex_init(&flight.lock, NULL);
	bench_heading("store: durable rows with four indexes",
		      "groups of at most 64, median of %d runs of %.0f s, ratio to the engine by itself",
		      RUNS, SECONDS);
	if (count == 1)
		measure_defaults();
	for (int i = 1; i + 1 < count; i += 2)
		measure(strcmp(arguments[i], "sqlite") == 0 ? NX_STORE_SQLITE : NX_STORE_POSTGRESQL,
			arguments[i + 1]);
	return EXIT_SUCCESS;
}
