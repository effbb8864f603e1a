/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loaded plugins can do for this host: the address families in load
 * order (which is the mesh's order of families everywhere in the agent), the one
 * relay policy, and the one driver that this host uses.
 */
#ifndef NX_AGENT_CAPABILITIES_H
#define NX_AGENT_CAPABILITIES_H

#include <nexodus/driver.h>
#include <nexodus/family.h>
#include <nexodus/relay.h>

#include "base/loader.h"

#define NX_REASON_TEXT 160

struct nx_family {
	const char *key; /* "inet" of "family/inet" */
	const struct nx_family_ops *ops;
	void *instance;
	bool supported; /* as last asked */
	bool refused;	/* the kernel would not take an address although the host seemed able */
	struct nx_member_family attempt; /* what it would not take, for another attempt */
	char reason[NX_REASON_TEXT];	 /* why it is not supported; "" when it is */
};

struct nx_capabilities {
	struct nx_family *families;
	size_t family_count;
	const struct nx_relay_ops *relay;
	void *relay_instance;
	const char *driver_name;
	const struct nx_driver_ops *driver;
	void *driver_instance;
};

/*
 * Choose among the loaded plugins. `driver` names the one to use, "" the first
 * that is loaded. NX_NOT_FOUND, with what to do, when one of the three kinds is
 * missing; NX_CONFLICT when there are two relay policies.
 */
enum nx_status nx_capabilities_gather(const struct nx_plugins *plugins, const char *driver,
				      struct nx_capabilities *out, struct nx_error *error);
void nx_capabilities_release(struct nx_capabilities *capabilities);

/* Ask every family whether this host can do it. Answers true when an answer has changed. */
bool nx_capabilities_poll(struct nx_capabilities *capabilities);
/* Can this host use the family now? */
bool nx_family_usable(const struct nx_family *family);
/* The family whose addresses have this many bytes; NULL when none is loaded. */
struct nx_family *nx_family_of_length(const struct nx_capabilities *capabilities, uint8_t length);

#endif
