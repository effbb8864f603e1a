/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/plugins/plugin_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/secret.h"

#define LARGEST_FILE (64u << 20)

static const char *modules_directory;

static const struct nx_config_key program_keys[] = {
	{"plugins", NX_CONFIG_STRING, "*", 0, 0, false, "Plugins to load", NULL},
};
static const struct nx_table program_table = NX_TABLE(program_keys);

void fixture_setup(const char *modules)
{
	modules_directory = modules;
}

static size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

struct fixture fixture_make(void)
{
	struct fixture fixture = {.descriptors = count_descriptors()};

	fixture.directory = unit_directory_make();
	chmod(fixture.directory, 0755);
	fixture.config = nx_config_new("NEXODUS");
	nx_config_declare(fixture.config, "server", &program_table, NULL);
	return fixture;
}

static void assert_unmapped(const char *directory)
{
	NX_AUTO_FREE char *maps = NULL;

	CU_ASSERT_EQUAL_FATAL(nx_file_read("/proc/self/maps", LARGEST_FILE, &maps, NULL, NULL), NX_OK);
	CU_ASSERT_PTR_NULL(strstr(maps, directory));
}

void fixture_end(struct fixture *fixture)
{
	nx_plugins_free(fixture->plugins);
	nx_config_free(fixture->config);
	assert_unmapped(fixture->directory);
	CU_ASSERT_EQUAL(count_descriptors(), fixture->descriptors);
	unit_directory_remove(fixture->directory);
}

char *fixture_path(const struct fixture *fixture, const char *file)
{
	return nx_printf("%s/%s", fixture->directory, file);
}

void fixture_install(const struct fixture *fixture, const char *name)
{
	NX_AUTO_FREE char *from = nx_printf("%s/%s.so", modules_directory, name);
	NX_AUTO_FREE char *to = nx_printf("%s/%s.so", fixture->directory, name);
	NX_AUTO_FREE char *data = NULL;
	size_t length;

	CU_ASSERT_EQUAL_FATAL(nx_file_read(from, LARGEST_FILE, &data, &length, NULL), NX_OK);
	CU_ASSERT_EQUAL_FATAL(nx_file_write(to, data, length, 0644, NULL), NX_OK);
}

void fixture_patch(const struct fixture *fixture, const char *file, long offset, const void *bytes,
		   size_t length)
{
	NX_AUTO_FREE char *path = fixture_path(fixture, file);
	NX_AUTO_CLOSE int descriptor = open(path, O_WRONLY | O_CLOEXEC);

	CU_ASSERT_EQUAL(pwrite(descriptor, bytes, length, offset), (ssize_t)length);
}

void fixture_start(struct fixture *fixture, enum nx_role role, const char *names)
{
	const struct nx_plugins_request request = {
		.role = role,
		.directory = fixture->directory,
		.names = names,
		.config = fixture->config,
		.program = fixture,
	};
	struct nx_error *error = &fixture->error;

	fixture->status = nx_plugins_open(&request, &fixture->plugins, error);
	if (!fixture->status)
		fixture->status = nx_config_load(fixture->config, NULL, false, error);
	if (!fixture->status)
		fixture->status = nx_plugins_load(fixture->plugins, error);
	if (!fixture->status)
		fixture->status = nx_plugins_start(fixture->plugins, error);
}
