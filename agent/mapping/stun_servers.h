/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which STUN servers this host asks (mapping.h): those of its operator, else those
 * that the service names. The service's list is kept in the state directory
 * (stun.json), so that a host that starts while the service is away asks all the same.
 */
#ifndef NX_AGENT_MAPPING_STUN_SERVERS_H
#define NX_AGENT_MAPPING_STUN_SERVERS_H

#include "agent/mapping/mapping.h"
#include "agent/state/state.h"

struct nx_stun_servers {
	char *items[NX_MAPPING_SERVERS_LIMIT]; /* "host:port", "[address]:port" */
	size_t count;
};

/*
 * What a person wrote: hosts with or without a port (3478 otherwise), separated by commas; "none"
 * for none. NX_INVALID says which item cannot be.
 */
enum nx_status nx_stun_servers_parse(const char *text, const char *key, struct nx_stun_servers *out,
				     struct nx_error *error);
/*
 * What the service said: {"servers":["host:port",":port"]}, where an empty host is the service's
 * own, as in `service_url`. NX_INVALID when it is something else; items that cannot be, and those
 * above the limit, are left out.
 */
enum nx_status nx_stun_servers_read(const char *json, size_t length, const char *service_url,
				    struct nx_stun_servers *out, struct nx_error *error);
void nx_stun_servers_release(struct nx_stun_servers *servers);

/* The service's last answer, as read above. False: none was kept, or it is of no use. */
bool nx_stun_answer_restore(const struct nx_state *state, const char *service_url,
			    struct nx_stun_servers *out);
/* Keep the service's answer, unless it is the one that is kept. */
enum nx_status nx_stun_answer_store(const struct nx_state *state, const char *json, size_t length,
				    struct nx_error *error);

#endif
