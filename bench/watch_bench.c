/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watch fan-out: many streams of one organization, then one change: the time from
 * sending the PATCH until the last watcher has it, and the server's memory per
 * watcher.
 *
 *   nexodus-bench-watch HOST PORT USER-TOKEN ORGANIZATION DEVICE WATCHERS ROUNDS SERVER-PID
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "bench/http_client.h"

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static long memory_of(const char *pid)
{
	static const char rss[] = "RssAnon:";
	char path[64], line[256];
	long kilobytes = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, rss, strlen(rss)) == 0) {
			kilobytes = strtol(line + strlen(rss), NULL, 10);
			break;
		}
	if (file)
		fclose(file);
	return kilobytes;
}

static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Open one stream and hand its descriptor to epoll; the client's buffer is reused. */
static bool watcher_open(struct http_client *client, int epoll, char **argv, unsigned number)
{
	char path[128];
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = number};

	snprintf(path, sizeof(path), "/api/organizations/%s/events", argv[4]);
	if (!http_open(client, argv[1], argv[2]))
		return false;
	if (http_start(client, "POST", path, argv[3],
		       "[{\"kind\":\"device\",\"gt_revision\":0,\"at_tail\":false}]") != 200) {
		fprintf(stderr, "watcher %u: %.200s\n", number, client->buffer);
		return false;
	}
	event.data.fd = client->fd;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event) == 0;
}

/* Read whatever comes until all watchers were seen with `mark`, or time is up. */
static unsigned mark_await(int epoll, const char *mark, unsigned watchers, double deadline)
{
	static char chunk[262144];
	struct epoll_event events[512];
	unsigned seen = 0;

	while (seen < watchers && now() < deadline) {
		int ready = epoll_wait(epoll, events, 512, 100);

		for (int i = 0; i < ready; i++) {
			ssize_t got = recv(events[i].data.fd, chunk, sizeof(chunk) - 1, MSG_DONTWAIT);

			if (got > 0) {
				chunk[got] = '\0';
				seen += strstr(chunk, mark) != NULL;
			} else if (got == 0 || errno != EAGAIN) {
				epoll_ctl(epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
			}
		}
	}
	return seen;
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One change and its way to the last watcher, in milliseconds; negative: not all had it. */
static double round_run(struct http_client *writer, int epoll, char **argv, unsigned watchers,
			unsigned number)
{
	char path[128], body[128], mark[64];
	double start = now();

	snprintf(path, sizeof(path), "/api/devices/%s", argv[5]);
	snprintf(mark, sizeof(mark), "round-%u-%ld", number, (long)start);
	snprintf(body, sizeof(body), "{\"hostname\":\"%s\"}", mark);
	if (http_request(writer, "PATCH", path, argv[3], body) != 200) {
		fprintf(stderr, "PATCH: %.200s\n", writer->buffer);
		return -1;
	}
	return mark_await(epoll, mark, watchers, start + 30000) == watchers ? now() - start : -1;
}

int main(int argc, char **argv)
{
	struct http_client *client = calloc(2, sizeof(*client));
	unsigned watchers, rounds;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long before, after;
	double *took;

	if (argc != 9 || !client || epoll < 0) {
		fputs("usage: nexodus-bench-watch HOST PORT USER-TOKEN ORGANIZATION DEVICE WATCHERS ROUNDS "
		      "SERVER-PID\n",
		      stderr);
		return 2;
	}
	watchers = (unsigned)strtoul(argv[6], NULL, 10);
	rounds = (unsigned)strtoul(argv[7], NULL, 10);
	took = calloc(rounds + 1, sizeof(*took));
	descriptors_raise();
	if (!took || !rounds || !http_open(&client[1], argv[1], argv[2]))
		return 1;
	before = memory_of(argv[8]);
	for (unsigned i = 0; i < watchers; i++)
		if (!watcher_open(&client[0], epoll, argv, i))
			return 1;
	mark_await(epoll, "no such mark", 1, now() + 1000);
	after = memory_of(argv[8]);
	for (unsigned i = 0; i < rounds; i++) {
		took[i] = round_run(&client[1], epoll, argv, watchers, i);
		if (took[i] < 0) {
			fprintf(stderr, "round %u did not reach all of %u watchers\n", i, watchers);
			return 1;
		}
	}
	qsort(took, rounds, sizeof(*took), order);
	printf("%6u watchers  last one after: median %.1f ms  min %.1f  max %.1f (%u rounds)  "
	       "server memory %.2f kB per watcher\n",
	       watchers, took[rounds / 2], took[0], took[rounds - 1], rounds,
	       (double)(after - before) / watchers);
	free(took);
	free(client);
	return 0;
}
