/* SPDX-License-Identifier: Apache-2.0 */
/* What is loaded: in order of need, seen whole, stopped in reverse, unwound on failure. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <nexodus/relay.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "tests/plugins/plugin_fixture.h"

static void install_all(const struct fixture *fixture, const char *names)
{
	NX_AUTO_FREE char *copy = nx_strdup(names);

	for (char *name = strtok(copy, " "); name; name = strtok(NULL, " "))
		fixture_install(fixture, name);
}

static void assert_order(const char *names, const char *loaded)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	char order[256] = "";
	size_t used = 0;

	install_all(&fixture, names);
	fixture_start(&fixture, NX_ROLE_SERVER, names);
	UNIT_ASSERT_ROW(fixture.status == NX_OK, fixture.error.message);
	if (fixture.status)
		return;
	for (size_t i = 0; i < nx_plugins_count(fixture.plugins); i++)
		used += (size_t)snprintf(order + used, sizeof(order) - used, "%s%s", i ? " " : "",
					 nx_plugins_at(fixture.plugins, i)->plugin->name);
	CU_ASSERT_STRING_EQUAL(order, loaded);
	CU_ASSERT_PTR_NULL(nx_plugins_at(fixture.plugins, nx_plugins_count(fixture.plugins)));
}

static void test_order(void)
{
	assert_order("good", "good");
	assert_order("good needs-good", "good needs-good");
	assert_order("needs-good good", "good needs-good");
	assert_order("needs-any good soft-need", "good soft-need needs-any"); /* after all of the kind */
	assert_order("soft-need longer good", "soft-need longer good");
	assert_order("soft-cycle needs-soft-cycle",
		     "soft-cycle needs-soft-cycle"); /* the soft need gives way */
}

/* --- the order of calls, as the plugins log it ------------------------------------------------------ */

struct capture {
	int file;
	int saved;
};

static struct capture capture_start(void)
{
	struct capture capture = {memfd_create("log", MFD_CLOEXEC), fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};

	dup2(capture.file, STDERR_FILENO);
	return capture;
}

/* "good load, good start, …" out of the log. */
static char *capture_end(struct capture *capture)
{
	struct nx_buffer calls = {0};
	char line[512];
	FILE *log;

	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	log = fdopen(capture->file, "r");
	rewind(log);
	while (fgets(line, sizeof(line), log)) {
		char name[64];
		char call[64];

		if (sscanf(line, "time=%*s level=info program=lifecycle component=%63s event=\"%63s", name,
			   call) == 2)
			nx_buffer_printf(&calls, "%s%s %s", calls.length ? ", " : "", name, call);
	}
	fclose(log);
	return nx_buffer_take(&calls);
}

static void assert_calls(const char *names, enum nx_status status, const char *calls)
{
	struct fixture fixture = fixture_make();
	NX_AUTO_FREE char *found = NULL;
	struct capture capture;

	install_all(&fixture, names);
	capture = capture_start();
	fixture_start(&fixture, NX_ROLE_SERVER, names);
	CU_ASSERT_EQUAL(fixture.status, status);
	nx_plugins_free(NX_TAKE(fixture.plugins));
	found = capture_end(&capture);
	CU_ASSERT_STRING_EQUAL(found, calls);
	fixture_end(&fixture);
}

static void test_calls(void)
{
	assert_calls("needs-good good", NX_OK,
		     "good load, needs-good load, good start, needs-good start, "
		     "needs-good stop, good stop, needs-good unload, good unload");
	/* when `load` fails nothing else is called */
	assert_calls("good failing-load needs-good", NX_UNAVAILABLE,
		     "good load, failing-load load, good unload");
	/* when `start` fails only `unload` follows */
	assert_calls(
		"good failing-start needs-good", NX_UNSUPPORTED,
		"good load, failing-start load, needs-good load, good start, failing-start start, good stop, "
		"needs-good unload, failing-start unload, good unload");
}

static void test_reload(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	struct nx_error error;

	install_all(&fixture, "good failing-reload");
	fixture_start(&fixture, NX_ROLE_SERVER, "good");
	CU_ASSERT_EQUAL(nx_plugins_reload(fixture.plugins, NULL), NX_OK);
	nx_plugins_free(NX_TAKE(fixture.plugins));
	fixture_start(&fixture, NX_ROLE_SERVER, "good failing-reload");
	CU_ASSERT_EQUAL_FATAL(fixture.status, NX_OK);
	CU_ASSERT_EQUAL(nx_plugins_reload(fixture.plugins, &error), NX_INVALID);
	UNIT_ASSERT_HOLDS(error.message, "failing-reload.so: expected that `reload` succeeds");
	CU_ASSERT_TRUE(nx_plugins_at(fixture.plugins, 1)->started);
	nx_plugins_stop(fixture.plugins);
	CU_ASSERT_FALSE(nx_plugins_at(fixture.plugins, 1)->started);
	nx_plugins_stop(fixture.plugins); /* twice is fine */
}

/* --- capabilities --------------------------------------------------------------------------------------- */

static void test_capabilities(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	const struct nx_capability *capability;
	const struct nx_relay_server_ops *ops;
	struct nx_error error;

	install_all(&fixture, "good soft-need");
	fixture_start(&fixture, NX_ROLE_SERVER, "*");
	CU_ASSERT_EQUAL_FATAL(fixture.status, NX_OK);
	CU_ASSERT_EQUAL(nx_plugins_capability_count(fixture.plugins, "relay"), 2);
	CU_ASSERT_EQUAL(nx_plugins_capability_count(fixture.plugins, "ipam"), 0);
	CU_ASSERT_PTR_NULL(nx_plugins_capability(fixture.plugins, "relay", 2));
	CU_ASSERT_PTR_NULL(nx_plugins_find(fixture.plugins, "relay", "absent"));
	capability = nx_plugins_find(fixture.plugins, "relay", "good");
	CU_ASSERT_PTR_EQUAL(capability, nx_plugins_capability(fixture.plugins, "relay", 0));
	CU_ASSERT_PTR_EQUAL(capability->provider, nx_plugins_at(fixture.plugins, 0));
	ops = capability->ops;
	CU_ASSERT_EQUAL(ops->device_check(capability->provider->instance, NULL, &error), NX_DENIED);
	CU_ASSERT_STRING_EQUAL(error.message, "good does not want to");
}

/* Structures that are longer than ours, rows further apart than ours. */
static void test_longer(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	const struct nx_capability *second;
	const struct nx_relay_server_ops *ops;

	fixture_install(&fixture, "longer");
	fixture_start(&fixture, NX_ROLE_SERVER, "longer");
	CU_ASSERT_EQUAL_FATAL(fixture.status, NX_OK);
	second = nx_plugins_find(fixture.plugins, "relay", "longer-second");
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	ops = second->ops;
	CU_ASSERT_EQUAL(ops->device_check(NULL, NULL, NULL), NX_CONFLICT);
	CU_ASSERT_PTR_NULL(second->provider->plugin->start);
}

/* Many times over in one process, each time a file of the same descriptor number: never the one before. */
static void test_again_and_again(void)
{
	static const char *const names[] = {"good", "soft-need", "longer"};
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();

	install_all(&fixture, "good soft-need longer");
	for (size_t i = 0; i < 30; i++) {
		const char *name = names[i % NX_COUNT(names)];

		fixture_start(&fixture, NX_ROLE_SERVER, name);
		CU_ASSERT_EQUAL_FATAL(fixture.status, NX_OK);
		CU_ASSERT_STRING_EQUAL(nx_plugins_at(fixture.plugins, 0)->plugin->name, name);
		nx_plugins_free(NX_TAKE(fixture.plugins));
	}
}

/* What is loaded is the file that was judged, even when another takes its name. */
static void test_replaced_file(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	NX_AUTO_FREE char *good = fixture_path(&fixture, "good.so");
	NX_AUTO_FREE char *other = fixture_path(&fixture, "longer.so");

	install_all(&fixture, "good longer");
	fixture_start(&fixture, NX_ROLE_SERVER, "good");
	CU_ASSERT_EQUAL_FATAL(fixture.status, NX_OK);
	CU_ASSERT_EQUAL(rename(other, good), 0);
	CU_ASSERT_STRING_EQUAL(nx_plugins_at(fixture.plugins, 0)->plugin->name, "good");
	CU_ASSERT_EQUAL(nx_plugins_reload(fixture.plugins, NULL), NX_OK);
}

int main(int count, char **arguments)
{
	CU_TestInfo tests[] = {
		{"order of need", test_order},
		{"order of calls", test_calls},
		{"reload", test_reload},
		{"capabilities", test_capabilities},
		{"structures that have grown", test_longer},
		{"again and again", test_again_and_again},
		{"a file that is replaced", test_replaced_file},
		CU_TEST_INFO_NULL,
	};

	if (count != 2) {
		fprintf(stderr, "usage: %s DIRECTORY-OF-MODULES\n", arguments[0]);
		return EXIT_FAILURE;
	}
	fixture_setup(arguments[1]);
	nx_secret_setup();
	nx_log_setup("lifecycle", NX_LOG_INFO, NX_LOG_KEYVALUE);
	return unit_run("lifecycle", tests);
}
