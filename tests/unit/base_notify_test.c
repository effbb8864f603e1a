/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager hears. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/notify.h"
#include "tests/unit/unit.h"

#define HEARD_ROOM 1024

/* A manager's socket at `name`, "@…" for an abstract one. */
static int manager_open(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, name);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(bind(descriptor, (const struct sockaddr *)&address,
				   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			      0);
	return descriptor;
}

/* The next datagram; "" when there is none. */
static const char *heard(int descriptor)
{
	static char text[HEARD_ROOM];
	ssize_t got = recv(descriptor, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* The setup is made once in a process: each case has one of its own. Answers whether `speak` was content. */
static bool speak_apart(const char *name, const char *microseconds, const char *process, bool (*speak)(void))
{
	int result = 0;
	pid_t child = fork();

	if (child == 0) {
		name ? setenv("NOTIFY_SOCKET", name, 1) : unsetenv("NOTIFY_SOCKET");
		microseconds ? setenv("WATCHDOG_USEC", microseconds, 1) : unsetenv("WATCHDOG_USEC");
		process ? setenv("WATCHDOG_PID", process, 1) : unsetenv("WATCHDOG_PID");
		nx_notify_setup();
		_exit(speak() ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	CU_ASSERT_EQUAL(waitpid(child, &result, 0), child);
	return WIFEXITED(result) && WEXITSTATUS(result) == EXIT_SUCCESS;
}

static bool speak_all(void)
{
	nx_notify_ready();
	nx_notify_alive();
	nx_notify_reloading();
	nx_notify_status("%d of %d\nMAINPID=1\x1b", 1, 2);
	nx_notify_stopping();
	return nx_notify_wanted() && nx_notify_interval() == 15000 && !getenv("NOTIFY_SOCKET") &&
	       !getenv("WATCHDOG_USEC") && !getenv("WATCHDOG_PID");
}

static void hear_all(int manager)
{
	CU_ASSERT_STRING_EQUAL(heard(manager), "READY=1");
	CU_ASSERT_STRING_EQUAL(heard(manager), "WATCHDOG=1");
	CU_ASSERT_EQUAL(strncmp(heard(manager), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	CU_ASSERT_STRING_EQUAL(heard(manager), "STATUS=1 of 2?MAINPID=1?");
	CU_ASSERT_STRING_EQUAL(heard(manager), "STOPPING=1");
	CU_ASSERT_STRING_EQUAL(heard(manager), "");
}

static void test_path(void)
{
	char *directory = unit_directory_make();
	NX_AUTO_FREE char *name = nx_printf("%s/notify", directory);
	NX_AUTO_CLOSE int manager = manager_open(name);

	CU_ASSERT_TRUE(speak_apart(name, "30000000", NULL, speak_all));
	hear_all(manager);
	unit_directory_remove(directory);
}

static void test_abstract(void)
{
	NX_AUTO_FREE char *name = nx_printf("@nexodus-unit-%d", (int)getpid());
	NX_AUTO_CLOSE int manager = manager_open(name);

	CU_ASSERT_TRUE(speak_apart(name, "30000000", NULL, speak_all));
	hear_all(manager);
}

static bool speak_long(void)
{
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	nx_notify_status("%s", text);
	return true;
}

static void test_long(void)
{
	NX_AUTO_FREE char *name = nx_printf("@nexodus-unit-%d", (int)getpid());
	NX_AUTO_CLOSE int manager = manager_open(name);

	CU_ASSERT_TRUE(speak_apart(name, NULL, NULL, speak_long));
	CU_ASSERT_TRUE(strlen(heard(manager)) < 300);
}

static bool speak_unheard(void)
{
	speak_long();
	nx_notify_ready();
	return !nx_notify_wanted() && nx_notify_interval() == 0;
}

static bool speak_unwatched(void)
{
	return nx_notify_wanted() && nx_notify_interval() == 0;
}

static void test_nobody(void)
{
	char *directory = unit_directory_make();
	NX_AUTO_FREE char *missing = nx_printf("%s/none", directory);
	char longer[200];

	memset(longer, '/', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CU_ASSERT_TRUE(speak_apart(NULL, "30000000", NULL, speak_unheard));
	CU_ASSERT_TRUE(speak_apart("", NULL, NULL, speak_unheard));
	CU_ASSERT_TRUE(speak_apart("relative", NULL, NULL, speak_unheard));
	CU_ASSERT_TRUE(speak_apart(longer, NULL, NULL, speak_unheard));
	CU_ASSERT_TRUE(speak_apart(missing, NULL, NULL, speak_unwatched));
	/* Meant for another process. */
	CU_ASSERT_TRUE(speak_apart(missing, "30000000", "1", speak_unwatched));
	unit_directory_remove(directory);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"a socket in the file system", test_path},
		{"an abstract socket", test_abstract},
		{"a long status is cut", test_long},
		{"nobody listens", test_nobody},
		CU_TEST_INFO_NULL,
	};

	return unit_run("notify", tests);
}
