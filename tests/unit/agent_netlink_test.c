/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: lengths that cannot be, and the kernel itself. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "agent/network/netlink.h"
#include "base/memory.h"
#include "tests/unit/unit.h"

/* --- walking ------------------------------------------------------------------------------ */

static unsigned walk(const void *data, size_t length, bool *damaged)
{
	size_t offset = 0;
	unsigned count = 0;

	while (nx_netlink_next(data, length, &offset, damaged)) {
		CU_ASSERT_TRUE(offset <= length);
		count++;
	}
	return count;
}

static void test_lengths(void)
{
	static const uint32_t wrong[] = {0, 1, 15, 33, 1000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
	_Alignas(struct nlmsghdr) char data[32] = {0};
	struct nlmsghdr *message = (void *)data;
	bool damaged;

	for (size_t i = 0; i < NX_COUNT(wrong); i++) {
		message->nlmsg_len = wrong[i];
		CU_ASSERT_EQUAL(walk(data, sizeof(data), &damaged), 0);
		CU_ASSERT_TRUE(damaged);
	}
	message->nlmsg_len = 32;
	CU_ASSERT_EQUAL(walk(data, sizeof(data), &damaged), 1);
	CU_ASSERT_FALSE(damaged);
	/* Of the last message the padding may be missing. */
	message->nlmsg_len = 29;
	CU_ASSERT_EQUAL(walk(data, 29, &damaged), 1);
	CU_ASSERT_FALSE(damaged);
	CU_ASSERT_EQUAL(walk(data, 28, &damaged), 0);
	CU_ASSERT_TRUE(damaged);
	CU_ASSERT_EQUAL(walk(data, 0, &damaged), 0);
	CU_ASSERT_FALSE(damaged);
}

static void test_second_message_is_cut(void)
{
	_Alignas(struct nlmsghdr) char data[40] = {0};
	struct nlmsghdr *message = (void *)data;
	bool damaged;

	message->nlmsg_len = 20;
	((struct nlmsghdr *)(void *)(data + 20))->nlmsg_len = 21;
	CU_ASSERT_EQUAL(walk(data, sizeof(data), &damaged), 1);
	CU_ASSERT_TRUE(damaged);
	for (size_t cut = 21; cut < 36; cut++) {
		CU_ASSERT_EQUAL(walk(data, cut, &damaged), 1);
		CU_ASSERT_TRUE(damaged);
	}
}

static void test_error_numbers(void)
{
	CU_ASSERT_EQUAL(nx_netlink_status(0), NX_OK);
	CU_ASSERT_EQUAL(nx_netlink_status(EACCES), NX_DENIED);
	CU_ASSERT_EQUAL(nx_netlink_status(ENODEV), NX_NOT_FOUND);
	CU_ASSERT_EQUAL(nx_netlink_status(EEXIST), NX_CONFLICT);
	CU_ASSERT_EQUAL(nx_netlink_status(EOPNOTSUPP), NX_UNSUPPORTED);
	CU_ASSERT_EQUAL(nx_netlink_status(ENOBUFS), NX_UNAVAILABLE);
	CU_ASSERT_EQUAL(nx_netlink_status(12345), NX_INTERNAL);
}

/* --- the kernel ------------------------------------------------------------------------------ */

struct heard {
	unsigned answers, acknowledged;
	int first_error;
	size_t expected; /* position of the next acknowledgement */
	char text[200];
};

static void answer_count(void *context, const struct nlmsghdr *message)
{
	struct heard *heard = context;

	CU_ASSERT_EQUAL(message->nlmsg_type, RTM_NEWLINK);
	heard->answers++;
}

static void acknowledge_note(void *context, size_t request, int error, const char *text)
{
	struct heard *heard = context;

	CU_ASSERT_EQUAL(request, heard->expected);
	heard->expected = request + 1;
	heard->acknowledged++;
	if (error && !heard->first_error) {
		heard->first_error = error;
		snprintf(heard->text, sizeof(heard->text), "%s", text);
	}
}

static struct nlmsghdr *link_request(void *room, int index, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(room);
	struct ifinfomsg *link;

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = flags;
	link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	link->ifi_index = index;
	return message;
}

static struct nx_netlink *netlink_open(void)
{
	struct nx_netlink *netlink = NULL;

	CU_ASSERT_EQUAL_FATAL(nx_netlink_open(NETLINK_ROUTE, &netlink, NULL), NX_OK);
	return netlink;
}

static void test_dump(void)
{
	_Alignas(struct nlmsghdr) char room[64];
	struct nx_netlink *netlink = netlink_open();
	struct heard heard = {0};
	const struct nx_netlink_handler handler = {.answer = answer_count, .context = &heard};
	struct nlmsghdr *message = link_request(room, 0, NLM_F_DUMP);

	CU_ASSERT_EQUAL(nx_netlink_request(netlink, message, message->nlmsg_len, &handler, NULL), NX_OK);
	CU_ASSERT_TRUE(heard.answers >= 1); /* lo at least */
	CU_ASSERT_NOT_EQUAL(nx_netlink_port(netlink), 0);
	nx_netlink_close(netlink);
}

/* More requests than one send takes: each is acknowledged, in order, with its own result. */
static void test_many_requests(void)
{
	enum { MANY = 1000 };
	NX_AUTO_FREE char *room = nx_alloc_array(MANY, 32);
	struct nx_netlink *netlink = netlink_open();
	struct heard heard = {0};
	const struct nx_netlink_handler handler = {
		.answer = answer_count, .acknowledge = acknowledge_note, .context = &heard};

	for (size_t i = 0; i < MANY; i++)
		link_request(room + 32 * i, i == 777 ? 0x7ffffff0 : 1, 0);
	CU_ASSERT_EQUAL(nx_netlink_request(netlink, room, (size_t)MANY * 32, &handler, NULL), NX_OK);
	CU_ASSERT_EQUAL(heard.acknowledged, MANY);
	CU_ASSERT_EQUAL(heard.answers, MANY - 1);
	CU_ASSERT_EQUAL(heard.first_error, ENODEV);
	nx_netlink_close(netlink);
}

static void test_refusal_without_a_listener(void)
{
	_Alignas(struct nlmsghdr) char room[64];
	struct nx_netlink *netlink = netlink_open();
	struct nlmsghdr *message = link_request(room, 0x7ffffff0, 0);
	struct nx_error error = {0};

	CU_ASSERT_EQUAL(nx_netlink_request(netlink, message, message->nlmsg_len, NULL, &error), NX_NOT_FOUND);
	UNIT_ASSERT_HOLDS(error.message, strerror(ENODEV));
	/* The socket is good for the next one. */
	message = link_request(room, 1, 0);
	CU_ASSERT_EQUAL(nx_netlink_request(netlink, message, message->nlmsg_len, NULL, NULL), NX_OK);
	nx_netlink_close(netlink);
}

static void test_request_that_is_not_whole(void)
{
	_Alignas(struct nlmsghdr) char room[64];
	struct nx_netlink *netlink = netlink_open();
	struct nlmsghdr *message = link_request(room, 1, 0);

	CU_ASSERT_EQUAL(nx_netlink_request(netlink, message, message->nlmsg_len - 1, NULL, NULL), NX_INVALID);
	CU_ASSERT_EQUAL(nx_netlink_request(netlink, message, 3, NULL, NULL), NX_INVALID);
	nx_netlink_close(netlink);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"lengths that cannot be", test_lengths},
		{"a second message that is cut", test_second_message_is_cut},
		{"error numbers", test_error_numbers},
		{"a list from the kernel", test_dump},
		{"many requests", test_many_requests},
		{"a refusal without a listener", test_refusal_without_a_listener},
		{"a request that is not whole", test_request_that_is_not_whole},
		CU_TEST_INFO_NULL,
	};

	return unit_run("agent netlink", tests);
}
