/* SPDX-License-Identifier: Apache-2.0 */
/* Judging a device with the help of driver and relay plugins. */
#include <nexodus/relay.h>

#include <string.h>

#include "server/resources/device.h"
#include "server/resources/reply.h"

static const struct nx_capability *driver_find(const struct nx_plugins *plugins, const char *name)
{
	return name ? nx_plugins_find(plugins, "driver", name) : nx_plugins_capability(plugins, "driver", 0);
}

enum nx_status nx_device_key_read(struct nx_server *server, const struct nx_json *body, const char **driver,
				  char key[static NX_PUBLIC_KEY_TEXT], struct nx_error *error)
{
	const char *name = NULL, *text = "";
	const struct nx_capability *capability;
	const struct nx_driver_server_ops *ops;
	struct nx_error why = {0};
	enum nx_status status = nx_text_read(body, "driver", NX_OS_LIMIT, &name, error);

	if (status == NX_OK)
		status = nx_text_read(body, "public_key", NX_PUBLIC_KEY_TEXT - 1, &text, error);
	if (status != NX_OK)
		return status;
	if (!text[0])
		return nx_missing(error, "public_key");
	capability = driver_find(server->plugins, name);
	if (!capability && name)
		return nx_fail(error, NX_INVALID, "driver", "this server has no driver '%s'", name);
	if (!capability)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "this server has no driver loaded");
	ops = capability->ops;
	*driver = capability->key;
	status = ops->key_check(capability->provider->instance, text, key, &why);
	return status == NX_OK ? NX_OK : nx_fail(error, status, "public_key", "%s", why.message);
}

enum nx_status nx_device_relay_check(struct nx_server *server, const struct nx_value *record,
				     struct nx_error *error)
{
	NX_AUTO_JSON struct nx_json *device = NULL;
	const struct nx_capability *capability;
	struct nx_buffer text = {0};
	enum nx_status status;

	if (!nx_plugins_capability_count(server->plugins, "relay"))
		return NX_OK;
	nx_device_write(server->fields, record, &text);
	status = nx_json_parse(text.data, text.length, &device, error);
	nx_buffer_free(&text);
	for (size_t i = 0;
	     status == NX_OK && (capability = nx_plugins_capability(server->plugins, "relay", i)); i++) {
		const struct nx_relay_server_ops *ops = capability->ops;

		if (ops->device_check)
			status = ops->device_check(capability->provider->instance, device, error);
	}
	return status;
}
