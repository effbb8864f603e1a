/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin directory of the test's own, and a program that loads from it. */
#ifndef NX_TESTS_PLUGIN_FIXTURE_H
#define NX_TESTS_PLUGIN_FIXTURE_H

#include "base/loader.h"
#include "tests/unit/unit.h"

struct fixture {
	char *directory;
	struct nx_config *config;
	struct nx_plugins *plugins;
	enum nx_status status;
	struct nx_error error;
	size_t descriptors; /* open when it began */
};

/* Where the built modules are: the program's first argument. */
void fixture_setup(const char *modules);

/* An empty directory (0755) and a configuration with a section of the program's own. */
struct fixture fixture_make(void);
/* Frees all, and asserts that no library of the directory is mapped and no descriptor left open. */
void fixture_end(struct fixture *fixture);

/* Copy a built module into the directory, mode 0644. */
void fixture_install(const struct fixture *fixture, const char *name);
/* Path of a file in the directory; to be freed. */
char *fixture_path(const struct fixture *fixture, const char *file);
/* Write over bytes of a file. */
void fixture_patch(const struct fixture *fixture, const char *file, long offset, const void *bytes,
		   size_t length);

/* Open, configure, load and start; stops at the first failure. */
void fixture_start(struct fixture *fixture, enum nx_role role, const char *names);

#endif
