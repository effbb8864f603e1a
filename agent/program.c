/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* How much of a program's words goes into an error: their end says what went wrong. */
#define TAIL_ROOM 240u

static const char *const directories[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};

/* A program under way. Descriptors are ours, -1 when closed. */
struct run {
	const char *name;
	pid_t pid;
	int input;	  /* to its standard input */
	int output;	  /* from its standard output */
	int errors;	  /* from its standard error */
	const char *left; /* of the input */
	size_t left_length;
	char *into;
	size_t room, used;
	char tail[TAIL_ROOM];
	size_t tail_length;
};

static void descriptor_end(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static void run_end(struct run *run)
{
	descriptor_end(&run->input);
	descriptor_end(&run->output);
	descriptor_end(&run->errors);
}

static enum nx_status program_find(const char *name, char *path, size_t room, struct nx_error *error)
{
	if (!*name || strchr(name, '/'))
		return nx_fail(error, NX_INVALID, NULL, "%s is not a program's plain name", name);
	for (size_t i = 0; i < NX_COUNT(directories); i++) {
		int length = snprintf(path, room, "%s/%s", directories[i], name);

		if (length > 0 && (size_t)length < room && access(path, X_OK) == 0)
			return NX_OK;
	}
	return nx_fail(error, NX_UNSUPPORTED, NULL, "there is no program %s on this host", name);
}

/* --- starting -------------------------------------------------------------------------- */

struct pipes {
	int in[2], out[2], err[2]; /* [0] is read, [1] is written */
};

static void pipes_end(struct pipes *pipes)
{
	for (int i = 0; i < 2; i++) {
		descriptor_end(&pipes->in[i]);
		descriptor_end(&pipes->out[i]);
		descriptor_end(&pipes->err[i]);
	}
}

static bool pipes_open(struct pipes *pipes)
{
	*pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	return pipe2(pipes->in, O_CLOEXEC) == 0 && pipe2(pipes->out, O_CLOEXEC) == 0 &&
	       pipe2(pipes->err, O_CLOEXEC) == 0;
}

/* Signals as a program expects them, and a group of its own so that all of it can be ended. */
static void attributes_set(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

static int program_spawn(const char *path, const char *const *arguments, const struct pipes *pipes,
			 pid_t *pid)
{
	/* posix_spawn() promises not to write to what these point to. */
	union {
		const char *const *in;
		char *const *out;
	} argv = {.in = arguments}, envp = {.in = environment};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int result;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	attributes_set(&attributes);
	posix_spawn_file_actions_adddup2(&actions, pipes->in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pipes->out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, pipes->err[1], STDERR_FILENO);
	result = posix_spawn(pid, path, &actions, &attributes, argv.out, envp.out);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return result;
}

static enum nx_status run_start(struct run *run, const char *path, const char *const *arguments,
				struct nx_error *error)
{
	NX_CLEANUP(pipes_end) struct pipes pipes;
	int failure;

	if (!pipes_open(&pipes))
		return nx_fail(error, NX_UNAVAILABLE, NULL, "%s: pipe: %s", run->name, strerror(errno));
	failure = program_spawn(path, arguments, &pipes, &run->pid);
	if (failure)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "%s cannot be started: %s", path,
			       strerror(failure));
	run->input = pipes.in[1];
	run->output = pipes.out[0];
	run->errors = pipes.err[0];
	pipes.in[1] = pipes.out[0] = pipes.err[0] = -1;
	fcntl(run->input, F_SETFL, O_NONBLOCK);
	return NX_OK;
}

/* --- talking ------------------------------------------------------------------------------ */

static void tail_add(struct run *run, const char *text, size_t length)
{
	if (length >= TAIL_ROOM) {
		text += length - (TAIL_ROOM - 1);
		length = TAIL_ROOM - 1;
	}
	if (run->tail_length + length >= TAIL_ROOM) {
		size_t drop = run->tail_length + length - (TAIL_ROOM - 1);

		memmove(run->tail, run->tail + drop, run->tail_length - drop);
		run->tail_length -= drop;
	}
	memcpy(run->tail + run->tail_length, text, length);
	run->tail_length += length;
}

static void output_keep(struct run *run, const char *text, size_t length)
{
	size_t fits = run->room > run->used + 1 ? run->room - run->used - 1 : 0;

	if (fits > length)
		fits = length;
	if (fits)
		memcpy(run->into + run->used, text, fits);
	run->used += fits;
}

static void input_feed(struct run *run)
{
	ssize_t wrote = write(run->input, run->left, run->left_length);

	if (wrote > 0) {
		run->left += wrote;
		run->left_length -= (size_t)wrote;
	} else if (errno != EAGAIN && errno != EINTR) {
		run->left_length = 0; /* it does not listen (any more) */
	}
	if (!run->left_length)
		descriptor_end(&run->input);
}

static void words_take(struct run *run, int *descriptor, bool output)
{
	char chunk[4096];
	ssize_t got = read(*descriptor, chunk, sizeof(chunk));

	if (got > 0) {
		if (output)
			output_keep(run, chunk, (size_t)got);
		tail_add(run, chunk, (size_t)got);
	} else if (got == 0 || errno != EINTR) {
		descriptor_end(descriptor);
	}
}

static int64_t milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it has closed its outputs. False: the time is over. */
static bool run_talk(struct run *run, int64_t deadline)
{
	while (run->output >= 0 || run->errors >= 0) {
		struct pollfd polled[] = {
			{.fd = run->input, .events = POLLOUT},
			{.fd = run->output, .events = POLLIN},
			{.fd = run->errors, .events = POLLIN},
		};
		int64_t left = deadline - milliseconds_now();

		if (left <= 0)
			return false;
		if (poll(polled, NX_COUNT(polled), (int)left) <= 0)
			continue;
		if (polled[0].revents)
			input_feed(run);
		if (polled[1].revents)
			words_take(run, &run->output, true);
		if (polled[2].revents)
			words_take(run, &run->errors, false);
	}
	return true;
}

/* A program may close its outputs and run on: wait for its end, but not for ever. */
static bool run_wait(const struct run *run, int64_t deadline, int *result)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (;;) {
		pid_t ended = waitpid(run->pid, result, WNOHANG);

		if (ended == run->pid)
			return true;
		if (ended < 0 && errno != EINTR)
			return false;
		if (milliseconds_now() >= deadline)
			return false;
		nanosleep(&pause, NULL);
	}
}

static enum nx_status run_judge(struct run *run, bool ended, int result, struct nx_error *error)
{
	const char *words = run->tail;

	run->tail[run->tail_length] = '\0';
	while (run->tail_length && strchr(" \n\t", run->tail[run->tail_length - 1]))
		run->tail[--run->tail_length] = '\0';
	if (!ended)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "%s did not end within %d seconds", run->name,
			       NX_PROGRAM_SECONDS);
	if (WIFEXITED(result) && WEXITSTATUS(result) == 0)
		return NX_OK;
	if (WIFEXITED(result))
		return nx_fail(error, NX_INTERNAL, NULL, "%s failed (status %d): %s", run->name,
			       WEXITSTATUS(result), words);
	return nx_fail(error, NX_INTERNAL, NULL, "%s was ended by signal %d: %s", run->name, WTERMSIG(result),
		       words);
}

enum nx_status nx_program_run(const char *const *arguments, const char *input, char *output, size_t room,
			      struct nx_error *error)
{
	NX_CLEANUP(run_end)
	struct run run = {
		.name = arguments[0], .input = -1, .output = -1, .errors = -1, .into = output, .room = room};
	char path[256];
	int result = 0;
	bool ended;
	enum nx_status status = program_find(arguments[0], path, sizeof(path), error);

	if (status == NX_OK)
		status = run_start(&run, path, arguments, error);
	if (status != NX_OK)
		return status;
	run.left = input;
	run.left_length = input ? strlen(input) : 0;
	if (!run.left_length)
		descriptor_end(&run.input);
	int64_t deadline = milliseconds_now() + (int64_t)NX_PROGRAM_SECONDS * 1000;

	ended = run_talk(&run, deadline) && run_wait(&run, deadline, &result);
	if (!ended) {
		kill(-run.pid, SIGKILL);
		waitpid(run.pid, &result, 0);
	}
	if (room)
		output[run.used] = '\0';
	return run_judge(&run, ended, result, error);
}
