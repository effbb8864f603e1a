/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the kernel sends: datagrams, the messages in them, error numbers. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/network/netlink.h"

const struct nlmsghdr *nx_netlink_next(const void *data, size_t length, size_t *offset, bool *damaged)
{
	const struct nlmsghdr *message;
	size_t left = length - *offset;

	*damaged = false;
	if (*offset >= length)
		return NULL;
	message = (const void *)((const char *)data + *offset);
	if (left < sizeof(*message) || message->nlmsg_len < sizeof(*message) || message->nlmsg_len > left) {
		*damaged = true;
		return NULL;
	}
	/* The padding after the last message need not be there. */
	size_t step = NLMSG_ALIGN((size_t)message->nlmsg_len);

	*offset += step < left ? step : left;
	return message;
}

static bool receive_repeats(ssize_t got, const struct sockaddr_nl *from)
{
	if (got < 0)
		return errno == EINTR;
	return from->nl_family != AF_NETLINK || from->nl_pid != 0;
}

enum nx_status nx_netlink_receive(int descriptor, void *buffer, size_t room, size_t *length, bool *lost,
				  struct nx_error *error)
{
	struct sockaddr_nl from;
	struct iovec part = {.iov_base = buffer, .iov_len = room};
	struct msghdr header;
	ssize_t got;

	*lost = false;
	do {
		header = (struct msghdr){
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &part,
			.msg_iovlen = 1,
		};
		memset(&from, 0, sizeof(from));
		got = recvmsg(descriptor, &header, 0);
	} while (receive_repeats(got, &from));
	if (got < 0) {
		*lost = errno == ENOBUFS;
		return nx_fail(error, NX_UNAVAILABLE, NULL, "netlink: %s", strerror(errno));
	}
	if (header.msg_flags & MSG_TRUNC)
		return nx_fail(error, NX_INVALID, NULL, "netlink: a message of more than %zu bytes", room);
	*length = (size_t)got;
	return NX_OK;
}

enum nx_status nx_netlink_status(int error)
{
	switch (error) {
	case 0:
		return NX_OK;
	case EPERM:
	case EACCES:
		return NX_DENIED;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case ESRCH:
		return NX_NOT_FOUND;
	case EEXIST:
	case EADDRINUSE:
		return NX_CONFLICT;
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return NX_UNSUPPORTED;
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN:
	case EBUSY:
	case EINTR:
		return NX_UNAVAILABLE;
	case EINVAL:
	case ERANGE:
	case EMSGSIZE:
		return NX_INVALID;
	default:
		return NX_INTERNAL;
	}
}
