/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when this host comes back from a suspend (or this program from having been stopped), and when
 * somebody sets the wall clock. Timers of the loop stand still while a host sleeps, and connections die
 * unnoticed.
 */
#ifndef NX_AGENT_WAKE_H
#define NX_AGENT_WAKE_H

#include <uv.h>

#include "base/error.h"

struct nx_wake;

/* `woken` is told how long nothing could be done. A clock that is set is logged, and is nobody's business:
 * what lasts is measured by clocks that nobody sets. */
enum nx_status nx_wake_start(uv_loop_t *loop, void (*woken)(void *context, uint64_t seconds), void *context,
			     struct nx_wake **out, struct nx_error *error);
void nx_wake_stop(struct nx_wake *wake); /* NULL is fine */

#endif
