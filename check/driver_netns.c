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
#include "check/driver_tunnel.h"

void tunnel_begins(struct tunnel *tunnel, const char *function)
{
	tunnel->call = journal_begin(tunnel->check->journal, function, NULL);
}

bool tunnel_ends(struct tunnel *tunnel, enum nx_status status, const struct nx_error *error)
{
	tunnel->call->status = status;
	tunnel->call->done = true;
	return status == NX_OK || check_fail(tunnel->check, "expected that %s succeeds, found: %s",
					     tunnel->call->function, error->message);
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
	return tunnel->ops->interface_up(tunnel_instance(tunnel), &request, out, error);
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
	return tunnel->ops->interface_stands(tunnel_instance(tunnel)) ||
	       check_fail(tunnel->check, "expected that the interface stands, found that it does not");
}

static bool tunnel_up(struct tunnel *tunnel)
{
	struct nx_error error = {0};
	enum nx_status status;

	tunnel_begins(tunnel, "interface_up");
	status = up_call(tunnel, &tunnel->interface, &error);
	if (status == NX_UNSUPPORTED) {
		check_skip(tunnel->check, "this host cannot do it: %s", error.message);
		return false;
	}
	return tunnel_ends(tunnel, status, &error) && interface_fit(tunnel, &tunnel->interface, false);
}

/* Another call, or another start of the agent, finds what stands. */
static bool tunnel_adopt(struct tunnel *tunnel)
{
	struct nx_interface found;
	struct nx_error error = {0};

	if (!TUNNEL_ANSWERS(tunnel, "interface_up", up_call(tunnel, &found, &error), &error) ||
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
	return (TUNNEL_ANSWERS(tunnel, "load", nx_plugins_load(plugins, &error), &error) &&
		TUNNEL_ANSWERS(tunnel, "start", nx_plugins_start(plugins, &error), &error) &&
		tunnel_adopt(tunnel));
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
	if (!TUNNEL_ANSWERS(tunnel, "mtu_set", tunnel->ops->mtu_set(tunnel_instance(tunnel), MTU, &error),
			    &error))
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

	tunnel_begins(tunnel, "interface_down");
	tunnel->ops->interface_down(tunnel_instance(tunnel));
	tunnel->call->done = true;
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
	return !tunnel->ops->interface_stands(tunnel_instance(tunnel)) ||
	       check_fail(tunnel->check, "expected that no interface stands after interface_down, found one");
}

static bool life_judge(struct tunnel *tunnel)
{
	return peers_judge(tunnel, "of a new interface") && peers_begin(tunnel) &&
	       peers_judge(tunnel, "once applied") && peers_change(tunnel) && mtu_judge(tunnel) &&
	       tunnel_adopt(tunnel) && peers_judge(tunnel, "after interface_up once more") &&
	       tunnel_restart(tunnel) && peers_resume(tunnel, "after another start");
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
