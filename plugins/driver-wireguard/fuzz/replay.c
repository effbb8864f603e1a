/* SPDX-License-Identifier: Apache-2.0 */
/* replay FILE...: a fuzz target's inputs, in the ordinary test run. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static int file_replay(const char *path)
{
	static uint8_t data[1u << 20];
	FILE *file = fopen(path, "rb");
	size_t length;
	uint8_t *copy;

	if (!file) {
		perror(path);
		return 1;
	}
	length = fread(data, 1, sizeof(data), file);
	fclose(file);
	/* In memory of exactly its size, so that a sanitizer sees a step too far. */
	copy = malloc(length ? length : 1);
	if (!copy)
		return 1;
	for (size_t i = 0; i < length; i++)
		copy[i] = data[i];
	LLVMFuzzerTestOneInput(copy, length);
	free(copy);
	return 0;
}

int main(int count, char **arguments)
{
	int failures = 0;

	for (int i = 1; i < count; i++)
		failures += file_replay(arguments[i]);
	printf("%d inputs replayed\n", count - 1);
	return failures || count < 2;
}
