/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink answers with wrong lengths, in exact heap blocks so that a sanitizer sees every byte read too many.
 */
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/ipam/message.h"
#include "plugins/ipam/tests/suite.h"

/* A copy of `length` bytes of a message, which says that it is that long. */
static struct nlmsghdr *message_cut(const struct message_batch *batch, size_t length)
{
	struct nlmsghdr *message = malloc(length);

	if (!message)
		abort();
	memcpy(message, batch->data, length);
	message->nlmsg_len = (uint32_t)length;
	return message;
}

static void message_build(struct message_batch *batch)
{
	const struct nx_address address = {.length = 4, .bytes = {100, 100, 0, 7}};
	struct nlmsghdr *message;

	batch->length = 0;
	message = message_begin(batch, RTM_NEWADDR, 0, sizeof(struct ifaddrmsg));
	message_put_address(message, IFA_ADDRESS, &address);
	message_put_address(message, IFA_LOCAL, &address);
	mnl_attr_put_u8(message, IFA_PROTO, IPAM_PROTOCOL);
	message_end(batch, message);
}

/* Cut at every byte: what is whole is read, and nothing more. */
static void test_cut(void)
{
	static struct message_batch batch;

	message_build(&batch);
	for (size_t length = sizeof(struct nlmsghdr); length <= batch.length; length++) {
		struct nlmsghdr *message = message_cut(&batch, length);
		const struct nlattr *attributes[IFA_PROTO + 1] = {NULL};
		struct nx_address address;
		const void *header = message_header(message, sizeof(struct ifaddrmsg));

		CU_ASSERT_EQUAL(header != NULL, length >= 24);
		if (header)
			message_attributes(message, sizeof(struct ifaddrmsg), attributes, IFA_PROTO);
		CU_ASSERT_EQUAL(message_read_address(attributes[IFA_ADDRESS], 4, &address), length >= 32);
		CU_ASSERT_EQUAL(message_read_address(attributes[IFA_LOCAL], 4, &address), length >= 40);
		free(message);
	}
}

/* Every length that the first attribute can claim. */
static void test_claims(void)
{
	static struct message_batch batch;
	struct nlattr claim = {.nla_type = IFA_ADDRESS};

	message_build(&batch);
	for (unsigned length = 0; length <= UINT16_MAX; length++) {
		struct nlmsghdr *message = message_cut(&batch, batch.length);
		const struct nlattr *attributes[IFA_PROTO + 1] = {NULL};
		struct nx_address address;

		claim.nla_len = (uint16_t)length;
		memcpy((char *)message + 24, &claim, sizeof(claim));
		message_attributes(message, sizeof(struct ifaddrmsg), attributes, IFA_PROTO);
		CU_ASSERT_EQUAL(message_read_address(attributes[IFA_ADDRESS], 4, &address), length == 8);
		free(message);
	}
}

static void test_exact(void)
{
	static struct message_batch batch;
	const struct nlattr *attributes[IFA_PROTO + 1] = {NULL};
	struct nx_address address;
	uint32_t word;
	uint8_t byte;

	message_build(&batch);
	message_attributes((const void *)batch.data, sizeof(struct ifaddrmsg), attributes, IFA_PROTO);
	CU_ASSERT_FALSE(message_read_address(attributes[IFA_ADDRESS], 16, &address));
	CU_ASSERT_FALSE(message_read_u8(attributes[IFA_ADDRESS], &byte));
	CU_ASSERT_TRUE(message_read_u8(attributes[IFA_PROTO], &byte));
	CU_ASSERT_EQUAL(byte, IPAM_PROTOCOL);
	CU_ASSERT_FALSE(message_read_u32(attributes[IFA_PROTO], &word));
	CU_ASSERT_FALSE(message_read_u32(NULL, &word));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"messages cut at every byte", test_cut},
		{"attributes that claim any length", test_claims},
		{"lengths are exact", test_exact},
		CU_TEST_INFO_NULL,
	};

	return suite_run("ipam messages", tests);
}
