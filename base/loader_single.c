/* SPDX-License-Identifier: Apache-2.0 */
/* One plugin file by itself, by its path, for a program that judges it. */
#include <string.h>

#include "base/loader_internal.h"
#include "base/memory.h"

#define SUFFIX ".so"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* The plugin's name in the file's, or NULL. */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length = strspn(name, NAME_CHARACTERS);

	return length && strcmp(name + length, SUFFIX) == 0 ? nx_printf("%.*s", (int)length, name) : NULL;
}

static enum nx_status open_host(struct nx_plugins *set, const char *path, struct nx_error *doubt,
				struct nx_error *error)
{
	NX_AUTO_FREE char *name = name_of(path);
	enum nx_status status;

	if (!name)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: expected a file whose name is a plugin's ([a-z0-9-]+) and \"" SUFFIX "\"",
			       path);
	set->items = nx_alloc(sizeof(struct nx_host *));
	set->items[set->count++] = loader_host_new(set, name, path);
	status = loader_path_open(set->items[0], doubt, error);
	return status ? status : loader_identity_read(set->items[0], error);
}

enum nx_status nx_plugin_file_open(const char *path, struct nx_plugins **out, struct nx_error *doubt,
				   struct nx_error *error)
{
	struct nx_plugins *set = nx_alloc(sizeof(*set));
	enum nx_status status;

	set->directory = nx_strdup("");
	status = open_host(set, path, doubt, error);
	if (status) {
		nx_plugins_free(set);
		return status;
	}
	set->role = (enum nx_role)set->items[0]->plugin.role;
	*out = set;
	return NX_OK;
}

enum nx_status nx_plugin_part_judge(const struct nx_plugins *plugins, enum nx_plugin_part part,
				    struct nx_error *error)
{
	return loader_part_check(plugins->items[0], part, error);
}

enum nx_status nx_plugin_file_adopt(struct nx_plugins *plugins, struct nx_config *config,
				    const struct nx_agent_services *agent, void *program,
				    struct nx_error *error)
{
	enum nx_status status = loader_capabilities_add(plugins, error);

	plugins->config = config;
	plugins->program = program;
	loader_services(plugins, agent);
	return status ? status : loader_keys_declare(plugins, error);
}
