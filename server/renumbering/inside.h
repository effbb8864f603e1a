/* SPDX-License-Identifier: Apache-2.0 */
/* A pass of a renumbering over the devices of its organization, while it goes on. Inside of renumbering.h. */
#ifndef NX_SERVER_RENUMBERING_INSIDE_H
#define NX_SERVER_RENUMBERING_INSIDE_H

#include "server/ipam/asking.h"
#include "server/renumbering/renumbering.h"

struct nx_renumbering_pass {
	struct nx_command command;
	struct nx_server *server;
	struct nx_renumbering *row; /* as it was read */
	int64_t since;		    /* as of nx_renumbering_step() */
	/* Of the device that a strategy is asked for. */
	char asked[NX_UUID_TEXT];
	struct nx_asking asking;
	/* Of one run. */
	struct nx_renumbering next;    /* as it becomes */
	struct nx_value *organization; /* its record */
	bool more;
};

/*
 * Do to a device what the row's state does, and announce it when that is anything. NX_UNAVAILABLE, and a
 * question is open in pass->asking: nothing has been written, have it answered first. Writer thread.
 */
enum nx_status nx_renumbering_device(struct nx_renumbering_pass *pass, struct nx_tx *tx,
				     const struct nx_value *before, struct nx_error *error);

#endif
