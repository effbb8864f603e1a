/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: answers without an end. A stream that has nothing to say is a suspended
 * connection. Whoever has something for it wakes it: the stream goes into a list,
 * once, and the loop is woken once for the whole list.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/memory.h"
#include "server/http/http_private.h"

/* HTTP/1.0 has no chunks; libmicrohttpd then wants a buffer of its own to read into. */
#define BLOCK_HTTP10 4096
/* After so long without a sign of life a client's place is another's. */
#define VANISHED_SECONDS 60

static void stream_free(struct nx_stream *stream)
{
	stream->closed = true;
	if (!atomic_load(&stream->woken)) /* otherwise it is freed where it comes out of the list */
		free(stream);
}

void nx_reply_stream(struct nx_request *request, const char *type, const struct nx_stream_source *source,
		     void (*started)(void *context, struct nx_stream *stream))
{
	struct nx_stream *stream = nx_alloc(sizeof(*stream));

	stream->http = request->http;
	stream->source = *source;
	request->reply.status = 200;
	request->reply.type = type;
	request->reply.stream = stream;
	if (started)
		started(source->context, stream);
	nx_request_answered(request);
}

void nx_stream_discard(struct nx_stream *stream)
{
	stream->source.close(stream->source.context);
	stream_free(stream);
}

/* --- as libmicrohttpd reads it --------------------------------------------------------- */

static ssize_t stream_pause(struct nx_stream *stream)
{
	nx_deadline_clear(&stream->connection->deadline);
	stream->suspended = true;
	MHD_suspend_connection(stream->mhd);
	return 0;
}

/*
 * Cut the client off. libmicrohttpd 0.9.75 forgets a chunked answer that its reader ends with an error, and
 * with it the connection, until that is the idlest of all: whose token was revoked would hear of it a minute
 * later. So the socket is shut down, and the ordinary end that is to be sent then fails at once.
 */
static ssize_t stream_cut(const struct nx_stream *stream)
{
	shutdown(stream->connection->socket, SHUT_RDWR);
	return MHD_CONTENT_READER_END_OF_STREAM;
}

/* It is called when what it gave before has gone to the kernel: the deadline catches a
 * client that takes nothing any more. */
static ssize_t stream_read(void *context, uint64_t position, char *into, size_t room)
{
	struct nx_stream *stream = context;

	(void)position;
	if (stream->gone)
		return stream_cut(stream);
	if (stream->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	long length = stream->source.read(stream->source.context, into, room);
	if (length == 0)
		return stream_pause(stream);
	if (length < 0)
		return length == -1 ? MHD_CONTENT_READER_END_OF_STREAM : stream_cut(stream);
	nx_connection_extend(stream->connection);
	return length;
}

static void stream_close(void *context)
{
	struct nx_stream *stream = context;

	LIST_REMOVE(stream, all);
	epoll_ctl(stream->http->epoll, EPOLL_CTL_DEL, stream->connection->socket, NULL);
	stream->source.close(stream->source.context);
	stream_free(stream);
}

struct MHD_Response *nx_stream_response(struct nx_stream *stream, bool http10)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, http10 ? BLOCK_HTTP10 : 1, stream_read,
						 stream, stream_close);
}

static void option_set(int fd, int option, int value)
{
	setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

/* A suspended connection is not looked at by libmicrohttpd, so the loop does. A client that has vanished
 * says nothing: the kernel asks whether it is still there, and lets go of it as well when it does not
 * acknowledge what it was sent, for which it has a quarter of an hour otherwise (tcp(7)). */
static void hangup_watch(struct nx_stream *stream)
{
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = stream};
	int fd = stream->connection->socket;
	int on = 1;

	epoll_ctl(stream->http->epoll, EPOLL_CTL_ADD, fd, &event);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	option_set(fd, TCP_KEEPIDLE, VANISHED_SECONDS / 2);
	option_set(fd, TCP_KEEPINTVL, VANISHED_SECONDS / 6);
	option_set(fd, TCP_KEEPCNT, 3);
	option_set(fd, TCP_USER_TIMEOUT, VANISHED_SECONDS * 1000);
}

bool nx_stream_start(struct nx_stream *stream, struct nx_request *request)
{
	if (!nx_connection_watching(request->connection))
		return false;
	stream->mhd = request->mhd;
	stream->connection = request->connection;
	stream->ending = stream->http->connections.closing;
	LIST_INSERT_HEAD(&stream->http->streams, stream, all);
	hangup_watch(stream);
	return true;
}

/* --- waking ------------------------------------------------------------------------------ */

static void stream_resume(struct nx_stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	MHD_resume_connection(stream->mhd);
}

void nx_stream_wake(struct nx_stream *stream)
{
	struct nx_http *http = stream->http;

	if (atomic_exchange(&stream->woken, true))
		return;
	struct nx_stream *first = atomic_load(&http->woken);
	do
		stream->next_woken = first;
	while (!atomic_compare_exchange_weak(&http->woken, &first, stream));
}

void nx_streams_flush(struct nx_server *server)
{
	if (server->http && atomic_load(&server->http->woken))
		nx_http_wake(server->http);
}

void nx_streams_resume(struct nx_http *http)
{
	struct nx_stream *stream = atomic_exchange(&http->woken, NULL);

	while (stream) {
		struct nx_stream *next = stream->next_woken;
		if (stream->closed) {
			free(stream);
		} else {
			/* Before it is read: what comes after wakes it again. */
			atomic_store(&stream->woken, false);
			stream_resume(stream);
		}
		stream = next;
	}
}

void nx_streams_end(struct nx_http *http)
{
	struct nx_stream *stream;

	LIST_FOREACH (stream, &http->streams, all) {
		stream->ending = true;
		stream_resume(stream);
	}
}

void nx_stream_hangup(struct nx_stream *stream)
{
	stream->gone = true;
	stream_resume(stream);
}
