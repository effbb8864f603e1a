/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: who takes a component away does so without a server on it, or not at all. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/store/fixture.h"

static struct nx_store *open_store(void)
{
	struct nx_store_options options = store_options();
	struct nx_error error = {0};
	struct nx_store *store = NULL;

	if (nx_store_open(&options, &store, &error) == NX_OK)
		return store;
	fprintf(stderr, "no store: %s\n", error.message);
	exit(EXIT_FAILURE);
}

/* A server in a process of its own, which claims a component (alone) and lives on; 0 when it could not. */
static pid_t claimant_start(const char *component, bool alone)
{
	int ready[2];
	char answer = 'n';
	pid_t child;

	if (pipe(ready) != 0)
		exit(EXIT_FAILURE);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
		struct nx_store *store = open_store();
		enum nx_status status = alone ? nx_store_claim_alone(store, component, NULL)
					      : nx_store_claim(store, component, NULL);

		answer = status == NX_OK ? 'y' : 'n';
		if (write(ready[1], &answer, 1) == 1 && status == NX_OK)
			pause();
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &answer, 1) != 1)
		answer = 'n';
	close(ready[0]);
	if (answer == 'y')
		return child;
	waitpid(child, NULL, 0);
	return 0;
}

static void claimant_kill(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static enum nx_status claim(const char *component, bool alone, struct nx_error *error)
{
	struct nx_store *store = open_store();
	enum nx_status status = alone ? nx_store_claim_alone(store, component, error)
				      : nx_store_claim(store, component, error);

	nx_store_close(store);
	return status;
}

static void test_a_server_is_there(void)
{
	pid_t server = claimant_start("pets", false);
	struct nx_error error = {0};
	char who[32];

	CU_ASSERT_TRUE_FATAL(server > 0);
	CU_ASSERT_EQUAL(claim("pets", false, &error), NX_OK);
	CU_ASSERT_EQUAL(claim("pets", true, &error), NX_CONFLICT);
	snprintf(who, sizeof(who), "process %d)", (int)server);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, BY_KIND(who, "session ")));
	/* The servers of one file cannot share it with somebody who writes: there, alone is alone. */
	CU_ASSERT_EQUAL(claim("others", true, &error), BY_KIND(NX_CONFLICT, NX_OK));
	claimant_kill(server);
	CU_ASSERT_EQUAL(claim("pets", true, &error), NX_OK);
}

static void test_somebody_is_alone(void)
{
	pid_t changer = claimant_start("pets", true);
	struct nx_error error = {0};

	CU_ASSERT_TRUE_FATAL(changer > 0);
	CU_ASSERT_EQUAL(claimant_start("pets", true), 0);
	CU_ASSERT_EQUAL(claim("pets", false, &error), NX_UNAVAILABLE);
	claimant_kill(changer);
	CU_ASSERT_EQUAL(claim("pets", false, &error), NX_OK);
}

/* Who brings a component is alone until it is there, and goes on with others. */
static void test_no_longer_alone(void)
{
	struct nx_store *store = store_start();
	struct nx_error error = {0};
	pid_t other;

	nx_store_close(store);
	store = open_store();
	CU_ASSERT_EQUAL(nx_store_claim_alone(store, "pets", &error), NX_OK);
	CU_ASSERT_EQUAL(nx_store_claim(store, "pets", &error), NX_OK);
	CU_ASSERT_EQUAL(nx_store_start(store, &error), NX_OK);
	CU_ASSERT_EQUAL(claimant_start("pets", false), 0);
	CU_ASSERT_EQUAL(nx_store_claim_yield(store, "pets", &error), NX_OK);
	other = claimant_start("pets", false);
	CU_ASSERT_TRUE_FATAL(other > 0);
	claimant_kill(other);
	CU_ASSERT_EQUAL(claimant_start("pets", true), 0);
	nx_store_close(store);
	CU_ASSERT_EQUAL(claim("pets", true, &error), NX_OK);
}

static const struct nx_migration pet_steps[] = {
	{1, "pets", "CREATE TABLE pets (id TEXT PRIMARY KEY)", "DROP TABLE pets"},
};

/* A server whose session is lost has no claim for a moment. What was taken away then it does not miss
 * silently. */
static void test_taken_away_meanwhile(void)
{
	const struct nx_component components[] = {items_component, {"pets", NX_TABLE(pet_steps)}};
	struct session *aside;
	struct nx_error error = {0};
	struct nx_store *store;
	unsigned applied;

	if (fixture.kind == NX_STORE_SQLITE)
		return; /* a file is not lost */
	store = open_store();
	CU_ASSERT_EQUAL(nx_store_claim(store, "pets", &error), NX_OK);
	CU_ASSERT_EQUAL(nx_store_migrate(store, components, 2, &applied, &error), NX_OK);
	CU_ASSERT_EQUAL(nx_store_start(store, &error), NX_OK);
	aside = session_open();
	session_end_others(aside);
	CU_ASSERT_TRUE(WAIT_FOR(10, do_sql(store, "INSERT INTO pets VALUES ('1')", NULL) == NX_OK));
	/* It has its claim again. */
	CU_ASSERT_EQUAL(claim("pets", true, &error), NX_CONFLICT);
	CU_ASSERT_TRUE(session_run(
		aside, "DROP TABLE pets; DELETE FROM schema_migrations WHERE component = 'pets'"));
	session_end_others(aside);
	CU_ASSERT_TRUE(WAIT_FOR(10, do_sql(store, "INSERT INTO items (id, number) VALUES ('1', 1)", &error) ==
						    NX_UNAVAILABLE &&
					    strstr(error.message, "pets was taken out of the database")));
	CU_ASSERT_FALSE(nx_store_usable(store, &error));
	session_close(aside);
	nx_store_close(store);
	CU_ASSERT_EQUAL(database_integer("SELECT count(*) FROM items"), 0);
}

CU_TestInfo claim_tests[] = {
	{"a server is there", test_a_server_is_there},
	{"somebody is alone", test_somebody_is_alone},
	{"somebody is no longer alone", test_no_longer_alone},
	{"taken away while a session was lost", test_taken_away_meanwhile},
	CU_TEST_INFO_NULL,
};
