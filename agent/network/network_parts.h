/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the network share. Not for others. */
#ifndef NX_AGENT_NETWORK_NETWORK_PARTS_H
#define NX_AGENT_NETWORK_NETWORK_PARTS_H

#include "agent/network/network.h"

/* What a round has left: an error to remember, a family that could not be had. */
void nx_network_round_end(struct nx_network *network, enum nx_status status, const struct nx_error *error);

/* Ask what the host can do, and watch it from now on. */
enum nx_status nx_network_host_begin(struct nx_network *network, struct nx_error *error);
void nx_network_host_end(struct nx_network *network);
/* Read the host's addresses anew. */
void nx_network_host_read(struct nx_network *network);
/* Make the tunnel's packets as large as the ways out of this host can carry. */
void nx_network_resize(struct nx_network *network);
void nx_network_resize_soon(struct nx_network *network);
/* No route of the mesh may swallow the host's own addresses, nor the service's. */
void nx_network_guard(struct nx_network *network);

#endif
