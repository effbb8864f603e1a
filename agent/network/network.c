/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/network/network.h"

#include <stdlib.h>
#include <string.h>

#include "agent/network/network_parts.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	LOOK_MILLISECONDS = 200,   /* a burst of events is one look */
	RETRY_MILLISECONDS = 1000, /* after a failed look, doubled up to … */
	RETRY_DOUBLINGS = 5,	   /* … 32 s */
};

/* --- rounds ------------------------------------------------------------------------------- */

static void error_remember(struct nx_network *network, const struct nx_error *error)
{
	if (strcmp(network->last_error, error->message) != 0)
		nx_log(NX_LOG_ERROR, "the mesh is not as it should be", "reason", error->message, "interface",
		       network->options.request.name, NULL);
	memcpy(network->last_error, error->message, sizeof(network->last_error));
}

static void retry_later(struct nx_network *network)
{
	unsigned doublings = network->failures < RETRY_DOUBLINGS ? network->failures : RETRY_DOUBLINGS;

	network->failures++;
	nx_timer_hasten(network->look, (uint64_t)RETRY_MILLISECONDS << doublings);
}

/* The interface may be another one than before. */
static bool interface_align(struct nx_network *network)
{
	const struct nx_netlink *route = network->base->route;
	const struct nx_interface *interface = &network->reconcile.interface;

	nx_monitor_expect(network->monitor, interface->index, route ? nx_netlink_port(route) : 0);
	if (!network->reconcile.up || interface->listen_port == network->port)
		return false;
	network->port = interface->listen_port;
	network->options.port_found(network->options.context, network->port);
	return true;
}

/* A route of the host's own in the way spoils nothing else: told once, and tried again when it may be gone.
 */
static void conflict_tell(struct nx_network *network)
{
	const char *conflict = network->reconcile.route_conflict;

	if (strcmp(network->route_conflict, conflict) == 0)
		return;
	if (*conflict)
		nx_log(NX_LOG_WARNING, "a prefix of the mesh is routed elsewhere", "reason", conflict, NULL);
	else
		nx_log(NX_LOG_INFO, "no prefix of the mesh is routed elsewhere any more", NULL);
	memcpy(network->route_conflict, conflict, sizeof(network->route_conflict));
}

/* Others may have to be told of another relay. */
static bool via_align(struct nx_network *network)
{
	char via[NX_DEVICE_ID_TEXT];

	nx_planner_via(&network->reconcile.planner, via);
	if (strcmp(via, network->via) == 0)
		return false;
	memcpy(network->via, via, sizeof(network->via));
	return true;
}

/* A family in which this host takes no part, since what the service says of it would take something of the
 * host away. */
static void self_refusals_tell(struct nx_network *network)
{
	const struct nx_planner *planner = &network->reconcile.planner;

	for (size_t i = 0; i < network->capabilities->family_count && i < NX_SELF_REFUSALS; i++) {
		const char *why =
			planner->self_refusals[i] ? planner->self_refusals[i] : planner->second_refusals[i];

		if (why && why != network->self_refusals[i])
			nx_log(NX_LOG_WARNING,
			       planner->self_refusals[i] ? "this host takes no part in a family of the mesh"
							 : "this host does not take its second address",
			       "family", network->capabilities->families[i].ops->label, "reason", why, NULL);
		network->self_refusals[i] = why;
	}
}

/* What a round has left: an error to remember, a family that could not be had. */
void nx_network_round_end(struct nx_network *network, enum nx_status status, const struct nx_error *error)
{
	bool moved = network->reconcile.refused;

	network->reconcile.refused = false;
	moved |= interface_align(network);
	if (status == NX_OK) {
		if (*network->last_error)
			nx_log(NX_LOG_INFO, "the mesh is as it should be again", NULL);
		network->last_error[0] = '\0';
		network->failures = 0;
		conflict_tell(network);
	} else {
		error_remember(network, error);
		retry_later(network);
	}
	moved |= via_align(network);
	self_refusals_tell(network);
	if (moved)
		network->options.moved(network->options.context);
}

void nx_network_settle(struct nx_network *network)
{
	struct nx_error error = {0};

	/* While looks fail, another one is due; a change does not make it sooner. */
	if (network->failures)
		return;
	nx_network_round_end(network, nx_reconcile_apply(&network->reconcile, &error), &error);
	nx_network_resize_soon(network); /* there may be new ways to peers */
}

void nx_network_look(struct nx_network *network)
{
	nx_timer_hasten(network->look, LOOK_MILLISECONDS);
}

static void listen_due(void *context)
{
	struct nx_network *network = context;

	if (nx_ways_look(&network->ways, &network->reconcile))
		nx_network_settle(network);
	nx_timer_arm(network->listen, nx_ways_next(&network->ways, &network->reconcile));
}

/* --- devices ------------------------------------------------------------------------------------ */

void nx_network_set_self(struct nx_network *network, const char *id)
{
	memcpy(network->self_id, id, strlen(id) + 1);
}

void nx_network_set_service(struct nx_network *network, const struct nx_address *address)
{
	network->service = *address;
	nx_network_guard(network);
}

/* Everybody's packets for this host would end in it, or come back for ever. */
static bool record_is_mirror(const struct nx_network *network, const struct nx_record *record)
{
	return strcmp(record->member.public_key, network->options.public_key) == 0;
}

static void record_put(struct nx_network *network, struct nx_record *record)
{
	struct nx_entry *entry = nx_members_find(&network->members, record->member.id);
	NX_AUTO_FREE char *id = nx_strdup(record->member.id);
	struct nx_error error = {0};
	unsigned effect;

	/* Another key is another peer. */
	if (entry && strcmp(entry->record->member.public_key, record->member.public_key) != 0)
		nx_reconcile_forget(&network->reconcile, entry);
	if (nx_members_put(&network->members, record, &entry, &effect, &error) == NX_OK)
		nx_reconcile_mark(&network->reconcile, entry, effect);
	else
		nx_log(NX_LOG_WARNING, "a device is left out", "device", id, "reason", error.message, NULL);
}

static void record_refused(struct nx_network *network, const struct nx_json *device, enum nx_status status,
			   const struct nx_error *error)
{
	const char *id = nx_json_member_string(device, "id", "");

	if (status != NX_UNSUPPORTED) /* another driver: not of our mesh, and no mistake */
		nx_log(NX_LOG_WARNING, "a device is left out", "device", id, "reason", error->message, NULL);
	/* What it was before is not what it is now. This host itself keeps its last good record. */
	if (strcmp(id, network->self_id) != 0)
		nx_network_delete(network, id);
}

static void mirror_refuse(struct nx_network *network, struct nx_record *record)
{
	nx_log(NX_LOG_WARNING, "a device is left out", "device", record->member.id, "reason",
	       "it has this host's own public key", NULL);
	nx_network_delete(network, record->member.id);
	free(record);
}

static void children_tell(const struct nx_record *record)
{
	if (record->children_refused)
		nx_log(NX_LOG_WARNING, "child prefixes are left out", "device", record->member.id, "reason",
		       "no prefix, as large as much of a default route, or a link's own", NULL);
}

void nx_network_change(struct nx_network *network, const struct nx_json *device)
{
	struct nx_record *record = NULL;
	struct nx_error error = {0};
	enum nx_status status = nx_record_read(network->capabilities, device, &record, &error);

	if (status == NX_OK)
		children_tell(record);
	if (status != NX_OK)
		record_refused(network, device, status, &error);
	else if (strcmp(record->member.id, network->self_id) == 0)
		nx_reconcile_set_self(&network->reconcile, record);
	else if (record_is_mirror(network, record))
		mirror_refuse(network, record);
	else
		record_put(network, record);
}

void nx_network_delete(struct nx_network *network, const char *id)
{
	struct nx_entry *entry = nx_members_find(&network->members, id);

	if (entry)
		nx_reconcile_forget(&network->reconcile, entry);
}

void nx_network_list_begin(struct nx_network *network)
{
	network->members.epoch++;
}

void nx_network_list_end(struct nx_network *network)
{
	struct nx_entry *entry, *next;

	for (entry = nx_members_first(&network->members); entry; entry = next) {
		next = nx_members_next(entry);
		if (entry->epoch != network->members.epoch)
			nx_reconcile_forget(&network->reconcile, entry);
	}
}

/* --- life --------------------------------------------------------------------------------------- */

enum nx_status nx_network_start(struct nx_network *network, uv_loop_t *loop,
				struct nx_capabilities *capabilities, struct nx_services_base *base,
				const struct nx_network_options *options, struct nx_error *error)
{
	enum nx_status status;

	*network = (struct nx_network){
		.loop = loop, .capabilities = capabilities, .base = base, .options = *options};
	nx_members_init(&network->members, capabilities);
	nx_reconcile_init(&network->reconcile, capabilities, &network->members, &options->request);
	network->reconcile.planner.trust = options->trust;
	network->reconcile.offered = options->offered;
	network->reconcile.offered_count = options->offered_count;
	network->reconcile.offered_known = true;
	network->reconcile.usual_port = network->port = options->usual_port;
	network->listen = nx_timer_new(loop, listen_due, network);
	nx_timer_arm(network->listen, nx_ways_next(&network->ways, &network->reconcile));
	status = nx_network_host_begin(network, error);
	if (status == NX_OK) {
		/* An interface that is adopted is to keep its size. */
		nx_network_host_read(network);
		nx_network_resize(network);
		status = nx_reconcile_start(&network->reconcile, error);
	}
	if (status != NX_OK) {
		nx_network_stop(network, true);
		return status;
	}
	nx_network_host_read(network);
	interface_align(network);
	nx_log(NX_LOG_INFO, network->reconcile.interface.adopted ? "interface adopted" : "interface is up",
	       "interface", options->request.name, "backend", network->reconcile.interface.backend, NULL);
	return NX_OK;
}

void nx_network_stop(struct nx_network *network, bool keep)
{
	if (!keep)
		nx_reconcile_down(&network->reconcile);
	nx_network_host_end(network);
	nx_timer_free(network->listen);
	nx_reconcile_release(&network->reconcile);
	nx_members_clear(&network->members);
	*network = (struct nx_network){0};
}

bool nx_network_taken_up(const struct nx_network *network, int64_t revision)
{
	const struct nx_reconcile *reconcile = &network->reconcile;
	const struct nx_planner *planner = &reconcile->planner;

	if (!planner->known || planner->record->revision != revision || network->failures ||
	    reconcile->unsure)
		return false;
	for (size_t i = 0; i < planner->self.family_count; i++) {
		if (planner->record->member.seconds[i].present && !planner->self_seconds[i].present)
			return false;
	}
	return true;
}

void nx_network_via(const struct nx_network *network, char via[static NX_DEVICE_ID_TEXT])
{
	memcpy(via, network->via, NX_DEVICE_ID_TEXT);
}

struct nx_endpoint nx_network_endpoint(const struct nx_network *network, const struct nx_family *family)
{
	return nx_underlay_endpoint(&network->underlay, family, network->options.fixed,
				    network->options.fixed_count, &network->service,
				    network->reconcile.interface.listen_port);
}
