/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loader.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/kinds.h"
#include "base/loader_internal.h"
#include "base/memory.h"
#include "base/table.h"

/* --- opening ------------------------------------------------------------------------------- */

struct nx_host *loader_host_new(struct nx_plugins *set, const char *name, const char *path)
{
	struct nx_host *host = nx_alloc(sizeof(*host));

	host->set = set;
	host->name = nx_strdup(name);
	host->path = nx_strdup(path);
	host->file = -1;
	host->loaded.plugin = &host->plugin;
	host->loaded.path = host->path;
	return host;
}

static void host_free(struct nx_host *host)
{
	if (host->declared)
		nx_config_withdraw(host->set->config, host->name);
	if (host->library)
		dlclose(host->library);
	nx_cleanup_close(&host->file);
	free(host->name);
	free(host->path);
	free(host);
}

/* Take a capability into the set, with a copy of its table that is as long as the host's. */
static enum nx_status add_capability(struct nx_host *host, const struct nx_provide *provide,
				     struct nx_error *error)
{
	const struct nx_kind *kind = nx_kind_find(host->set->role, provide->kind);
	const struct nx_capability *taken = nx_plugins_find(host->set, provide->kind, provide->key);
	struct nx_plugins *set = host->set;
	size_t size;
	void *ops;

	if (taken)
		return nx_fail(error, NX_CONFLICT, NULL,
			       "%s: expected capabilities that no other plugin provides, found %s/%s, which "
			       "%s provides",
			       host->path, provide->kind, provide->key, taken->provider->path);
	ops = nx_alloc(kind->size);
	memcpy(&size, provide->ops, sizeof(size));
	memcpy(ops, provide->ops, size < kind->size ? size : kind->size);
	set->capabilities =
		nx_realloc_array(set->capabilities, set->capability_count + 1, sizeof(*set->capabilities));
	set->tables = nx_realloc_array(set->tables, set->capability_count + 1, sizeof(*set->tables));
	set->tables[set->capability_count] = ops;
	set->capabilities[set->capability_count++] = (struct nx_capability){
		.kind = provide->kind,
		.key = provide->key,
		.ops = ops,
		.provider = &host->loaded,
	};
	return NX_OK;
}

/* In load order, so that programs see capabilities in that order too. */
enum nx_status loader_capabilities_add(struct nx_plugins *set, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (size_t i = 0; i < set->count; i++) {
		const struct nx_table *provides = &set->items[i]->plugin.provides;

		for (uint32_t row = 0; !status && row < provides->count; row++) {
			struct nx_provide provide;

			nx_table_row(provides, row, &provide, sizeof(provide));
			status = add_capability(set->items[i], &provide, error);
		}
	}
	return status;
}

enum nx_status loader_keys_declare(struct nx_plugins *set, struct nx_error *error)
{
	for (size_t i = 0; i < set->count; i++) {
		struct nx_host *host = set->items[i];
		struct nx_error inner;
		enum nx_status status =
			nx_config_declare(set->config, host->name, &host->plugin.config_keys, &inner);

		if (status)
			return nx_fail(error, status, NULL,
				       "%s: expected configuration keys that make sense, found: %s",
				       host->path, inner.message);
		host->declared = true;
	}
	return NX_OK;
}

static enum nx_status open_files(struct nx_plugins *set, int directory, char *const *names, size_t count,
				 struct nx_error *error)
{
	set->items = nx_alloc_array(count, sizeof(struct nx_host *));
	for (size_t i = 0; i < count; i++) {
		NX_AUTO_FREE char *path = nx_printf("%s/%s.so", set->directory, names[i]);
		struct nx_host *host = loader_host_new(set, names[i], path);
		enum nx_status status;

		set->items[set->count++] = host;
		status = loader_file_open(host, directory, error);
		if (!status)
			status = loader_descriptor_read(host, error);
		if (status)
			return status;
	}
	return NX_OK;
}

static enum nx_status open_all(struct nx_plugins *set, const char *list, struct nx_error *error)
{
	NX_AUTO_CLOSE int directory = -1;
	char **names = NULL;
	size_t count = 0;
	enum nx_status status;

	if (list[strspn(list, " \t,")] == '\0')
		return NX_OK; /* no plugins: then no directory is needed either */
	status = loader_directory_open(set->directory, &directory, error);
	if (!status)
		status = loader_names(set, list, directory, &names, &count, error);
	if (!status)
		status = open_files(set, directory, names, count, error);
	while (count > 0)
		free(names[--count]);
	free(names);
	if (!status)
		status = loader_order(set, error);
	if (!status)
		status = loader_capabilities_add(set, error);
	return status ? status : loader_keys_declare(set, error);
}

enum nx_status nx_plugins_open(const struct nx_plugins_request *request, struct nx_plugins **out,
			       struct nx_error *error)
{
	struct nx_plugins *set = nx_alloc(sizeof(*set));
	enum nx_status status;

	set->role = request->role;
	set->directory = nx_strdup(request->directory);
	set->config = request->config;
	set->program = request->program;
	loader_services(set, request->agent);
	status = open_all(set, request->names, error);
	if (status)
		nx_plugins_free(set);
	else
		*out = set;
	return status;
}

/* --- life cycle -------------------------------------------------------------------------------- */

/* Tell on behalf of a plugin that one of its functions failed. */
static enum nx_status fail_call(const struct nx_host *host, enum nx_status status, const char *function,
				const struct nx_error *inner, struct nx_error *error)
{
	const char *message = inner->message[0] ? inner->message : nx_status_name(status);

	return nx_fail(error, status, NULL, "%s: expected that `%s` succeeds, found: %s", host->path,
		       function, message);
}

static void stop_from(struct nx_plugins *set, size_t end)
{
	while (end-- > 0) {
		struct nx_host *host = set->items[end];

		if (host->loaded.started && host->plugin.stop)
			host->plugin.stop(host->loaded.instance);
		host->loaded.started = false;
	}
}

static void unload_all(struct nx_plugins *set)
{
	for (size_t i = set->count; i-- > 0;) {
		struct nx_host *host = set->items[i];

		if (host->alive && host->plugin.unload)
			host->plugin.unload(host->loaded.instance);
		host->alive = false;
		host->loaded.instance = NULL;
	}
}

enum nx_status nx_plugins_load(struct nx_plugins *plugins, struct nx_error *error)
{
	for (size_t i = 0; i < plugins->count; i++) {
		struct nx_host *host = plugins->items[i];
		struct nx_error inner = {0};
		enum nx_status status =
			host->plugin.load(host, &plugins->services, &host->loaded.instance, &inner);

		if (status) {
			host->loaded.instance = NULL;
			unload_all(plugins);
			return fail_call(host, status, "load", &inner, error);
		}
		host->alive = true;
	}
	return NX_OK;
}

enum nx_status nx_plugins_start(struct nx_plugins *plugins, struct nx_error *error)
{
	for (size_t i = 0; i < plugins->count; i++) {
		struct nx_host *host = plugins->items[i];
		struct nx_error inner = {0};
		enum nx_status status =
			host->plugin.start ? host->plugin.start(host->loaded.instance, &inner) : NX_OK;

		if (status) {
			stop_from(plugins, i);
			return fail_call(host, status, "start", &inner, error);
		}
		host->loaded.started = true;
	}
	return NX_OK;
}

enum nx_status nx_plugins_reload(struct nx_plugins *plugins, struct nx_error *error)
{
	for (size_t i = 0; i < plugins->count; i++) {
		struct nx_host *host = plugins->items[i];
		struct nx_error inner = {0};
		enum nx_status status =
			host->plugin.reload ? host->plugin.reload(host->loaded.instance, &inner) : NX_OK;

		if (status)
			return fail_call(host, status, "reload", &inner, error);
	}
	return NX_OK;
}

void nx_plugins_stop(struct nx_plugins *plugins)
{
	stop_from(plugins, plugins->count);
}

void nx_plugins_unload(struct nx_plugins *plugins)
{
	nx_plugins_stop(plugins);
	unload_all(plugins);
}

void nx_plugins_free(struct nx_plugins *plugins)
{
	if (!plugins)
		return;
	nx_plugins_unload(plugins);
	for (size_t i = 0; i < plugins->capability_count; i++)
		free(plugins->tables[i]);
	for (size_t i = plugins->count; i-- > 0;)
		host_free(plugins->items[i]);
	free(plugins->tables);
	free(plugins->capabilities);
	free(plugins->items);
	free(plugins->directory);
	free(plugins);
}

/* --- asking --------------------------------------------------------------------------------------- */

size_t nx_plugins_count(const struct nx_plugins *plugins)
{
	return plugins->count;
}

const struct nx_loaded *nx_plugins_at(const struct nx_plugins *plugins, size_t index)
{
	return index < plugins->count ? &plugins->items[index]->loaded : NULL;
}

size_t nx_plugins_capability_count(const struct nx_plugins *plugins, const char *kind)
{
	size_t count = 0;

	while (nx_plugins_capability(plugins, kind, count))
		count++;
	return count;
}

const struct nx_capability *nx_plugins_capability(const struct nx_plugins *plugins, const char *kind,
						  size_t index)
{
	for (size_t i = 0; i < plugins->capability_count; i++) {
		if (strcmp(plugins->capabilities[i].kind, kind) == 0 && index-- == 0)
			return &plugins->capabilities[i];
	}
	return NULL;
}

const struct nx_capability *nx_plugins_find(const struct nx_plugins *plugins, const char *kind,
					    const char *key)
{
	for (size_t i = 0; i < plugins->capability_count; i++) {
		const struct nx_capability *capability = &plugins->capabilities[i];

		if (strcmp(capability->kind, kind) == 0 && strcmp(capability->key, key) == 0)
			return capability;
	}
	return NULL;
}
