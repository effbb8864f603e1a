/* SPDX-License-Identifier: Apache-2.0 */
/* A small relay policy of an agent, right as it stands: all talk directly, and nobody relays. Each FAULT_…
 * makes it wrong in one thing. */
#include <stdlib.h>
#include <string.h>

#include <nexodus/plugin.h>
#include <nexodus/relay.h>

#ifndef PLUGIN_NAME
#define PLUGIN_NAME "policy"
#endif

static void standing(void *instance, const struct nx_json *device, struct nx_relay_standing *out)
{
	(void)instance;
	(void)device;
	memset(out, 0, sizeof(*out));
#ifdef FAULT_STANDING
	out->spoke = true;
#endif
}

static void describe_wishes(void *instance, struct nx_json_writer *writer)
{
	(void)instance;
	(void)writer;
}

static void describe_self(void *instance, const struct nx_relay_self *self, struct nx_json_writer *writer)
{
	(void)instance;
	(void)self;
	(void)writer;
}

static bool prefer(void *instance, const struct nx_member *host, const struct nx_member *a,
		   const struct nx_member *b)
{
	(void)instance;
	(void)host;
#ifdef FAULT_PREFER /* the draining one last, and among equals nobody */
	return !a->standing.draining && b->standing.draining;
#else
	return strcmp(a->id, b->id) < 0;
#endif
}

static const struct nx_member *carrier(void *instance, const struct nx_mesh *mesh,
				       const struct nx_member *member)
{
	(void)instance;
#ifdef FAULT_CARRIER /* each end its own relay */
	if (!member->standing.relay && !mesh->self->standing.relay)
		return mesh->relay;
#endif
	(void)mesh;
	(void)member;
	return NULL;
}

static void put(struct nx_peer_plan *out, struct nx_prefix prefix)
{
#ifndef FAULT_ROOM
	if (out->prefix_count < out->prefix_room)
#endif
		out->prefixes[out->prefix_count] = prefix;
	out->prefix_count++;
}

static enum nx_status plan(void *instance, const struct nx_mesh *mesh, const struct nx_member *member,
			   struct nx_peer_plan *out)
{
	(void)instance;
	(void)mesh;
	out->path = NX_PATH_DIRECT;
	out->prefix_count = 0;
	out->endpoint_count = 0;
	out->keepalive_seconds = 20;
	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_member_family *family = &member->families[i];

		if (family->present)
			put(out, (struct nx_prefix){family->address, (uint8_t)(8 * family->address.length)});
#ifdef FAULT_TWICE
		if (family->present && member->standing.relay)
			put(out, family->organization);
#endif
	}
#ifdef FAULT_STATE
	static unsigned int calls;
	out->keepalive_seconds = (uint16_t)(calls++ % 2);
#endif
#ifdef FAULT_WRITES
	struct nx_mesh *writable;
	memcpy(&writable, &mesh, sizeof(writable));
	writable->carried_count = 1;
#endif
	return NX_OK;
}

static enum nx_status forward(void *instance, const char *interface, bool relay,
			      const struct nx_prefix *child_prefixes, size_t count, struct nx_error *error)
{
	(void)instance;
	(void)interface;
	(void)relay;
	(void)child_prefixes;
	(void)count;
	(void)error;
	return NX_OK;
}

static const struct nx_relay_ops ops = {
	.size = sizeof(ops),
	.standing = standing,
	.describe_wishes = describe_wishes,
	.describe_self = describe_self,
	.prefer = prefer,
	.carrier = carrier,
	.plan = plan,
	.forward = forward,
};

static const struct nx_provide provides[] = {{"relay", "none", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	(void)host;
	(void)services;
	(void)error;
	*instance = NULL;
	return NX_OK;
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_AGENT,
	.name = PLUGIN_NAME,
	.version = "1",
	.license = "Apache-2.0",
	.summary = "All talk directly",
	.provides = NX_TABLE(provides),
	.load = load,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
