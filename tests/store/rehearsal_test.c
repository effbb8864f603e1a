/* SPDX-License-Identifier: Apache-2.0 */
/* Rehearsals, which leave nothing behind and hold nobody up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "server/store/rehearsal.h"
#include "tests/store/fixture.h"

/* What the file holds; the empty text where the database is none. */
static void file_hash(char hash[static NX_HASH_TEXT])
{
	FILE *file = fixture.kind == NX_STORE_SQLITE ? fopen(fixture.database, "re") : NULL;
	size_t length = 0, room = 1 << 20;
	NX_AUTO_FREE char *text = nx_alloc(room);

	hash[0] = '\0';
	if (!file)
		return;
	length = fread(text, 1, room, file);
	CU_ASSERT_TRUE(length > 0 && length < room);
	nx_checksum(text, length, hash);
	fclose(file);
}

struct rehearsed {
	struct nx_store *store; /* a server's that is at work meanwhile; NULL: none */
	int64_t rows, columns;
};

static bool count_column(void *context, const struct nx_row *row)
{
	*(int64_t *)context +=
		strcmp(nx_row_text(row, 0), "items") == 0 || strcmp(nx_row_text(row, 0), "brought") == 0;
	return true;
}

static enum nx_status rehearse(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct rehearsed *rehearsed = context;
	enum nx_status status = nx_sql(
		tx, error, "CREATE TABLE brought (item TEXT REFERENCES items (id), x BIGINT)", NX_NO_PARAMS);

	if (status == NX_OK)
		status = nx_sql(tx, error, "ALTER TABLE items DROP COLUMN word", NX_NO_PARAMS);
	if (status == NX_OK)
		status = nx_sql(tx, error, "INSERT INTO items (id, number) VALUES ('rehearsed', 99)",
				NX_NO_PARAMS);
	if (status == NX_OK && rehearsed->store) /* were it to wait for us, it would fail after a while */
		status = do_sql(rehearsed->store, "INSERT INTO items (id, number) VALUES ('meanwhile', 2)",
				error);
	if (status == NX_OK)
		status = nx_sql_integer(tx, error, "SELECT count(*) FROM items", NX_NO_PARAMS,
					&rehearsed->rows);
	return status == NX_OK ? nx_store_columns(tx, count_column, &rehearsed->columns, error) : status;
}

static void items_make(void)
{
	struct nx_store *store = store_start();

	CU_ASSERT_EQUAL(do_sql(store, "INSERT INTO items (id, number) VALUES ('one', 1)", NULL), NX_OK);
	nx_store_close(store);
}

static void test_nothing_left(void)
{
	struct nx_store_options options = store_options();
	struct rehearsed rehearsed = {0};
	char before[NX_HASH_TEXT], after[NX_HASH_TEXT];
	struct nx_error error = {0};

	items_make();
	file_hash(before);
	CU_ASSERT_EQUAL(nx_store_rehearse(&options, rehearse, &rehearsed, &error), NX_OK);
	CU_ASSERT_STRING_EQUAL(error.message, "");
	CU_ASSERT_EQUAL(rehearsed.rows, 2);
	/* id, number; item, x */
	CU_ASSERT_EQUAL(rehearsed.columns, 4);
	file_hash(after);
	CU_ASSERT_STRING_EQUAL(before, after);
	CU_ASSERT_NOT_EQUAL(database_integer("SELECT count(word) FROM items"), -1);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM items"), 1);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM brought"), -1);
}

static void test_nobody_waits(void)
{
	struct nx_store_options options = store_options();
	struct nx_store *store = store_start();
	struct rehearsed rehearsed = {.store = store};
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(do_sql(store, "INSERT INTO items (id, number) VALUES ('one', 1)", NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_store_rehearse(&options, rehearse, &rehearsed, &error), NX_OK);
	CU_ASSERT_STRING_EQUAL(error.message, "");
	CU_ASSERT_EQUAL(rehearsed.rows, 2);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items WHERE id = 'meanwhile'"), 1);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 2);
	nx_store_close(store);
}

static enum nx_status rehearse_badly(struct nx_tx *tx, void *context, struct nx_error *error)
{
	(void)context;
	return nx_sql(tx, error, "INSERT INTO nobody VALUES (1)", NX_NO_PARAMS);
}

static void test_failures(void)
{
	struct nx_store_options options = store_options();
	struct nx_error error = {0};

	items_make();
	CU_ASSERT_EQUAL(nx_store_rehearse(&options, rehearse_badly, NULL, &error), NX_INTERNAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "nobody"));
	options.database = BY_KIND("/nonexistent/x.db", "host=/nonexistent");
	CU_ASSERT_EQUAL(nx_store_rehearse(&options, rehearse, NULL, &error),
			BY_KIND(NX_NOT_FOUND, NX_UNAVAILABLE));
}

CU_TestInfo rehearsal_tests[] = {
	{"it leaves nothing behind", test_nothing_left},
	{"a server works on meanwhile", test_nobody_waits},
	{"it fails", test_failures},
	CU_TEST_INFO_NULL,
};
