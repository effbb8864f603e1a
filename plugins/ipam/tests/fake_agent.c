/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/tests/fake_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- netlink
 * ---------------------------------------------------------------------------------------------------- */

enum { FIRST_SEQUENCE = 1000, RECEIVE_BYTES = 65536 };

struct talk {
	struct mnl_socket *socket;
	const struct nx_netlink_handler *handler;
	size_t requests;
	size_t answered;
	int first_error;
	bool interrupted;
};

static size_t requests_prepare(void *messages, size_t length)
{
	size_t count = 0;

	for (char *at = messages; at < (char *)messages + length;) {
		struct nlmsghdr *message = (void *)at;
		bool dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
		message->nlmsg_flags |= (uint16_t)(NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK));
		message->nlmsg_seq = FIRST_SEQUENCE + (uint32_t)count++;
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
	return count;
}

static void talk_acknowledge(struct talk *talk, const struct nlmsghdr *message)
{
	const struct nlmsgerr *verdict = mnl_nlmsg_get_payload(message);
	int number = message->nlmsg_type == NLMSG_DONE ? 0 : -verdict->error;

	talk->answered++;
	if (talk->handler->acknowledge)
		talk->handler->acknowledge(talk->handler->context, message->nlmsg_seq - FIRST_SEQUENCE,
					   number, "");
	else if (!talk->first_error)
		talk->first_error = number;
}

static bool talk_receive(struct talk *talk)
{
	static _Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
	ssize_t got = mnl_socket_recvfrom(talk->socket, buffer, sizeof(buffer));
	int left = (int)got;

	if (got < 0)
		return false;
	for (const struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		talk->interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE)
			talk_acknowledge(talk, message);
		else if (talk->handler->answer)
			talk->handler->answer(talk->handler->context, message);
	}
	return true;
}

static bool talk_run(struct talk *talk, const void *messages, size_t length)
{
	if (mnl_socket_bind(talk->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(talk->socket, messages, length) < 0)
		return false;
	while (talk->answered < talk->requests) {
		if (!talk_receive(talk))
			return false;
	}
	return true;
}

static enum nx_status fake_netlink(struct nx_host *host, int protocol, void *messages, size_t length,
				   const struct nx_netlink_handler *handler, struct nx_error *error)
{
	struct talk talk = {.handler = handler, .requests = requests_prepare(messages, length)};

	host->netlink_calls++;
	talk.socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	if (!talk.socket)
		return fake_services.fail(error, NX_INTERNAL, NULL, "netlink: %s", strerror(errno));
	bool done = talk_run(&talk, messages, length);
	int reason = errno;
	mnl_socket_close(talk.socket);
	if (!done)
		return fake_services.fail(error, NX_INTERNAL, NULL, "netlink: %s", strerror(reason));
	if (talk.interrupted) {
		if (handler->restart)
			handler->restart(handler->context);
		return fake_netlink(host, protocol, messages, length, handler, error);
	}
	if (talk.first_error)
		return fake_services.fail(error, NX_INTERNAL, NULL, "netlink: %s",
					  strerror(talk.first_error));
	return NX_OK;
}

/* --- programs
 * --------------------------------------------------------------------------------------------------- */

/* A file in memory that holds the text, at its beginning. */
static int text_file(const char *text)
{
	int descriptor = memfd_create("input", MFD_CLOEXEC);

	if (descriptor < 0 || write(descriptor, text, strlen(text)) != (ssize_t)strlen(text) ||
	    lseek(descriptor, 0, SEEK_SET) != 0)
		abort();
	return descriptor;
}

/* `output`: -1 for that of the test. */
static pid_t program_start(const char *const *arguments, int input, int output)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	union {
		const char *const *constant;
		char **mutable;
	} words = {arguments};
	pid_t child = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (posix_spawnp(&child, arguments[0], &actions, NULL, words.mutable, environ) != 0)
		child = -1;
	posix_spawn_file_actions_destroy(&actions);
	return child;
}

static enum nx_status fake_run(struct nx_host *host, const char *const *arguments, const char *input,
			       char *output, size_t room, struct nx_error *error)
{
	int status, descriptor = text_file(input ? input : ""), said = output ? text_file("") : -1;
	pid_t child = program_start(arguments, descriptor, said);

	host->programs_run++;
	close(descriptor);
	bool ended = child >= 0 && waitpid(child, &status, 0) == child;
	if (output) {
		ssize_t length = pread(said, output, room - 1, 0);
		output[length > 0 ? length : 0] = '\0';
		close(said);
	}
	if (child < 0)
		return fake_services.fail(error, NX_UNSUPPORTED, NULL, "there is no program %s",
					  arguments[0]);
	if (!ended || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fake_services.fail(error, NX_INTERNAL, NULL, "%s failed", arguments[0]);
	return NX_OK;
}

/* --- the rest
 * --------------------------------------------------------------------------------------------------- */

static enum nx_status no_family(struct nx_host *host, const char *name, uint16_t *out, struct nx_error *error)
{
	(void)host;
	(void)out;
	return fake_services.fail(error, NX_UNSUPPORTED, NULL, "no generic netlink family %s", name);
}

static struct nx_watch *no_descriptor(struct nx_host *host, int descriptor, void (*ready)(void *context),
				      void *context)
{
	(void)host;
	(void)descriptor;
	(void)ready;
	(void)context;
	return NULL;
}

static struct nx_watch *no_timer(struct nx_host *host, uint64_t milliseconds, void (*due)(void *context),
				 void *context)
{
	(void)host;
	(void)milliseconds;
	(void)due;
	(void)context;
	return NULL;
}

static void watch_end(struct nx_watch *watch)
{
	(void)watch;
}

static void reconcile(struct nx_host *host)
{
	(void)host;
}

static const char *state_directory(struct nx_host *host)
{
	return host->state_directory;
}

static const char *interface_name(struct nx_host *host)
{
	return host->interface;
}

const struct nx_agent_services fake_agent_services = {
	.size = sizeof(fake_agent_services),
	.netlink = fake_netlink,
	.genl_family = no_family,
	.watch_descriptor = no_descriptor,
	.watch_timer = no_timer,
	.watch_end = watch_end,
	.reconcile = reconcile,
	.state_directory = state_directory,
	.interface_name = interface_name,
	.run = fake_run,
};

const struct nx_services *fake_services_of_agent(void)
{
	static struct nx_services services;

	services = fake_services;
	services.agent = &fake_agent_services;
	return &services;
}
