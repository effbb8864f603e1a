/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for the agent half without an agent: real netlink, real programs, logs on
 * standard error. Simple and blocking; for tests only.
 */
#ifndef NX_WIREGUARD_FAKE_HOST_H
#define NX_WIREGUARD_FAKE_HOST_H

#include <nexodus/agent.h>
#include <nexodus/plugin.h>

struct nx_host {
	const char *backend; /* the configuration's values */
	const char *program;
};

extern const struct nx_services fake_services;
extern const struct nx_agent_services fake_agent_services;

/* fake_netlink.c */
enum nx_status fake_netlink(struct nx_host *host, int protocol, void *messages, size_t length,
			    const struct nx_netlink_handler *handler, struct nx_error *error);
enum nx_status fake_genl_family(struct nx_host *host, const char *name, uint16_t *out,
				struct nx_error *error);

/* fake_run.c */
enum nx_status fake_run(struct nx_host *host, const char *const *arguments, const char *input, char *output,
			size_t room, struct nx_error *error);

#endif
