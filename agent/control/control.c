/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/loop.h"
#include "base/log.h"
#include "base/memory.h"

enum {
	CONNECTIONS = 16,
	REQUEST_LIMIT = 4096,
	PATIENCE_MILLISECONDS = 10000, /* for a whole request, and again for its answer to be taken */
	GROUPS_LIMIT = 65536,
};

struct nx_control {
	uv_loop_t *loop;
	int descriptor;
	char *path;
	struct nx_watch *watch;
	struct nx_control_source source;
	struct connection *connections;
	unsigned count;
};

/* Somebody who asks. */
struct connection {
	struct nx_control *control;
	struct connection *previous, *next;
	uv_pipe_t pipe;
	struct nx_timer *deadline;
	uv_write_t write;
	struct nx_buffer request;
	struct nx_buffer answer;
	bool waits; /* for a measurement to end */
	bool closing;
};

/* --- who asks ---------------------------------------------------------------------------- */

static bool group_listed(int descriptor, gid_t group)
{
	socklen_t length = 0;
	bool found = false;

	if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) == 0 || errno != ERANGE ||
	    length > GROUPS_LIMIT * sizeof(gid_t))
		return false;
	NX_AUTO_FREE gid_t *groups = nx_alloc(length);

	if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0)
		return false;
	for (size_t i = 0; i < length / sizeof(*groups); i++)
		found |= groups[i] == group;
	return found;
}

static bool asker_fit(const struct nx_control *control, int descriptor)
{
	struct ucred asker;
	socklen_t length = sizeof(asker);
	struct stat facts;

	if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &asker, &length) != 0)
		return false;
	if (asker.uid == 0 || asker.uid == geteuid())
		return true;
	/* The group of the socket's file, when its owner gave it one of its own. */
	if (stat(control->path, &facts) != 0 || facts.st_gid == 0)
		return false;
	return asker.gid == facts.st_gid || group_listed(descriptor, facts.st_gid);
}

/* --- connections ---------------------------------------------------------------------------- */

static void connection_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;

	nx_buffer_free(&connection->request);
	nx_buffer_free(&connection->answer);
	free(connection);
}

static void connection_end(struct connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		connection->control->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	connection->control->count--;
	nx_timer_free(connection->deadline);
	uv_close((uv_handle_t *)&connection->pipe, connection_closed);
}

static void connection_overdue(void *context)
{
	connection_end(context);
}

static void answer_sent(uv_write_t *write, int status)
{
	(void)status;
	connection_end(write->data);
}

static void answer_send(struct connection *connection)
{
	uv_buf_t part = uv_buf_init(connection->answer.data, (unsigned)connection->answer.length);

	connection->write.data = connection;
	nx_timer_arm(connection->deadline, PATIENCE_MILLISECONDS);
	if (uv_write(&connection->write, (uv_stream_t *)&connection->pipe, &part, 1, answer_sent) != 0)
		connection_end(connection);
}

/* A measurement ends by itself: nobody need look at the clock meanwhile. */
static void connection_answer(struct connection *connection, size_t length)
{
	uv_read_stop((uv_stream_t *)&connection->pipe);
	connection->waits = !nx_control_answer(&connection->control->source, connection->request.data, length,
					       &connection->answer);
	if (connection->waits)
		nx_timer_disarm(connection->deadline);
	else
		answer_send(connection);
}

void nx_control_measured(struct nx_control *control)
{
	const struct nx_control_source *source = control ? &control->source : NULL;
	struct connection *next;

	for (struct connection *connection = control ? control->connections : NULL; connection;
	     connection = next) {
		next = connection->next;
		if (!connection->waits)
			continue;
		connection->waits = false;
		source->peers(source->context, &connection->answer);
		nx_buffer_text(&connection->answer, "\n");
		answer_send(connection);
	}
}

static void request_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	static char room[REQUEST_LIMIT]; /* one read at a time, taken at once */

	(void)handle;
	(void)suggested;
	*out = uv_buf_init(room, sizeof(room));
}

static void request_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *part)
{
	struct connection *connection = stream->data;
	const char *newline;

	if (got < 0) {
		connection_end(connection);
		return;
	}
	nx_buffer_append(&connection->request, part->base, (size_t)got);
	newline = connection->request.length
			  ? memchr(connection->request.data, '\n', connection->request.length)
			  : NULL;
	if (newline)
		connection_answer(connection, (size_t)(newline - connection->request.data));
	else if (connection->request.length >= REQUEST_LIMIT)
		connection_end(connection);
}

static void connection_new(struct nx_control *control, int descriptor)
{
	struct connection *connection = nx_alloc(sizeof(*connection));

	connection->control = control;
	connection->deadline = nx_timer_new(control->loop, connection_overdue, connection);
	nx_timer_arm(connection->deadline, PATIENCE_MILLISECONDS);
	connection->next = control->connections;
	if (connection->next)
		connection->next->previous = connection;
	control->connections = connection;
	control->count++;
	uv_pipe_init(control->loop, &connection->pipe, 0);
	connection->pipe.data = connection;
	if (uv_pipe_open(&connection->pipe, descriptor) != 0) {
		close(descriptor);
		connection_end(connection);
		return;
	}
	uv_read_start((uv_stream_t *)&connection->pipe, request_room, request_read);
}

static void connection_waits(void *context)
{
	struct nx_control *control = context;
	int descriptor = accept4(control->descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (descriptor < 0)
		return;
	if (control->count < CONNECTIONS && asker_fit(control, descriptor)) {
		connection_new(control, descriptor);
		return;
	}
	close(descriptor);
}

/* --- the socket --------------------------------------------------------------------------------- */

static enum nx_status name_make(const char *path, struct sockaddr_un *out, struct nx_error *error)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(out->sun_path))
		return nx_fail(
			error, NX_INVALID, "control-socket",
			"control-socket: %s is longer than the %zu bytes that a socket's path may have", path,
			sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, strlen(path));
	return NX_OK;
}

/* What a killed agent left is replaced; what another one answers at is not ours. */
static enum nx_status path_clear(const char *path, const struct sockaddr_un *name, struct nx_error *error)
{
	NX_AUTO_CLOSE int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat facts;

	if (lstat(path, &facts) != 0)
		return NX_OK;
	if (!S_ISSOCK(facts.st_mode))
		return nx_fail(error, NX_CONFLICT, "control-socket",
			       "control-socket: %s exists and is no socket", path);
	if (connect(probe, (const struct sockaddr *)name, sizeof(*name)) == 0)
		return nx_fail(error, NX_CONFLICT, "control-socket",
			       "control-socket: another program answers at %s", path);
	unlink(path);
	return NX_OK;
}

static void directory_make(const char *path)
{
	const char *slash = strrchr(path, '/');
	NX_AUTO_FREE char *directory = NULL;

	if (!slash || slash == path)
		return;
	directory = nx_printf("%.*s", (int)(slash - path), path);
	/* Whoever may use the socket must reach it; a folder that stands is left as it is. */
	if (mkdir(directory, 0755) == 0)
		(void)!chmod(directory, 0755);
}

static enum nx_status socket_listen(struct nx_control *control, const struct sockaddr_un *name,
				    struct nx_error *error)
{
	control->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->descriptor < 0 ||
	    bind(control->descriptor, (const struct sockaddr *)name, sizeof(*name)) != 0)
		return nx_fail(error, NX_UNAVAILABLE, "control-socket", "control-socket: %s: %s",
			       name->sun_path, strerror(errno));
	control->path = nx_strdup(name->sun_path);
	/* Under umask 077 nobody else has reached it before this. */
	if (chmod(control->path, 0660) != 0 || listen(control->descriptor, CONNECTIONS) != 0)
		return nx_fail(error, NX_UNAVAILABLE, "control-socket", "control-socket: %s: %s",
			       control->path, strerror(errno));
	control->watch = nx_watch_readable(control->loop, control->descriptor, connection_waits, control);
	return control->watch
		       ? NX_OK
		       : nx_fail(error, NX_INTERNAL, "control-socket", "control-socket cannot be watched");
}

enum nx_status nx_control_start(uv_loop_t *loop, const char *path, const struct nx_control_source *source,
				struct nx_control **out, struct nx_error *error)
{
	struct sockaddr_un name;
	enum nx_status status = name_make(path, &name, error);
	struct nx_control *control;

	if (status != NX_OK)
		return status;
	directory_make(path);
	status = path_clear(path, &name, error);
	if (status != NX_OK)
		return status;
	control = nx_alloc(sizeof(*control));
	control->loop = loop;
	control->source = *source;
	status = socket_listen(control, &name, error);
	if (status == NX_OK)
		*out = control;
	else
		nx_control_stop(control);
	return status;
}

void nx_control_stop(struct nx_control *control)
{
	struct connection *next;

	if (!control)
		return;
	for (struct connection *connection = control->connections; connection; connection = next) {
		next = connection->next;
		connection_end(connection);
	}
	nx_watch_end(control->watch);
	if (control->path)
		unlink(control->path);
	if (control->descriptor >= 0)
		close(control->descriptor);
	free(control->path);
	free(control);
}
