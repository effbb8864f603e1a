/* SPDX-License-Identifier: Apache-2.0 */
/* The IPv4 agent half: what it believes of a server, and what it says of its host. */
#include "plugins/ipam/tests/record_model.h"
#include "plugins/ipam/tests/suite.h"

#define RECORD(rest) "{\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip\":\"100.100.0.7\"" rest "}"

static const struct record_case cases[] = {
	{"plain", RECORD(""), NULL, "100.100.0.7", "100.100.0.0/16", ""},
	{"local endpoint", RECORD(",\"local_ip\":\"192.0.2.7:51820\""), NULL, "100.100.0.7", "100.100.0.0/16",
	 "192.0.2.7:51820"},
	{"what the outside sees is another thing",
	 RECORD(",\"local_ip\":\"10.0.0.7:51820\",\"reflexive_ip4\":\"198.51.100.1:40001\""), NULL,
	 "100.100.0.7", "100.100.0.0/16", "10.0.0.7:51820"},
	{"a reflexive address without port is none",
	 RECORD(",\"local_ip\":\"10.0.0.7:51820\",\"reflexive_ip4\":\"198.51.100.1\""), NULL, "100.100.0.7",
	 "100.100.0.0/16", "10.0.0.7:51820"},
	{"host bits in the organization's prefix",
	 "{\"organization_prefix\":\"100.100.3.4/16\",\"tunnel_ip\":\"100.100.0.7\"}", NULL, "100.100.0.7",
	 "100.100.0.0/16", ""},
	{"no address", "{\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip\":\"\"}", NULL, "", "", ""},
	{"no field", "{\"hostname\":\"x\"}", NULL, "", "", ""},

	{"the default route", "{\"organization_prefix\":\"0.0.0.0/0\",\"tunnel_ip\":\"8.8.8.8\"}",
	 "too large", "", "", ""},
	{"half of everything", "{\"organization_prefix\":\"128.0.0.0/1\",\"tunnel_ip\":\"192.0.2.1\"}",
	 "too large", "", "", ""},
	{"loopback", "{\"organization_prefix\":\"127.0.0.0/8\",\"tunnel_ip\":\"127.0.0.1\"}", "loopback", "",
	 "", ""},
	{"link-local", "{\"organization_prefix\":\"169.254.0.0/16\",\"tunnel_ip\":\"169.254.0.1\"}",
	 "link-local", "", "", ""},
	{"multicast", "{\"organization_prefix\":\"224.0.0.0/8\",\"tunnel_ip\":\"224.0.0.5\"}", "multicast",
	 "", "", ""},
	{"outside", "{\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip\":\"100.101.0.7\"}", "outside",
	 "", "", ""},
	{"the network's address",
	 "{\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip\":\"100.100.0.0\"}", "reserved", "", "",
	 ""},
	{"the broadcast address",
	 "{\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip\":\"100.100.255.255\"}", "reserved", "", "",
	 ""},
	{"the other family's address",
	 "{\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip\":\"fd00::7\"}", "no address of its family",
	 "", "", ""},
	{"the other family's prefix", "{\"organization_prefix\":\"fd00::/64\",\"tunnel_ip\":\"100.100.0.7\"}",
	 "not an IPv4 prefix", "", "", ""},
	{"no prefix", "{\"organization_prefix\":\"\",\"tunnel_ip\":\"100.100.0.7\"}", "is no prefix", "", "",
	 ""},
	{"no text", "{\"organization_prefix\":7,\"tunnel_ip\":\"100.100.0.7\"}", "is no prefix", "", "", ""},
	{"no text either", "{\"organization_prefix\":\"100.100.0.0/16\",\"tunnel_ip\":[]}", "is no text", "",
	 "", ""},

	{"loopback endpoint", RECORD(",\"local_ip\":\"127.0.0.1:22\""), NULL, "100.100.0.7", "100.100.0.0/16",
	 ""},
	{"multicast endpoint", RECORD(",\"local_ip\":\"224.0.0.1:51820\""), NULL, "100.100.0.7",
	 "100.100.0.0/16", ""},
	{"an endpoint inside the tunnel", RECORD(",\"local_ip\":\"100.100.0.9:51820\""), NULL, "100.100.0.7",
	 "100.100.0.0/16", ""},
	{"the other family's endpoint", RECORD(",\"local_ip\":\"[2001:db8::1]:51820\""), NULL, "100.100.0.7",
	 "100.100.0.0/16", ""},
	{"an endpoint that is none", RECORD(",\"local_ip\":\"host.example:51820\""), NULL, "100.100.0.7",
	 "100.100.0.0/16", ""},
	{"an endpoint of another type", RECORD(",\"local_ip\":{}"), NULL, "100.100.0.7", "100.100.0.0/16",
	 ""},
};

static void test_read(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT(record_agrees(&cases[i]));
}

static void test_describe(void)
{
	CU_ASSERT(describe_agrees(true, "192.0.2.7:51820", "",
				  "{\"local_ip\":\"192.0.2.7:51820\","
				  "\"endpoint_local_address_ip4\":\"192.0.2.7\"}"));
	CU_ASSERT(describe_agrees(true, "", "100.100.0.7",
				  "{\"local_ip\":\"\",\"endpoint_local_address_ip4\":\"\","
				  "\"tunnel_ip\":\"100.100.0.7\"}"));
	CU_ASSERT(describe_agrees(true, "[2001:db8::1]:51820", "fd00::7",
				  "{\"local_ip\":\"\",\"endpoint_local_address_ip4\":\"\"}"));
}

static void test_outside(void)
{
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip\":\"10.0.0.7:1\",\"reflexive_ip4\":\"198.51.100.1:4\""),
				 "198.51.100.1:4", false));
	CU_ASSERT(outside_agrees(RECORD(",\"reflexive_ip4\":\"198.51.100.1:4\""), "198.51.100.1:4", false));
	CU_ASSERT(outside_agrees(RECORD(",\"reflexive_ip4\":\"100.100.0.9:4\""), "", false));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip\":\"203.0.113.7:1\""), "", true));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip\":\"8.8.8.8:1\""), "", true));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip\":\"192.168.1.7:1\""), "", false));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip\":\"172.31.255.7:1\""), "", false));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip\":\"172.32.0.7:1\""), "", true));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip\":\"100.64.0.7:1\""), "", false));
}

static void test_describe_mapped(void)
{
	CU_ASSERT(describe_mapped_agrees("", "{\"local_ip\":\"\",\"endpoint_local_address_ip4\":\"\"}"));
	CU_ASSERT(describe_mapped_agrees("198.51.100.1:4",
					 "{\"local_ip\":\"\",\"endpoint_local_address_ip4\":\"\","
					 "\"reflexive_ip4\":\"198.51.100.1:4\"}"));
	CU_ASSERT(describe_mapped_agrees("-", "{\"local_ip\":\"\",\"endpoint_local_address_ip4\":\"\","
					      "\"reflexive_ip4\":\"\"}"));
	CU_ASSERT(describe_mapped_agrees("127.0.0.1:4",
					 "{\"local_ip\":\"\",\"endpoint_local_address_ip4\":\"\","
					 "\"reflexive_ip4\":\"\"}"));
	CU_ASSERT(describe_mapped_agrees("[2001:db8::1]:4",
					 "{\"local_ip\":\"\",\"endpoint_local_address_ip4\":\"\"}"));
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"device records", test_read},
		{"this host's description", test_describe},
		{"how the outside sees a device", test_outside},
		{"how the outside sees this host", test_describe_mapped},
		CU_TEST_INFO_NULL,
	};

	return suite_run("ipam-v4 agent", tests);
}
