/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall clock of its own for each host: namespaces have none, and the machine's is not ours to set. To be
 * preloaded; the file that $NEXODUS_TEST_CLOCK names holds nanoseconds (int64_t, host byte order) that are
 * added to the real time, from the instant they are written. Monotonic clocks go on as they do when a real
 * clock is set.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const _Atomic int64_t *offset;

__attribute__((constructor)) static void offset_map(void)
{
	const char *path = getenv("NEXODUS_TEST_CLOCK");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page = MAP_FAILED;

	if (file < 0)
		return;
	page = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, file, 0);
	if (page != MAP_FAILED)
		offset = page;
	close(file);
}

/* The kernel's own answer: what is in front of it, a sanitizer's interceptor say, may not be ready yet. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
	int result = (int)syscall(SYS_clock_gettime, clock, out);

	if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		int64_t moved = out->tv_sec * SECOND + out->tv_nsec + atomic_load(offset);

		out->tv_sec = moved / SECOND;
		out->tv_nsec = moved % SECOND;
	}
	return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
