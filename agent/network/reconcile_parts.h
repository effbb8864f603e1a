/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the reconcile share: planning, telling, observing. Not for others. */
#ifndef NX_AGENT_NETWORK_RECONCILE_PARTS_H
#define NX_AGENT_NETWORK_RECONCILE_PARTS_H

#include "agent/network/reconcile.h"

/* Plan all that is marked: applied facts and claims are then as they should be, and
 * `changed` lists whom to tell the driver of. */
void nx_reconcile_plan(struct nx_reconcile *reconcile);
/* Tell the driver, write the routes, forward. What was planned is told, or `unsure` is set. */
enum nx_status nx_reconcile_tell(struct nx_reconcile *reconcile, struct nx_error *error);
/* Give the interface this host's addresses; sets `refused` where the kernel would not. */
enum nx_status nx_reconcile_addresses(struct nx_reconcile *reconcile, struct nx_error *error);

void nx_strangers_add(struct nx_reconcile *reconcile, const char *public_key);
void nx_strangers_clear(struct nx_reconcile *reconcile);

#endif
