/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ipam/strategy.h"

#include <string.h>

#include "base/loader.h"

/* The names that may be chosen for a family, as in "sequential, random". */
static void names_write(const struct nx_plugins *plugins, const struct nx_ipam_ops *family,
			struct nx_buffer *out)
{
	const struct nx_capability *capability;

	nx_buffer_text(out, family->strategy ? family->strategy : "");
	for (size_t i = 0; (capability = nx_plugins_capability(plugins, "strategy", i)); i++)
		nx_buffer_printf(out, "%s%s", out->length ? ", " : "", capability->key);
}

/* The name as it may stand in a message: capabilities are called by plain words. */
static const char *name_quotable(const char *name)
{
	return strlen(name) <= 64 && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")]
		       ? name
		       : "(odd text)";
}

static enum nx_status unknown(const struct nx_plugins *plugins, const struct nx_ipam_ops *family,
			      const char *name, struct nx_error *error)
{
	struct nx_buffer names = {0};

	names_write(plugins, family, &names);
	nx_fail(error, NX_UNSUPPORTED, NULL, "no strategy '%s' for %s addresses is loaded; those loaded: %s",
		name_quotable(name), family->label, names.length ? names.data : "none");
	nx_buffer_free(&names);
	return NX_UNSUPPORTED;
}

enum nx_status nx_strategy_find(const struct nx_plugins *plugins, const struct nx_ipam_ops *family,
				void *instance, const char *name, struct nx_strategy *out,
				struct nx_error *error)
{
	const struct nx_capability *capability;

	if (!name[0] && family->strategy_default)
		name = family->strategy_default(instance);
	if (!name[0] || (family->strategy && strcmp(name, family->strategy) == 0)) {
		*out = (struct nx_strategy){0};
		return NX_OK;
	}
	capability = nx_plugins_find(plugins, "strategy", name);
	if (!capability)
		return unknown(plugins, family, name, error);
	if (!family->pool_find)
		return nx_fail(
			error, NX_UNSUPPORTED, NULL,
			"%s addresses cannot be given by the strategy '%s': the family's plugin does not "
			"say what is free (pool_find), and can do its own alone",
			family->label, name);
	*out = (struct nx_strategy){
		.name = capability->key,
		.plugin = capability->provider->plugin->name,
		.ops = capability->ops,
		.instance = capability->provider->instance,
	};
	return NX_OK;
}

const char *nx_strategy_name(const struct nx_family *family, const struct nx_value *organization)
{
	const struct nx_ipam_ops *ops = family->ops;
	const char *name = "";

	if (family->organization_strategy != NX_NO_COLUMN)
		name = organization[family->organization_strategy].text;
	if (!name[0] && ops->strategy_default)
		name = ops->strategy_default(family->instance);
	if (!name[0] && ops->strategy)
		name = ops->strategy;
	return name;
}

enum nx_status nx_strategies_check(const struct nx_plugins *plugins, struct nx_error *error)
{
	const struct nx_capability *family;
	struct nx_strategy strategy;
	struct nx_error why = {0};

	for (size_t i = 0; (family = nx_plugins_capability(plugins, "ipam", i)); i++) {
		if (nx_strategy_find(plugins, family->ops, family->provider->instance, "", &strategy, &why) !=
		    NX_OK)
			return nx_fail(error, NX_INVALID, NULL, "[%s] strategy: %s",
				       family->provider->plugin->name, why.message);
	}
	return NX_OK;
}

enum nx_status nx_organization_strategies_check(const struct nx_server *server,
						const struct nx_value *organization, struct nx_error *error)
{
	const struct nx_fields *fields = server->fields;
	struct nx_strategy strategy;
	struct nx_error why = {0};

	for (size_t i = 0; i < fields->family_count; i++) {
		const struct nx_family *family = &fields->family[i];
		size_t place = family->organization_strategy;

		if (place == NX_NO_COLUMN || !organization[place].text[0])
			continue;
		if (nx_strategy_find(server->plugins, family->ops, family->instance, organization[place].text,
				     &strategy, &why) != NX_OK)
			return nx_fail(error, NX_INVALID, fields->organizations.column[place].name, "%s",
				       why.message);
	}
	return NX_OK;
}
