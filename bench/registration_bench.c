/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable registrations per second, both families: real HTTP, JSON and tokens
 * against a running server. bench/run starts one on each store.
 *
 *   nexodus-bench-registration HOST PORT REGISTRATION-KEY CLIENTS COUNT
 */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/http_client.h"

struct client {
	pthread_t thread;
	unsigned count;
	unsigned refused;
	double *milliseconds; /* per registration */
};

static const char *host, *port, *key;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void body_make(char *body, size_t room)
{
	unsigned char public_key[32];
	char text[64];

	randombytes_buf(public_key, sizeof(public_key));
	public_key[31] &= 0x7f;
	sodium_bin2base64(text, sizeof(text), public_key, sizeof(public_key), sodium_base64_VARIANT_ORIGINAL);
	snprintf(body, room,
		 "{\"public_key\":\"%s\",\"hostname\":\"bench\",\"local_ip\":\"192.0.2.1:51820\","
		 "\"local_ip_v6\":\"[2001:db8::1]:51820\"}",
		 text);
}

static void *client_run(void *context)
{
	struct client *client = context;
	struct http_client *http = calloc(1, sizeof(*http));
	char body[512];

	if (!http || !http_open(http, host, port))
		exit(1);
	for (unsigned i = 0; i < client->count; i++) {
		double start;

		body_make(body, sizeof(body));
		start = now();
		if (http_request(http, "POST", "/api/devices", key, body) != 201) {
			if (!client->refused++)
				fprintf(stderr, "refused: %.300s\n", http->buffer);
			if (http->fd < 0 || !http->used)
				exit(1);
		}
		client->milliseconds[i] = now() - start;
	}
	http_close(http);
	free(http);
	return NULL;
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	unsigned clients, count, refused = 0;
	struct client *all;
	double *milliseconds, start, took;

	if (argc != 6 || sodium_init() < 0) {
		fputs("usage: nexodus-bench-registration HOST PORT REGISTRATION-KEY CLIENTS COUNT\n", stderr);
		return 2;
	}
	host = argv[1], port = argv[2], key = argv[3];
	clients = (unsigned)strtoul(argv[4], NULL, 10);
	count = (unsigned)strtoul(argv[5], NULL, 10) / (clients ? clients : 1);
	if (!clients || !count)
		return 2;
	all = calloc(clients, sizeof(*all));
	milliseconds = calloc((size_t)clients * count, sizeof(*milliseconds));
	if (!all || !milliseconds)
		return 1;
	start = now();
	for (unsigned i = 0; i < clients; i++) {
		all[i].count = count;
		all[i].milliseconds = milliseconds + (size_t)i * count;
		if (pthread_create(&all[i].thread, NULL, client_run, &all[i]) != 0)
			return 1;
	}
	for (unsigned i = 0; i < clients; i++) {
		pthread_join(all[i].thread, NULL);
		refused += all[i].refused;
	}
	took = now() - start;
	qsort(milliseconds, (size_t)clients * count, sizeof(*milliseconds), order);
	printf("%4u clients  %6u registrations  %8.0f /s  median %6.2f ms  p99 %7.2f ms  refused %u\n",
	       clients, clients * count, clients * count / (took / 1e3),
	       milliseconds[(size_t)clients * count / 2], milliseconds[(size_t)clients * count * 99 / 100],
	       refused);
	free(all);
	free(milliseconds);
	return refused ? 1 : 0;
}
