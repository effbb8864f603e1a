/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stun/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/memory.h"
#include "server/stun/answer.h"

#define BATCH 32
#define EVENTS 8

/* A datagram that came, and the answer to it. */
struct exchange {
	struct sockaddr_storage peer;
	struct iovec part;
	/* which of our addresses was asked: the answer comes from there */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	enum nx_stun_result result;
	uint8_t asked[NX_STUN_MESSAGE_BYTES];
	uint8_t answer[NX_STUN_MESSAGE_BYTES];
};

struct batch {
	struct exchange exchange[BATCH];
	struct mmsghdr in[BATCH];
	struct mmsghdr out[BATCH];
	struct exchange *answered[BATCH]; /* of `out` */
	unsigned out_count;
};

static void count_one(struct nx_stun_loop *loop, enum nx_stun_result result)
{
	atomic_fetch_add_explicit(&loop->count[result], 1, memory_order_relaxed);
}

static void batch_prepare(struct batch *batch)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct exchange *exchange = &batch->exchange[i];

		exchange->part = (struct iovec){exchange->asked, sizeof(exchange->asked)};
		batch->in[i].msg_hdr = (struct msghdr){
			.msg_name = &exchange->peer,
			.msg_namelen = sizeof(exchange->peer),
			.msg_iov = &exchange->part,
			.msg_iovlen = 1,
			.msg_control = exchange->control,
			.msg_controllen = sizeof(exchange->control),
		};
	}
	batch->out_count = 0;
}

/* The routes choose the interface, as for any other packet that has our address. What was sent to
 * a broadcast or multicast address is none of ours to answer: the two addresses differ there. */
static bool turn_ipv4(struct cmsghdr *control)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(control), sizeof(info));
	info.ipi_ifindex = 0;
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	return info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
}

/* A link-local address means nothing without its interface. */
static bool turn_ipv6(struct cmsghdr *control)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(control), sizeof(info));
	if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		info.ipi6_ifindex = 0;
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	return !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
}

/* Make of where a datagram was sent to where its answer comes from; false: do not answer. */
static bool control_turn(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);

	if (!control || message->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return false;
	if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
		return turn_ipv4(control);
	if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO)
		return turn_ipv6(control);
	return false;
}

/* The length of its answer, 0 for none. */
static size_t exchange_answer(struct nx_stun_loop *loop, struct exchange *exchange, struct mmsghdr *in,
			      uint64_t now)
{
	struct nx_stun_asked asked = {.data = exchange->asked, .length = in->msg_len, .now = now};

	exchange->result = NX_STUN_IGNORED;
	if (!control_turn(&in->msg_hdr) ||
	    !nx_endpoint_from_sockaddr((const void *)&exchange->peer, &asked.source))
		return 0;
	return nx_stun_answer(loop->rate, &asked, exchange->answer, &exchange->result);
}

static void batch_answer(struct nx_stun_loop *loop, struct batch *batch, unsigned count, uint64_t now)
{
	for (unsigned i = 0; i < count; i++) {
		struct exchange *exchange = &batch->exchange[i];
		size_t length = exchange_answer(loop, exchange, &batch->in[i], now);

		if (length == 0) {
			count_one(loop, exchange->result);
			continue;
		}
		exchange->part = (struct iovec){exchange->answer, length};
		batch->answered[batch->out_count] = exchange;
		batch->out[batch->out_count++].msg_hdr = batch->in[i].msg_hdr;
	}
}

/* An answer that cannot be sent is left out: who still wants it asks again. */
static void batch_send(struct nx_stun_loop *loop, int fd, struct batch *batch)
{
	for (unsigned done = 0; done < batch->out_count;) {
		int sent = sendmmsg(fd, batch->out + done, batch->out_count - done, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			count_one(loop, NX_STUN_UNSENT);
			done++;
			continue;
		}
		for (int i = 0; i < sent; i++)
			count_one(loop, batch->answered[done++]->result);
	}
}

static uint64_t now_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* One batch only, so that a flood at one address leaves room for the others. */
static void socket_serve(struct nx_stun_loop *loop, int fd, struct batch *batch)
{
	batch_prepare(batch);
	int count = recvmmsg(fd, batch->in, BATCH, MSG_DONTWAIT, NULL);
	if (count <= 0)
		return;
	batch_answer(loop, batch, (unsigned)count, now_microseconds());
	batch_send(loop, fd, batch);
}

void *nx_stun_loop_run(void *context)
{
	struct nx_stun_loop *loop = context;
	NX_AUTO_FREE struct batch *batch = nx_alloc(sizeof(*batch));

	pthread_setname_np(pthread_self(), "stun");
	for (;;) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(loop->poll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == loop->stop)
				return NULL;
			socket_serve(loop, events[i].data.fd, batch);
		}
	}
}

static int poll_add(const struct nx_stun_loop *loop, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(loop->poll, EPOLL_CTL_ADD, fd, &event);
}

enum nx_status nx_stun_loop_begin(struct nx_stun_loop *loop, struct nx_error *error)
{
	loop->poll = epoll_create1(EPOLL_CLOEXEC);
	loop->stop = eventfd(0, EFD_CLOEXEC);
	loop->rate = nx_stun_rate_new();
	int failed = loop->poll < 0 || loop->stop < 0 || poll_add(loop, loop->stop) < 0;
	for (size_t i = 0; i < loop->sockets.count && !failed; i++)
		failed = poll_add(loop, loop->sockets.socket[i]) < 0;
	if (failed)
		return nx_fail(error, NX_UNAVAILABLE, NULL, "cannot wait for STUN requests: %s",
			       strerror(errno));
	return NX_OK;
}

void nx_stun_loop_end(struct nx_stun_loop *loop)
{
	nx_stun_sockets_close(&loop->sockets);
	nx_cleanup_close(&loop->poll);
	nx_cleanup_close(&loop->stop);
	nx_stun_rate_free(loop->rate);
}
