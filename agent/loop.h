/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's event loop: timers and descriptors over libuv, without its rules
 * about the life of handles. One thread; nothing here blocks.
 */
#ifndef NX_AGENT_LOOP_H
#define NX_AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* A timer that is armed for one shot, as often as needed. */
struct nx_timer;
struct nx_timer *nx_timer_new(uv_loop_t *loop, void (*due)(void *context), void *context);
/* Due in `milliseconds` from now; an earlier arming is forgotten. */
void nx_timer_arm(struct nx_timer *timer, uint64_t milliseconds);
/* The same, unless it is armed for sooner already. */
void nx_timer_hasten(struct nx_timer *timer, uint64_t milliseconds);
void nx_timer_disarm(struct nx_timer *timer);
bool nx_timer_armed(const struct nx_timer *timer);
void nx_timer_free(struct nx_timer *timer); /* NULL is fine; may be called from `due` */

/* A registered descriptor or repeating timer, as plugins get them (<nexodus/agent.h>). */
struct nx_watch;
struct nx_watch *nx_watch_readable(uv_loop_t *loop, int descriptor, void (*ready)(void *context),
				   void *context);
struct nx_watch *nx_watch_every(uv_loop_t *loop, uint64_t milliseconds, void (*due)(void *context),
				void *context);
void nx_watch_end(struct nx_watch *watch); /* NULL is fine; may be called from its own callback */

/* Run what is left of closed handles and close the loop. All timers and watches are freed before. */
void nx_loop_finish(uv_loop_t *loop);

#endif
