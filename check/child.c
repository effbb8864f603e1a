/* SPDX-License-Identifier: Apache-2.0 */
#include "check/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define MOST_TOLD (4u << 20) /* bytes; more is not kept */

static int64_t milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

_Noreturn static void child_main(const struct child_work *work, int out)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(STDERR_FILENO, STDOUT_FILENO); /* what the plugin prints is no part of the report */
	work->run(work->context, out);
	/* Without the handlers of exit(): those of the plugin's libraries have had their dlclose(). */
	_exit(EXIT_SUCCESS);
}

/* Read until the child closes its end; false: not in time. */
static bool read_all(int in, int64_t deadline, struct nx_buffer *told)
{
	char piece[4096];

	for (;;) {
		struct pollfd wait = {.fd = in, .events = POLLIN};
		int64_t left = deadline - milliseconds_now();
		ssize_t got;

		if (left <= 0)
			return false;
		if (poll(&wait, 1, left > 1000 ? 1000 : (int)left) <= 0)
			continue;
		got = read(in, piece, sizeof(piece));
		if (got == 0 || (got < 0 && errno != EINTR))
			return true;
		if (got > 0 && told->length < MOST_TOLD)
			nx_buffer_append(told, piece, (size_t)got);
	}
}

/* Wait for the end; false: not in time. */
static bool wait_end(pid_t child, int64_t deadline, int *status)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	while (waitpid(child, status, WNOHANG) == 0) {
		if (milliseconds_now() >= deadline)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static void end_tell(int status, struct nx_buffer *trouble)
{
	if (WIFSIGNALED(status))
		nx_buffer_printf(trouble, "was killed by signal %d (%s)", WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != EXIT_SUCCESS)
		nx_buffer_printf(trouble, "ended the program with status %d", WEXITSTATUS(status));
}

static void child_attend(pid_t child, int in, const struct child_work *work, struct nx_buffer *told,
			 struct nx_buffer *trouble)
{
	int64_t deadline = milliseconds_now() + (int64_t)work->seconds * 1000;
	int status = 0;
	bool ended = read_all(in, deadline, told) && wait_end(child, deadline, &status);

	kill(-child, SIGKILL); /* and what it may have started */
	if (!ended) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		nx_buffer_printf(trouble, "did not end within %u seconds", work->seconds);
	} else {
		end_tell(status, trouble);
	}
}

static void lines_hear(char *text, void (*heard)(void *context, const struct nx_json *document),
		       void *context)
{
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		NX_AUTO_JSON struct nx_json *document = NULL;

		if (nx_json_parse(line, strlen(line), &document, NULL) == NX_OK)
			heard(context, document);
	}
}

void child_run(const struct child_work *work, void (*heard)(void *context, const struct nx_json *document),
	       void *context, struct nx_buffer *trouble)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer told = {0};
	int ends[2];
	pid_t child;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
		nx_buffer_printf(trouble, "could not be started: %s", strerror(errno));
		return;
	}
	if (child == 0) {
		close(ends[0]);
		child_main(work, ends[1]);
	}
	setpgid(child, child); /* whoever comes first */
	close(ends[1]);
	child_attend(child, ends[0], work, &told, trouble);
	close(ends[0]);
	if (told.length)
		lines_hear(told.data, heard, context);
}

void child_tell(int out, struct nx_json *document)
{
	NX_CLEANUP(nx_buffer_free) struct nx_buffer line = {0};
	size_t written = 0;

	nx_json_print(document, &line);
	nx_buffer_text(&line, "\n");
	nx_json_free(document);
	while (written < line.length) {
		ssize_t put = write(out, line.data + written, line.length - written);

		if (put < 0 && errno != EINTR)
			return;
		written += put > 0 ? (size_t)put : 0;
	}
}
