/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/http_client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool http_open(struct http_client *client, const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *where = NULL;
	int one = 1;

	memset(client, 0, offsetof(struct http_client, buffer));
	client->host = host;
	client->port = port;
	client->fd = -1;
	if (getaddrinfo(host, port, &hints, &where) != 0)
		return false;
	client->fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, where->ai_addr, where->ai_addrlen) < 0) {
		fprintf(stderr, "connect %s:%s: %s\n", host, port, strerror(errno));
		http_close(client);
	} else {
		setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	freeaddrinfo(where);
	return client->fd >= 0;
}

void http_close(struct http_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static bool send_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		data += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool receive_more(struct http_client *client)
{
	ssize_t got;

	if (client->used + 1 >= sizeof(client->buffer))
		return false;
	got = recv(client->fd, client->buffer + client->used, sizeof(client->buffer) - 1 - client->used, 0);
	if (got <= 0)
		return false;
	client->used += (size_t)got;
	client->buffer[client->used] = '\0';
	return true;
}

int http_start(struct http_client *client, const char *method, const char *path, const char *token,
	       const char *body)
{
	char head[1024];
	size_t length = body ? strlen(body) : 0;
	int head_length = snprintf(head, sizeof(head),
				   "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%s"
				   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
				   method, path, client->host, token ? "Authorization: Bearer " : "",
				   token ? token : "", token ? "\r\n" : "", length);
	char *end;

	client->used = 0;
	client->buffer[0] = '\0';
	if (client->fd < 0 || head_length < 0 || (size_t)head_length >= sizeof(head) ||
	    !send_all(client->fd, head, (size_t)head_length) ||
	    (length && !send_all(client->fd, body, length)))
		return 0;
	while (!(end = strstr(client->buffer, "\r\n\r\n")))
		if (!receive_more(client))
			return 0;
	client->body = end + 4;
	return (int)strtol(client->buffer + strlen("HTTP/1.1 "), NULL, 10);
}

int http_request(struct http_client *client, const char *method, const char *path, const char *token,
		 const char *body)
{
	int status = http_start(client, method, path, token, body);
	const char *field = status ? strcasestr(client->buffer, "\r\nContent-Length:") : NULL;
	size_t length;

	if (!field || field > client->body)
		return status;
	length = (size_t)strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
	while (client->used < (size_t)(client->body - client->buffer) + length)
		if (!receive_more(client))
			return 0;
	return status;
}

bool http_member(const struct http_client *client, const char *name, char *into, size_t room)
{
	char key[64];
	const char *at, *end;

	snprintf(key, sizeof(key), "\"%s\":\"", name);
	at = client->body ? strstr(client->body, key) : NULL;
	if (!at)
		return false;
	at += strlen(key);
	end = strchr(at, '"');
	if (!end || (size_t)(end - at) >= room)
		return false;
	memcpy(into, at, (size_t)(end - at));
	into[end - at] = '\0';
	return true;
}
