/* SPDX-License-Identifier: Apache-2.0 */
/* Values that go in and out, and statements that come back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

/* The test's own work, in a command: what it asserts, it asserts there. */
static void in_command(enum nx_status (*work)(struct job *job, struct nx_tx *tx, struct nx_error *error))
{
	struct nx_store *store = store_start();
	struct job job = {.work = work};

	CU_ASSERT_EQUAL(job_do(store, &job), NX_OK);
	if (job.status != NX_OK)
		printf("(%s) ", job.error.message);
	nx_store_close(store);
}

static bool take_row(void *context, const struct nx_row *row)
{
	char *out = context;
	size_t used = strlen(out);

	for (size_t i = 0; i < nx_row_columns(row); i++) {
		if (nx_row_null(row, i))
			used += (size_t)snprintf(out + used, 256 - used, "NULL,");
		else
			used += (size_t)snprintf(out + used, 256 - used, "%s|%" PRId64 ",",
						 nx_row_text(row, i), nx_row_integer(row, i));
	}
	return true;
}

static enum nx_status work_types(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	static const int64_t numbers[] = {0, -1, INT32_MAX, INT64_MAX, INT64_MIN};
	char out[256] = "";
	int64_t value;

	(void)job;
	for (size_t i = 0; i < NX_COUNT(numbers); i++) {
		CU_ASSERT_EQUAL(
			nx_sql(tx, error, "INSERT INTO items VALUES ($1, $2, $3)",
			       NX_PARAMS(NX_TEXT(i % 2 ? "odd" : "even"), NX_INT(numbers[i]), NX_TEXT(""))),
			NX_OK);
		CU_ASSERT_EQUAL(nx_sql_integer(tx, error, "SELECT number FROM items", NX_NO_PARAMS, &value),
				NX_OK);
		CU_ASSERT_EQUAL(value, numbers[i]);
		CU_ASSERT_EQUAL(nx_sql(tx, error, "DELETE FROM items", NX_NO_PARAMS), NX_OK);
	}
	CU_ASSERT_EQUAL(nx_sql(tx, error, "INSERT INTO items VALUES ($1, $2, $3)",
			       NX_PARAMS(NX_TEXT("12"), NX_NULL, NX_TEXT(NULL))),
			NX_OK);
	CU_ASSERT_EQUAL(
		nx_sql_one(tx, error, "SELECT id, number, word, 7 FROM items", NX_NO_PARAMS, take_row, out),
		NX_OK);
	CU_ASSERT_STRING_EQUAL(out, "12|12,NULL,NULL,7|7,");
	return NX_OK;
}

static void test_types(void)
{
	in_command(work_types);
}

static bool take_null(void *context, const struct nx_row *row)
{
	bool *right = context;

	*right = nx_row_null(row, 0) && nx_row_text(row, 0)[0] == '\0' && nx_row_integer(row, 0) == 0;
	return true;
}

static enum nx_status work_null(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	bool right = false;
	int64_t value = 5;

	(void)job;
	CU_ASSERT_EQUAL(nx_sql_one(tx, error, "SELECT NULL", NX_NO_PARAMS, take_null, &right), NX_OK);
	CU_ASSERT_TRUE(right);
	CU_ASSERT_EQUAL(nx_sql_integer(tx, error, "SELECT max(number) FROM items", NX_NO_PARAMS, &value),
			NX_OK);
	CU_ASSERT_EQUAL(value, 0);
	return NX_OK;
}

static void test_null(void)
{
	in_command(work_null);
}

static bool take_equal(void *context, const struct nx_row *row)
{
	CU_ASSERT_STRING_EQUAL(nx_row_text(row, 0), context);
	return true;
}

static enum nx_status work_text_values(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	static char texts[][64] = {
		"",
		" ",
		"'; DROP TABLE items; --",
		"\"quoted\" \\ back",
		"line\nbreak\ttab\x01",
		"gr\xc3\xbc\xc3\x9f",
		"\xe6\x97\xa5\xe6\x9c\xac",
		"\xf0\x9f\x8c\x90",
		"$1",
		"%s%n",
	};

	(void)job;
	for (size_t i = 0; i < NX_COUNT(texts); i++) {
		CU_ASSERT_EQUAL(
			nx_sql(tx, error, "INSERT INTO items (id) VALUES ($1)", NX_PARAMS(NX_TEXT(texts[i]))),
			NX_OK);
		CU_ASSERT_EQUAL(nx_sql_one(tx, error, "SELECT id FROM items WHERE id = $1",
					   NX_PARAMS(NX_TEXT(texts[i])), take_equal, texts[i]),
				NX_OK);
	}
	return NX_OK;
}

static void test_text(void)
{
	in_command(work_text_values);
}

/* A megabyte goes through, as one value. */
static enum nx_status work_long(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	NX_AUTO_FREE char *text = nx_alloc((1 << 20) + 1);
	int64_t length = 0;

	(void)job;
	memset(text, 'x', 1 << 20);
	CU_ASSERT_EQUAL(nx_sql(tx, error, "INSERT INTO items (id, word) VALUES ('long', $1)",
			       NX_PARAMS(NX_TEXT(text))),
			NX_OK);
	CU_ASSERT_EQUAL(nx_sql_integer(tx, error, "SELECT length(word) FROM items WHERE id = 'long'",
				       NX_NO_PARAMS, &length),
			NX_OK);
	CU_ASSERT_EQUAL(length, 1 << 20);
	return nx_sql_one(tx, error, "SELECT word FROM items WHERE id = 'long'", NX_NO_PARAMS, take_equal,
			  text);
}

static void test_long_text(void)
{
	in_command(work_long);
}

/* Where the engines differ by themselves: booleans, 32-bit contexts, the order of text. */
static enum nx_status work_differences(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	static const char *const words[] = {"b", "B", "a", "\xc3\xa4", "Z"};
	char out[256] = "";
	int64_t value = -1;

	(void)job;
	for (size_t i = 0; i < NX_COUNT(words); i++)
		nx_sql(tx, error, "INSERT INTO items VALUES ($1, $2, $3)",
		       NX_PARAMS(NX_TEXT(words[i]), NX_INT((int64_t)i), NX_TEXT("w")));
	CU_ASSERT_EQUAL(
		nx_sql_integer(tx, error, "SELECT EXISTS (SELECT 1 FROM items)", NX_NO_PARAMS, &value),
		NX_OK);
	CU_ASSERT_EQUAL(value, 1);
	CU_ASSERT_EQUAL(nx_sql_integer(tx, error, "SELECT count(*) FROM items WHERE $1 = 0 OR number < $1",
				       NX_PARAMS(NX_INT((int64_t)1 << 40)), &value),
			NX_OK);
	CU_ASSERT_EQUAL(value, 5);
	CU_ASSERT_EQUAL(nx_sql_integer(tx, error, "SELECT $1 + 1", NX_PARAMS(NX_INT(INT32_MAX)), &value),
			NX_OK);
	CU_ASSERT_EQUAL(value, (int64_t)INT32_MAX + 1);
	CU_ASSERT_EQUAL(nx_sql_each(tx, error, "SELECT id FROM items ORDER BY id COLLATE \"C\"", NX_NO_PARAMS,
				    take_row, out),
			NX_OK);
	CU_ASSERT_STRING_EQUAL(out, "B|0,Z|0,a|0,b|0,\xc3\xa4|0,");
	/* A parameter used again, and one that is NULL at first and not later. */
	CU_ASSERT_EQUAL(nx_sql_integer(tx, error,
				       "SELECT count(*) FROM items WHERE word = $1 AND ($2 = '' OR id = $2)"
				       " AND word = $1",
				       NX_PARAMS(NX_TEXT("w"), NX_TEXT("b")), &value),
			NX_OK);
	CU_ASSERT_EQUAL(value, 1);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(nx_sql(tx, error, "UPDATE items SET number = $1 WHERE id = 'a'",
				       NX_PARAMS(i ? NX_INT((int64_t)1 << 50) : NX_NULL)),
				NX_OK);
	}
	return nx_sql_integer(tx, error, "SELECT number FROM items WHERE id = 'a'", NX_NO_PARAMS, &value);
}

static void test_differences(void)
{
	in_command(work_differences);
}

static bool take_until(void *context, const struct nx_row *row)
{
	int64_t *left = context;

	(void)row;
	return --*left > 0;
}

static enum nx_status work_rows(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	int64_t left = 3, changed = -1, value = 77;
	char out[256] = "";

	(void)job;
	CU_ASSERT_EQUAL(nx_sql_one(tx, error, "SELECT id FROM items", NX_NO_PARAMS, take_row, out),
			NX_NOT_FOUND);
	CU_ASSERT_EQUAL(nx_sql_integer(tx, error, "SELECT number FROM items", NX_NO_PARAMS, &value),
			NX_NOT_FOUND);
	CU_ASSERT_EQUAL(value, 77);
	for (int64_t i = 0; i < 20; i++) {
		char id[16];

		snprintf(id, sizeof(id), "i%02d", (int)i);
		CU_ASSERT_EQUAL(nx_sql(tx, error, "INSERT INTO items (id, number) VALUES ($1, $2)",
				       NX_PARAMS(NX_TEXT(id), NX_INT(i))),
				NX_OK);
	}
	CU_ASSERT_EQUAL(
		nx_sql_each(tx, error, "SELECT id FROM items ORDER BY id", NX_NO_PARAMS, take_until, &left),
		NX_OK);
	CU_ASSERT_EQUAL(left, 0);
	CU_ASSERT_EQUAL(nx_sql_changed(tx, error, "UPDATE items SET word = 'x' WHERE number < $1",
				       NX_PARAMS(NX_INT(7)), &changed),
			NX_OK);
	CU_ASSERT_EQUAL(changed, 7);
	CU_ASSERT_EQUAL(
		nx_sql_changed(tx, error, "DELETE FROM items WHERE id = 'nobody'", NX_NO_PARAMS, &changed),
		NX_OK);
	CU_ASSERT_EQUAL(changed, 0);
	CU_ASSERT_EQUAL(nx_sql_one(tx, error, "UPDATE items SET number = number + 100 RETURNING id, number",
				   NX_NO_PARAMS, take_row, out),
			NX_OK);
	CU_ASSERT_EQUAL(nx_sql_integer(tx, error, "SELECT count(*) FROM items WHERE number >= 100",
				       NX_NO_PARAMS, &value),
			NX_OK);
	CU_ASSERT_EQUAL(value, 20);
	CU_ASSERT_EQUAL(nx_sql(tx, error, "INSERT INTO items (id) VALUES ('i01') ON CONFLICT (id) DO NOTHING",
			       NX_NO_PARAMS),
			NX_OK);
	return NX_OK;
}

static void test_rows(void)
{
	in_command(work_rows);
}

/* Many more texts than are kept prepared, twice, among some that stay. */
static enum nx_status work_statements(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	int64_t value = -1;
	char sql[64];

	(void)job;
	for (int i = 0; i < 1200; i++) {
		snprintf(sql, sizeof(sql), "SELECT %d + $1", i % 600);
		if (nx_sql_integer(tx, error, sql, NX_PARAMS(NX_INT(1)), &value) != NX_OK ||
		    value != i % 600 + 1)
			return nx_fail(error, NX_INTERNAL, NULL, "%s answered %" PRId64, sql, value);
		if (nx_sql(tx, error, "UPDATE items SET number = $1", NX_PARAMS(NX_INT(i))) != NX_OK)
			return NX_INTERNAL;
	}
	return NX_OK;
}

static void test_statements(void)
{
	in_command(work_statements);
}

static enum nx_status work_many_rows(struct job *job, struct nx_tx *tx, struct nx_error *error)
{
	(void)job;
	return nx_sql(tx, error,
		      "INSERT INTO items (id, number) WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL"
		      " SELECT x + 1 FROM n WHERE x < 100000) SELECT CAST(x AS TEXT), x FROM n",
		      NX_NO_PARAMS);
}

static bool take_sum(void *context, const struct nx_row *row)
{
	*(int64_t *)context += nx_row_integer(row, 0);
	return true;
}

static enum nx_status read_sum(struct nx_tx *tx, void *context, struct nx_error *error)
{
	return nx_sql_each(tx, error, "SELECT number FROM items", NX_NO_PARAMS, take_sum, context);
}

static void test_many_rows(void)
{
	struct nx_store *store = store_start();
	struct job job = {.work = work_many_rows};
	struct nx_error error = {0};
	int64_t sum = 0;

	CU_ASSERT_EQUAL(job_do(store, &job), NX_OK);
	CU_ASSERT_EQUAL(nx_store_read(store, read_sum, &sum, &error), NX_OK);
	CU_ASSERT_EQUAL(sum, 5000050000);
	nx_store_close(store);
}

static enum nx_status read_then_write(struct nx_tx *tx, void *context, struct nx_error *error)
{
	(void)context;
	return nx_sql(tx, error, "INSERT INTO items (id) VALUES ('by a reader')", NX_NO_PARAMS);
}

static enum nx_status hide_failure(struct nx_tx *tx, void *context, struct nx_error *error)
{
	(void)context;
	nx_sql(tx, error, "SELECT nonsense FROM nowhere", NX_NO_PARAMS);
	return NX_OK;
}

static void test_wrong_statements(void)
{
	struct nx_store *store = store_start();
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(do_sql(store, "SELEKT 1", &error), NX_INTERNAL);
	CU_ASSERT_EQUAL(error.status, NX_INTERNAL);
	CU_ASSERT_EQUAL(do_sql(store, "SELECT 1; SELECT 2", &error), NX_INTERNAL);
	CU_ASSERT_EQUAL(do_sql(store, "SELECT $1", &error), NX_INTERNAL);
	CU_ASSERT_EQUAL(nx_store_read(store, read_then_write, NULL, &error), NX_INTERNAL);
	CU_ASSERT_EQUAL(nx_store_read(store, hide_failure, NULL, &error), NX_INTERNAL);
	CU_ASSERT_EQUAL(nx_store_read(store, hide_failure, NULL, NULL), NX_INTERNAL);
	CU_ASSERT_EQUAL(do_sql(store, "INSERT INTO items (id) VALUES ('good')", &error), NX_OK);
	CU_ASSERT_EQUAL(read_integer(store, "SELECT count(*) FROM items"), 1);
	nx_store_close(store);
}

CU_TestInfo value_tests[] = {
	{"integers and text", test_types},
	{"NULL", test_null},
	{"text of all kinds", test_text},
	{"a megabyte of text", test_long_text},
	{"where engines differ", test_differences},
	{"rows, one row, changed rows", test_rows},
	{"more statements than are kept", test_statements},
	{"a hundred thousand rows", test_many_rows},
	{"statements that are wrong", test_wrong_statements},
	CU_TEST_INFO_NULL,
};
