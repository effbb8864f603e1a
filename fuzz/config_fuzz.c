/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration file and a command line: up to the first NUL the words of the command
 * line, one a line; behind it the file.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"

#define MOST_ARGUMENTS 16

static const struct nx_config_key keys[] = {
	{"text", NX_CONFIG_STRING, "", 0, 0, true, "A text", "words"},
	{"number", NX_CONFIG_INTEGER, "4", -5, 64, true, "A number", NULL},
	{"flag", NX_CONFIG_BOOLEAN, "false", 0, 0, true, "A flag", "banner"},
	{"wait", NX_CONFIG_DURATION, "5m", 0, 604800, true, "A duration", NULL},
	{"prefix", NX_CONFIG_PREFIX, "", 0, 0, true, "A prefix", NULL},
	{"secret-key", NX_CONFIG_STRING, "", 0, 0, true, "A secret", NULL},
};
static const struct nx_table table = NX_TABLE(keys);
static const char *const known[] = {"help", "h", NULL};

static void free_config(struct nx_config **config)
{
	nx_config_free(*config);
}

/* What was taken can be shown, and lies within its bounds. */
static void check_values(const struct nx_config *config)
{
	NX_AUTO_FREE char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	int64_t number = nx_config_integer(config, "own", "number");
	int64_t wait = nx_config_integer(config, "own", "wait");

	FUZZ_ASSERT(out);
	nx_config_print(config, out);
	fclose(out);
	FUZZ_ASSERT(number >= -5 && number <= 64);
	FUZZ_ASSERT(wait >= 0 && wait <= 604800);
	nx_config_boolean(config, "own", "flag");
}

static int split_words(char *words, char **arguments)
{
	int count = 1;

	arguments[0] = words;
	for (char *word = strtok(words, "\n"); word && count < MOST_ARGUMENTS; word = strtok(NULL, "\n"))
		arguments[count++] = word;
	return count;
}

static void run(struct nx_config *config, char *words, const char *path)
{
	char *arguments[MOST_ARGUMENTS];
	int count = split_words(words, arguments);
	struct nx_error error = {0};
	int first = 0;

	FUZZ_ASSERT(nx_config_declare(config, "own", &table, NULL) == NX_OK);
	if (nx_config_arguments(config, count, arguments, known, &first, &error) ||
	    nx_config_load(config, path, true, &error)) {
		FUZZ_ASSERT(error.status != NX_OK && error.message[0]);
		return;
	}
	FUZZ_ASSERT(first >= 1 && first <= count);
	check_values(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	NX_CLEANUP(free_config) struct nx_config *config = nx_config_new("FUZZED_ENVIRONMENT");
	NX_AUTO_FREE char *words = nx_printf("%.*s", (int)length, length ? (const char *)data : "");
	NX_AUTO_CLOSE int file = memfd_create("config", MFD_CLOEXEC);
	NX_AUTO_FREE char *path = nx_printf("/proc/self/fd/%d", file);
	size_t skip = strlen(words) < length ? strlen(words) + 1 : length;

	FUZZ_ASSERT(file >= 0 && write(file, data + skip, length - skip) == (ssize_t)(length - skip));
	run(config, words, path);
	return 0;
}
