/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a driver's interface on a real kernel: up, peers, another start, down. */
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <nexodus/driver.h>

#include "base/address.h"
#include "base/error.h"
#include "base/memory.h"
#include "check/agent_host.h"
#include "check/check.h"

#define PEERS 24
#define PREFIXES 2

struct peer {
	char key[NX_PUBLIC_KEY_TEXT];
	struct nx_endpoint endpoint;
	uint16_t keepalive_seconds;
	struct nx_prefix prefixes[PREFIXES];
	size_t prefix_count;
	bool present;
	unsigned int seen;
};

struct tunnel {
	struct check *check;
	const struct nx_driver_ops *ops;
	struct nx_interface interface;
	char *state_directory;
	struct peer peers[PEERS];
	unsigned int strangers; /* observed, and not ours */
	bool differs;
};

static void *instance_of(const struct tunnel *tunnel)
{
	return tunnel->check->capability->provider->instance;
}

static bool answers(struct tunnel *tunnel, const char *function, enum nx_status status,
		    const struct nx_error *error)
{
	struct journal_call *call = journal_begin(tunnel->check->journal, function, NULL);

	call->status = status;
	call->done = true;
	return status == NX_OK ||
	       check_fail(tunnel->check, "expected that %s succeeds, found: %s", function, error->message);
}

/* --- the interface -------------------------------------------------------------------------------- */

static enum nx_status up_call(struct tunnel *tunnel, struct nx_interface *out, struct nx_error *error)
{
	const struct nx_interface_request request = {
		.size = sizeof(request),
		.name = AGENT_HOST_INTERFACE,
		.state_directory = tunnel->state_directory,
	};

	*out = (struct nx_interface){.size = sizeof(*out)};
	return tunnel->ops->interface_up(instance_of(tunnel), &request, out, error);
}

static bool interface_fit(struct tunnel *tunnel, const struct nx_interface *found, bool adopted)
{
	unsigned int index = if_nametoindex(AGENT_HOST_INTERFACE);

	if (!index || found->index != (int)index)
		return check_fail(tunnel->check, "expected the number of the interface, %u, found %d", index,
				  found->index);
	if (found->adopted != adopted)
		return check_fail(tunnel->check, "expected an interface that was %s, found the contrary",
				  adopted ? "adopted" : "made");
	if (!found->listen_port || !found->mtu || !memchr(found->backend, '\0', sizeof(found->backend)))
		return check_fail(tunnel->check,
				  "expected port, MTU and backend of the interface, found %u, %u",
				  found->listen_port, found->mtu);
	return tunnel->ops->interface_stands(instance_of(tunnel)) ||
	       check_fail(tunnel->check, "expected that the interface stands, found that it does not");
}

static bool tunnel_up(struct tunnel *tunnel)
{
	struct nx_error error = {0};
	enum nx_status status = up_call(tunnel, &tunnel->interface, &error);

	if (status == NX_UNSUPPORTED) {
		check_skip(tunnel->check, "this host cannot do it: %s", error.message);
		return false;
	}
	return answers(tunnel, "interface_up", status, &error) &&
	       interface_fit(tunnel, &tunnel->interface, false);
}

/* Another call, or another start of the agent, finds what stands. */
static bool tunnel_adopt(struct tunnel *tunnel)
{
	struct nx_interface found;
	struct nx_error error = {0};

	if (!answers(tunnel, "interface_up", up_call(tunnel, &found, &error), &error) ||
	    !interface_fit(tunnel, &found, true))
		return false;
	return found.listen_port == tunnel->interface.listen_port ||
	       check_fail(tunnel->check, "expected that the adopted interface keeps its port %u, found %u",
			  tunnel->interface.listen_port, found.listen_port);
}

static bool tunnel_restart(struct tunnel *tunnel)
{
	struct nx_plugins *plugins = tunnel->check->plugins;
	struct nx_error error = {0};

	nx_plugins_unload(plugins);
	return (answers(tunnel, "load", nx_plugins_load(plugins, &error), &error) &&
		answers(tunnel, "start", nx_plugins_start(plugins, &error), &error) && tunnel_adopt(tunnel));
}

/* --- peers ------------------------------------------------------------------------------------------ */

static bool peers_make(struct tunnel *tunnel)
{
	for (size_t i = 0; i < PEERS; i++) {
		NX_AUTO_FREE char *directory = nx_printf("%s/peer%zu", tunnel->state_directory, i);
		struct peer *peer = &tunnel->peers[i];
		uint8_t low = (uint8_t)(i + 1);
		struct nx_error error = {0};

		mkdir(directory, 0700);
		if (!answers(tunnel, "public_key",
			     tunnel->ops->public_key(instance_of(tunnel), directory, peer->key, &error),
			     &error))
			return false;
		peer->prefixes[0] = (struct nx_prefix){{4, {10, 9, 0, low}}, 32};
		peer->prefixes[1] = (struct nx_prefix){{16, {0xfd, 9, [15] = low}}, 128};
		peer->prefix_count = i % (PREFIXES + 1);
		peer->keepalive_seconds = (uint16_t)(i % 4 * 5);
		if (i % 2)
			peer->endpoint = (struct nx_endpoint){{4, {192, 0, 2, low}}, (uint16_t)(5000 + i)};
		peer->present = true;
	}
	return true;
}

static struct nx_peer_change change_of(const struct peer *peer, bool set_endpoint)
{
	struct nx_peer_change change = {
		.action = peer->present ? NX_PEER_SET : NX_PEER_REMOVE,
		.set_endpoint = set_endpoint,
	};

	change.peer.public_key = peer->key;
	if (set_endpoint)
		change.peer.endpoint = peer->endpoint;
	change.peer.keepalive_seconds = peer->keepalive_seconds;
	change.peer.prefixes = peer->prefixes;
	change.peer.prefix_count = peer->prefix_count;
	return change;
}

static bool peers_apply(struct tunnel *tunnel, bool set_endpoints)
{
	struct nx_peer_change changes[PEERS];
	struct nx_error error = {0};

	for (size_t i = 0; i < PEERS; i++)
		changes[i] = change_of(&tunnel->peers[i], set_endpoints && tunnel->peers[i].endpoint.port);
	return answers(tunnel, "peers_apply",
		       tunnel->ops->peers_apply(instance_of(tunnel), changes, PEERS, &error), &error);
}

static struct peer *peer_find(struct tunnel *tunnel, const char *key)
{
	for (size_t i = 0; i < PEERS; i++) {
		if (tunnel->peers[i].present && strcmp(tunnel->peers[i].key, key) == 0)
			return &tunnel->peers[i];
	}
	return NULL;
}

static bool has_prefix(const struct nx_peer *peer, const struct nx_prefix *prefix)
{
	for (size_t i = 0; i < peer->prefix_count; i++) {
		if (nx_prefix_compare(&peer->prefixes[i], prefix) == 0)
			return true;
	}
	return false;
}

static void peer_observed(void *context, const struct nx_peer *found)
{
	struct tunnel *tunnel = context;
	struct peer *peer = peer_find(tunnel, found->public_key);

	if (!peer) {
		tunnel->strangers++;
		return;
	}
	peer->seen++;
	tunnel->differs |=
		found->prefix_count != peer->prefix_count ||
		found->keepalive_seconds != peer->keepalive_seconds ||
		found->endpoint.port != peer->endpoint.port ||
		(peer->endpoint.port && nx_endpoint_compare(&found->endpoint, &peer->endpoint) != 0);
	for (size_t i = 0; i < peer->prefix_count; i++)
		tunnel->differs |= !has_prefix(found, &peer->prefixes[i]);
}

static void peer_status_observed(void *context, const struct nx_peer_status *found)
{
	struct tunnel *tunnel = context;
	struct peer *peer = peer_find(tunnel, found->public_key);

	if (peer)
		peer->seen++;
	tunnel->strangers += !peer;
	tunnel->differs |= found->last_handshake != 0; /* there is nobody out there */
}

static bool observation_judge(struct tunnel *tunnel, const char *function, const char *when)
{
	for (size_t i = 0; i < PEERS; i++) {
		unsigned int seen = tunnel->peers[i].seen;

		tunnel->peers[i].seen = 0;
		if (seen != tunnel->peers[i].present)
			return check_fail(tunnel->check,
					  "expected each peer once in %s %s, found one %u times", function,
					  when, seen);
	}
	if (tunnel->strangers)
		return check_fail(tunnel->check, "expected no other peers in %s %s, found %u", function, when,
				  tunnel->strangers);
	return !tunnel->differs ||
	       check_fail(tunnel->check,
			  "expected peers in %s as they were applied %s, found one that differs", function,
			  when);
}

static bool peers_judge(struct tunnel *tunnel, const char *when)
{
	struct nx_error error = {0};

	tunnel->strangers = 0;
	tunnel->differs = false;
	return answers(tunnel, "peers_observe",
		       tunnel->ops->peers_observe(instance_of(tunnel), peer_observed, tunnel, &error),
		       &error) &&
	       observation_judge(tunnel, "peers_observe", when) &&
	       answers(tunnel, "peers_status",
		       tunnel->ops->peers_status(instance_of(tunnel), peer_status_observed, tunnel, &error),
		       &error) &&
	       observation_judge(tunnel, "peers_status", when);
}

/* Some go, some lead elsewhere; where an endpoint is not set the tunnel keeps the one it has. */
static bool peers_change(struct tunnel *tunnel)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct peer *peer = &tunnel->peers[i];

		peer->present = i % 5 != 0;
		peer->keepalive_seconds = (uint16_t)(i % 3 * 7);
		peer->prefix_count = (i + 1) % (PREFIXES + 1);
	}
	return peers_apply(tunnel, false) && peers_judge(tunnel, "after changes");
}

/* --- the MTU, and the end ------------------------------------------------------------------------------ */

static bool mtu_judge(struct tunnel *tunnel)
{
	enum { MTU = 1372 };
	struct ifreq request = {.ifr_name = AGENT_HOST_INTERFACE};
	struct nx_error error = {0};
	int asking, found;

	if (!tunnel->ops->mtu_set)
		return true;
	if (!answers(tunnel, "mtu_set", tunnel->ops->mtu_set(instance_of(tunnel), MTU, &error), &error))
		return false;
	asking = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	found = ioctl(asking, SIOCGIFMTU, &request) == 0 ? request.ifr_mtu : -1;
	close(asking);
	return found == MTU ||
	       check_fail(tunnel->check, "expected the MTU %d that was set, found %d", MTU, found);
}

static void close_stream(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}

/* Sockets and files below a folder; folders may stay. */
static unsigned int files_count(const char *path)
{
	NX_CLEANUP(close_stream) DIR *stream = opendir(path);
	const struct dirent *entry;
	unsigned int count = 0;

	while (stream && (entry = readdir(stream))) {
		NX_AUTO_FREE char *below = nx_printf("%s/%s", path, entry->d_name);

		if (entry->d_name[0] != '.')
			count += entry->d_type == DT_DIR ? files_count(below) : 1;
	}
	return count;
}

static bool down_judge(struct tunnel *tunnel)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	bool gone = false;

	tunnel->ops->interface_down(instance_of(tunnel));
	/* A daemon may take its time, but not long. */
	for (int i = 0; i < 500 && !gone; i++) {
		gone = !if_nametoindex(AGENT_HOST_INTERFACE) && files_count("/run") == 0;
		if (!gone)
			nanosleep(&pause, NULL);
	}
	if (!gone)
		return check_fail(tunnel->check,
				  "expected that interface_down leaves nothing, found %s after 5 seconds",
				  if_nametoindex(AGENT_HOST_INTERFACE) ? "the interface" : "files in /run");
	return !tunnel->ops->interface_stands(instance_of(tunnel)) ||
	       check_fail(tunnel->check, "expected that no interface stands after interface_down, found one");
}

static bool life_judge(struct tunnel *tunnel)
{
	struct nx_error error = {0};

	return answers(tunnel, "peers_observe",
		       tunnel->ops->peers_observe(instance_of(tunnel), peer_observed, tunnel, &error),
		       &error) &&
	       observation_judge(tunnel, "peers_observe", "of a new interface") && peers_make(tunnel) &&
	       peers_apply(tunnel, true) && peers_judge(tunnel, "once applied") && peers_change(tunnel) &&
	       mtu_judge(tunnel) && tunnel_adopt(tunnel) &&
	       peers_judge(tunnel, "after interface_up once more") && tunnel_restart(tunnel) &&
	       peers_judge(tunnel, "after another start");
}

static void check_netns(struct check *check)
{
	struct tunnel tunnel = {.check = check, .ops = check->capability->ops};

	tunnel.state_directory = nx_printf("%s/netns", check->state_directory);
	mkdir(tunnel.state_directory, 0700);
	if (tunnel_up(&tunnel) && life_judge(&tunnel))
		down_judge(&tunnel);
	free(tunnel.state_directory);
}

const struct check_case driver_netns_cases[] = {
	{"netns", "an interface and its peers on a real kernel, with --netns", check_netns},
	{0},
};
