/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

/* A reader that is merely slow gets this long, once. */
#define PATIENCE_MILLISECONDS 200

static struct {
	pthread_mutex_t lock; /* only one writer may count on the room that poll() has seen */
	uint64_t dropped;
	bool cut; /* the last line has no end yet */
} output = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool output_ready(int milliseconds)
{
	struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
	int ready;

	do
		ready = poll(&wait, 1, milliseconds);
	while (ready < 0 && errno == EINTR);
	/* Where nobody listens at all, write() fails at once, and says so. */
	return ready > 0;
}

/* At most PIPE_BUF bytes at a time: what poll() has promised room for. Answers what is left. */
static size_t output_write(const char *data, size_t length)
{
	size_t left = length;

	while (left > 0) {
		size_t some = left < PIPE_BUF ? left : PIPE_BUF;
		ssize_t sent;

		if (!output_ready(output.dropped ? 0 : PATIENCE_MILLISECONDS))
			return left;
		sent = write(STDERR_FILENO, data + (length - left), some);
		if (sent < 0 && errno != EINTR && errno != EAGAIN)
			return 0; /* nobody listens: nothing that could be done about it */
		left -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

bool nx_log_output(const char *line, size_t length)
{
	size_t left;

	pthread_mutex_lock(&output.lock);
	left = output.cut ? output_write("\n", 1) : 0;
	if (left == 0) {
		output.cut = false;
		left = output_write(line, length);
		output.cut = left > 0 && left < length;
	}
	output.dropped += left > 0;
	pthread_mutex_unlock(&output.lock);
	return left == 0;
}

uint64_t nx_log_output_dropped(void)
{
	uint64_t dropped = 0;

	pthread_mutex_lock(&output.lock);
	if (output.dropped && output_ready(0)) {
		dropped = output.dropped;
		output.dropped = 0;
	}
	pthread_mutex_unlock(&output.lock);
	return dropped;
}
