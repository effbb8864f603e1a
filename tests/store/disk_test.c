/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's file: who may read it, and what happens when it cannot grow. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

static unsigned mode_of(const char *suffix)
{
	NX_AUTO_FREE char *path = nx_printf("%s%s", fixture.database, suffix);
	struct stat status;

	return stat(path, &status) == 0 ? status.st_mode & 0777 : 0;
}

static void test_modes(void)
{
	mode_t before;

	for (unsigned mask = 0; mask <= 0777 && fixture.kind == NX_STORE_SQLITE; mask += 0777) {
		struct nx_store *store;

		database_empty();
		before = umask(mask);
		store = store_start();
		umask(before);
		CU_ASSERT_EQUAL(do_sql(store, "INSERT INTO items (id) VALUES ('x')", NULL), NX_OK);
		CU_ASSERT_EQUAL(mode_of(""), 0600);
		CU_ASSERT_EQUAL(mode_of("-wal"), 0600);
		CU_ASSERT_EQUAL(mode_of("-shm"), 0600);
		nx_store_close(store);
	}
}

static void test_settings(void)
{
	struct nx_store *store = store_start();

	if (fixture.kind == NX_STORE_SQLITE) {
		CU_ASSERT_EQUAL(read_integer(store, "PRAGMA synchronous"), 2);
		CU_ASSERT_EQUAL(read_integer(store, "PRAGMA foreign_keys"), 1);
		CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM pragma_journal_mode"
						 " WHERE journal_mode = 'wal'"),
				1);
	}
	nx_store_close(store);
}

static enum nx_status work_fill(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	NX_AUTO_FREE char *word = nx_alloc(20001);

	memset(word, 'w', 20000);
	return nx_sql(tx, error, "INSERT INTO items (id, word) VALUES ($1, $2)",
		      NX_PARAMS(NX_TEXT(job->text), NX_TEXT(word)));
}

static bool is_usable(struct nx_store *store)
{
	return nx_store_usable(store, NULL);
}

/* Fill until it fails; how many went in. */
static int fill(struct nx_store *store, const char *message)
{
	char name[16];
	int count;

	for (count = 0; count < 1000; count++) {
		struct job job = {.work = work_fill, .text = name};

		snprintf(name, sizeof(name), "f%d", count);
		if (job_do(store, &job) == NX_OK)
			continue;
		CU_ASSERT_EQUAL(job.status, NX_UNAVAILABLE);
		CU_ASSERT_PTR_NOT_NULL(strstr(job.error.message, message));
		break;
	}
	return count;
}

static void recover(struct nx_store *store, int filled)
{
	struct job after = {.work = work_insert, .text = "after", .number = 1};

	CU_ASSERT_TRUE(WAIT_FOR(5, is_usable(store)));
	CU_ASSERT_EQUAL(job_do(store, &after), NX_OK);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), filled + 1);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM pragma_integrity_check"
					 " WHERE integrity_check = 'ok'"),
			1);
}

static void test_full(void)
{
	struct nx_store *store = store_start();
	int filled;

	if (fixture.kind == NX_STORE_SQLITE) {
		CU_ASSERT_EQUAL(do_sql(store, "PRAGMA max_page_count = 100", NULL), NX_OK);
		filled = fill(store, "full");
		CU_ASSERT_TRUE(filled > 5 && filled < 100);
		CU_ASSERT_FALSE(is_usable(store));
		CU_ASSERT_EQUAL(do_sql(store, "PRAGMA max_page_count = 100000", NULL), NX_OK);
		recover(store, filled);
	}
	nx_store_close(store);
}

/* One command too big for what is left: its small neighbours go in. */
static void test_full_for_one(void)
{
	struct nx_store *store = store_start();
	struct job small = {.work = work_insert, .text = "small", .number = 1};
	struct job big = {.work = work_fill, .text = "big"};
	struct job other = {.work = work_insert, .text = "other", .number = 2};
	struct gate gate;

	if (fixture.kind == NX_STORE_SQLITE) {
		CU_ASSERT_EQUAL(do_sql(store, "PRAGMA max_page_count = 7", NULL), NX_OK);
		gate_close(store, &gate);
		job_submit(store, &small);
		job_submit(store, &big);
		job_submit(store, &other);
		gate_open(&gate);
		job_wait(&small);
		job_wait(&other);
		CU_ASSERT_EQUAL(job_wait(&big), NX_UNAVAILABLE);
		/* SQLite may take the whole transaction back; what it says must be so. */
		CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"),
				(small.status == NX_OK) + (other.status == NX_OK));
		CU_ASSERT_TRUE((small.status == NX_OK || small.status == NX_UNAVAILABLE) &&
			       (other.status == NX_OK || other.status == NX_UNAVAILABLE));
	}
	nx_store_close(store);
}

/* The kernel refuses to write: SQLite gets an I/O error, wherever it happens to be. */
static void test_io_error(void)
{
	struct nx_store *store = store_start();
	struct rlimit before, small;
	int filled;

	if (fixture.kind == NX_STORE_SQLITE) {
		signal(SIGXFSZ, SIG_IGN);
		getrlimit(RLIMIT_FSIZE, &before);
		small = (struct rlimit){.rlim_cur = 300000, .rlim_max = before.rlim_max};
		setrlimit(RLIMIT_FSIZE, &small);
		filled = fill(store, "disk");
		CU_ASSERT_TRUE(filled > 3 && filled < 100);
		CU_ASSERT_FALSE(is_usable(store));
		setrlimit(RLIMIT_FSIZE, &before);
		recover(store, filled);
		signal(SIGXFSZ, SIG_DFL);
	}
	nx_store_close(store);
}

static void test_out_of_reach(void)
{
	struct nx_store_options options = store_options();
	struct nx_store *store = NULL;
	struct nx_error error = {0};

	options.database = BY_KIND("/nonexistent/directory/database", "host=/nonexistent");
	CU_ASSERT_EQUAL(nx_store_open(&options, &store, &error), NX_UNAVAILABLE);
	CU_ASSERT_PTR_NULL(store);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "/nonexistent"));
}

/* Something that is no database at all. */
static void test_not_a_database(void)
{
	struct nx_store_options options = store_options();
	struct nx_store *store = NULL;
	struct nx_error error = {0};
	FILE *file;

	if (fixture.kind != NX_STORE_SQLITE)
		return;
	file = fopen(fixture.database, "w");
	for (int i = 0; i < 1000; i++)
		fputs("not a database ", file);
	fclose(file);
	CU_ASSERT_EQUAL(nx_store_open(&options, &store, &error), NX_UNAVAILABLE);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "not a database"));
}

CU_TestInfo disk_tests[] = {
	{"modes under any umask", test_modes},
	{"settings", test_settings},
	{"a full disk", test_full},
	{"too big for what is left", test_full_for_one},
	{"I/O errors", test_io_error},
	{"out of reach", test_out_of_reach},
	{"not a database", test_not_a_database},
	CU_TEST_INFO_NULL,
};
