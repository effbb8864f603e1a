/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the place of a family's plugin, which lies in the folder `real` beside it, and does what no pool may,
 * in the way that the device's host name asks for. While there is the file real/gate, a call of one that is
 * `stuck` does not come back, and what is said to be free is not.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <nexodus/ipam.h>
#include <nexodus/plugin.h>

static struct nx_plugin plugin;
static struct nx_provide provide;
static struct nx_ipam_ops ops;
static const struct nx_ipam_ops *real;
static char gate[PATH_MAX + 16];

static enum nx_status fail(struct nx_error *error, enum nx_status status, const char *message)
{
	if (error) {
		error->status = status;
		snprintf(error->message, sizeof(error->message), "%s", message);
	}
	return status;
}

/* --- what it says ------------------------------------------------------------------------------- */

typedef void deed(struct nx_address *address);

static void outside(struct nx_address *address)
{
	address->bytes[0] ^= 0x80;
}

static void family(struct nx_address *address)
{
	address->length = address->length == 4 ? 16 : 4;
}

static void garbage(struct nx_address *address)
{
	memset(address, 0xee, sizeof(*address));
}

static void nothing(struct nx_address *address)
{
	*address = (struct nx_address){0};
}

/* The first of the prefix that a device can have, and does. */
static void duplicate(struct nx_address *address)
{
	memset(address->bytes + 2, 0, address->length - 2u);
	address->bytes[address->length - 1] = 1;
}

static const struct {
	const char *hostname;
	deed *deed;
} deeds[] = {
	{"outside", outside}, {"family", family},	{"garbage", garbage},
	{"nothing", nothing}, {"duplicate", duplicate},
};

static deed *deed_of(const char *hostname)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		if (strcmp(deeds[i].hostname, hostname) == 0)
			return deeds[i].deed;
	}
	return NULL;
}

static void dawdle(const char *hostname)
{
	if (strcmp(hostname, "slow") == 0)
		nanosleep(&(const struct timespec){.tv_nsec = 150000000}, NULL);
	while (strcmp(hostname, "stuck") == 0 && access(gate, F_OK) == 0)
		nanosleep(&(const struct timespec){.tv_nsec = 20000000}, NULL);
}

static enum nx_status allocate(struct nx_pool *pool, const struct nx_lease_request *request,
			       struct nx_address *out, struct nx_error *error)
{
	deed *wrong = deed_of(request->hostname);
	enum nx_status status;

	dawdle(request->hostname);
	if (strcmp(request->hostname, "failing") == 0)
		return fail(error, NX_CONFLICT, "it does not want to");
	if (strcmp(request->hostname, "silent") == 0)
		return (enum nx_status)77;
	if (strcmp(request->hostname, "exhausted") == 0)
		return NX_EXHAUSTED;
	status = real->pool_allocate(pool, request, out, error);
	if (status == NX_OK && wrong) {
		real->pool_give(pool, out);
		wrong(out);
	}
	return status;
}

/* Nobody says for whom: it lies as long as there is the gate. */
static enum nx_status find(struct nx_pool *pool, const struct nx_address *from, struct nx_address *out,
			   struct nx_error *error)
{
	enum nx_status status = real->pool_find(pool, from, out, error);

	if (status == NX_OK && access(gate, F_OK) == 0)
		outside(out);
	return status;
}

/* --- in the other's place --------------------------------------------------------------------------- */

/* The server opens a plugin by its descriptor, which leads to the file. */
static void *real_open(void)
{
	char own[PATH_MAX], path[PATH_MAX + 16];
	Dl_info found;

	if (!dladdr(&plugin, &found) || !realpath(found.dli_fname, own))
		return NULL;
	const char *name = strrchr(own, '/');
	int folder = (int)(name - own);
	snprintf(path, sizeof(path), "%.*s/real%s", folder, own, name);
	snprintf(gate, sizeof(gate), "%.*s/real/gate", folder, own);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* It provides nothing else. */
static void provide_replace(const struct nx_plugin *of)
{
	const struct nx_provide *first = of->provides.rows;

	real = first->ops;
	ops = *real;
	ops.pool_allocate = allocate;
	ops.pool_find = find;
	provide = *first;
	provide.ops = &ops;
	plugin = *of;
	plugin.provides = (struct nx_table){&provide, 1, sizeof(provide)};
}

const struct nx_plugin *nexodus_plugin(void)
{
	void *library = real_open();
	const struct nx_plugin *(*entry)(void);

	if (!library)
		return NULL;
	*(void **)&entry = dlsym(library, NX_PLUGIN_ENTRY);
	provide_replace(entry());
	return &plugin;
}
