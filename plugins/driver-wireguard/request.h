/* SPDX-License-Identifier: Apache-2.0 */
/* One netlink request over the host's netlink service, and the kernel's verdict on it. */
#ifndef NX_WIREGUARD_REQUEST_H
#define NX_WIREGUARD_REQUEST_H

#include <linux/netlink.h>

#include "instance.h"

/* Who hears the data messages of an answer. Members may be NULL. */
struct wg_listener {
	void (*answer)(void *context, const struct nlmsghdr *message);
	void (*restart)(void *context); /* forget what was answered: the dump begins anew */
	void *context;
};

struct wg_verdict {
	int code;	/* an errno; 0: done */
	char text[128]; /* the kernel's own explanation; "" when none */
};

/*
 * Send one request and wait for the verdict. NX_OK says that there is one, whatever
 * it is; a failure says that the kernel could not be asked. `listener` may be NULL.
 */
enum nx_status wg_request(const struct wg_driver *driver, int protocol, struct nlmsghdr *message,
			  const struct wg_listener *listener, struct wg_verdict *out, struct nx_error *error);

/* The same for who takes no refusal: "<what>: <errno in words>", see wg_refuse(). */
enum nx_status wg_request_strict(const struct wg_driver *driver, int protocol, struct nlmsghdr *message,
				 const struct wg_listener *listener, const char *what,
				 struct nx_error *error);

#endif
