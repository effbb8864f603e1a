/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/status.h"

#include <stdlib.h>

#include "agent/mapping/mapping.h"
#include "agent/network/echo.h"
#include "agent/plan/relay_choice.h"
#include "agent/session/session.h"
#include "base/address.h"
#include "base/json.h"
#include "base/memory.h"

enum reach {
	REACH_NONE = 0,
	REACH_DIRECT,
	REACH_RELAY,
};

static const char *const reach_names[] = {"none", "direct", "relay"};

/* --- how members are reached -------------------------------------------------------------- */

static enum reach entry_reach(const struct nx_entry *entry)
{
	if (entry->carrier)
		return entry->carrier->applied.present ? REACH_RELAY : REACH_NONE;
	return entry->applied.present ? REACH_DIRECT : REACH_NONE;
}

static void addresses_add(const struct nx_member_family *facts, size_t count, struct nx_json *list)
{
	char text[NX_ADDRESS_TEXT];

	for (size_t i = 0; i < count; i++) {
		if (facts[i].present)
			nx_json_add_string(list, nx_address_format(&facts[i].address, text));
	}
}

/* The first of each family, and behind them the second ones. */
static struct nx_json *addresses_list(const struct nx_member *member)
{
	struct nx_json *list = nx_json_array();

	addresses_add(member->families, member->family_count, list);
	addresses_add(member->seconds, member->family_count, list);
	return list;
}

/* --- status ----------------------------------------------------------------------------------- */

static void mapping_put(const struct nx_agent *agent, const struct nx_family *family, struct nx_json *item)
{
	struct nx_mapping_result result = nx_mapping_result(agent->mapping, family);
	char text[NX_ADDRESS_TEXT];

	nx_json_put_string(item, "mapping", nx_mapping_kind_name(result.kind));
	nx_json_put_string(item, "mapped_endpoint",
			   result.mapped.port ? nx_endpoint_format(&result.mapped, text) : "");
}

static void facts_put(const struct nx_member_family *facts, const char *address, const char *prefix,
		      struct nx_json *item)
{
	bool present = facts && facts->present;
	char text[NX_ADDRESS_TEXT];

	nx_json_put_string(item, address, present ? nx_address_format(&facts->address, text) : "");
	nx_json_put_string(item, prefix, present ? nx_prefix_format(&facts->organization, text) : "");
}

static void family_put(const struct nx_agent *agent, size_t index, struct nx_json *families)
{
	const struct nx_family *family = &agent->capabilities.families[index];
	const struct nx_planner *planner = &agent->network.reconcile.planner;
	struct nx_json *item = nx_json_object();

	nx_json_put_string(item, "label", family->ops->label);
	nx_json_put_boolean(item, "supported", nx_family_usable(family));
	nx_json_put_string(item, "reason", family->reason);
	facts_put(planner->known ? &planner->self_families[index] : NULL, "address", "prefix", item);
	facts_put(planner->known ? &planner->self_seconds[index] : NULL, "second_address", "second_prefix",
		  item);
	mapping_put(agent, family, item);
	nx_json_add(families, item);
}

static void families_put(const struct nx_agent *agent, struct nx_json *status)
{
	const struct nx_planner *planner = &agent->network.reconcile.planner;
	struct nx_json *families = nx_json_array();

	for (size_t i = 0; i < agent->capabilities.family_count; i++)
		family_put(agent, i, families);
	nx_json_put(status, "addresses", planner->known ? addresses_list(&planner->self) : nx_json_array());
	nx_json_put(status, "families", families);
}

static void relay_put(const struct nx_planner *planner, struct nx_json *status)
{
	nx_json_put_boolean(status, "relay", planner->known && planner->self.standing.relay);
	nx_json_put_boolean(status, "spoke", planner->known && planner->self.standing.spoke);
	nx_json_put_string(status, "relay_peer",
			   planner->relay ? planner->relay->record->member.hostname : "");
}

/* What a relay says of those that it is there for. */
static void drain_put(const struct nx_agent *agent, struct nx_json *status)
{
	const struct nx_planner *planner = &agent->network.reconcile.planner;

	nx_json_put_boolean(status, "draining", agent->drain.on);
	nx_json_put_integer(status, "spokes_behind", (int64_t)nx_relay_spokes(planner));
	nx_json_put_integer(status, "other_relays", (int64_t)nx_relay_others(planner));
}

static void peers_count_put(const struct nx_reconcile *reconcile, struct nx_json *status)
{
	int64_t direct = 0, relayed = 0;
	struct nx_json *peers = nx_json_object();

	for (const struct nx_entry *entry = nx_members_first(reconcile->members); entry;
	     entry = nx_members_next(entry)) {
		enum reach reach = entry_reach(entry);

		direct += reach == REACH_DIRECT;
		relayed += reach == REACH_RELAY;
	}
	nx_json_put_integer(peers, "total", direct + relayed);
	nx_json_put_integer(peers, "direct", direct);
	nx_json_put_integer(peers, "relayed", relayed);
	nx_json_put(status, "peers", peers);
}

static const char *error_latest(const struct nx_agent *agent)
{
	if (*agent->network.last_error)
		return agent->network.last_error;
	return *agent->session->last_error ? agent->session->last_error : agent->network.route_conflict;
}

void nx_status_write(const struct nx_agent *agent, struct nx_buffer *out)
{
	NX_AUTO_JSON struct nx_json *status = nx_json_object();
	const struct nx_session *session = agent->session;
	const struct nx_network *network = &agent->network;

	nx_json_put_string(status, "state", nx_phase_name(session->phase));
	nx_json_put_string(status, "version", NEXODUS_VERSION);
	nx_json_put_string(status, "interface", agent->options.interface);
	nx_json_put_string(status, "backend", network->reconcile.interface.backend);
	nx_json_put_integer(status, "listen_port", network->reconcile.interface.listen_port);
	nx_json_put_integer(status, "mtu", network->reconcile.interface.mtu);
	nx_json_put_string(status, "public_key", agent->public_key);
	nx_json_put_string(status, "id", agent->state.identity.device_id);
	nx_json_put_string(status, "organization_id", agent->state.identity.organization_id);
	nx_json_put_string(status, "hostname", agent->options.hostname);
	nx_json_put_string(status, "service_url", agent->options.service_url);
	nx_json_put_boolean(status, "connected", session->phase == NX_PHASE_RUNNING);
	nx_json_put_integer(status, "revision", session->revision);
	families_put(agent, status);
	relay_put(&network->reconcile.planner, status);
	drain_put(agent, status);
	peers_count_put(&network->reconcile, status);
	nx_json_put_string(status, "route_conflict", network->route_conflict);
	nx_json_put_string(status, "last_error", error_latest(agent));
	nx_json_print(status, out);
}

void nx_status_drain_write(struct nx_agent *agent, const struct nx_control_drain *wish, struct nx_buffer *out)
{
	NX_AUTO_JSON struct nx_json *answer = nx_json_object();
	struct nx_error error = {0};

	if (nx_drain_set(agent, !wish->undo, wish->force, &error) != NX_OK) {
		nx_control_error(out, error.message);
		return;
	}
	drain_put(agent, answer);
	nx_json_print(answer, out);
}

/* --- peers --------------------------------------------------------------------------------------- */

/* What the tunnel says of a peer, beside the member it belongs to. */
struct observed {
	const struct nx_entry *entry;
	struct nx_peer_status status;
};

struct observation {
	const struct nx_members *members;
	struct observed *peers; /* ascending by entry */
	size_t count, room;
};

static int observed_order(const void *a, const void *b)
{
	const struct observed *left = a, *right = b;

	return (left->entry > right->entry) - (left->entry < right->entry);
}

static void peer_observed(void *context, const struct nx_peer_status *status)
{
	struct observation *observation = context;
	const struct nx_entry *entry = nx_members_find_key(observation->members, status->public_key);

	if (!entry)
		return;
	if (observation->count == observation->room) {
		observation->room = observation->room ? 2 * observation->room : 64;
		observation->peers =
			nx_realloc_array(observation->peers, observation->room, sizeof(*observation->peers));
	}
	observation->peers[observation->count++] = (struct observed){.entry = entry, .status = *status};
}

static void observation_release(struct observation *observation)
{
	free(observation->peers);
}

static void observation_take(const struct nx_agent *agent, struct observation *observation)
{
	const struct nx_capabilities *capabilities = &agent->capabilities;

	/* A tunnel that does not answer has nothing to tell; the rest is worth telling all the same. */
	(void)capabilities->driver->peers_status(capabilities->driver_instance, peer_observed, observation,
						 NULL);
	if (observation->count)
		qsort(observation->peers, observation->count, sizeof(*observation->peers), observed_order);
}

static const struct nx_peer_status *observation_find(const struct observation *observation,
						     const struct nx_entry *entry)
{
	const struct observed key = {.entry = entry};
	const struct observed *found = observation->count
					       ? bsearch(&key, observation->peers, observation->count,
							 sizeof(*observation->peers), observed_order)
					       : NULL;

	return found ? &found->status : NULL;
}

static struct nx_json *prefixes_list(const struct nx_applied *applied)
{
	struct nx_json *list = nx_json_array();
	char text[NX_ADDRESS_TEXT];

	for (size_t i = 0; i < applied->prefix_count; i++)
		nx_json_add_string(list, nx_prefix_format(&applied->prefixes[i], text));
	return list;
}

/* The family that carries the tunnel's packets outside; "" when none is known. */
static const char *underlay_label(const struct nx_capabilities *capabilities,
				  const struct nx_peer_status *status)
{
	if (!status || !status->endpoint.port)
		return "";
	for (size_t i = 0; i < capabilities->family_count; i++) {
		if (capabilities->families[i].ops->address_length == status->endpoint.address.length)
			return capabilities->families[i].ops->label;
	}
	return "";
}

/* Left out is what this tunnel never knows. */
static void tunnel_put(const struct nx_capabilities *capabilities, const struct nx_peer_status *status,
		       struct nx_json *peer)
{
	char text[NX_ADDRESS_TEXT] = "";

	if (status && status->endpoint.port)
		nx_endpoint_format(&status->endpoint, text);
	nx_json_put_string(peer, "endpoint", text);
	if (!(capabilities->driver->lacks & NX_DRIVER_NO_HANDSHAKES))
		nx_json_put_integer(peer, "last_handshake", status ? status->last_handshake : 0);
	if (capabilities->driver->lacks & NX_DRIVER_NO_COUNTERS)
		return;
	nx_json_put_integer(peer, "received_bytes", status ? (int64_t)status->received_bytes : 0);
	nx_json_put_integer(peer, "sent_bytes", status ? (int64_t)status->sent_bytes : 0);
}

/* In each family that was measured just now. */
static struct nx_json *latency_list(const struct nx_agent *agent, const struct nx_member *member)
{
	struct nx_json *list = nx_json_array();

	for (size_t i = 0; i < member->family_count; i++) {
		const struct nx_echo_result *result =
			member->families[i].present
				? nx_echoes_result(agent->echoes, &member->families[i].address)
				: NULL;
		struct nx_json *item;

		if (!result)
			continue;
		item = nx_json_object();
		nx_json_put_string(item, "label", agent->capabilities.families[i].ops->label);
		nx_json_put_integer(item, "sent", result->sent);
		nx_json_put_integer(item, "received", result->received);
		nx_json_put_integer(item, "microseconds", (int64_t)result->median_microseconds);
		nx_json_add(list, item);
	}
	return list;
}

static void peer_write(const struct nx_agent *agent, const struct nx_entry *entry,
		       const struct nx_peer_status *status, struct nx_buffer *out)
{
	const struct nx_reconcile *reconcile = &agent->network.reconcile;
	NX_AUTO_JSON struct nx_json *peer = nx_json_object();
	const struct nx_member *member = &entry->record->member;
	char reason[96];

	nx_json_put_string(peer, "id", member->id);
	nx_json_put_string(peer, "hostname", member->hostname);
	nx_json_put_string(peer, "public_key", member->public_key);
	nx_json_put_string(peer, "path", reach_names[entry_reach(entry)]);
	nx_ways_reason(reconcile, entry, reason, sizeof(reason));
	nx_json_put_string(peer, "reason", reason);
	nx_json_put_string(peer, "via", entry->carrier ? entry->carrier->record->member.hostname : "");
	nx_json_put_boolean(peer, "relay", entry == reconcile->planner.relay);
	nx_json_put_boolean(peer, "draining", member->standing.draining);
	nx_json_put(peer, "addresses", addresses_list(member));
	nx_json_put(peer, "allowed_ips", prefixes_list(&entry->applied));
	nx_json_put_string(peer, "underlay", underlay_label(reconcile->capabilities, status));
	tunnel_put(reconcile->capabilities, status, peer);
	nx_json_put(peer, "latency", latency_list(agent, member));
	nx_json_put_integer(peer, "keepalive", entry->applied.present ? entry->applied.keepalive_seconds : 0);
	nx_json_print(peer, out);
}

/* Peer by peer: a tree of ten thousand would cost many times what the text does. */
void nx_status_peers_write(const struct nx_agent *agent, struct nx_buffer *out)
{
	const struct nx_network *network = &agent->network;
	NX_CLEANUP(observation_release) struct observation observation = {.members = &network->members};
	const char *separator = "[";

	observation_take(agent, &observation);
	for (const struct nx_entry *entry = nx_members_first(&network->members); entry;
	     entry = nx_members_next(entry)) {
		nx_buffer_text(out, separator);
		peer_write(agent, entry, observation_find(&observation, entry), out);
		separator = ",";
	}
	nx_buffer_text(out, *separator == '[' ? "[]" : "]");
}
