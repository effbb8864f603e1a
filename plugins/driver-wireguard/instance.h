/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent half's state, and how a refusal of the kernel or of wireguard-go is
 * told. Everything here runs on the agent's one thread.
 */
#ifndef NX_WIREGUARD_INSTANCE_H
#define NX_WIREGUARD_INSTANCE_H

#include <net/if.h>

#include <nexodus/agent.h>
#include <nexodus/driver.h>
#include <nexodus/plugin.h>

#include "key.h"

struct wg_backend;

/* An interface and what drives it. */
struct wg_tunnel {
	const struct wg_backend *backend; /* NULL: none is up */
	char name[IF_NAMESIZE];
	int index;
};

struct wg_driver {
	struct nx_host *host;
	const struct nx_services *services;
	const struct wg_backend *forced; /* NULL: chosen by what the host has */
	char program[64];		 /* wireguard-go's name, without a directory */
	struct wg_tunnel tunnel;	 /* what interface_up brought up */
	struct wg_key public_key;	 /* ours, once interface_up read it */
};

/* How long a configuration socket, or a daemon that starts, may take. */
#define WG_PATIENCE_NANOSECONDS (5 * UINT64_C(1000000000))
/* How long a daemon whose interface was just removed may keep its socket and its port. */
#define WG_LEAVING_NANOSECONDS (2 * UINT64_C(1000000000))
/* How long another program that has just made an interface may take to give it a key. */
#define WG_MAKER_NANOSECONDS UINT64_C(1000000000)

/*
 * Fill `error` with "<what>: <errno in words> (<text>)" and answer the status that
 * fits the errno. `text` is the other side's own explanation, "" when it gave none.
 */
enum nx_status wg_refuse(const struct wg_driver *driver, int code, const char *text, struct nx_error *error,
			 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Some milliseconds, between two looks at something that is about to change. */
void wg_pause(void);

enum nx_status wg_no_memory(const struct wg_driver *driver, struct nx_error *error);

#endif
