/* SPDX-License-Identifier: Apache-2.0 */
/* What the STUN service answers, how often, and what it calls itself, without a socket. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "server/stun/answer.h"
#include "server/stun/names.h"
#include "server/stun/rate.h"
#include "server/stun/sockets.h"
#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000)

static struct nx_address address(const char *text)
{
	struct nx_address out = {0};

	CU_ASSERT_TRUE_FATAL(nx_address_parse(text, &out));
	return out;
}

/* --- the share of each source --------------------------------------------------------------- */

static unsigned take_all(struct nx_stun_rate *rate, const struct nx_address *source, uint64_t now)
{
	unsigned taken = 0;

	while (taken < 10000 && nx_stun_rate_take(rate, source, now))
		taken++;
	return taken;
}

static void test_share(void)
{
	struct nx_stun_rate *rate = nx_stun_rate_new();
	struct nx_address source = address("192.0.2.1");
	struct nx_address other = address("192.0.2.2");

	CU_ASSERT_EQUAL(take_all(rate, &source, 0), NX_STUN_RATE_BURST);
	CU_ASSERT_EQUAL(take_all(rate, &source, SECOND), NX_STUN_RATE_PER_SECOND);
	CU_ASSERT_EQUAL(take_all(rate, &source, 3 * SECOND), 2 * NX_STUN_RATE_PER_SECOND);
	CU_ASSERT_EQUAL(take_all(rate, &other, 3 * SECOND), NX_STUN_RATE_BURST);
	/* after a long time it is full again, and no fuller */
	CU_ASSERT_EQUAL(take_all(rate, &source, 3600 * SECOND), NX_STUN_RATE_BURST);
	nx_stun_rate_free(rate);
}

static void test_ipv6_counts_by_64(void)
{
	struct nx_stun_rate *rate = nx_stun_rate_new();
	struct nx_address first = address("2001:db8::1");
	struct nx_address same = address("2001:db8::ffff:ffff:ffff:ffff");
	struct nx_address next = address("2001:db8:0:1::1");

	CU_ASSERT_EQUAL(take_all(rate, &first, 0), NX_STUN_RATE_BURST);
	CU_ASSERT_EQUAL(take_all(rate, &same, 0), 0);
	CU_ASSERT_EQUAL(take_all(rate, &next, 0), NX_STUN_RATE_BURST);
	nx_stun_rate_free(rate);
}

/* Many forged sources fill the table, but do not free the one that floods. */
static void test_flood_of_sources(void)
{
	struct nx_stun_rate *rate = nx_stun_rate_new();
	struct nx_address flooder = address("192.0.2.1");
	struct nx_address forged = address("10.0.0.0");

	take_all(rate, &flooder, 0);
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(forged.bytes, &i, sizeof(i));
		CU_ASSERT_TRUE(nx_stun_rate_take(rate, &forged, 0));
	}
	CU_ASSERT_FALSE(nx_stun_rate_take(rate, &flooder, 0));
	nx_stun_rate_free(rate);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void test_answer(void)
{
	static const struct nx_stun_transaction transaction = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
	struct nx_stun_rate *rate = nx_stun_rate_new();
	uint8_t request[NX_STUN_MESSAGE_BYTES];
	uint8_t answer[NX_STUN_MESSAGE_BYTES];
	struct nx_stun_asked asked = {.data = request, .source = {address("192.0.2.1"), 5000}};
	struct nx_stun_message message;
	enum nx_stun_result result;

	asked.length = nx_stun_write_request(&transaction, request);
	size_t length = nx_stun_answer(rate, &asked, answer, &result);
	CU_ASSERT_EQUAL(result, NX_STUN_ANSWERED);
	CU_ASSERT_EQUAL_FATAL(nx_stun_read(answer, length, &message, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_endpoint_compare(&message.mapped, &asked.source), 0);
	/* its own answer is none of its business, nor is a datagram that cannot be answered */
	memcpy(request, answer, length);
	asked.length = length;
	CU_ASSERT_EQUAL(nx_stun_answer(rate, &asked, answer, &result), 0);
	CU_ASSERT_EQUAL(result, NX_STUN_IGNORED);
	asked.length = nx_stun_write_request(&transaction, request);
	asked.source.port = 0;
	CU_ASSERT_EQUAL(nx_stun_answer(rate, &asked, answer, &result), 0);
	CU_ASSERT_EQUAL(result, NX_STUN_IGNORED);
	asked.source.port = 5000;
	take_all(rate, &asked.source.address, 0);
	CU_ASSERT_EQUAL(nx_stun_answer(rate, &asked, answer, &result), 0);
	CU_ASSERT_EQUAL(result, NX_STUN_LIMITED);
	nx_stun_rate_free(rate);
}

/* --- names -------------------------------------------------------------------------------------- */

static void test_names(void)
{
	static const struct {
		struct nx_stun_names names;
		const char *expected;
	} rows[] = {
		{{"", {0, 0}, ""}, "{\"servers\":[]}"},
		{{"", {3478, 3479}, ""}, "{\"servers\":[\":3478\",\":3479\"]}"},
		{{" ,", {0, 3479}, " a:1,b:2 ,"}, "{\"servers\":[\":3479\",\"a:1\",\"b:2\"]}"},
		{{"a.b, 2001:db8::1", {1, 2}, ""},
		 "{\"servers\":[\"a.b:1\",\"a.b:2\",\"[2001:db8::1]:1\",\"[2001:db8::1]:2\"]}"},
		{{"a.b", {0, 0}, "[::1]:5"}, "{\"servers\":[\"[::1]:5\"]}"},
	};

	for (size_t i = 0; i < NX_COUNT(rows); i++) {
		struct nx_buffer text NX_CLEANUP(nx_buffer_free) = {0};

		CU_ASSERT_EQUAL(nx_stun_hosts_check(rows[i].names.hosts, NULL), NX_OK);
		CU_ASSERT_EQUAL(nx_stun_servers_check(rows[i].names.servers, NULL), NX_OK);
		nx_stun_names_write(&rows[i].names, &text);
		CU_ASSERT_STRING_EQUAL(text.data, rows[i].expected);
	}
}

/* Cut or not, what is longer than any name is none. */
static void test_long_names(void)
{
	char list[1024];

	for (size_t length = 1; length < sizeof(list) - 3; length++) {
		for (size_t i = 0; i < length; i++)
			list[i] = i % 50 == 49 ? '.' : 'a';
		list[length] = '\0';
		CU_ASSERT_EQUAL(nx_stun_hosts_check(list, NULL) == NX_OK, length <= 253);
		memcpy(list + length, ":1", 3);
		CU_ASSERT_EQUAL(nx_stun_servers_check(list, NULL) == NX_OK, length <= 253);
	}
}

/* --- sockets ------------------------------------------------------------------------------------ */

static uint16_t port_of(int fd)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	struct nx_endpoint endpoint = {0};

	CU_ASSERT_EQUAL(getsockname(fd, (void *)&name, &length), 0);
	CU_ASSERT_TRUE(nx_endpoint_from_sockaddr((const void *)&name, &endpoint));
	return endpoint.port;
}

static void test_one_port_on_all(void)
{
	struct nx_address addresses[] = {address("127.0.0.1"), address("127.0.0.2"), address("::1")};
	struct nx_stun_sockets sockets = {0};
	uint16_t port = 0;

	CU_ASSERT_EQUAL_FATAL(nx_stun_sockets_open(addresses, 3, &port, &sockets, NULL), NX_OK);
	CU_ASSERT_EQUAL_FATAL(sockets.count, 3);
	CU_ASSERT_NOT_EQUAL(port, 0);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(port_of(sockets.socket[i]), port);
	nx_stun_sockets_close(&sockets);
}

static void test_all_or_none(void)
{
	struct nx_address addresses[] = {address("127.0.0.1"), address("127.0.0.2")};
	struct nx_stun_sockets holder = {0};
	struct nx_stun_sockets sockets = {0};
	struct nx_error error;
	uint16_t port = 0;

	CU_ASSERT_EQUAL_FATAL(nx_stun_sockets_open(&addresses[1], 1, &port, &holder, NULL), NX_OK);
	CU_ASSERT_EQUAL(nx_stun_sockets_open(addresses, 2, &port, &sockets, &error), NX_CONFLICT);
	CU_ASSERT_EQUAL(sockets.count, 0);
	UNIT_ASSERT_HOLDS(error.message, "127.0.0.2");
	nx_stun_sockets_close(&holder);
	CU_ASSERT_EQUAL(nx_stun_sockets_open(addresses, 2, &port, &sockets, NULL), NX_OK);
	nx_stun_sockets_close(&sockets);
}

/* From here on this process is on a kernel that was started with ipv6.disable=1. */
static bool ipv6_leave(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = NX_COUNT(steps), .filter = steps};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* The number of what went wrong. */
static int without_ipv6(void)
{
	struct nx_address addresses[] = {address("0.0.0.0"), address("::")};
	struct nx_stun_sockets sockets = {0};
	struct nx_error error;
	uint16_t port = 0;

	if (!ipv6_leave())
		return 1;
	if (nx_stun_sockets_open(addresses, 2, &port, &sockets, NULL) || sockets.count != 1 || port == 0)
		return 2;
	nx_stun_sockets_close(&sockets);
	if (nx_stun_sockets_open(&addresses[1], 1, &port, &sockets, &error) != NX_UNSUPPORTED)
		return 3;
	return 0;
}

static void test_without_ipv6(void)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(without_ipv6());
	CU_ASSERT_TRUE_FATAL(child > 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"each source has its share", test_share},
		{"IPv6 counts by /64", test_ipv6_counts_by_64},
		{"forged sources free nobody", test_flood_of_sources},
		{"answers", test_answer},
		{"names", test_names},
		{"long names", test_long_names},
		{"one port on all addresses", test_one_port_on_all},
		{"a port is bound on all addresses or none", test_all_or_none},
		{"a kernel without IPv6", test_without_ipv6},
		CU_TEST_INFO_NULL,
	};

	return unit_run("server stun", tests);
}
