/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: up, cut, refused, dropped. */
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

static const struct nx_migration pet_steps[] = {
	{1, "pets", "CREATE TABLE pets (id TEXT PRIMARY KEY); CREATE INDEX pets_id ON pets (id);",
	 "DROP TABLE pets;"},
	{2, "names",
	 "ALTER TABLE pets ADD COLUMN name TEXT NOT NULL DEFAULT '';"
	 "INSERT INTO pets VALUES ('1', 'a;b''c');",
	 "ALTER TABLE pets DROP COLUMN name"},
	{3, "toys", "CREATE TABLE toys (pet TEXT NOT NULL REFERENCES pets (id))", "DROP TABLE toys"},
};
#define PETS(count)                                                                                          \
	{                                                                                                    \
		.name = "pets", .migrations = { pet_steps, (count), sizeof(pet_steps[0]) }                   \
	}

static struct nx_store *open_store(void)
{
	struct nx_store_options options = store_options();
	struct nx_error error = {0};
	struct nx_store *store = NULL;

	if (nx_store_open(&options, &store, &error) != NX_OK) {
		fprintf(stderr, "no store: %s\n", error.message);
		exit(EXIT_FAILURE);
	}
	return store;
}

/* Open, migrate, close. */
static enum nx_status migrate(const struct nx_component *components, size_t count, unsigned *applied,
			      struct nx_error *error)
{
	struct nx_store *store = open_store();
	enum nx_status status = nx_store_migrate(store, components, count, applied, error);

	nx_store_close(store);
	return status;
}

static void test_core(void)
{
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(&nx_core_component, 1, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, nx_core_component.migrations.count);
	CU_ASSERT_EQUAL(migrate(&nx_core_component, 1, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 0);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM devices"), 0);
}

static void test_steps(void)
{
	const struct nx_component one[] = {PETS(1)};
	const struct nx_component all[] = {items_component, PETS(3)};
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(one, 1, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 1);
	CU_ASSERT_EQUAL(migrate(all, 2, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 3);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM pets WHERE name = 'a;b''c'"), 1);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM schema_migrations"), 4);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM schema_migrations WHERE length(checksum) = 64"
					 " AND down <> '' AND applied_at > 1600000000"),
			4);
}

/* A plugin made against a later header has longer rows. */
static void test_longer_rows(void)
{
	struct {
		struct nx_migration step;
		const char *added_later;
	} steps[] = {
		{{1, "one", "CREATE TABLE one (x BIGINT)", "DROP TABLE one"}, "?"},
		{{2, "two", "CREATE TABLE two (x BIGINT)", "DROP TABLE two"}, "?"},
	};
	const struct nx_component component = {"long", NX_TABLE(steps)};
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(&component, 1, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 2);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM two"), 0);
}

static void refused(const struct nx_component *components, size_t count, const char *part)
{
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(components, count, &applied, &error), NX_UNSUPPORTED);
	CU_ASSERT_EQUAL(applied, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, part));
	if (!strstr(error.message, part))
		printf("(%s) ", error.message);
}

static void test_refusals(void)
{
	const struct nx_component old[] = {items_component, PETS(2)};
	const struct nx_component all[] = {items_component, PETS(3)};
	struct nx_migration changed_steps[3] = {pet_steps[0], pet_steps[1], pet_steps[2]};
	const struct nx_component changed[] = {items_component, {"pets", NX_TABLE(changed_steps)}};
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(all, 2, &applied, &error), NX_OK);
	refused(old, 2, "newer than this program");
	refused(all, 1, "--drop-plugin pets");
	refused(all, 1, "DROP TABLE pets");
	changed_steps[1].up = "ALTER TABLE pets ADD COLUMN name TEXT";
	refused(changed, 2, "migration 2 of pets (names)");
	CU_ASSERT_EQUAL(migrate(all, 2, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 0);
}

static void test_record_missing(void)
{
	const struct nx_component all[] = {PETS(3)};
	struct session *session;
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(all, 1, &applied, &error), NX_OK);
	session = session_open();
	CU_ASSERT_TRUE(session_run(session, "DELETE FROM schema_migrations WHERE number = 2"));
	session_close(session);
	refused(all, 1, "lacks migration 2");
}

static void test_bad_components(void)
{
	struct nx_migration steps[] = {pet_steps[0], pet_steps[2]};
	struct nx_component component = {"pets", NX_TABLE(steps)};
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(&component, 1, &applied, &error), NX_INVALID);
	steps[1].number = 2;
	steps[1].down = NULL;
	CU_ASSERT_EQUAL(migrate(&component, 1, &applied, &error), NX_INVALID);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM pets"), -1);
}

/* A step that fails in its middle leaves nothing of itself; the one before it stays. */
static void test_failing_step(void)
{
	struct nx_migration steps[] = {
		pet_steps[0],
		{2, "half",
		 "CREATE TABLE half (x BIGINT); INSERT INTO half VALUES (1); ALTER TABLE nobody ADD COLUMN y "
		 "BIGINT;"
		 "CREATE TABLE never (x BIGINT)",
		 ""},
	};
	const struct nx_component bad = {"pets", NX_TABLE(steps)};
	const struct nx_component good[] = {PETS(3)};
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(&bad, 1, &applied, &error), NX_INTERNAL);
	CU_ASSERT_EQUAL(applied, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "migration 2 of pets (half) was not applied"));
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM half"), -1);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM schema_migrations"), 1);
	CU_ASSERT_EQUAL(migrate(good, 1, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 2);
}

static void test_ends_transaction(void)
{
	struct nx_migration steps[] = {{1, "sly", "CREATE TABLE sly (x BIGINT); COMMIT", ""}};
	const struct nx_component bad = {"sly", NX_TABLE(steps)};
	struct nx_error error = {0};
	unsigned applied = 0;

	CU_ASSERT_EQUAL(migrate(&bad, 1, &applied, &error), NX_INTERNAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "ends the transaction"));
}

static void test_drop(void)
{
	const struct nx_component all[] = {items_component, PETS(3)};
	struct nx_error error = {0};
	unsigned applied = 0;
	struct nx_store *store;

	CU_ASSERT_EQUAL(migrate(all, 2, &applied, &error), NX_OK);
	store = open_store();
	CU_ASSERT_EQUAL(nx_store_drop_component(store, "nobody", &error), NX_NOT_FOUND);
	CU_ASSERT_EQUAL(nx_store_drop_component(store, "core", &error), NX_INVALID);
	CU_ASSERT_EQUAL(nx_store_drop_component(store, "pets", &error), NX_OK);
	CU_ASSERT_EQUAL(nx_store_migrate(store, all, 1, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 0);
	nx_store_close(store);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM pets"), -1);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM toys"), -1);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM items"), 0);
	CU_ASSERT_EQUAL(migrate(all, 2, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 3);
}

/* --- killed --- */

#define STEPS 4

/* Takes for ever, in the middle of a step. */
static const char endless[] = "CREATE TABLE middle (x BIGINT); CREATE TABLE long AS WITH RECURSIVE n (x) AS"
			      " (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000000)"
			      " SELECT count(*) AS c FROM n WHERE x < 0; CREATE TABLE rest (x BIGINT)";
static const char quick[] = "CREATE TABLE middle (x BIGINT); CREATE TABLE rest (x BIGINT)";
static const char undo[] = "DROP TABLE middle; DROP TABLE rest";

static struct nx_migration kill_steps[STEPS] = {
	{1, "one", "CREATE TABLE s1 (x BIGINT)", "DROP TABLE s1"},
	{2, "two", "CREATE TABLE s2 (x BIGINT)", "DROP TABLE s2"},
	{3, "three", "CREATE TABLE s3 (x BIGINT)", "DROP TABLE s3"},
	{4, "four", "CREATE TABLE s4 (x BIGINT)", "DROP TABLE s4"},
};

static pid_t start_child(const struct nx_component *component)
{
	pid_t child = fork();
	unsigned applied;

	if (child != 0)
		return child;
	migrate(component, 1, &applied, &(struct nx_error){0});
	_exit(0);
}

static void kill_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* kill -9 in the middle of each step: what was before it stands, nothing of it does. */
static void test_killed_in_step(void)
{
	const struct nx_component component = {"kill", NX_TABLE(kill_steps)};

	for (uint32_t step = 1; step <= STEPS; step++) {
		struct nx_migration kept = kill_steps[step - 1];
		struct nx_error error = {0};
		unsigned applied = 0;
		pid_t child;

		database_empty();
		kill_steps[step - 1].up = endless;
		child = start_child(&component);
		if (step > 1)
			CU_ASSERT_TRUE(
				WAIT_FOR(20, database_integer("SELECT max(number) FROM schema_migrations") ==
						     (int64_t)step - 1));
		sleep_milliseconds(300);
		kill_child(child);
		CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM middle"), -1);
		kill_steps[step - 1].up = quick;
		kill_steps[step - 1].down = undo;
		CU_ASSERT_EQUAL(migrate(&component, 1, &applied, &error), NX_OK);
		CU_ASSERT_EQUAL(applied, STEPS - step + 1);
		CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM rest"), 0);
		kill_steps[step - 1] = kept;
	}
}

/* kill -9 at any moment, with no regard to steps: what is recorded is there, and nothing else. */
static void test_killed_anywhere(void)
{
	const struct nx_component component = {"kill", NX_TABLE(kill_steps)};
	int64_t cut = 0;

	for (unsigned i = 0; i < 25; i++) {
		struct nx_error error = {0};
		unsigned applied = 0;
		int64_t recorded;
		pid_t child;

		database_empty();
		child = start_child(&component);
		sleep_milliseconds(i * 2);
		kill_child(child);
		recorded = database_integer("SELECT count(*) FROM schema_migrations");
		if (recorded < 0)
			recorded = 0;
		cut += recorded < STEPS;
		for (int64_t step = 1; step <= STEPS; step++) {
			NX_AUTO_FREE char *sql = nx_printf("SELECT count(*) FROM s%d", (int)step);

			if (fixture.kind == NX_STORE_SQLITE)
				CU_ASSERT_EQUAL(database_integer(sql), step <= recorded ? 0 : -1);
		}
		CU_ASSERT_EQUAL(migrate(&component, 1, &applied, &error), NX_OK);
		CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM schema_migrations"), STEPS);
		CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM s4"), 0);
	}
	CU_ASSERT_TRUE(cut > 0);
}

/* kill -9 in the middle of a component's removal: all of it is still there. */
static void test_killed_in_drop(void)
{
	const struct nx_migration steps[] = {
		{1, "one", "CREATE TABLE s1 (x BIGINT)", endless},
		{2, "two", "CREATE TABLE s2 (x BIGINT)", "DROP TABLE s2"},
	};
	const struct nx_component component = {"kill", NX_TABLE(steps)};
	struct nx_error error = {0};
	unsigned applied = 0;
	pid_t child;

	CU_ASSERT_EQUAL(migrate(&component, 1, &applied, &error), NX_OK);
	child = fork();
	if (child == 0) {
		struct nx_store *store = open_store();

		nx_store_drop_component(store, "kill", &(struct nx_error){0});
		_exit(0);
	}
	sleep_milliseconds(300);
	CU_ASSERT_EQUAL(waitpid(child, NULL, WNOHANG), 0);
	kill_child(child);
	/* Waits until PostgreSQL has noticed. */
	CU_ASSERT_EQUAL(migrate(&component, 1, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(applied, 0);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM s1"), 0);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM s2"), 0);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM middle"), -1);
}

static void start_at_once(void)
{
	const struct nx_component component = {"kill", NX_TABLE(kill_steps)};
	pid_t children[8];

	for (size_t i = 0; i < NX_COUNT(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			unsigned applied;

			_exit(migrate(&component, 1, &applied, NULL) == NX_OK ? 0 : 1);
		}
	}
	for (size_t i = 0; i < NX_COUNT(children); i++) {
		int status = -1;

		waitpid(children[i], &status, 0);
		CU_ASSERT_EQUAL(status, 0);
	}
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM schema_migrations"), STEPS);
}

/* Several servers that start on a new database at once: all do, and each step is applied by exactly one. */
static void test_at_once(void)
{
	/* How they meet is up to the kernel; a new file is quickly made, a new schema is not. */
	unsigned rounds = fixture.kind == NX_STORE_SQLITE ? 50 : 3;

	for (unsigned round = 0; round < rounds; round++) {
		database_empty();
		start_at_once();
	}
}

CU_TestInfo migrate_tests[] = {
	{"the core's own steps", test_core},
	{"steps of several components", test_steps},
	{"rows of a later header", test_longer_rows},
	{"newer, changed, lost: refused", test_refusals},
	{"a record is missing", test_record_missing},
	{"components that count wrongly", test_bad_components},
	{"a step that fails in its middle", test_failing_step},
	{"a step that ends the transaction", test_ends_transaction},
	{"a component dropped", test_drop},
	{"killed in each step", test_killed_in_step},
	{"killed anywhere", test_killed_anywhere},
	{"killed while a component is dropped", test_killed_in_drop},
	{"eight servers at once", test_at_once},
	CU_TEST_INFO_NULL,
};
