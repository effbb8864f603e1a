/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must not be loaded is refused, with a message that names path, expected and
 * found, and leaves the program clean: no library mapped, no descriptor open, and the
 * next plugin loads as if nothing had been.
 */
#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"
#include "tests/plugins/plugin_fixture.h"

/* --- how a refusal is judged ------------------------------------------------------------------ */

/* In the same process and configuration: a good plugin loads and serves after the refusal. */
static void assert_still_works(struct fixture *fixture)
{
	const struct nx_capability *capability;

	nx_plugins_free(NX_TAKE(fixture->plugins));
	fixture_install(fixture, "good");
	fixture_start(fixture, NX_ROLE_SERVER, "good");
	CU_ASSERT_EQUAL_FATAL(fixture->status, NX_OK);
	capability = nx_plugins_find(fixture->plugins, "relay", "good");
	CU_ASSERT_PTR_NOT_NULL(capability);
	CU_ASSERT_EQUAL(nx_config_integer(fixture->config, "good", "size"), 5);
}

static void assert_refusal(struct fixture *fixture, const char *name, const char *expected, const char *found)
{
	NX_AUTO_FREE char *file = nx_printf("%s.so: ", name);
	NX_AUTO_FREE char *path = fixture_path(fixture, file);

	UNIT_ASSERT_ROW(fixture->status != NX_OK, name);
	UNIT_ASSERT_HOLDS(fixture->error.message, path);
	UNIT_ASSERT_HOLDS(fixture->error.message, expected);
	UNIT_ASSERT_HOLDS(fixture->error.message, found);
	printf("\n    %s", fixture->error.message);
}

/* --- modules that are wrong ------------------------------------------------------------------------ */

struct refusal {
	const char *names; /* to install and to load */
	const char *refused;
	const char *expected;
	const char *found;
};

static void check_refusals(const struct refusal *rows, size_t count, enum nx_role role)
{
	for (size_t i = 0; i < count; i++) {
		NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
		NX_AUTO_FREE char *names = nx_strdup(rows[i].names);

		for (char *name = strtok(names, " "); name; name = strtok(NULL, " "))
			fixture_install(&fixture, name);
		fixture_start(&fixture, role, rows[i].names);
		assert_refusal(&fixture, rows[i].refused, rows[i].expected, rows[i].found);
		assert_still_works(&fixture);
	}
}

static void test_identity(void)
{
	static const struct refusal rows[] = {
		{"wrong-magic", "wrong-magic", "expected magic 0x4e584f44", "found 0x12345678"},
		{"newer-minor", "newer-minor", "expected plugin ABI 1.0 to 1.2", "found 1.3"},
		{"newer-major", "newer-major", "expected plugin ABI 1.0 to 1.2", "found 2.2"},
		{"older-major", "older-major", "expected plugin ABI 1.0 to 1.2", "found 0.2"},
		{"wrong-role", "wrong-role", "expected role 1 (server)", "found 2 (agent)"},
		{"no-role", "no-role", "expected role 1 (server)", "found 7 (unknown)"},
		{"short-descriptor", "short-descriptor", "expected a descriptor of ", "found 40"},
		{"other-name", "other-name", "expected the file's name \"other-name\"",
		 "found \"somebody-else\""},
		{"no-name", "no-name", "expected a name in the descriptor", "found none"},
		{"no-version", "no-version", "expected a version in the descriptor", "found none"},
		{"no-load", "no-load", "expected a `load` function", "found none"},
		{"no-descriptor", "no-descriptor", "expected that it exports nexodus_plugin()",
		 "found no such symbol"},
		{"null-descriptor", "null-descriptor", "expected a descriptor", "found NULL"},
		{"unresolved", "unresolved", "expected a library that this program can load",
		 "undefined symbol: function_that_is_nowhere"},
	};

	check_refusals(rows, NX_COUNT(rows), NX_ROLE_SERVER);
}

static void test_server_plugin_for_agent(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();

	fixture_install(&fixture, "good");
	fixture_start(&fixture, NX_ROLE_AGENT, "good");
	assert_refusal(&fixture, "good", "expected role 2 (agent)", "found 1 (server)");
	assert_still_works(&fixture);
}

static void test_capabilities(void)
{
	static const struct refusal rows[] = {
		{"missing-need", "missing-need", "expected a plugin that provides relay/absent",
		 "found: relay/missing-need"},
		{"good missing-need", "missing-need", "expected a plugin that provides relay/absent",
		 "found: relay/good, relay/missing-need"},
		{"good good", "good", "expected once", "found twice"},
		{"good same-capability", "same-capability",
		 "expected capabilities that no other plugin provides", "found relay/good, which /"},
		{"unknown-kind", "unknown-kind", "expected capabilities of kinds that a server knows",
		 "found \"teapot/unknown-kind\""},
		{"agent-kind", "agent-kind", "expected capabilities of kinds that a server knows",
		 "found \"family/"},
		{"bad-capability-key", "bad-capability-key", "key ([a-z0-9-]+)", "found \"relay/Not/Plain\""},
		{"hollow-ops", "hollow-ops", "expected `device_check` in the table of relay/hollow-ops",
		 "found none"},
		{"short-ops", "short-ops", "expected `device_check` in the table of relay/short-ops",
		 "found none"},
		{"good cycle-a cycle-b", "cycle-a", "expected needs that can be met",
		 "found a cycle among: cycle-a, cycle-b"},
		{"cycle-a", "cycle-a", "expected a plugin that provides relay/cycle-b",
		 "found: relay/cycle-a"},
	};

	check_refusals(rows, NX_COUNT(rows), NX_ROLE_SERVER);
}

static void test_tables(void)
{
	static const struct refusal rows[] = {
		{"bad-key", "bad-key", "expected configuration keys that make sense",
		 "\"12\" is out of bounds; expected 1 to 10"},
		{"bad-key-type", "bad-key-type", "expected configuration keys that make sense", "type 99"},
		{"bad-row-size", "bad-row-size",
		 "expected rows of 64 bytes or more in the table `config_keys`", "found 24"},
		{"null-rows", "null-rows", "in the table `config_keys`", "found 1 at NULL"},
		{"bad-column", "bad-column", "expected name and column ([a-z][a-z0-9_]*)", "note,DROP"},
		{"good same-column", "same-column", "expected a field of its own", "good.so has"},
		{"bad-field-type", "bad-field-type", "expected a known resource, type, meaning and flags",
		 "found 2, 99, 0, 0"},
		{"bad-migration", "bad-migration", "expected migration 1", "found number 2"},
		{"no-way-back", "no-way-back", "expected a name, `up` and `down` in migration 1",
		 "found no `down`"},
	};

	check_refusals(rows, NX_COUNT(rows), NX_ROLE_SERVER);
}

static void test_failing(void)
{
	static const struct refusal rows[] = {
		{"failing-load", "failing-load", "expected that `load` succeeds",
		 "found: failing-load does not want to"},
		{"needs-good good failing-load", "failing-load", "expected that `load` succeeds",
		 "does not want to"},
		{"failing-start", "failing-start", "expected that `start` succeeds",
		 "found: failing-start does not want to"},
		{"needs-good good failing-start", "failing-start", "expected that `start` succeeds",
		 "does not want to"},
	};

	check_refusals(rows, NX_COUNT(rows), NX_ROLE_SERVER);
}

/* --- files that are no plugin ----------------------------------------------------------------------- */

static void put_file(const struct fixture *fixture, const char *text, size_t length)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(nx_file_write(path, text, length, 0644, NULL), NX_OK);
}

static void make_text(const struct fixture *fixture)
{
	put_file(fixture, "INPUT(-lc) /* not an ELF file, though ld would take it */\n", 58);
}

static void make_empty(const struct fixture *fixture)
{
	put_file(fixture, "", 0);
}

static void make_other_machine(const struct fixture *fixture)
{
	const Elf64_Half machine = EM_S390;

	fixture_patch(fixture, "good.so", offsetof(Elf64_Ehdr, e_machine), &machine, sizeof(machine));
}

static void make_other_class(const struct fixture *fixture)
{
	fixture_patch(fixture, "good.so", EI_CLASS, "\1", 1);
}

static void make_relocatable(const struct fixture *fixture)
{
	const Elf64_Half type = ET_REL;

	fixture_patch(fixture, "good.so", offsetof(Elf64_Ehdr, e_type), &type, sizeof(type));
}

static void make_half(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(truncate(path, 2000), 0);
}

static void make_header_only(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(truncate(path, sizeof(Elf64_Ehdr)), 0);
}

static void make_writable_file(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(chmod(path, 0666), 0);
}

static void make_group_writable_file(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(chmod(path, 0664), 0);
}

/* A link in the directory may lead to where anybody writes. */
static void make_link(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");
	NX_AUTO_FREE char *target = fixture_path(fixture, "elsewhere");

	CU_ASSERT_EQUAL(rename(path, target), 0);
	CU_ASSERT_EQUAL(symlink(target, path), 0);
}

static void make_folder(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0755), 0);
}

static void make_fifo(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mkfifo(path, 0644), 0);
}

static void make_absent(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	CU_ASSERT_EQUAL(unlink(path), 0);
}

/* What was made of good.so is cleared away, whatever it is. */
static void remove_made(const struct fixture *fixture)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, "good.so");

	remove(path);
}

static void test_files(void)
{
	static const struct {
		void (*make)(const struct fixture *fixture);
		const char *expected;
		const char *found;
	} rows[] = {
		{make_text, "expected an ELF library", "found something else"},
		{make_empty, "expected an ELF library", "found something else"},
		{make_other_machine, "expected an ELF library of this machine", "machine 22"},
		{make_other_class, "expected an ELF library of this machine", "found class 1"},
		{make_relocatable, "expected a shared ELF library (type 3)", "found type 1"},
		{make_half, "expected a whole ELF library", "found 2000 bytes that are cut short"},
		{make_header_only, "expected a whole ELF library", "cut short"},
		{make_writable_file, "expected that only its owner can write it", "found mode 0666"},
		{make_group_writable_file, "expected that only its owner can write it", "found mode 0664"},
		{make_link, "expected a file", "found a symbolic link"},
		{make_folder, "expected a regular file", "found mode 0040755"},
		{make_fifo, "expected a regular file", "found mode 0010644"},
		{make_absent, "expected a plugin", "found no such file"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();

		fixture_install(&fixture, "good");
		rows[i].make(&fixture);
		fixture_start(&fixture, NX_ROLE_SERVER, "good");
		assert_refusal(&fixture, "good", rows[i].expected, rows[i].found);
		remove_made(&fixture);
		assert_still_works(&fixture);
	}
}

/* Only root can give a file away; for anybody else there is no such file to refuse. */
static void test_owner(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	NX_AUTO_FREE char *path = fixture_path(&fixture, "good.so");

	fixture_install(&fixture, "good");
	if (chown(path, 4242, 4242) == 0) {
		fixture_start(&fixture, NX_ROLE_SERVER, "good");
		assert_refusal(&fixture, "good", "expected root or user", "found user 4242");
	}
	remove_made(&fixture);
	assert_still_works(&fixture);
}

/* --- directories and names ---------------------------------------------------------------------------- */

static void test_directory(void)
{
	static const mode_t modes[] = {0777, 0775, 01777};

	for (size_t i = 0; i < NX_COUNT(modes); i++) {
		NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
		char found[32];

		fixture_install(&fixture, "good");
		CU_ASSERT_EQUAL(chmod(fixture.directory, modes[i]), 0);
		fixture_start(&fixture, NX_ROLE_SERVER, "good");
		snprintf(found, sizeof(found), "found mode %04o", modes[i]);
		CU_ASSERT_EQUAL(fixture.status, NX_DENIED);
		UNIT_ASSERT_HOLDS(fixture.error.message, fixture.directory);
		UNIT_ASSERT_HOLDS(fixture.error.message, "expected that only its owner can write it");
		UNIT_ASSERT_HOLDS(fixture.error.message, found);
		printf("\n    %s", fixture.error.message);
		CU_ASSERT_EQUAL(chmod(fixture.directory, 0755), 0);
		assert_still_works(&fixture);
	}
}

static void test_absent_directory(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	NX_AUTO_FREE char *absent = fixture_path(&fixture, "absent");
	char *directory = fixture.directory;

	fixture.directory = absent;
	fixture_start(&fixture, NX_ROLE_SERVER, "good");
	CU_ASSERT_EQUAL(fixture.status, NX_NOT_FOUND);
	UNIT_ASSERT_HOLDS(fixture.error.message, absent);
	fixture_start(&fixture, NX_ROLE_SERVER, " , "); /* no plugins need no directory */
	CU_ASSERT_EQUAL(fixture.status, NX_OK);
	CU_ASSERT_EQUAL(nx_plugins_count(fixture.plugins), 0);
	fixture.directory = directory;
}

static void test_names(void)
{
	static const char *const rows[] = {
		"../good",
		"/good",
		"./good",
		"a/good",
		"good.so",
		"Good",
		"good\n",
		"..",
		"gööd",
		"good;x",
		"a234567890123456789012345678901234567890123456789012345678901234567890",
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();

		fixture_install(&fixture, "good");
		fixture_start(&fixture, NX_ROLE_SERVER, rows[i]);
		UNIT_ASSERT_ROW(fixture.status == NX_INVALID, rows[i]);
		UNIT_ASSERT_HOLDS(fixture.error.message, fixture.directory);
		UNIT_ASSERT_HOLDS(fixture.error.message, "expected plain names of plugins");
		assert_still_works(&fixture);
	}
}

/* "*" takes all there is, so all there is must be fit. */
static void test_all_of_a_directory(void)
{
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();
	NX_AUTO_FREE char *odd = fixture_path(&fixture, "Odd_name.so");

	fixture_install(&fixture, "good");
	fixture_install(&fixture, "wrong-magic");
	fixture_start(&fixture, NX_ROLE_SERVER, "*");
	assert_refusal(&fixture, "wrong-magic", "expected magic", "found 0x12345678");
	CU_ASSERT_EQUAL(nx_file_write(odd, "", 0, 0644, NULL), NX_OK);
	fixture_start(&fixture, NX_ROLE_SERVER, "*");
	UNIT_ASSERT_HOLDS(fixture.error.message, "found \"Odd_name\"");
	assert_still_works(&fixture);
}

/* A plugin cannot take the section of the program, whatever it is called. */
static void test_section_taken(void)
{
	static const struct nx_table none = {NULL, 0, 0};
	NX_CLEANUP(fixture_end) struct fixture fixture = fixture_make();

	CU_ASSERT_EQUAL(nx_config_declare(fixture.config, "good", &none, NULL), NX_OK);
	fixture_install(&fixture, "good");
	fixture_start(&fixture, NX_ROLE_SERVER, "good");
	assert_refusal(&fixture, "good", "expected configuration keys that make sense", "[good] is taken");
	nx_config_withdraw(fixture.config, "good");
	assert_still_works(&fixture);
}

int main(int count, char **arguments)
{
	CU_TestInfo tests[] = {
		{"identity", test_identity},
		{"a server's plugin for an agent", test_server_plugin_for_agent},
		{"capabilities and needs", test_capabilities},
		{"tables", test_tables},
		{"plugins that fail", test_failing},
		{"files", test_files},
		{"a stranger's file", test_owner},
		{"directories that others write", test_directory},
		{"a directory that is absent", test_absent_directory},
		{"names", test_names},
		{"all of a directory", test_all_of_a_directory},
		{"a section that is taken", test_section_taken},
		CU_TEST_INFO_NULL,
	};

	if (count != 2) {
		fprintf(stderr, "usage: %s DIRECTORY-OF-MODULES\n", arguments[0]);
		return EXIT_FAILURE;
	}
	fixture_setup(arguments[1]);
	nx_secret_setup();
	nx_log_setup("refusal", NX_LOG_ERROR, NX_LOG_KEYVALUE);
	return unit_run("refusal", tests);
}
