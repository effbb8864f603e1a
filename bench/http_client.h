/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 client for load: one keep-alive connection, blocking, no TLS.
 * It costs so little that the server is what is measured.
 */
#ifndef NX_BENCH_HTTP_CLIENT_H
#define NX_BENCH_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct http_client {
	int fd;
	const char *host; /* numeric address */
	const char *port;
	size_t used;	    /* bytes in `buffer` */
	char buffer[65536]; /* the last answer: head and body, NUL-terminated */
	const char *body;
};

/* "127.0.0.1:8080" → host and port of the client, connected. False: said on stderr. */
bool http_open(struct http_client *client, const char *host, const char *port);
void http_close(struct http_client *client);
/* One request; answers the status code, or 0 when the connection broke. `body` may be NULL. */
int http_request(struct http_client *client, const char *method, const char *path, const char *token,
		 const char *body);
/* Send a request and read no more than the answer's head: for streams. The descriptor is
 * client->fd, what came with the head lies at client->body. */
int http_start(struct http_client *client, const char *method, const char *path, const char *token,
	       const char *body);
/* The text of a string member of the last body; false when it is not there. */
bool http_member(const struct http_client *client, const char *name, char *into, size_t room);

#endif
