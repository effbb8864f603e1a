/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program tells the service manager that started it: the protocol of
 * sd_notify(3), datagrams to the socket that NOTIFY_SOCKET names. Without a manager
 * all of this does nothing. A manager that does not listen delays a call by a second
 * at most, and is no reason to stop. Any thread, after nx_notify_setup().
 */
#ifndef NX_BASE_NOTIFY_H
#define NX_BASE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Read the environment, and take the manager's variables out of it so that no child speaks in this
 * program's name. Once, before the first thread. */
void nx_notify_setup(void);
/* Does a manager listen? */
bool nx_notify_wanted(void);
/* How often to call nx_notify_alive(), in milliseconds: half of what the manager is ready to wait.
 * 0: it does not watch. */
uint64_t nx_notify_interval(void);

void nx_notify_ready(void);
/* A new configuration is being taken; nx_notify_ready() says when that is over. */
void nx_notify_reloading(void);
void nx_notify_stopping(void);
void nx_notify_alive(void);
/* A sentence for a person, cut to fit. Characters that would end a line are shown as '?'. */
void nx_notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
