/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/deadline.h"

#include <stddef.h>

static uint64_t step_of(uint64_t at)
{
	return at / NX_DEADLINE_STEP + 1; /* the first step at which it is surely over */
}

void nx_deadline_clear(struct nx_deadline *deadline)
{
	if (deadline->at == 0)
		return;
	LIST_REMOVE(deadline, slot);
	deadline->at = 0;
}

void nx_deadline_set(struct nx_deadlines *deadlines, struct nx_deadline *deadline, uint64_t at)
{
	nx_deadline_clear(deadline);
	if (step_of(at) < deadlines->step) /* over already: at the next look */
		at = deadlines->step * NX_DEADLINE_STEP;
	deadline->at = at;
	LIST_INSERT_HEAD(&deadlines->slot[step_of(at) % NX_DEADLINE_SLOTS], deadline, slot);
}

/* A slot holds the deadlines of many turns of the wheel: those of later ones stay. */
static void slot_run(struct nx_deadlines *deadlines, uint64_t step,
		     void (*expired)(struct nx_deadline *deadline))
{
	struct nx_deadline *deadline = LIST_FIRST(&deadlines->slot[step % NX_DEADLINE_SLOTS]);

	while (deadline) {
		struct nx_deadline *next = LIST_NEXT(deadline, slot);
		if (step_of(deadline->at) <= step) {
			nx_deadline_clear(deadline);
			expired(deadline);
		}
		deadline = next;
	}
}

void nx_deadlines_run(struct nx_deadlines *deadlines, uint64_t now,
		      void (*expired)(struct nx_deadline *deadline))
{
	uint64_t last = now / NX_DEADLINE_STEP;

	if (deadlines->step + NX_DEADLINE_SLOTS <= last) /* first use, or a long sleep: one turn does */
		deadlines->step = last - NX_DEADLINE_SLOTS + 1;
	for (; deadlines->step <= last; deadlines->step++)
		slot_run(deadlines, deadlines->step, expired);
}

int nx_deadlines_wait(const struct nx_deadlines *deadlines, uint64_t now)
{
	for (uint64_t step = deadlines->step; step < deadlines->step + NX_DEADLINE_SLOTS; step++) {
		if (LIST_EMPTY(&deadlines->slot[step % NX_DEADLINE_SLOTS]))
			continue;
		uint64_t at = step * NX_DEADLINE_STEP;
		return at > now ? (int)(at - now) : 0;
	}
	return -1;
}
