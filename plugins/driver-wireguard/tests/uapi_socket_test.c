/* SPDX-License-Identifier: Apache-2.0 */
/* Daemons that misbehave at the configuration socket, in a /run of our own. */
#include "../uapi_socket.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "../uapi_read.h"
#include "fake_host.h"
#include "suites.h"

#define SOCKET_PATH WG_UAPI_DIRECTORY "/wg0.sock"
#define GOOD_ANSWER "listen_port=1\nerrno=0\n\n"

static const struct wg_driver driver = {.services = &fake_services};

/* A mount namespace of our own, so that no real daemon is met and nothing stays. */
static int run_hide(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755") || mkdir(WG_UAPI_DIRECTORY, 0755))
		return -1;
	return chmod(WG_UAPI_DIRECTORY, 0777);
}

static void text_send(int client, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t sent = send(client, text, left, MSG_NOSIGNAL);

		if (sent < 0)
			return;
		text += sent;
		left -= (size_t)sent;
	}
}

/* What a daemon does with its client. */
static void behave_well(int client)
{
	char request[64];

	(void)!read(client, request, sizeof(request));
	text_send(client, GOOD_ANSWER);
}

static void behave_slowly(int client)
{
	for (const char *at = GOOD_ANSWER; *at; at++) {
		text_send(client, (char[]){*at, '\0'});
		usleep(2000);
	}
}

static void behave_refusing(int client)
{
	text_send(client, "errno=-98\n\n"); /* and hangs up with the request unread */
}

static void behave_garbled(int client)
{
	text_send(client, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void behave_hasty(int client)
{
	text_send(client, "listen_port=1\nerr");
}

static void behave_silent(int client)
{
	(void)client;
	pause();
}

static void behave_endless(int client)
{
	static char lines[65536];

	for (size_t i = 0; i + 1 < sizeof(lines); i++)
		lines[i] = "fwmrk=1\n"[i % 8];
	for (size_t sent = 0; sent < 2 * (size_t)WG_UAPI_ANSWER; sent += sizeof(lines))
		text_send(client, lines);
}

static int socket_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(SOCKET_PATH);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4))
		return -1;
	return listener;
}

/* A daemon that serves one client; the caller ends it. It listens when this returns. */
static pid_t daemon_start(void (*behave)(int client), uid_t user)
{
	int ready[2];
	char byte;
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int listener;

		if (user && setuid(user))
			_exit(1);
		listener = socket_listen();
		if (listener < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		behave(accept(listener, NULL, NULL));
		_exit(0);
	}
	close(ready[1]);
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void daemon_end(pid_t daemon)
{
	kill(daemon, SIGKILL);
	waitpid(daemon, NULL, 0);
	unlink(SOCKET_PATH);
}

static enum nx_status exchange_with(void (*behave)(int client), const char *request, size_t length,
				    struct nx_error *error)
{
	struct wg_device device WG_AUTO_DEVICE = {0};
	pid_t daemon = daemon_start(behave, 0);
	enum nx_status status = wg_uapi_exchange(&driver, "wg0", request, length, &device, "testing", error);

	daemon_end(daemon);
	return status;
}

static void test_answers(void)
{
	static char large[4u << 20];
	struct nx_error error;

	memset(large, '\n', sizeof(large));
	CU_ASSERT_EQUAL(exchange_with(behave_well, "get=1\n\n", 7, &error), NX_OK);
	CU_ASSERT_EQUAL(exchange_with(behave_slowly, "get=1\n\n", 7, &error), NX_OK);
	CU_ASSERT_EQUAL(exchange_with(behave_refusing, "get=1\n\n", 7, &error), NX_CONFLICT);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "testing: Address already in use"));
	CU_ASSERT_EQUAL(exchange_with(behave_refusing, large, sizeof(large), &error), NX_CONFLICT);
	CU_ASSERT_EQUAL(exchange_with(behave_garbled, "get=1\n\n", 7, &error), NX_INTERNAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "Protocol error"));
	CU_ASSERT_EQUAL(exchange_with(behave_hasty, "get=1\n\n", 7, &error), NX_INTERNAL);
	/* Too much, or on a busy machine too long: it ends. */
	enum nx_status status = exchange_with(behave_endless, "get=1\n\n", 7, &error);
	CU_ASSERT_TRUE(status == NX_INTERNAL || status == NX_UNAVAILABLE);
}

static void test_patience(void)
{
	uint64_t since = fake_services.clock_nanoseconds();
	uint64_t seconds;
	struct nx_error error;

	CU_ASSERT_EQUAL(exchange_with(behave_silent, "get=1\n\n", 7, &error), NX_UNAVAILABLE);
	seconds = (fake_services.clock_nanoseconds() - since) / 1000000000;
	CU_ASSERT_TRUE(seconds >= 4 && seconds <= 60); /* a busy machine may take its time */
}

static void test_nobody(void)
{
	struct nx_error error = {.message = "untouched"};
	int descriptor = -1;

	CU_ASSERT_EQUAL(wg_uapi_connect(&driver, "wg0", &descriptor, &error), NX_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(error.message, "untouched");
	close(socket_listen()); /* leaves a dead socket */
	CU_ASSERT_EQUAL(wg_uapi_connect(&driver, "wg0", &descriptor, &error), NX_NOT_FOUND);
	CU_ASSERT_EQUAL(descriptor, -1);
	CU_ASSERT_EQUAL(wg_uapi_exchange(&driver, "wg0", "get=1\n\n", 7, NULL, "testing", &error),
			NX_NOT_FOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "nobody listens at /run/wireguard/wg0.sock"));
	unlink(SOCKET_PATH);
}

/* Whoever may write to the directory must not get the private key by it. */
static void test_stranger(void)
{
	struct nx_error error;
	pid_t daemon = daemon_start(behave_well, 65534);
	int descriptor = -1;

	CU_ASSERT_EQUAL(wg_uapi_connect(&driver, "wg0", &descriptor, &error), NX_DENIED);
	CU_ASSERT_EQUAL(descriptor, -1);
	daemon_end(daemon);
}

void uapi_socket_suite(void)
{
	CU_pSuite suite;

	if (geteuid() != 0) {
		fprintf(stderr, "configuration socket: not tested, since it needs root\n");
		return;
	}
	suite = CU_add_suite("configuration socket", run_hide, NULL);
	CU_add_test(suite, "answers of every kind", test_answers);
	CU_add_test(suite, "a silent daemon", test_patience);
	CU_add_test(suite, "nobody there", test_nobody);
	CU_add_test(suite, "somebody else's", test_stranger);
}
