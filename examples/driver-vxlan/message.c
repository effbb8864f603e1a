/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/netlink.h>

struct nlmsghdr *vx_message_begin(struct vx_batch *batch, uint16_t type, uint16_t flags, const void *head,
				  size_t head_length)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(batch->bytes + batch->length);

	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	memcpy(mnl_nlmsg_put_extra_header(message, head_length), head, head_length);
	return message;
}

void vx_message_end(struct vx_batch *batch, const struct nlmsghdr *message)
{
	batch->length += NLMSG_ALIGN(message->nlmsg_len);
}

bool vx_batch_full(const struct vx_batch *batch)
{
	return batch->length > VX_BATCH_BYTES - VX_MESSAGE_BYTES;
}

static enum nx_status errno_status(int code)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return NX_DENIED;
	case EEXIST:
	case EADDRINUSE:
		return NX_CONFLICT;
	case ENODEV:
	case ENOENT:
		return NX_NOT_FOUND;
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPFNOSUPPORT:
		return NX_UNSUPPORTED;
	default:
		return NX_UNAVAILABLE;
	}
}

/* The first failure among the answers. */
struct outcome {
	int code;
	char text[128];
};

static void outcome_take(void *context, size_t request, int code, const char *text)
{
	struct outcome *outcome = context;

	(void)request;
	if (!code || code == ENOENT || outcome->code)
		return;
	outcome->code = code;
	snprintf(outcome->text, sizeof(outcome->text), "%s", text);
}

enum nx_status vx_batch_send(const struct vx_driver *driver, struct vx_batch *batch, const char *what,
			     struct nx_error *error)
{
	struct outcome outcome = {0};
	const struct nx_netlink_handler handler = {.acknowledge = outcome_take, .context = &outcome};
	enum nx_status status;

	if (!batch->length)
		return NX_OK;
	status = driver->services->agent->netlink(driver->host, NETLINK_ROUTE, batch->bytes, batch->length,
						  &handler, error);
	batch->length = 0;
	if (status || !outcome.code)
		return status;
	return driver->services->fail(error, errno_status(outcome.code), NULL, "%s: %s%s%s", what,
				      strerror(outcome.code), *outcome.text ? ": " : "", outcome.text);
}
