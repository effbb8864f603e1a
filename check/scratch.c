/* SPDX-License-Identifier: Apache-2.0 */
#include "check/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

bool scratch_make(struct scratch *scratch)
{
	const char *parent = getenv("TMPDIR");

	snprintf(scratch->path, sizeof(scratch->path), "%s/nexodus-plugin-check.XXXXXX",
		 parent && *parent ? parent : "/tmp");
	return mkdtemp(scratch->path) != NULL;
}

static int entry_remove(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
	(void)facts;
	(void)kind;
	(void)place;
	remove(path);
	return 0;
}

void scratch_remove(const struct scratch *scratch)
{
	nftw(scratch->path, entry_remove, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
