/* SPDX-License-Identifier: Apache-2.0 */
/* Judging the descriptor that a library exports. */
#include <dlfcn.h>
#include <string.h>

#include "base/kinds.h"
#include "base/loader_internal.h"
#include "base/table.h"

/* --- identity: the frozen members, which may be read in any version ---------------------- */

static const char *role_name(uint32_t role)
{
	switch (role) {
	case NX_ROLE_SERVER:
		return "server";
	case NX_ROLE_AGENT:
		return "agent";
	default:
		return "unknown";
	}
}

static enum nx_status check_identity(const struct nx_host *host, const struct nx_plugin *found,
				     struct nx_error *error)
{
	uint32_t role = host->set->role ? (uint32_t)host->set->role : found->role;

	if (found->magic != NX_PLUGIN_MAGIC)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "%s: expected magic 0x%08x, found 0x%08x",
			       host->path, NX_PLUGIN_MAGIC, found->magic);
	if (found->abi_major != NX_ABI_MAJOR || found->abi_minor > NX_ABI_MINOR)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "%s: expected plugin ABI %d.0 to %d.%d, found %u.%u", host->path, NX_ABI_MAJOR,
			       NX_ABI_MAJOR, NX_ABI_MINOR, found->abi_major, found->abi_minor);
	if (role != NX_ROLE_SERVER && role != NX_ROLE_AGENT)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "%s: expected role %d (%s) or %d (%s), found %u",
			       host->path, NX_ROLE_SERVER, role_name(NX_ROLE_SERVER), NX_ROLE_AGENT,
			       role_name(NX_ROLE_AGENT), role);
	if (found->role != role)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "%s: expected role %u (%s), found %u (%s)",
			       host->path, role, role_name(role), found->role, role_name(found->role));
	if (found->size < LOADER_UP_TO(struct nx_plugin, unload))
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "%s: expected a descriptor of %zu bytes or more, found %u", host->path,
			       LOADER_UP_TO(struct nx_plugin, unload), found->size);
	return NX_OK;
}

static enum nx_status check_text(const struct nx_host *host, const char *text, const char *member,
				 struct nx_error *error)
{
	if (text && text[0] != '\0')
		return NX_OK;
	return nx_fail(error, NX_INVALID, NULL, "%s: expected a %s in the descriptor, found none", host->path,
		       member);
}

static enum nx_status check_texts(const struct nx_host *host, struct nx_error *error)
{
	const struct nx_plugin *plugin = &host->plugin;
	enum nx_status status = check_text(host, plugin->name, "name", error);

	if (!status && strcmp(plugin->name, host->name) != 0)
		status = nx_fail(error, NX_INVALID, NULL,
				 "%s: expected the file's name \"%s\" in the descriptor, found \"%.64s\"",
				 host->path, host->name, plugin->name);
	if (!status)
		status = check_text(host, plugin->version, "version", error);
	if (!status)
		status = check_text(host, plugin->license, "license", error);
	if (!status)
		status = check_text(host, plugin->summary, "summary", error);
	if (!status && !plugin->load)
		status = nx_fail(error, NX_INVALID, NULL, "%s: expected a `load` function, found none",
				 host->path);
	return status;
}

/* --- capabilities --------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static enum nx_status check_provide(const struct nx_host *host, const struct nx_provide *provide,
				    struct nx_error *error)
{
	const struct nx_kind *kind;
	const char *missing;

	if (!provide->kind || !provide->key || !provide->ops || !is_plain(provide->key))
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: expected kind, key ([a-z0-9-]+) and ops of each capability, found "
			       "\"%.64s/%.64s\" with%s ops",
			       host->path, provide->kind ? provide->kind : "",
			       provide->key ? provide->key : "", provide->ops ? "" : "out");
	kind = nx_kind_find(host->set->role, provide->kind);
	if (!kind)
		return nx_fail(error, NX_INVALID, NULL,
			       "%s: expected capabilities of kinds that a %s knows, found \"%.64s/%s\"",
			       host->path, role_name(host->set->role), provide->kind, provide->key);
	missing = nx_kind_missing(kind, provide->ops);
	if (missing)
		return nx_fail(error, NX_INVALID, NULL, "%s: expected `%s` in the table of %s/%s, found none",
			       host->path, missing, provide->kind, provide->key);
	return NX_OK;
}

static enum nx_status check_provides(const struct nx_host *host, struct nx_error *error)
{
	const struct nx_table *table = &host->plugin.provides;
	enum nx_status status =
		loader_table_check(host, table, "provides", LOADER_UP_TO(struct nx_provide, ops), error);

	for (uint32_t i = 0; !status && i < table->count; i++) {
		struct nx_provide provide;

		nx_table_row(table, i, &provide, sizeof(provide));
		status = check_provide(host, &provide, error);
	}
	return status;
}

static enum nx_status check_needs(const struct nx_host *host, struct nx_error *error)
{
	const struct nx_table *table = &host->plugin.needs;
	enum nx_status status =
		loader_table_check(host, table, "needs", LOADER_UP_TO(struct nx_need, soft), error);

	for (uint32_t i = 0; !status && i < table->count; i++) {
		struct nx_need need;

		nx_table_row(table, i, &need, sizeof(need));
		if (!need.kind)
			status = nx_fail(error, NX_INVALID, NULL,
					 "%s: expected a kind in need %u, found none", host->path, i + 1);
	}
	return status;
}

/* --- all of it -------------------------------------------------------------------------------- */

enum nx_status loader_identity_read(struct nx_host *host, struct nx_error *error)
{
	const struct nx_plugin *(*entry)(void);
	void *symbol = dlsym(host->library, NX_PLUGIN_ENTRY);
	const struct nx_plugin *found;
	enum nx_status status;

	if (!symbol)
		return nx_fail(error, NX_UNSUPPORTED, NULL,
			       "%s: expected that it exports %s(), found no such symbol", host->path,
			       NX_PLUGIN_ENTRY);
	memcpy(&entry, &symbol, sizeof(entry)); /* what POSIX asks for, without the cast ISO C forbids */
	found = entry();
	if (!found)
		return nx_fail(error, NX_INVALID, NULL, "%s: expected a descriptor from %s(), found NULL",
			       host->path, NX_PLUGIN_ENTRY);
	status = check_identity(host, found, error);
	if (status)
		return status;
	memcpy(&host->plugin, found, found->size < sizeof(host->plugin) ? found->size : sizeof(host->plugin));
	return NX_OK;
}

static enum nx_status check_keys(const struct nx_host *host, struct nx_error *error)
{
	return loader_table_check(host, &host->plugin.config_keys, "config_keys",
				  LOADER_UP_TO(struct nx_config_key, flag), error);
}

enum nx_status loader_part_check(const struct nx_host *host, enum nx_plugin_part part, struct nx_error *error)
{
	static enum nx_status (*const checks[])(const struct nx_host *host, struct nx_error *error) = {
		[NX_PART_TEXTS] = check_texts,		[NX_PART_PROVIDES] = check_provides,
		[NX_PART_NEEDS] = check_needs,		[NX_PART_CONFIGURATION] = check_keys,
		[NX_PART_FIELDS] = loader_fields_check, [NX_PART_MIGRATIONS] = loader_migrations_check,
	};

	return checks[part](host, error);
}

enum nx_status loader_descriptor_read(struct nx_host *host, struct nx_error *error)
{
	enum nx_status status = loader_identity_read(host, error);

	for (int part = 0; !status && part < NX_PART_COUNT; part++)
		status = loader_part_check(host, (enum nx_plugin_part)part, error);
	return status;
}
