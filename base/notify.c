/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define STATUS_ROOM 256
#define PATIENCE_SECONDS 1

static struct sockaddr_un manager;
static socklen_t manager_length; /* 0: there is none */
static uint64_t interval;

/* --- setup ------------------------------------------------------------------------------- */

/* "/path", or "@name" for a socket of the abstract namespace. */
static void manager_read(const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (length < 2 || length >= sizeof(manager.sun_path) || !strchr("/@", name[0]))
		return;
	manager.sun_family = AF_UNIX;
	memcpy(manager.sun_path, name, length + 1);
	if (name[0] == '@')
		manager.sun_path[0] = '\0';
	manager_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/* Microseconds, meant for the process that WATCHDOG_PID names, when it names one. */
static void interval_read(const char *microseconds, const char *process)
{
	if (!microseconds || (process && strtol(process, NULL, 10) != getpid()))
		return;
	interval = strtoull(microseconds, NULL, 10) / 2000;
}

void nx_notify_setup(void)
{
	manager_read(getenv("NOTIFY_SOCKET"));
	if (manager_length)
		interval_read(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

bool nx_notify_wanted(void)
{
	return manager_length != 0;
}

uint64_t nx_notify_interval(void)
{
	return interval;
}

/* --- telling ----------------------------------------------------------------------------- */

static void tell(const char *message)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};

	if (!manager_length)
		return;
	NX_AUTO_CLOSE int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		return;
	setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	/* Best effort: whether it was heard is the manager's to judge. */
	(void)!sendto(descriptor, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&manager,
		      manager_length);
}

void nx_notify_ready(void)
{
	tell("READY=1");
}

void nx_notify_reloading(void)
{
	struct timespec now;
	char message[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(message);
}

void nx_notify_stopping(void)
{
	tell("STOPPING=1");
}

void nx_notify_alive(void)
{
	tell("WATCHDOG=1");
}

void nx_notify_status(const char *format, ...)
{
	static const char name[] = "STATUS=";
	char message[sizeof(name) + STATUS_ROOM];
	char *text = message + sizeof(name) - 1;
	va_list arguments;

	memcpy(message, name, sizeof(name));
	va_start(arguments, format);
	vsnprintf(text, STATUS_ROOM, format, arguments);
	va_end(arguments);
	/* What comes from outside must not become an assignment of its own. */
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
	tell(message);
}
