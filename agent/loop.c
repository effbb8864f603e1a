/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/loop.h"

#include <stdlib.h>

#include "base/memory.h"

#define FINISH_TURNS 16u

struct nx_timer {
	uv_timer_t handle;
	void (*due)(void *context);
	void *context;
};

struct nx_watch {
	union {
		uv_handle_t handle;
		uv_poll_t poll;
		uv_timer_t timer;
	} uv;
	void (*call)(void *context);
	void *context;
};

/* --- timers ----------------------------------------------------------------- */

static void timer_due(uv_timer_t *handle)
{
	struct nx_timer *timer = handle->data;

	timer->due(timer->context);
}

struct nx_timer *nx_timer_new(uv_loop_t *loop, void (*due)(void *context), void *context)
{
	struct nx_timer *timer = nx_alloc(sizeof(*timer));

	timer->due = due;
	timer->context = context;
	timer->handle.data = timer;
	uv_timer_init(loop, &timer->handle);
	timer->handle.data = timer;
	return timer;
}

void nx_timer_arm(struct nx_timer *timer, uint64_t milliseconds)
{
	/* libuv counts from the start of the loop's turn, which may be long ago. */
	uv_update_time(timer->handle.loop);
	uv_timer_start(&timer->handle, timer_due, milliseconds, 0);
}

void nx_timer_hasten(struct nx_timer *timer, uint64_t milliseconds)
{
	if (!nx_timer_armed(timer) || uv_timer_get_due_in(&timer->handle) > milliseconds)
		nx_timer_arm(timer, milliseconds);
}

void nx_timer_disarm(struct nx_timer *timer)
{
	uv_timer_stop(&timer->handle);
}

bool nx_timer_armed(const struct nx_timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->handle) != 0;
}

static void handle_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void nx_timer_free(struct nx_timer *timer)
{
	if (timer)
		uv_close((uv_handle_t *)&timer->handle, handle_closed);
}

/* --- watches ---------------------------------------------------------------- */

static void poll_ready(uv_poll_t *handle, int status, int events)
{
	struct nx_watch *watch = handle->data;

	(void)status; /* an error shows when the owner reads */
	(void)events;
	watch->call(watch->context);
}

static void watch_due(uv_timer_t *handle)
{
	struct nx_watch *watch = handle->data;

	watch->call(watch->context);
}

static struct nx_watch *watch_new(void (*call)(void *context), void *context)
{
	struct nx_watch *watch = nx_alloc(sizeof(*watch));

	watch->call = call;
	watch->context = context;
	return watch;
}

struct nx_watch *nx_watch_readable(uv_loop_t *loop, int descriptor, void (*ready)(void *context),
				   void *context)
{
	struct nx_watch *watch = watch_new(ready, context);

	if (uv_poll_init(loop, &watch->uv.poll, descriptor) != 0) {
		free(watch);
		return NULL;
	}
	watch->uv.handle.data = watch;
	uv_poll_start(&watch->uv.poll, UV_READABLE, poll_ready);
	return watch;
}

struct nx_watch *nx_watch_every(uv_loop_t *loop, uint64_t milliseconds, void (*due)(void *context),
				void *context)
{
	struct nx_watch *watch = watch_new(due, context);

	uv_timer_init(loop, &watch->uv.timer);
	watch->uv.handle.data = watch;
	uv_update_time(loop);
	uv_timer_start(&watch->uv.timer, watch_due, milliseconds, milliseconds);
	return watch;
}

void nx_watch_end(struct nx_watch *watch)
{
	if (watch)
		uv_close(&watch->uv.handle, handle_closed);
}

void nx_loop_finish(uv_loop_t *loop)
{
	/* A turn may end at once because the loop was told to stop: closed handles want another. What a
	 * thread is at, such as looking up a name, is waited for: it tells the loop when it is done. */
	for (unsigned i = 0; i < FINISH_TURNS && uv_loop_close(loop) == UV_EBUSY; i++)
		uv_run(loop, loop->active_reqs.count ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}
