/* SPDX-License-Identifier: Apache-2.0 */
/* A driver's interface with peers, as a check has made them. */
#ifndef NX_CHECK_DRIVER_TUNNEL_H
#define NX_CHECK_DRIVER_TUNNEL_H

#include <nexodus/driver.h>

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
	struct journal_call *call; /* the last one */
	struct nx_interface interface;
	char *state_directory;
	struct peer peers[PEERS];
	unsigned int strangers;			 /* observed, and not ours */
	char strange[PEERS][NX_PUBLIC_KEY_TEXT]; /* the keys of the first of these */
	bool differs;
};

static inline void *tunnel_instance(const struct tunnel *tunnel)
{
	return tunnel->check->capability->provider->instance;
}

/* A call begins, and ends: noted in the journal. False: it failed, and so has the check. */
void tunnel_begins(struct tunnel *tunnel, const char *function);
bool tunnel_ends(struct tunnel *tunnel, enum nx_status status, const struct nx_error *error);

/* Both, around the expression that makes the call. */
#define TUNNEL_ANSWERS(tunnel, function, call, error)                                                        \
	(tunnel_begins((tunnel), (function)), tunnel_ends((tunnel), (call), (error)))

/* --- driver_peers.c: each answers false when the check has failed --- */

/* What the tunnel has is what was applied. `when`: for the message. */
bool peers_judge(struct tunnel *tunnel, const char *when);
/* The same after another start, where a driver whose kernel knows no keys may call peers by names of its own
 * until it is told them, as the agent does, in the call that removes those. */
bool peers_resume(struct tunnel *tunnel, const char *when);
/* Make peers and apply them. */
bool peers_begin(struct tunnel *tunnel);
/* Some go, some lead elsewhere; where an endpoint is not set the tunnel keeps the one it has. */
bool peers_change(struct tunnel *tunnel);

#endif
