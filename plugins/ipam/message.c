/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/ipam/message.h"

#include <errno.h>
#include <string.h>

enum { MESSAGE_LONGEST = 128 };

bool message_fits(const struct message_batch *batch)
{
	return batch->length + MESSAGE_LONGEST <= sizeof(batch->data);
}

struct nlmsghdr *message_begin(struct message_batch *batch, uint16_t type, uint16_t flags, size_t header_size)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(batch->data + batch->length);

	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	mnl_nlmsg_put_extra_header(message, header_size);
	return message;
}

void message_end(struct message_batch *batch, const struct nlmsghdr *message)
{
	batch->length += NLMSG_ALIGN(message->nlmsg_len);
}

void message_put_address(struct nlmsghdr *message, uint16_t type, const struct nx_address *address)
{
	mnl_attr_put(message, type, address->length, address->bytes);
}

const void *message_header(const struct nlmsghdr *message, size_t header_size)
{
	return message->nlmsg_len < NLMSG_SPACE(header_size) ? NULL : mnl_nlmsg_get_payload(message);
}

void message_attributes(const struct nlmsghdr *message, size_t header_size, const struct nlattr **attributes,
			uint16_t maximum)
{
	const char *at = mnl_nlmsg_get_payload_offset(message, header_size);
	size_t left = message->nlmsg_len - NLMSG_SPACE(header_size);

	while (left >= sizeof(struct nlattr)) {
		const struct nlattr *attribute = (const void *)at;
		if (attribute->nla_len < sizeof(*attribute) || attribute->nla_len > left)
			return;
		if (mnl_attr_get_type(attribute) <= maximum)
			attributes[mnl_attr_get_type(attribute)] = attribute;
		size_t step = NLMSG_ALIGN((size_t)attribute->nla_len);
		if (step > left)
			return;
		at += step;
		left -= step;
	}
}

/* Copy the attribute's `length` bytes of payload, if that is what it has. */
static bool attribute_copy(const struct nlattr *attribute, void *out, size_t length)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != length)
		return false;
	memcpy(out, mnl_attr_get_payload(attribute), length);
	return true;
}

bool message_read_address(const struct nlattr *attribute, uint8_t length, struct nx_address *out)
{
	struct nx_address address = {.length = length};

	if (!attribute_copy(attribute, address.bytes, length))
		return false;
	*out = address;
	return true;
}

bool message_read_u32(const struct nlattr *attribute, uint32_t *out)
{
	return attribute_copy(attribute, out, sizeof(*out));
}

bool message_read_u8(const struct nlattr *attribute, uint8_t *out)
{
	return attribute_copy(attribute, out, sizeof(*out));
}

bool message_unsupported(int number)
{
	return number == EACCES || number == EOPNOTSUPP || number == EAFNOSUPPORT;
}

enum nx_status message_refused(const struct ipam_agent *agent, const char *what,
			       const struct nx_prefix *prefix, int number, const char *text,
			       struct nx_error *error)
{
	char name[NX_ADDRESS_TEXT];
	/* Whoever may make an interface and may not give it an address is refused the family. */
	bool unsupported = message_unsupported(number) || number == EPERM;

	return agent->services->fail(error, unsupported ? NX_UNSUPPORTED : NX_INTERNAL, NULL,
				     "the kernel refused to %s %s: %s%s%s", what,
				     agent->services->address->prefix_format(prefix, name), strerror(number),
				     *text ? ": " : "", text);
}
