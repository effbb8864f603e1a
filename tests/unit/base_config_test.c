/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: which source wins, what is refused, and with what words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/memory.h"
#include "base/secret.h"
#include "tests/unit/unit.h"

/* --- what is declared ----------------------------------------------------------------------- */

static const struct nx_config_key own_keys[] = {
	{"listen", NX_CONFIG_STRING, "[::]:8080", 0, 0, false, "Address and port to listen on", NULL},
	{"workers", NX_CONFIG_INTEGER, "4", -1, 64, true, "Threads that work", NULL},
	{"verbose", NX_CONFIG_BOOLEAN, "false", 0, 0, true, "Say more", NULL},
	{"advertise-cidr", NX_CONFIG_STRING, "", 0, 0, true, "Prefixes behind this host", "child-prefix"},
	{"database", NX_CONFIG_STRING, "", 0, 0, true, "Where the store is", NULL},
	{"admin-password", NX_CONFIG_STRING, "", 0, 0, true, "Of the first administrator", NULL},
};
static const struct nx_table own = NX_TABLE(own_keys);

static const struct nx_config_key plugin_keys[] = {
	{"prefix", NX_CONFIG_PREFIX, "200::/64", 0, 0, false, "Prefix of new organizations", NULL},
	{"extra", NX_CONFIG_PREFIX, "", 0, 0, false, "Another one", NULL},
	{"wait", NX_CONFIG_DURATION, "5m", 10, 86400, true, "How long to wait", "relay-wait"},
	{"node", NX_CONFIG_BOOLEAN, "no", 0, 0, true, "Relay for others", "relay-node"},
};
static const struct nx_table plugin = NX_TABLE(plugin_keys);

static const char *const known[] = {"help", "h", "version", NULL};

/* A program's start: own section, arguments, early values, then the plugin's section. */
struct start {
	struct nx_config *config;
	char *directory;
	char *path;
	int first_operand;
	enum nx_status status;
	struct nx_error error;
};

static enum nx_status run_start(struct start *start, int count, char *const *arguments)
{
	struct nx_error *error = &start->error;
	bool must_exist = start->path != NULL;

	if (nx_config_declare(start->config, "server", &own, error) ||
	    nx_config_arguments(start->config, count, arguments, known, &start->first_operand, error) ||
	    nx_config_load_early(start->config, start->path, must_exist, error) ||
	    nx_config_declare(start->config, "ipam-v6", &plugin, error))
		return error->status;
	return nx_config_load(start->config, start->path, must_exist, error);
}

/* `line` is split at spaces; `text` is the file's, NULL: no file. */
static struct start start_with(const char *text, const char *line)
{
	struct start start = {.config = nx_config_new("NEXODUS")};
	NX_AUTO_FREE char *words = nx_strdup(line);
	char *arguments[16] = {words}; /* the program's name is not looked at */
	int count = 1;

	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		arguments[count++] = word;
	if (text) {
		start.directory = unit_directory_make();
		start.path = nx_printf("%s/server.conf", start.directory);
		nx_file_write(start.path, text, strlen(text), 0600, NULL);
	}
	start.status = run_start(&start, count, arguments);
	return start;
}

static void start_end(struct start *start)
{
	nx_config_free(start->config);
	free(start->path);
	unit_directory_remove(start->directory);
}

static void assert_refused(const char *text, const char *line, const char *words)
{
	NX_CLEANUP(start_end) struct start start = start_with(text, line);

	UNIT_ASSERT_ROW(start.status == NX_INVALID, words);
	UNIT_ASSERT_HOLDS(start.error.message, words);
}

/* --- precedence --------------------------------------------------------------------------------- */

static void assert_workers(const char *text, const char *line, int64_t value, const char *source)
{
	NX_CLEANUP(start_end) struct start start = start_with(text, line);

	UNIT_ASSERT_ROW(start.status == NX_OK, start.error.message);
	if (start.status)
		return;
	CU_ASSERT_EQUAL(nx_config_integer(start.config, "server", "workers"), value);
	UNIT_ASSERT_HOLDS(nx_config_source(start.config, "server", "workers"), source);
}

static void test_precedence(void)
{
	static const char file[] = "# a comment\n[server]\nworkers = 5 ; another\n";

	assert_workers(NULL, "", 4, "default");
	assert_workers(file, "", 5, "/server.conf:3");
	setenv("NEXODUS_WORKERS", "6", 1);
	assert_workers(file, "", 6, "environment NEXODUS_WORKERS");
	assert_workers(NULL, "", 6, "environment NEXODUS_WORKERS");
	assert_workers(file, "--workers=7", 7, "option --workers");
	assert_workers(file, "--workers 7", 7, "option --workers");
	assert_workers(file, "--workers 7 --set server.workers=8", 8, "option --set");
	assert_workers(file, "--set server.workers=8 --workers -1", -1, "option --workers");
	unsetenv("NEXODUS_WORKERS");
	assert_workers(file, "", 5, "/server.conf:3");
}

static void test_plugin_sources(void)
{
	static const char file[] = "[ipam-v6]\nprefix = 2001:db8::/48\nwait=1h\n";
	NX_CLEANUP(start_end) struct start start = {0};

	setenv("NEXODUS_IPAM_V6_PREFIX", "2001:db8:1::/48", 1);
	setenv("NEXODUS_RELAY_NODE", "on", 1);
	start = start_with(file, "--relay-wait 90s --set ipam-v6.extra=10.0.0.0/8");
	unsetenv("NEXODUS_IPAM_V6_PREFIX");
	unsetenv("NEXODUS_RELAY_NODE");
	CU_ASSERT_EQUAL_FATAL(start.status, NX_OK);
	CU_ASSERT_STRING_EQUAL(nx_config_string(start.config, "ipam-v6", "prefix"), "2001:db8:1::/48");
	CU_ASSERT_STRING_EQUAL(nx_config_string(start.config, "ipam-v6", "extra"), "10.0.0.0/8");
	CU_ASSERT_EQUAL(nx_config_integer(start.config, "ipam-v6", "wait"), 90);
	CU_ASSERT_TRUE(nx_config_boolean(start.config, "ipam-v6", "node"));
}

/* --- the command line ------------------------------------------------------------------------------ */

static void test_booleans(void)
{
	static const struct {
		const char *line;
		bool verbose;
		bool node;
	} rows[] = {
		{"", false, false},
		{"--verbose --relay-node", true, true},
		{"--verbose=yes --relay-node=1", true, true},
		{"--verbose --no-verbose", false, false},
		{"--relay-node --no-relay-node", false, false},
		{"--no-relay-node --relay-node", false, true},
		{"--verbose=OFF --set ipam-v6.node=true", false, true},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_CLEANUP(start_end) struct start start = start_with(NULL, rows[i].line);

		UNIT_ASSERT_ROW(start.status == NX_OK, rows[i].line);
		if (start.status)
			continue;
		UNIT_ASSERT_ROW(nx_config_boolean(start.config, "server", "verbose") == rows[i].verbose,
				rows[i].line);
		UNIT_ASSERT_ROW(nx_config_boolean(start.config, "ipam-v6", "node") == rows[i].node,
				rows[i].line);
	}
}

static void test_operands(void)
{
	static const struct {
		const char *line;
		int first;
	} rows[] = {
		{"", 1},
		{"a b", 1},
		{"--verbose a", 2},
		{"--workers 3 a --verbose", 3},
		{"-- --verbose", 2},
		{"--help -", 2},
		{"--verbose --", 3},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_CLEANUP(start_end) struct start start = start_with(NULL, rows[i].line);

		UNIT_ASSERT_ROW(start.status == NX_OK, rows[i].line);
		UNIT_ASSERT_ROW(start.first_operand == rows[i].first, rows[i].line);
	}
}

static void test_given(void)
{
	NX_CLEANUP(start_end) struct start start = start_with(NULL, "--version -h");

	CU_ASSERT_EQUAL(start.status, NX_OK);
	CU_ASSERT_TRUE(nx_config_given(start.config, "version"));
	CU_ASSERT_TRUE(nx_config_given(start.config, "h"));
	CU_ASSERT_FALSE(nx_config_given(start.config, "help"));
}

static void test_alias(void)
{
	NX_CLEANUP(start_end) struct start start = start_with(NULL, "--child-prefix=10.0.0.0/8");

	CU_ASSERT_EQUAL_FATAL(start.status, NX_OK);
	CU_ASSERT_STRING_EQUAL(nx_config_string(start.config, "server", "advertise-cidr"), "10.0.0.0/8");
}

static void test_bad_command_lines(void)
{
	static const char *const rows[][2] = {
		{"--nope", "unknown option --nope"},
		{"--nope=1", "unknown option --nope"},
		{"--nope 1", "unknown option --nope"},
		{"--no-workers", "unknown option --no-workers"},
		{"-x", "unknown option -x"},
		{"--help=1", "--help takes no value"},
		{"--workers", "--workers needs a value"},
		{"--workers --verbose", "--workers needs a value"},
		{"--relay-wait", "--relay-wait needs a value"},
		{"--workers=many",
		 "option --workers: server.workers: \"many\" is no whole number; expected -1 to 64"},
		{"--no-verbose=1", "--no-verbose takes no value"},
		{"--relay-node extra", "unexpected argument \"extra\" after --relay-node"},
		{"--set", "expected --set section.key=value"},
		{"--set server.workers", "expected --set section.key=value"},
		{"--set workers=1", "expected --set section.key=value"},
		{"--set .workers=1", "expected --set section.key=value"},
		{"--set server.=1", "expected --set section.key=value"},
		{"--set a=b.c", "expected --set section.key=value"},
		{"--set nope.a=1", "option --set: unknown section [nope]"},
		{"--set server.nope=1",
		 "option --set: unknown key \"nope\" in [server]; known are: listen, workers"},
		{"--prefix=200::/64", "unknown option --prefix"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++)
		assert_refused(NULL, rows[i][0], rows[i][1]);
}

/* --- types ------------------------------------------------------------------------------------------ */

static void test_types(void)
{
	static const char *const rows[][2] = {
		{"server.workers=65", "\"65\" is out of bounds; expected -1 to 64"},
		{"server.workers=-2", "out of bounds"},
		{"server.workers=", "is no whole number"},
		{"server.workers=0x10", "is no whole number"},
		{"server.workers=1.5", "is no whole number"},
		{"server.workers=+1", "is no whole number"},
		{"server.workers=99999999999999999999", "is no whole number"},
		{"server.verbose=maybe", "is neither yes nor no"},
		{"server.verbose=", "is neither yes nor no"},
		{"ipam-v6.wait=9", "\"9\" is out of bounds; expected 10 to 86400 seconds"},
		{"ipam-v6.wait=2d", "out of bounds"},
		{"ipam-v6.wait=5w", "is no duration"},
		{"ipam-v6.wait=m", "is no duration"},
		{"ipam-v6.wait=", "is no duration"},
		{"ipam-v6.wait=1h30m", "is no duration"},
		{"ipam-v6.wait=9223372036854775807d", "is no duration"},
		{"ipam-v6.prefix=200:/64", "\"200:/64\" is no address prefix; did you mean 200::/64?"},
		{"ipam-v6.prefix=200::", "is no address prefix; expected address/length"},
		{"ipam-v6.prefix=", "is no address prefix"},
		{"ipam-v6.extra=x/1", "is no address prefix"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_AUTO_FREE char *line = nx_printf("--set %s", rows[i][0]);

		assert_refused(NULL, line, rows[i][1]);
	}
}

static void test_durations(void)
{
	static const struct {
		const char *line;
		int64_t seconds;
	} rows[] = {{"", 300},
		    {"--relay-wait 90", 90},
		    {"--relay-wait 90s", 90},
		    {"--relay-wait 5m", 300},
		    {"--relay-wait 2h", 7200},
		    {"--relay-wait 1d", 86400},
		    {"--relay-wait 0010", 10}};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		NX_CLEANUP(start_end) struct start start = start_with(NULL, rows[i].line);

		UNIT_ASSERT_ROW(start.status == NX_OK, rows[i].line);
		UNIT_ASSERT_ROW(nx_config_integer(start.config, "ipam-v6", "wait") == rows[i].seconds,
				rows[i].line);
	}
}

/* --- the file ------------------------------------------------------------------------------------------ */

static void test_bad_files(void)
{
	static const char *const rows[][2] = {
		{"[server]\n\nwrokers = 3\n",
		 "server.conf:3: unknown key \"wrokers\" in [server]; known are: listen"},
		{"[sever]\nworkers = 3\n", "server.conf:2: unknown section [sever]"},
		{"[server]\nworkers = x\n", "server.conf:2: server.workers: \"x\" is no whole number"},
		{"workers = 3\n", "server.conf:1: a key stands before the first [section]"},
		{"[server]\nworkers\n", "server.conf:2: expected [section] or key = value"},
		{"[server\nworkers = 3\n", "server.conf:1: expected [section] or key = value"},
		{"[server]\nworkers = 3\n[ipam-v6]\n[server]\nworkers = 4\n",
		 "server.conf:5: server.workers is set twice; first by file "},
		{"[server]\n  workers = 3\n  nope = 4\n", "server.conf:3: unknown key \"nope\""},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++)
		assert_refused(rows[i][0], "", rows[i][1]);
}

static void test_long_line(void)
{
	NX_AUTO_FREE char *text = nx_printf("[server]\nlisten = %0300d\nworkers = 3\n", 1);

	assert_refused(text, "", "server.conf:2: the line is longer than 198 bytes");
}

static void test_absent_file(void)
{
	struct nx_config *config = nx_config_new("NEXODUS");
	struct nx_error error;

	CU_ASSERT_EQUAL(nx_config_declare(config, "server", &own, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_config_load(config, "/nonexistent/nexodus.conf", false, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_config_load(config, "/nonexistent/nexodus.conf", true, &error), NX_NOT_FOUND);
	UNIT_ASSERT_HOLDS(error.message, "/nonexistent/nexodus.conf");
	CU_ASSERT_EQUAL(nx_config_load(config, "/", true, NULL), NX_INVALID);
	nx_config_free(config);
}

/* --- declaring -------------------------------------------------------------------------------------------
 */

static void assert_not_declared(const char *section, const struct nx_config_key *key, enum nx_status status,
				const char *words)
{
	struct nx_config *config = nx_config_new("NEXODUS");
	const struct nx_table table = {key, 1, sizeof(*key)};
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(nx_config_declare(config, "server", &own, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_config_declare(config, section, &table, &error), status);
	UNIT_ASSERT_HOLDS(error.message, words);
	nx_config_free(config);
}

static void test_declaring(void)
{
	static const struct nx_config_key good = {"a", NX_CONFIG_INTEGER, "1", 0, 9, false, "A", NULL};
	struct nx_config_key key;

	assert_not_declared("server", &good, NX_CONFLICT, "[server] is taken");
	key = (struct nx_config_key){"a", NX_CONFIG_INTEGER, "10", 0, 9, false, "A", NULL};
	assert_not_declared("x", &key, NX_INVALID, "the default of \"a\" is not fit");
	key = (struct nx_config_key){"a", (enum nx_config_type)42, "10", 0, 9, false, "A", NULL};
	assert_not_declared("x", &key, NX_INVALID, "type 42");
	key = (struct nx_config_key){"A b", NX_CONFIG_INTEGER, "1", 0, 9, false, "A", NULL};
	assert_not_declared("x", &key, NX_INVALID, "\"A b\"");
	key = (struct nx_config_key){NULL, NX_CONFIG_INTEGER, "1", 0, 9, false, "A", NULL};
	assert_not_declared("x", &key, NX_INVALID, "expected [a-z0-9.-]+");
	key = (struct nx_config_key){"a", NX_CONFIG_INTEGER, NULL, 0, 9, false, "A", NULL};
	assert_not_declared("x", &key, NX_INVALID, "has no default");
	key = (struct nx_config_key){"a", NX_CONFIG_INTEGER, "1", 0, 9, false, "A", "workers"};
	assert_not_declared("x", &key, NX_CONFLICT, "--workers");
	key = (struct nx_config_key){"a", NX_CONFIG_INTEGER, "1", 0, 9, false, "A", "child-prefix"};
	assert_not_declared("x", &key, NX_CONFLICT, "--child-prefix");
}

/* A plugin that was made for a later minor has longer rows; one from before has shorter. */
static void test_row_sizes(void)
{
	static const struct {
		struct nx_config_key key;
		const char *later;
	} longer[] = {{{"a", NX_CONFIG_STRING, "first", 0, 0, false, "A", NULL}, "x"},
		      {{"b", NX_CONFIG_STRING, "second", 0, 0, false, "B", NULL}, "y"}};
	const struct nx_table table = {longer, 2, sizeof(longer[0])};
	struct nx_config *config = nx_config_new("NEXODUS");

	CU_ASSERT_EQUAL(nx_config_declare(config, "x", &table, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_config_load(config, NULL, false, NULL), NX_OK);
	CU_ASSERT_STRING_EQUAL(nx_config_string(config, "x", "b"), "second");
	nx_config_withdraw(config, "x");
	CU_ASSERT_EQUAL(nx_config_declare(config, "x", &table, NULL), NX_OK);
	nx_config_free(config);
}

/* --- reloading
 * ---------------------------------------------------------------------------------------------- */

static enum nx_status reload_with(struct start *start, const char *text)
{
	nx_file_write(start->path, text, strlen(text), 0600, NULL);
	return nx_config_load(start->config, start->path, true, &start->error);
}

static void test_reload(void)
{
	NX_CLEANUP(start_end) struct start start = start_with("[server]\nworkers = 5\nlisten = a\n", "");
	const char *before;

	CU_ASSERT_EQUAL_FATAL(start.status, NX_OK);
	before = nx_config_string(start.config, "server", "workers");
	CU_ASSERT_EQUAL(reload_with(&start, "[server]\nworkers = 6\nlisten = a\n"), NX_OK);
	CU_ASSERT_EQUAL(nx_config_integer(start.config, "server", "workers"), 6);
	CU_ASSERT_STRING_EQUAL(before, "5"); /* still there until the load after next */
	CU_ASSERT_EQUAL(reload_with(&start, "[server]\nworkers = 7\nlisten = b\n"), NX_CONFLICT);
	UNIT_ASSERT_HOLDS(start.error.message,
			  "server.conf:3: server.listen cannot change without a restart");
	CU_ASSERT_EQUAL(reload_with(&start, "[server]\nworkers = x\n"), NX_INVALID);
	CU_ASSERT_EQUAL(nx_config_integer(start.config, "server", "workers"), 6); /* all or none */
}

/* --- for a person
 * ---------------------------------------------------------------------------------------------- */

static char *print_with(const struct nx_config *config, void (*print)(const struct nx_config *, FILE *))
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	print(config, out);
	fclose(out);
	return text;
}

static void test_print(void)
{
	NX_CLEANUP(start_end)
	struct start start = start_with("[server]\ndatabase = postgresql://user:hunter2@host/db\n",
					"--admin-password=swordfish --verbose");
	NX_AUTO_FREE char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(start.status, NX_OK);
	text = print_with(start.config, nx_config_print);
	UNIT_ASSERT_HOLDS(text, "[server]\n# Address and port to listen on (default)\nlisten = [::]:8080\n");
	UNIT_ASSERT_HOLDS(text, "# Say more (option --verbose)\nverbose = true\n");
	UNIT_ASSERT_HOLDS(text, "database = postgresql://user:(set)@host/db\n");
	UNIT_ASSERT_HOLDS(text, "admin-password = (set)\n");
	UNIT_ASSERT_HOLDS(text, "\n[ipam-v6]\n# Prefix of new organizations (default)\nprefix = 200::/64\n");
	CU_ASSERT_PTR_NULL(strstr(text, "hunter2"));
	CU_ASSERT_PTR_NULL(strstr(text, "swordfish"));
}

static void test_help(void)
{
	NX_CLEANUP(start_end) struct start start = start_with(NULL, "");
	NX_AUTO_FREE char *text = print_with(start.config, nx_config_help);

	UNIT_ASSERT_HOLDS(text,
			  "  --listen=TEXT                 Address and port to listen on [[::]:8080]\n");
	UNIT_ASSERT_HOLDS(text, "  --[no-]verbose                Say more [false]\n");
	UNIT_ASSERT_HOLDS(text, "  --child-prefix=TEXT           Prefixes behind this host\n");
	UNIT_ASSERT_HOLDS(text, "  --relay-wait=DURATION         How long to wait [5m]\n");
	CU_ASSERT_PTR_NULL(strstr(text, "--prefix"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"default, file, environment, command line", test_precedence},
		{"sources of a plugin's keys", test_plugin_sources},
		{"booleans", test_booleans},
		{"operands", test_operands},
		{"valueless options of the program", test_given},
		{"a second name for a key", test_alias},
		{"bad command lines", test_bad_command_lines},
		{"types and bounds", test_types},
		{"durations", test_durations},
		{"bad files", test_bad_files},
		{"a line too long", test_long_line},
		{"a file that is absent", test_absent_file},
		{"declarations that are refused", test_declaring},
		{"rows of other lengths", test_row_sizes},
		{"reloading is all or none", test_reload},
		{"printing hides secrets", test_print},
		{"help", test_help},
		CU_TEST_INFO_NULL,
	};

	return unit_run("config", tests);
}
