/* SPDX-License-Identifier: Apache-2.0 */
#include "uapi_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <sodium.h>

#include "cleanup.h"
#include "uapi_read.h"

#define PIECE_BYTES 16384

struct exchange {
	const struct wg_driver *driver;
	int socket;
	uint64_t deadline; /* as the host's clock_nanoseconds counts */
};

/* Root serves everyone; otherwise it must be the user that this program runs as. */
static bool server_trusted(int descriptor)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length))
		return false;
	return credentials.uid == 0 || credentials.uid == geteuid();
}

/* An interface's name of any length of its own has room in sun_path. */
_Static_assert(sizeof(WG_UAPI_DIRECTORY) + sizeof("/.sock") + IF_NAMESIZE <=
		       sizeof(((struct sockaddr_un *)0)->sun_path),
	       "the socket's path fits");

static enum nx_status server_meet(const struct wg_driver *driver, int descriptor,
				  const struct sockaddr_un *address, struct nx_error *error)
{
	if (connect(descriptor, (const struct sockaddr *)address, sizeof(*address))) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return NX_NOT_FOUND;
		if (errno == EAGAIN) /* its queue is full: it lives, but does not accept */
			return wg_refuse(driver, EBUSY, "", error, "%s", address->sun_path);
		return wg_refuse(driver, errno, "", error, "%s", address->sun_path);
	}
	if (!server_trusted(descriptor))
		return driver->services->fail(error, NX_DENIED, NULL,
					      "%s is served by another user, who must not get a private key: "
					      "remove it, and see who may write to " WG_UAPI_DIRECTORY,
					      address->sun_path);
	return NX_OK;
}

enum nx_status wg_uapi_connect(const struct wg_driver *driver, const char *name, int *out,
			       struct nx_error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum nx_status status;

	snprintf(address.sun_path, sizeof(address.sun_path), WG_UAPI_DIRECTORY "/%s.sock", name);
	if (descriptor < 0)
		return wg_refuse(driver, errno, "", error, "a socket for %s", address.sun_path);
	status = server_meet(driver, descriptor, &address, error);
	if (status)
		close(descriptor);
	else
		*out = descriptor;
	return status;
}

/* Wait until the socket is ready for `events`; 0 or an errno. */
static int exchange_wait(const struct exchange *exchange, short events)
{
	struct pollfd descriptor = {.fd = exchange->socket, .events = events};
	uint64_t now = exchange->driver->services->clock_nanoseconds();
	int ready;

	if (now >= exchange->deadline)
		return ETIMEDOUT;
	ready = poll(&descriptor, 1, (int)((exchange->deadline - now) / 1000000) + 1);
	if (ready > 0 || (ready < 0 && errno == EINTR))
		return 0;
	return ready ? errno : ETIMEDOUT;
}

/* 0 or an errno. A server that hangs up early has said why: that is read, not told here. */
static int exchange_send(const struct exchange *exchange, const char *data, size_t length)
{
	while (length) {
		ssize_t sent = send(exchange->socket, data, length, MSG_NOSIGNAL);

		if (sent >= 0) {
			data += sent;
			length -= (size_t)sent;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return 0;
		} else if (errno == EAGAIN) {
			int code = exchange_wait(exchange, POLLOUT);

			if (code)
				return code;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

/* 0 or an errno; EPROTO: no answer in the protocol's form. */
static int exchange_receive(const struct exchange *exchange, struct wg_uapi_reader *reader)
{
	char piece[PIECE_BYTES];
	enum wg_uapi_state state = WG_UAPI_MORE;
	int code = 0;

	while (!code && state == WG_UAPI_MORE) {
		ssize_t length = recv(exchange->socket, piece, sizeof(piece), 0);

		if (length > 0)
			state = wg_uapi_reader_feed(reader, piece, (size_t)length);
		else if (length == 0)
			code = ECONNRESET;
		else if (errno == EAGAIN)
			code = exchange_wait(exchange, POLLIN);
		else if (errno != EINTR)
			code = errno;
	}
	sodium_memzero(piece, sizeof(piece));
	return state == WG_UAPI_GARBAGE ? EPROTO : code;
}

static enum nx_status exchange_run(const struct exchange *exchange, const char *request, size_t length,
				   struct wg_uapi_reader *reader, const char *what, struct nx_error *error)
{
	int code = exchange_send(exchange, request, length);

	if (!code)
		code = exchange_receive(exchange, reader);
	if (code)
		return wg_refuse(exchange->driver, code, "configuration socket", error, "%s", what);
	if (reader->code)
		return wg_refuse(exchange->driver, reader->code, "", error, "%s", what);
	return NX_OK;
}

enum nx_status wg_uapi_exchange(const struct wg_driver *driver, const char *name, const char *request,
				size_t length, struct wg_device *device, const char *what,
				struct nx_error *error)
{
	int descriptor WG_AUTO_CLOSE = -1;
	struct exchange exchange = {.driver = driver};
	struct wg_uapi_reader reader;
	enum nx_status status = wg_uapi_connect(driver, name, &descriptor, error);

	if (status == NX_NOT_FOUND)
		return driver->services->fail(error, NX_NOT_FOUND, NULL,
					      "%s: nobody listens at " WG_UAPI_DIRECTORY "/%s.sock", what,
					      name);
	if (status)
		return status;
	exchange.socket = descriptor;
	exchange.deadline = driver->services->clock_nanoseconds() + WG_PATIENCE_NANOSECONDS;
	wg_uapi_reader_start(&reader, device);
	status = exchange_run(&exchange, request, length, &reader, what, error);
	wg_uapi_reader_wipe(&reader);
	return status;
}
