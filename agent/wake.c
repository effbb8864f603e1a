/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/loop.h"
#include "agent/sleep.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	TICK_MILLISECONDS = 5000,
	APART_MILLISECONDS = 50, /* at which two clocks still count as read at one moment */
	READINGS = 10,
	FAR_AWAY_SECONDS = 1 << 30,
};

struct nx_wake {
	int descriptor; /* a timer that is never due, but cancelled when the clock is set or the host resumes
			 */
	struct nx_watch *cancelled, *tick;
	void (*woken)(void *context, uint64_t seconds);
	void *context;
	struct nx_sleep sleep;
};

static uint64_t milliseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Both at one moment: a busy host may let another program run in between, and that is no sleep. The one that
 * goes on during a sleep is read last, so that it is never behind the other.
 */
static void clocks_read(uint64_t *boottime, uint64_t *monotonic)
{
	for (int i = 0; i < READINGS; i++) {
		*monotonic = milliseconds(CLOCK_MONOTONIC);
		*boottime = milliseconds(CLOCK_BOOTTIME);
		if (milliseconds(CLOCK_MONOTONIC) - *monotonic <= APART_MILLISECONDS)
			return;
	}
}

/* Only the first of the two ways to notice a sleep tells of it. */
static bool sleep_look(struct nx_wake *wake)
{
	uint64_t boottime, monotonic, gap;

	clocks_read(&boottime, &monotonic);
	bool asleep = nx_sleep_look(&wake->sleep, boottime, monotonic, &gap);

	if (asleep)
		wake->woken(wake->context, gap / 1000);
	return asleep;
}

static void tick_due(void *context)
{
	(void)sleep_look(context);
}

static bool timer_arm(const struct nx_wake *wake)
{
	const struct itimerspec never = {.it_value.tv_sec = (time_t)(milliseconds(CLOCK_REALTIME) / 1000) +
							    FAR_AWAY_SECONDS};

	return timerfd_settime(wake->descriptor, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) ==
	       0;
}

static void timer_cancelled(void *context)
{
	struct nx_wake *wake = context;
	uint64_t times;

	(void)!read(wake->descriptor, &times, sizeof(times));
	(void)timer_arm(wake);
	if (!sleep_look(wake))
		nx_log(NX_LOG_INFO, "the wall clock was set", NULL);
}

enum nx_status nx_wake_start(uv_loop_t *loop, void (*woken)(void *context, uint64_t seconds), void *context,
			     struct nx_wake **out, struct nx_error *error)
{
	struct nx_wake *wake = nx_alloc(sizeof(*wake));
	uint64_t boottime, monotonic;

	*wake = (struct nx_wake){.woken = woken, .context = context};
	clocks_read(&boottime, &monotonic);
	nx_sleep_begin(&wake->sleep, boottime, monotonic);
	wake->tick = nx_watch_every(loop, TICK_MILLISECONDS, tick_due, wake);
	wake->descriptor = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (wake->descriptor >= 0 && timer_arm(wake))
		wake->cancelled = nx_watch_readable(loop, wake->descriptor, timer_cancelled, wake);
	if (wake->cancelled) {
		*out = wake;
		return NX_OK;
	}
	nx_fail(error, NX_INTERNAL, NULL, "the clock cannot be watched: %s", strerror(errno));
	nx_wake_stop(wake);
	return NX_INTERNAL;
}

void nx_wake_stop(struct nx_wake *wake)
{
	if (!wake)
		return;
	nx_watch_end(wake->tick);
	nx_watch_end(wake->cancelled);
	if (wake->descriptor >= 0)
		close(wake->descriptor);
	free(wake);
}
