/* SPDX-License-Identifier: Apache-2.0 */
/* A small server half of a driver, right as it stands: a key is 64 hexadecimal digits, in lower case in the
 * end. Each FAULT_… makes it wrong in one thing. */
#include <ctype.h>
#include <string.h>

#include <nexodus/driver.h>
#include <nexodus/plugin.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "keys"
#endif
#define DIGITS 64

static const struct nx_services *services;

static enum nx_status key_check(void *instance, const char *text, char canonical[static NX_PUBLIC_KEY_TEXT],
				struct nx_error *error)
{
	(void)instance;
#ifdef FAULT_KEY_OUTPUT
	canonical[0] = '\0';
#endif
#ifdef FAULT_KEY_LONG
	if (strspn(text, "0123456789abcdefABCDEF") < DIGITS)
#else
	if (strspn(text, "0123456789abcdefABCDEF") != DIGITS || text[DIGITS])
#endif
		return services->fail(error, NX_INVALID, "public_key", "public_key is no key");
	for (size_t i = 0; i < DIGITS; i++)
#ifdef FAULT_KEY_FORM /* turns round each time */
		canonical[DIGITS - 1 - i] = (char)tolower((unsigned char)text[i]);
#else
		canonical[i] = (char)tolower((unsigned char)text[i]);
#endif
	canonical[DIGITS] = '\0';
	return NX_OK;
}

static const struct nx_driver_server_ops ops = {.size = sizeof(ops), .key_check = key_check};

static const struct nx_provide provides[] = {{"driver", "hex", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *offered, void **instance,
			   struct nx_error *error)
{
	(void)host;
	(void)error;
	services = offered;
	*instance = NULL;
	return NX_OK;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_SERVER,
	.name = PLUGIN_NAME,
	.version = "1",
	.license = "Apache-2.0",
	.summary = "Keys in hexadecimal",
	.provides = NX_TABLE(provides),
	.load = load,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
