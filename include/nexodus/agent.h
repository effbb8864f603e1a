/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent offers its plugins beyond `struct nx_services`: netlink, and
 * its event loop. Everything here runs on the agent's one thread.
 */
#ifndef NEXODUS_AGENT_H
#define NEXODUS_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nexodus/error.h>

struct nx_host;
struct nx_watch; /* a registered descriptor or timer */
struct nlmsghdr; /* <linux/netlink.h> */

struct nx_netlink_handler {
	void (*answer)(void *context, const struct nlmsghdr *message);
	void (*acknowledge)(void *context, size_t request, int error, const char *text);
	void (*restart)(void *context);
	void *context;
};

struct nx_agent_services {
	size_t size;
	/*
	 * Send netlink requests and wait for the kernel's answers. `messages` holds
	 * `length` bytes of whole, aligned nlmsghdr's; the host gives each its
	 * sequence number and NLM_F_REQUEST|NLM_F_ACK (a dump: NLM_F_DUMP instead,
	 * alone in its call). `protocol` is NETLINK_ROUTE or NETLINK_GENERIC.
	 * `answer` is called for every data message (lengths checked, sender the
	 * kernel), `acknowledge` for each request in order with its position and an
	 * errno (0: done) and the kernel's extended text ("" when none); both may be
	 * NULL. Without `acknowledge` the first errno fails the call.
	 * A dump that was interrupted is repeated by the host, after `restart` (may be NULL).
	 */
	enum nx_status (*netlink)(struct nx_host *host, int protocol, void *messages, size_t length,
				  const struct nx_netlink_handler *handler, struct nx_error *error);
	/* The number of a generic netlink family; NX_UNSUPPORTED when the kernel has none. */
	enum nx_status (*genl_family)(struct nx_host *host, const char *name, uint16_t *out,
				      struct nx_error *error);
	/* Call `ready` when the descriptor can be read, until the watch is ended. NULL: no memory. */
	struct nx_watch *(*watch_descriptor)(struct nx_host *host, int descriptor,
					     void (*ready)(void *context), void *context);
	/* Call `due` every `milliseconds`, first after as many. */
	struct nx_watch *(*watch_timer)(struct nx_host *host, uint64_t milliseconds,
					void (*due)(void *context), void *context);
	void (*watch_end)(struct nx_watch *watch); /* NULL is fine */
	/* Ask the agent to look at the host again and to mend what differs. */
	void (*reconcile)(struct nx_host *host);
	/* The agent's state directory (0700) and the interface's name. */
	const char *(*state_directory)(struct nx_host *host);
	const char *(*interface_name)(struct nx_host *host);
	/*
	 * Run a program to its end with `input` on its standard input: `arguments`
	 * is NULL-terminated, arguments[0] a plain name looked for in the system's
	 * directories. No shell. NX_UNSUPPORTED when there is no such program; on
	 * a failure the end of its output is in the error. At most 10 seconds.
	 * `output` (may be NULL) receives its standard output, NUL-terminated, cut
	 * at `room`.
	 */
	enum nx_status (*run)(struct nx_host *host, const char *const *arguments, const char *input,
			      char *output, size_t room, struct nx_error *error);
};

#endif
