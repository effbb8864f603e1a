/* SPDX-License-Identifier: Apache-2.0 */
#include "attribute.h"

#include <string.h>

#include <linux/netlink.h>

/* As NLA_HDRLEN and NLA_ALIGN() of <linux/netlink.h>, but unsigned. */
#define HEAD sizeof(struct nlattr)
#define ALIGNED(length) (((length) + (size_t)NLA_ALIGNTO - 1) & ~((size_t)NLA_ALIGNTO - 1))

bool wg_attribute_next(struct wg_span *rest, struct wg_attribute *out)
{
	struct nlattr header;
	size_t whole;

	if (rest->length < HEAD)
		return false;
	memcpy(&header, rest->data, sizeof(header));
	if (header.nla_len < HEAD || header.nla_len > rest->length)
		return false;
	out->type = header.nla_type & (unsigned)NLA_TYPE_MASK;
	out->value = (struct wg_span){rest->data + HEAD, header.nla_len - HEAD};
	whole = ALIGNED((size_t)header.nla_len);
	if (whole > rest->length) /* the last one may lack its padding */
		whole = rest->length;
	rest->data += whole;
	rest->length -= whole;
	return true;
}

bool wg_attribute_copy(const struct wg_attribute *attribute, void *out, size_t size)
{
	if (attribute->value.length != size)
		return false;
	memcpy(out, attribute->value.data, size);
	return true;
}
