/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

#define SEPARATORS ", \t"

/* As elsewhere, but that port 0 lets the kernel choose. */
static bool endpoint_parse(char *text, struct nx_endpoint *out)
{
	size_t length = strlen(text);
	bool any_port = length > 2 && strcmp(text + length - 2, ":0") == 0;

	if (any_port)
		text[length - 1] = '1';
	if (!nx_endpoint_parse(text, out))
		return false;
	if (any_port) {
		text[length - 1] = '0';
		out->port = 0;
	}
	return true;
}

static enum nx_status each_endpoint(const char *list,
				    enum nx_status (*use)(void *context, const char *text,
							  const struct nx_endpoint *endpoint,
							  struct nx_error *error),
				    void *context, struct nx_error *error)
{
	size_t count = 0;

	for (list += strspn(list, SEPARATORS); *list; list += strspn(list, SEPARATORS)) {
		char text[NX_ADDRESS_TEXT];
		struct nx_endpoint endpoint;
		size_t length = strcspn(list, SEPARATORS);

		snprintf(text, sizeof(text), "%.*s", (int)(length < sizeof(text) ? length : sizeof(text) - 1),
			 list);
		if (length >= sizeof(text) || !endpoint_parse(text, &endpoint))
			return nx_fail(error, NX_INVALID, "listen",
				       "\"%.*s\" is no address and port: write 127.0.0.1:8080, or "
				       "[::1]:8080 for IPv6",
				       (int)(length < 80 ? length : 80), list);
		if (++count > NX_LISTENER_LIMIT)
			return nx_fail(error, NX_INVALID, "listen", "more than %d addresses to listen on",
				       NX_LISTENER_LIMIT);
		enum nx_status status = use ? use(context, text, &endpoint, error) : NX_OK;
		if (status != NX_OK)
			return status;
		list += length;
	}
	if (count == 0)
		return nx_fail(error, NX_INVALID, "listen", "no address to listen on");
	return NX_OK;
}

enum nx_status nx_listeners_check(const char *list, struct nx_error *error)
{
	return each_endpoint(list, NULL, NULL, error);
}

static int socket_open(const struct nx_endpoint *endpoint)
{
	struct sockaddr_storage address;
	size_t length = nx_endpoint_to_sockaddr(endpoint, &address);
	int on = 1;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (const void *)&address, (socklen_t)length) < 0 || listen(fd, 4096) < 0) {
		int failure = errno;
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

static enum nx_status listener_add(void *context, const char *text, const struct nx_endpoint *endpoint,
				   struct nx_error *error)
{
	struct nx_listeners *listeners = context;
	int fd = socket_open(endpoint);

	if (fd < 0)
		return nx_fail(error, errno == EADDRINUSE ? NX_CONFLICT : NX_UNAVAILABLE, "listen",
			       "cannot listen on %s: %s%s", text, strerror(errno),
			       errno == EADDRINUSE ? " (is another server running there?)" : "");
	listeners->socket[listeners->count++] = fd;
	return NX_OK;
}

enum nx_status nx_listeners_open(const char *list, struct nx_listeners *out, struct nx_error *error)
{
	out->count = 0;
	enum nx_status status = each_endpoint(list, listener_add, out, error);
	if (status != NX_OK)
		nx_listeners_close(out);
	return status;
}

void nx_listeners_close(struct nx_listeners *listeners)
{
	while (listeners->count)
		close(listeners->socket[--listeners->count]);
}

void nx_listeners_format(const struct nx_listeners *listeners, char *text, size_t room)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < listeners->count && length < room; i++) {
		struct sockaddr_storage address;
		socklen_t size = sizeof(address);
		struct nx_endpoint endpoint;
		char one[NX_ADDRESS_TEXT];

		if (getsockname(listeners->socket[i], (void *)&address, &size) < 0 ||
		    !nx_endpoint_from_sockaddr((const void *)&address, &endpoint))
			continue;
		nx_endpoint_format(&endpoint, one);
		length += (size_t)snprintf(text + length, room - length, "%s%s", length ? " " : "", one);
	}
}
