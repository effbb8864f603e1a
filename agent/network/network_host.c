/* SPDX-License-Identifier: Apache-2.0 */
/* The half of the network that watches the host and adapts to it: families, addresses, ways out. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/network/network_parts.h"
#include "base/address.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/secret.h"

enum {
	ADAPT_MILLISECONDS = 300,
	RESIZE_MILLISECONDS = 1000, /* a router's table changes all the time */
	POLL_MILLISECONDS = 5000,   /* a family that is switched on or off may cause no event */
	MINUTE_POLLS = 12,
	RESOLVERS_LIMIT = 16,
	RESOLVERS_BYTES = 65536,
};

/* --- what the host has ----------------------------------------------------------------------- */

/* Where names are asked for: as the resolver library sees it, and behind a stub on this host. */
static const char *const resolver_files[NX_RESOLVER_FILES] = {"/etc/resolv.conf",
							      "/run/systemd/resolve/resolv.conf"};

static struct nx_file_mark file_mark(const char *path)
{
	struct stat seen;

	if (stat(path, &seen) != 0)
		return (struct nx_file_mark){0};
	return (struct nx_file_mark){seen.st_dev, seen.st_ino, seen.st_size, seen.st_ctim};
}

static bool marks_same(const struct nx_file_mark *a, const struct nx_file_mark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool resolvers_changed(const struct nx_network *network)
{
	for (size_t i = 0; i < NX_COUNT(resolver_files); i++) {
		const struct nx_file_mark now = file_mark(resolver_files[i]);

		if (!marks_same(&network->resolvers[i], &now))
			return true;
	}
	return false;
}

static void resolvers_guard(struct nx_network *network, struct nx_guard *guard)
{
	for (size_t i = 0; i < NX_COUNT(resolver_files); i++) {
		struct nx_address found[RESOLVERS_LIMIT];
		NX_AUTO_FREE char *text = NULL;
		size_t count;

		/* Before it is read: what is written meanwhile is another one. */
		network->resolvers[i] = file_mark(resolver_files[i]);
		if (nx_file_read(resolver_files[i], RESOLVERS_BYTES, &text, NULL, NULL) != NX_OK)
			continue;
		count = nx_guard_resolvers(text, found, NX_COUNT(found));
		for (size_t j = 0; j < count; j++)
			nx_guard_essential(guard, &found[j]);
	}
}

static void gateways_guard(const struct nx_network *network, struct nx_guard *guard)
{
	struct nx_netlink *route = nx_services_route(network->base, NULL);
	int ours = network->reconcile.interface.index;

	if (!route)
		return;
	for (size_t i = 0; i < network->capabilities->family_count; i++) {
		/* Somewhere outside, as for the endpoint that is published. */
		const struct nx_address outside = {
			.length = network->capabilities->families[i].ops->address_length,
			.bytes = {0x20, 0x01, 0x0d, 0xb8}};
		struct nx_address gateway = nx_underlay_gateway(route, &outside, ours);

		nx_guard_essential(guard, &gateway);
	}
	if (network->service.length) {
		struct nx_address gateway = nx_underlay_gateway(route, &network->service, ours);

		nx_guard_essential(guard, &gateway);
	}
}

void nx_network_guard(struct nx_network *network)
{
	const struct nx_underlay *underlay = &network->underlay;
	struct nx_guard guard = {.service = network->service};

	for (size_t i = 0; i < underlay->count; i++)
		nx_guard_own(&guard, &underlay->addresses[i]);
	for (size_t i = 0; i < underlay->network_count; i++)
		nx_guard_network(&guard, &underlay->networks[i]);
	gateways_guard(network, &guard);
	resolvers_guard(network, &guard);
	nx_reconcile_guard(&network->reconcile, &guard);
}

void nx_network_host_read(struct nx_network *network)
{
	struct nx_error error = {0};
	struct nx_netlink *route = nx_services_route(network->base, &error);

	nx_underlay_copy(&network->underlay, &network->before);
	if (!route ||
	    nx_underlay_read(&network->underlay, route, network->reconcile.interface.index, &error) != NX_OK)
		nx_log(NX_LOG_WARNING, "this host's addresses cannot be read", "reason", error.message, NULL);
	nx_network_guard(network);
}

/* The address from which packets to the service go as the routes are now. */
static bool service_source(const struct nx_network *network, struct nx_address *out)
{
	const struct nx_capabilities *capabilities = network->capabilities;

	for (size_t i = 0; i < capabilities->family_count; i++) {
		const struct nx_family *family = &capabilities->families[i];

		if (family->ops->address_length == network->service.length)
			return family->ops->source_address(family->instance, &network->service, out);
	}
	return false;
}

void nx_network_resize_soon(struct nx_network *network)
{
	nx_timer_hasten(network->resize, RESIZE_MILLISECONDS);
}

bool nx_network_left(const struct nx_network *network, const struct nx_address *address)
{
	struct nx_address source = {0};

	if (nx_underlay_has(&network->before, address) && !nx_underlay_has(&network->underlay, address))
		return true;
	return address->length == network->service.length && service_source(network, &source) &&
	       nx_address_compare(&source, address) != 0;
}

static void families_log(const struct nx_network *network)
{
	for (size_t i = 0; i < network->capabilities->family_count; i++) {
		const struct nx_family *family = &network->capabilities->families[i];

		nx_log(NX_LOG_INFO, nx_family_usable(family) ? "family is usable" : "family is not usable",
		       "family", family->ops->label, "reason", *family->reason ? family->reason : NULL, NULL);
	}
}

static void families_adapt(struct nx_network *network)
{
	families_log(network);
	nx_reconcile_set_self(&network->reconcile, NULL);
}

/* Others are told of it in the end, when the round has shown what the kernel takes. */
static bool families_look(struct nx_network *network)
{
	if (!nx_capabilities_poll(network->capabilities))
		return false;
	families_adapt(network);
	return true;
}

/* What has taken something of ours away may have been the end of a family. */
static void look_due(void *context)
{
	struct nx_network *network = context;
	struct nx_error error = {0};
	bool moved = families_look(network);

	nx_network_round_end(network, nx_reconcile_observe(&network->reconcile, &error), &error);
	if (moved)
		network->options.moved(network->options.context);
}

static void adapt_due(void *context)
{
	struct nx_network *network = context;

	families_look(network);
	nx_network_host_read(network);
	nx_network_settle(network);
	nx_network_resize(network);
	network->options.moved(network->options.context);
}

/* Not at each event: a router's table changes all the time. Not every route that goes is told, either. */
static void conflict_poll(struct nx_network *network)
{
	if (*network->route_conflict && (network->route_freed || network->polls % MINUTE_POLLS == 0))
		nx_network_look(network);
	network->route_freed = false;
}

static void poll_due(void *context)
{
	struct nx_network *network = context;
	/* While looks fail the interface may be somebody else's. */
	bool again = !network->failures && nx_reconcile_retry(&network->reconcile);
	bool changed = families_look(network);

	network->polls++;
	conflict_poll(network);
	/* They may come later than the address that they come with, and cause no event. */
	if (resolvers_changed(network)) {
		nx_network_guard(network);
		nx_network_settle(network);
	}
	/* What the kernel has learned of a path causes no event. */
	if (network->polls % MINUTE_POLLS == 0)
		nx_network_resize(network);
	if (again && !changed)
		families_adapt(network);
	if (!again && !changed)
		return;
	nx_network_settle(network);
	network->options.moved(network->options.context);
}

/* --- events ---------------------------------------------------------------------------------- */

static void host_disturbed(void *context)
{
	nx_network_look(context);
}

static void host_reshaped(void *context)
{
	nx_network_resize_soon(context);
}

static void resize_due(void *context)
{
	nx_network_resize(context);
}

static void host_freed(void *context)
{
	((struct nx_network *)context)->route_freed = true;
}

static void host_moved(void *context)
{
	struct nx_network *network = context;

	nx_timer_hasten(network->adapt, ADAPT_MILLISECONDS);
}

/* --- life ------------------------------------------------------------------------------------- */

enum nx_status nx_network_host_begin(struct nx_network *network, struct nx_error *error)
{
	const struct nx_monitor_listener listener = {
		.disturbed = host_disturbed,
		.moved = host_moved,
		.reshaped = host_reshaped,
		.freed = host_freed,
		.context = network,
	};

	nx_capabilities_poll(network->capabilities);
	families_log(network);
	network->look = nx_timer_new(network->loop, look_due, network);
	network->resize = nx_timer_new(network->loop, resize_due, network);
	network->adapt = nx_timer_new(network->loop, adapt_due, network);
	network->poll = nx_watch_every(network->loop, POLL_MILLISECONDS, poll_due, network);
	return nx_monitor_start(network->loop, &listener, &network->monitor, error);
}

void nx_network_host_end(struct nx_network *network)
{
	nx_monitor_stop(network->monitor);
	nx_timer_free(network->look);
	nx_timer_free(network->adapt);
	nx_timer_free(network->resize);
	nx_watch_end(network->poll);
	nx_underlay_release(&network->underlay);
	nx_underlay_release(&network->before);
}
