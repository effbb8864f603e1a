/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in and answers out, many with one call of the system. */
#ifndef NX_SERVER_STUN_LOOP_H
#define NX_SERVER_STUN_LOOP_H

#include <stdatomic.h>

#include "server/stun/rate.h"
#include "server/stun/sockets.h"
#include "server/stun/stun.h"

struct nx_stun_loop {
	struct nx_stun_sockets sockets;
	struct nx_stun_rate *rate;
	int poll; /* epoll: the sockets, and `stop` */
	int stop; /* eventfd: readable ends the loop */
	atomic_uint_fast64_t count[NX_STUN_RESULTS];
};

/* Set up what is waited for; on failure nx_stun_loop_end() takes what there is. */
enum nx_status nx_stun_loop_begin(struct nx_stun_loop *loop, struct nx_error *error);
/* The thread: returns when `stop` is written. */
void *nx_stun_loop_run(void *loop);
void nx_stun_loop_end(struct nx_stun_loop *loop);

#endif
