/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/agent_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"

/* Tests and fuzz targets alike end here. */
static void must(bool truth)
{
	if (!truth)
		abort();
}

/* --- families ----------------------------------------------------------------------------- */

struct family_facts {
	const char *address, *prefix, *endpoint, *second_address, *second_prefix;
};

static const struct family_facts facts[] = {
	{"tunnel_ip", "organization_prefix", "local_ip", "second_ip", "second_prefix"},
	{"tunnel_ip_v6", "organization_prefix_v6", "local_ip_v6", "second_ip_v6", "second_prefix_v6"},
};

static bool family_supported(void *instance, char reason[static 160])
{
	const struct fake_family *family = instance;

	if (family->unsupported)
		snprintf(reason, 160, "switched off");
	return !family->unsupported;
}

static enum nx_status family_read(void *instance, const struct nx_json *device, struct nx_member_family *out,
				  struct nx_error *error)
{
	const struct family_facts *fields = &facts[((const struct fake_family *)instance)->index];
	const char *address = nx_json_member_string(device, fields->address, "");
	const char *endpoint = nx_json_member_string(device, fields->endpoint, "");

	*out = (struct nx_member_family){0};
	if (*endpoint && !nx_endpoint_parse(endpoint, &out->endpoint))
		return nx_fail(error, NX_INVALID, fields->endpoint, "no endpoint");
	if (!*address)
		return NX_OK;
	if (!nx_address_parse(address, &out->address) ||
	    !nx_prefix_parse(nx_json_member_string(device, fields->prefix, ""), &out->organization))
		return nx_fail(error, NX_INVALID, fields->address, "no address");
	out->present = true;
	return NX_OK;
}

static enum nx_status family_read_second(void *instance, const struct nx_json *device,
					 struct nx_member_family *out, struct nx_error *error)
{
	const struct family_facts *fields = &facts[((const struct fake_family *)instance)->index];
	const char *address = nx_json_member_string(device, fields->second_address, "");

	*out = (struct nx_member_family){0};
	if (!*address)
		return NX_OK;
	if (!nx_address_parse(address, &out->address) ||
	    !nx_prefix_parse(nx_json_member_string(device, fields->second_prefix, ""), &out->organization))
		return nx_fail(error, NX_INVALID, fields->second_address, "no address");
	out->present = true;
	return NX_OK;
}

/* The first address of a family is special in this mesh: 0.0.0.0/8 and ::/8. */
static enum nx_status family_network_check(void *instance, const struct nx_prefix *network,
					   struct nx_error *error)
{
	(void)instance;
	return network->address.bytes[0] ? NX_OK : nx_fail(error, NX_INVALID, NULL, "special");
}

static void family_describe_self(void *instance, const struct nx_family_self *self,
				 struct nx_json_writer *writer)
{
	(void)instance;
	(void)self;
	(void)writer;
}

static enum nx_status family_address_apply(void *instance, int interface_index,
					   const struct nx_member_family *self, struct nx_error *error)
{
	struct fake_family *family = instance;

	(void)interface_index;
	if (family->refuses && self->present)
		return nx_fail(error, NX_UNSUPPORTED, NULL, "the kernel refuses");
	family->address = self->present ? self->address : (struct nx_address){0};
	return NX_OK;
}

static enum nx_status family_addresses_apply(void *instance, int interface_index,
					     const struct nx_member_family *self,
					     const struct nx_member_family *second, struct nx_error *error)
{
	struct fake_family *family = instance;

	family->second = second->present ? second->address : (struct nx_address){0};
	return family_address_apply(instance, interface_index, self, error);
}

static enum nx_status family_routes_observe(void *instance, int interface_index,
					    void (*each)(void *context, const struct nx_prefix *prefix),
					    void *context, struct nx_error *error)
{
	const struct fake_family *family = instance;

	(void)interface_index;
	(void)error;
	for (size_t i = 0; i < family->route_count; i++)
		each(context, &family->routes[i]);
	return NX_OK;
}

static void route_remove(struct fake_family *family, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < family->route_count; i++) {
		if (nx_prefix_compare(&family->routes[i], prefix) == 0) {
			family->routes[i] = family->routes[--family->route_count];
			return;
		}
	}
}

static enum nx_status family_routes_apply(void *instance, int interface_index,
					  const struct nx_address *source, const struct nx_prefix *add,
					  size_t add_count, const struct nx_prefix *remove,
					  size_t remove_count, struct nx_error *error)
{
	struct fake_family *family = instance;
	bool taken = false;

	(void)interface_index;
	if (add_count)
		must(nx_address_compare(source, &family->address) == 0);
	family->sends++;
	family->added += add_count;
	family->removed += remove_count;
	for (size_t i = 0; i < remove_count; i++)
		route_remove(family, &remove[i]);
	family->routes = nx_realloc_array(family->routes, family->route_count + add_count + 1,
					  sizeof(*family->routes));
	for (size_t i = 0; i < add_count; i++) {
		if (family->taken.address.length && nx_prefix_compare(&family->taken, &add[i]) == 0) {
			taken = true;
			continue;
		}
		if (add_count < 100) /* a route that stands already is no second one */
			route_remove(family, &add[i]);
		family->routes[family->route_count++] = add[i];
	}
	return taken ? nx_fail(error, NX_CONFLICT, NULL, "routed elsewhere") : NX_OK;
}

static bool family_source_address(void *instance, const struct nx_address *remote, struct nx_address *out)
{
	(void)instance;
	(void)remote;
	(void)out;
	return false;
}

#define FAMILY_OPS(text, length)                                                                             \
	{                                                                                                    \
		.size = sizeof(struct nx_family_ops), .label = (text), .address_length = (length),           \
		.supported = family_supported, .read = family_read, .describe_self = family_describe_self,   \
		.address_apply = family_address_apply, .routes_observe = family_routes_observe,              \
		.read_second = family_read_second, .addresses_apply = family_addresses_apply,                \
		.routes_apply = family_routes_apply, .source_address = family_source_address,                \
		.network_check = family_network_check,                                                       \
	}

static const struct nx_family_ops family_ops[] = {FAMILY_OPS("IPv4", 4), FAMILY_OPS("IPv6", 16)};

/* --- relay ----------------------------------------------------------------------------------- */

static void relay_standing(void *instance, const struct nx_json *device, struct nx_relay_standing *out)
{
	(void)instance;
	out->relay = nx_json_member_boolean(device, "relay", false);
	out->spoke = nx_json_member_boolean(device, "symmetric_nat", false);
	out->draining = nx_json_member_boolean(device, "relay_draining", false);
	snprintf(out->via, sizeof(out->via), "%s", nx_json_member_string(device, "relay_id", ""));
}

static void relay_describe_wishes(void *instance, struct nx_json_writer *writer)
{
	(void)instance;
	(void)writer;
}

static void relay_describe_self(void *instance, const struct nx_relay_self *self,
				struct nx_json_writer *writer)
{
	(void)instance;
	(void)self;
	(void)writer;
}

/* The lower id, whoever asks. */
static bool relay_prefer(void *instance, const struct nx_member *host, const struct nx_member *a,
			 const struct nx_member *b)
{
	(void)instance;
	(void)host;
	return strcmp(a->id, b->id) < 0;
}

static const struct nx_member *relay_of(const struct nx_mesh *mesh, const struct nx_member *host)
{
	for (size_t i = 0; i < mesh->relay_count; i++) {
		if (strcmp(mesh->relays[i]->id, host->standing.via) == 0)
			return mesh->relays[i];
	}
	return mesh->relay_count ? mesh->relays[0] : NULL;
}

static const struct nx_member *relay_carrier(void *instance, const struct nx_mesh *mesh,
					     const struct nx_member *member)
{
	const struct nx_member *relay = NULL;

	(void)instance;
	if (mesh->self->standing.spoke)
		relay = mesh->relay;
	else if (member->standing.relay)
		return NULL;
	else if (member->standing.spoke)
		relay = relay_of(mesh, member);
	else if (!mesh->self->standing.relay && member->direct == NX_DIRECT_FAILS)
		relay = mesh->relay;
	return relay == mesh->self || relay == member ? NULL : relay;
}

static void plan_add(struct nx_peer_plan *plan, const struct nx_prefix *prefix)
{
	if (plan->prefix_count < plan->prefix_room)
		plan->prefixes[plan->prefix_count] = *prefix;
	plan->prefix_count++;
}

static enum nx_path path_of(const struct nx_mesh *mesh, const struct nx_member *member)
{
	bool spoke = mesh->self->standing.spoke || member->standing.spoke;

	if (relay_carrier(NULL, mesh, member))
		return spoke ? NX_PATH_NONE : NX_PATH_PROBE;
	if (member->standing.relay)
		return NX_PATH_RELAY;
	return spoke && !mesh->self->standing.relay ? NX_PATH_NONE : NX_PATH_DIRECT;
}

static void addresses_add(const struct nx_mesh *mesh, const struct nx_member *member,
			  struct nx_peer_plan *out)
{
	for (size_t i = 0; i < member->family_count; i++) {
		struct nx_prefix address = nx_address_prefix(&member->families[i].address);

		if (member->families[i].present && mesh->self->families[i].present)
			plan_add(out, &address);
	}
}

static void endpoints_add(const struct nx_member *member, struct nx_peer_plan *out)
{
	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_member_family *family = &member->families[i];

		if (family->endpoint.port)
			out->endpoints[out->endpoint_count++] = family->endpoint;
		if (family->mapped.port)
			out->endpoints[out->endpoint_count++] = family->mapped;
	}
	out->keepalive_seconds = 20;
}

static void carried_add(const struct nx_mesh *mesh, const struct nx_member *relay, struct nx_peer_plan *out)
{
	for (size_t i = 0; mesh->relay == relay && i < relay->family_count; i++) {
		if (relay->families[i].present && mesh->self->families[i].present)
			plan_add(out, &mesh->self->families[i].organization);
	}
	for (size_t i = 0; i < mesh->carried_count; i++) {
		const struct nx_member *member = mesh->carried[i];

		if (mesh->relay != relay)
			addresses_add(mesh, member, out);
		for (size_t j = 0; j < member->child_prefix_count; j++)
			plan_add(out, &member->child_prefixes[j]);
	}
}

static enum nx_status relay_plan(void *instance, const struct nx_mesh *mesh, const struct nx_member *member,
				 struct nx_peer_plan *out)
{
	struct fake_host *host = instance;

	host->plans++;
	out->path = path_of(mesh, member);
	if (out->path == NX_PATH_NONE)
		return NX_OK;
	endpoints_add(member, out);
	if (out->path == NX_PATH_PROBE)
		return NX_OK;
	addresses_add(mesh, member, out);
	for (size_t i = 0; i < member->child_prefix_count; i++)
		plan_add(out, &member->child_prefixes[i]);
	if (out->path == NX_PATH_RELAY)
		carried_add(mesh, member, out);
	return NX_OK;
}

static enum nx_status relay_forward(void *instance, const char *interface, bool relay,
				    const struct nx_prefix *child_prefixes, size_t count,
				    struct nx_error *error)
{
	struct fake_host *host = instance;

	(void)interface;
	(void)child_prefixes;
	(void)error;
	host->forwards++;
	host->forwarding = relay;
	host->forward_children = count;
	return NX_OK;
}

static const struct nx_relay_ops relay_ops = {
	.size = sizeof(relay_ops),
	.standing = relay_standing,
	.describe_wishes = relay_describe_wishes,
	.describe_self = relay_describe_self,
	.prefer = relay_prefer,
	.carrier = relay_carrier,
	.plan = relay_plan,
	.forward = relay_forward,
};

/* --- driver ------------------------------------------------------------------------------------ */

static enum nx_status driver_public_key(void *instance, const char *state_directory,
					char text[static NX_PUBLIC_KEY_TEXT], struct nx_error *error)
{
	(void)instance;
	(void)state_directory;
	(void)error;
	snprintf(text, NX_PUBLIC_KEY_TEXT, "self");
	return NX_OK;
}

static enum nx_status driver_interface_up(void *instance, const struct nx_interface_request *request,
					  struct nx_interface *out, struct nx_error *error)
{
	struct fake_host *host = instance;

	(void)request;
	(void)error;
	host->interface_gone = false;
	host->interface_ups++;
	out->index = 7;
	out->listen_port = 51820;
	return NX_OK;
}

static bool driver_interface_stands(void *instance)
{
	return !((const struct fake_host *)instance)->interface_gone;
}

static struct nx_peer peer_view(const struct fake_peer *peer)
{
	return (struct nx_peer){
		.public_key = peer->key,
		.endpoint = peer->endpoint,
		.keepalive_seconds = peer->keepalive_seconds,
		.prefixes = peer->prefixes,
		.prefix_count = peer->prefix_count,
	};
}

static enum nx_status driver_peers_observe(void *instance,
					   void (*each)(void *context, const struct nx_peer *peer),
					   void *context, struct nx_error *error)
{
	const struct fake_host *host = instance;

	(void)error;
	for (size_t i = 0; i < host->peer_count; i++) {
		struct nx_peer peer = peer_view(&host->peers[i]);

		each(context, &peer);
	}
	return NX_OK;
}

static enum nx_status driver_peers_status(void *instance,
					  void (*each)(void *context, const struct nx_peer_status *status),
					  void *context, struct nx_error *error)
{
	const struct fake_host *host = instance;

	(void)error;
	for (size_t i = 0; i < host->peer_count; i++) {
		const struct nx_peer_status status = {.size = sizeof(status),
						      .public_key = host->peers[i].key,
						      .endpoint = host->peers[i].endpoint,
						      .last_handshake = host->peers[i].last_handshake};

		each(context, &status);
	}
	return NX_OK;
}

static struct fake_peer *peer_get(struct fake_host *host, const char *key, bool fresh)
{
	for (size_t i = 0; i < host->peer_count && !fresh; i++) {
		if (strcmp(host->peers[i].key, key) == 0)
			return &host->peers[i];
	}
	if (host->peer_count == host->peer_room) {
		host->peer_room = host->peer_room ? 2 * host->peer_room : 16;
		host->peers = nx_realloc_array(host->peers, host->peer_room, sizeof(*host->peers));
	}
	struct fake_peer *peer = &host->peers[host->peer_count++];

	memset(peer, 0, sizeof(*peer));
	snprintf(peer->key, sizeof(peer->key), "%s", key);
	return peer;
}

static void prefix_take_from_others(struct fake_host *host, const struct fake_peer *owner,
				    const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < host->peer_count; i++) {
		struct fake_peer *peer = &host->peers[i];

		for (size_t j = 0; peer != owner && j < peer->prefix_count; j++) {
			if (nx_prefix_compare(&peer->prefixes[j], prefix) == 0)
				peer->prefixes[j--] = peer->prefixes[--peer->prefix_count];
		}
	}
}

/* Large first configurations are taken as they are: looking for each peer would cost its square. */
static void peer_set(struct fake_host *host, const struct nx_peer_change *change, bool large)
{
	struct fake_peer *peer = peer_get(host, change->peer.public_key, large);

	if (change->set_endpoint) {
		peer->endpoint = change->peer.endpoint;
		host->endpoints_set++;
	}
	peer->keepalive_seconds = change->peer.keepalive_seconds;
	free(peer->prefixes);
	peer->prefixes = nx_alloc_array(change->peer.prefix_count, sizeof(*peer->prefixes));
	peer->prefix_count = change->peer.prefix_count;
	for (size_t i = 0; i < peer->prefix_count; i++) {
		peer->prefixes[i] = change->peer.prefixes[i];
		if (!large)
			prefix_take_from_others(host, peer, &peer->prefixes[i]);
	}
}

static bool prefix_among(const struct nx_prefix *list, size_t count, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < count; i++) {
		if (nx_prefix_compare(&list[i], prefix) == 0)
			return true;
	}
	return false;
}

/* A peer that is to be extended stands, and keeps all that it has. */
static void extension_check(struct fake_host *host, const struct nx_peer_change *change)
{
	const struct fake_peer *peer = fake_peer_find(host, change->peer.public_key);

	host->extensions++;
	must(peer != NULL);
	for (size_t i = 0; peer && i < peer->prefix_count; i++)
		must(prefix_among(change->peer.prefixes, change->peer.prefix_count, &peer->prefixes[i]));
}

void fake_peer_drop(struct fake_host *host, const char *key)
{
	for (size_t i = 0; i < host->peer_count; i++) {
		if (strcmp(host->peers[i].key, key) != 0)
			continue;
		free(host->peers[i].prefixes);
		host->peers[i] = host->peers[--host->peer_count];
		return;
	}
}

static enum nx_status driver_peers_apply(void *instance, const struct nx_peer_change *changes, size_t count,
					 struct nx_error *error)
{
	struct fake_host *host = instance;
	enum nx_status fail = host->peers_fail;

	host->peer_sends++;
	host->peer_changes += count;
	host->peers_fail = NX_OK;
	if (fail != NX_OK)
		return nx_fail(error, fail, NULL, "as told");
	for (size_t i = 0; i < count && host->peer_refused; i++) {
		if (strcmp(changes[i].peer.public_key, host->peer_refused) == 0)
			return nx_fail(error, NX_INVALID, NULL, "a bad key");
	}
	for (size_t i = 0; i < count; i++) {
		if (changes[i].action == NX_PEER_EXTEND)
			extension_check(host, &changes[i]);
		if (changes[i].action == NX_PEER_REMOVE)
			fake_peer_drop(host, changes[i].peer.public_key);
		else
			peer_set(host, &changes[i], count > 100);
	}
	return NX_OK;
}

static void driver_interface_down(void *instance)
{
	((struct fake_host *)instance)->interface_gone = true;
}

static const struct nx_driver_ops driver_ops = {
	.size = sizeof(driver_ops),
	.public_key = driver_public_key,
	.interface_up = driver_interface_up,
	.interface_stands = driver_interface_stands,
	.peers_observe = driver_peers_observe,
	.peers_apply = driver_peers_apply,
	.peers_status = driver_peers_status,
	.interface_down = driver_interface_down,
	.extends = true,
};

/* --- the host ------------------------------------------------------------------------------------ */

void fake_host_make(struct fake_host *host)
{
	*host = (struct fake_host){0};
	host->capabilities.families = nx_alloc_array(2, sizeof(struct nx_family));
	host->capabilities.family_count = 2;
	for (size_t i = 0; i < 2; i++) {
		host->families[i].index = i;
		host->capabilities.families[i].key = i ? "inet6" : "inet";
		host->capabilities.families[i].ops = &family_ops[i];
		host->capabilities.families[i].instance = &host->families[i];
	}
	host->capabilities.relay = &relay_ops;
	host->capabilities.relay_instance = host;
	host->capabilities.driver_name = "fake";
	host->capabilities.driver = &driver_ops;
	host->capabilities.driver_instance = host;
	nx_capabilities_poll(&host->capabilities);
}

void fake_host_release(struct fake_host *host)
{
	for (size_t i = 0; i < host->peer_count; i++)
		free(host->peers[i].prefixes);
	free(host->peers);
	free(host->families[0].routes);
	free(host->families[1].routes);
	nx_capabilities_release(&host->capabilities);
}

void fake_host_count_anew(struct fake_host *host)
{
	host->peer_sends = host->plans = host->forwards = host->interface_ups = 0;
	host->peer_changes = host->endpoints_set = 0;
	for (size_t i = 0; i < 2; i++) {
		host->families[i].sends = 0;
		host->families[i].added = host->families[i].removed = 0;
	}
}

const struct fake_peer *fake_peer_find(const struct fake_host *host, const char *key)
{
	for (size_t i = 0; i < host->peer_count; i++) {
		if (strcmp(host->peers[i].key, key) == 0)
			return &host->peers[i];
	}
	return NULL;
}

static struct nx_prefix prefix_of(const char *text)
{
	struct nx_prefix prefix = {0};

	must(nx_prefix_parse(text, &prefix));
	return prefix;
}

bool fake_routed(const struct fake_host *host, const char *text)
{
	struct nx_prefix prefix = prefix_of(text);
	const struct fake_family *family = &host->families[prefix.address.length == 4 ? 0 : 1];

	for (size_t i = 0; i < family->route_count; i++) {
		if (nx_prefix_compare(&family->routes[i], &prefix) == 0)
			return true;
	}
	return false;
}

void fake_route_drop(struct fake_host *host, const char *text)
{
	struct nx_prefix prefix = prefix_of(text);

	route_remove(&host->families[prefix.address.length == 4 ? 0 : 1], &prefix);
}

bool fake_peer_has(const struct fake_host *host, const char *key, const char *text)
{
	const struct fake_peer *peer = fake_peer_find(host, key);
	struct nx_prefix prefix = prefix_of(text);

	for (size_t i = 0; peer && i < peer->prefix_count; i++) {
		if (nx_prefix_compare(&peer->prefixes[i], &prefix) == 0)
			return fake_routed(host, text);
	}
	return false;
}

/* --- devices --------------------------------------------------------------------------------------- */

const char *fake_id(unsigned number)
{
	static char text[4][48];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(text[turn], sizeof(text[turn]), "00000000-0000-7000-8000-%012x", number);
	return text[turn];
}

const char *fake_key(unsigned number)
{
	static char text[4][48];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(text[turn], sizeof(text[turn]), "key%040u", number);
	return text[turn];
}

struct nx_json *fake_device(unsigned number, const char *more)
{
	NX_AUTO_FREE char *text =
		nx_printf("{\"id\":\"%s\",\"organization_id\":\"00000000-0000-7000-8000-0000000000ff\","
			  "\"public_key\":\"%s\",\"driver\":\"fake\",\"hostname\":\"host%u\",\"revision\":%u,"
			  "\"tunnel_ip\":\"100.100.%u.%u\",\"organization_prefix\":\"100.100.0.0/16\","
			  "\"tunnel_ip_v6\":\"200::%x\",\"organization_prefix_v6\":\"200::/64\","
			  "\"local_ip\":\"10.0.%u.%u:51820\"%s}",
			  fake_id(number), fake_key(number), number, number ? number : 1, number / 250,
			  number % 250 + 1, number + 1, number / 250, number % 250 + 1, more);
	struct nx_json *device = NULL;

	must(nx_json_parse(text, strlen(text), &device, NULL) == NX_OK);
	return device;
}
