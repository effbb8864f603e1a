/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that the server listens on. */
#ifndef NX_SERVER_HTTP_LISTENER_H
#define NX_SERVER_HTTP_LISTENER_H

#include <stddef.h>

#include "base/error.h"

#define NX_LISTENER_LIMIT 16

struct nx_listeners {
	int socket[NX_LISTENER_LIMIT]; /* non-blocking, listening */
	size_t count;
};

/* Judge a list such as "127.0.0.1:8080, [::]:8080" without binding. */
enum nx_status nx_listeners_check(const char *list, struct nx_error *error);
/* Bind and listen. An IPv6 socket takes IPv6 alone, so that 0.0.0.0 and [::] stand side by side. */
enum nx_status nx_listeners_open(const char *list, struct nx_listeners *out, struct nx_error *error);
void nx_listeners_close(struct nx_listeners *listeners);
/* "127.0.0.1:8080 [::1]:8080", with the ports that the kernel chose for port 0. */
void nx_listeners_format(const struct nx_listeners *listeners, char *text, size_t room);

#endif
