/* SPDX-License-Identifier: Apache-2.0 */
/* replay-<name> DIRECTORY: feed a fuzz target all files of a directory, without a fuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/secret.h"
#include "fuzz/fuzz.h"

#define LARGEST_INPUT (16u << 20)

static bool replay_file(const char *directory, const char *name)
{
	NX_AUTO_FREE char *path = nx_printf("%s/%s", directory, name);
	NX_AUTO_FREE char *data = NULL;
	NX_AUTO_FREE void *exact = NULL;
	struct nx_error error;
	size_t length;

	if (nx_file_read(path, LARGEST_INPUT, &data, &length, &error)) {
		fprintf(stderr, "%s\n", error.message);
		return false;
	}
	/* in memory of exactly its size, so that a sanitizer sees a step too far */
	exact = malloc(length ? length : 1);
	if (!exact)
		abort();
	memcpy(exact, data, length);
	LLVMFuzzerTestOneInput(exact, length);
	return true;
}

int main(int count, char **arguments)
{
	DIR *directory = count == 2 ? opendir(arguments[1]) : NULL;
	const struct dirent *entry;
	int replayed = 0;
	int failures = 0;

	if (!directory) {
		fprintf(stderr, "usage: %s DIRECTORY-OF-INPUTS\n", arguments[0]);
		return EXIT_FAILURE;
	}
	nx_secret_setup();
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		replayed++;
		failures += !replay_file(arguments[1], entry->d_name);
	}
	closedir(directory);
	printf("%d inputs replayed, %d could not be read\n", replayed, failures);
	return replayed == 0 || failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
