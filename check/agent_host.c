/* SPDX-License-Identifier: Apache-2.0 */
#include "check/agent_host.h"

#include "base/error.h"

static const char *directory;

void agent_host_set(const char *state_directory)
{
	directory = state_directory;
}

static enum nx_status host_netlink(struct nx_host *host, int protocol, void *messages, size_t length,
				   const struct nx_netlink_handler *handler, struct nx_error *error)
{
	(void)host;
	(void)messages;
	(void)length;
	(void)handler;
	return nx_fail(error, NX_UNSUPPORTED, NULL, "no netlink (protocol %d) in this check", protocol);
}

/* The ABI says what may be written. NOLINTNEXTLINE(readability-non-const-parameter) */
static enum nx_status host_genl_family(struct nx_host *host, const char *name, uint16_t *out,
				       struct nx_error *error)
{
	(void)host;
	(void)out;
	return nx_fail(error, NX_UNSUPPORTED, NULL, "no generic netlink family %s in this check", name);
}

static struct nx_watch *host_watch_descriptor(struct nx_host *host, int descriptor,
					      void (*ready)(void *context), void *context)
{
	(void)host;
	(void)descriptor;
	(void)ready;
	(void)context;
	return NULL;
}

static struct nx_watch *host_watch_timer(struct nx_host *host, uint64_t milliseconds,
					 void (*due)(void *context), void *context)
{
	(void)host;
	(void)milliseconds;
	(void)due;
	(void)context;
	return NULL;
}

static void host_watch_end(struct nx_watch *watch)
{
	(void)watch;
}

static void host_reconcile(struct nx_host *host)
{
	(void)host;
}

static const char *host_state_directory(struct nx_host *host)
{
	(void)host;
	return directory;
}

static const char *host_interface_name(struct nx_host *host)
{
	(void)host;
	return AGENT_HOST_INTERFACE;
}

/* As above. NOLINTBEGIN(readability-non-const-parameter) */
static enum nx_status host_run(struct nx_host *host, const char *const *arguments, const char *input,
			       char *output, size_t room, struct nx_error *error)
{
	(void)host;
	(void)input;
	(void)output;
	(void)room;
	return nx_fail(error, NX_UNSUPPORTED, NULL, "no program %s in this check", arguments[0]);
}
/* NOLINTEND(readability-non-const-parameter) */

const struct nx_agent_services agent_host_services = {
	.size = sizeof(agent_host_services),
	.netlink = host_netlink,
	.genl_family = host_genl_family,
	.watch_descriptor = host_watch_descriptor,
	.watch_timer = host_watch_timer,
	.watch_end = host_watch_end,
	.reconcile = host_reconcile,
	.state_directory = host_state_directory,
	.interface_name = host_interface_name,
	.run = host_run,
};
