/* SPDX-License-Identifier: Apache-2.0 */
/* The IPv6 agent half: what it believes of a server, what it says of its host, and whether the host can do
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/ipam-v6/diagnose.h"
#include "plugins/ipam-v6/support.h"
#include "plugins/ipam/tests/record_model.h"
#include "plugins/ipam/tests/suite.h"

#define RECORD(rest) "{\"organization_prefix_v6\":\"fd00:7::/64\",\"tunnel_ip_v6\":\"fd00:7::7\"" rest "}"
#define PREFIXED(prefix, address)                                                                            \
	"{\"organization_prefix_v6\":\"" prefix "\",\"tunnel_ip_v6\":\"" address "\"}"

static const struct record_case cases[] = {
	{"plain", RECORD(""), NULL, "fd00:7::7", "fd00:7::/64", ""},
	{"endpoint", RECORD(",\"local_ip_v6\":\"[2001:db8::7]:51820\",\"ipv6_supported\":true"), NULL,
	 "fd00:7::7", "fd00:7::/64", "[2001:db8::7]:51820"},
	{"another prefix length", PREFIXED("2001:db8::/48", "2001:db8:0:9::1"), NULL, "2001:db8:0:9::1",
	 "2001:db8::/48", ""},
	{"a host without IPv6", RECORD(",\"ipv6_supported\":false"), NULL, "", "", ""},
	{"no address", PREFIXED("fd00:7::/64", ""), NULL, "", "", ""},
	{"no field", "{}", NULL, "", "", ""},

	{"the default route", PREFIXED("::/0", "2001:db8::1"), "too large", "", "", ""},
	{"all global addresses", PREFIXED("2000::/3", "2001:db8::1"), "too large", "", "", ""},
	{"a single address", PREFIXED("fd00:7::7/128", "fd00:7::7"), "too small", "", "", ""},
	{"link-local", PREFIXED("fe80::/64", "fe80::1"), "link-local", "", "", ""},
	{"multicast", PREFIXED("ff02::/64", "ff02::1"), "multicast", "", "", ""},
	{"loopback", PREFIXED("::/64", "::1"), "loopback", "", "", ""},
	{"IPv4-mapped", PREFIXED("::ffff:0:0/96", "::ffff:1.2.3.4"), "IPv4-mapped", "", "", ""},
	{"outside", PREFIXED("fd00:7::/64", "fd00:8::1"), "outside", "", "", ""},
	{"the subnet routers' address", PREFIXED("fd00:7::/64", "fd00:7::"), "reserved", "", "", ""},
	{"the other family", PREFIXED("fd00:7::/64", "100.100.0.7"), "no address of its family", "", "", ""},

	{"link-local endpoint", RECORD(",\"local_ip_v6\":\"[fe80::1]:51820\""), NULL, "fd00:7::7",
	 "fd00:7::/64", ""},
	{"loopback endpoint", RECORD(",\"local_ip_v6\":\"[::1]:51820\""), NULL, "fd00:7::7", "fd00:7::/64",
	 ""},
	{"an endpoint inside the tunnel", RECORD(",\"local_ip_v6\":\"[fd00:7::9]:51820\""), NULL, "fd00:7::7",
	 "fd00:7::/64", ""},
	{"the other family's endpoint", RECORD(",\"local_ip_v6\":\"192.0.2.1:51820\""), NULL, "fd00:7::7",
	 "fd00:7::/64", ""},
};

static void test_read(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT(record_agrees(&cases[i]));
}

static void test_describe(void)
{
	CU_ASSERT(describe_agrees(true, "[2001:db8::7]:51820", "fd00:7::7",
				  "{\"ipv6_supported\":true,\"local_ip_v6\":\"[2001:db8::7]:51820\","
				  "\"tunnel_ip_v6\":\"fd00:7::7\"}"));
	CU_ASSERT(describe_agrees(false, "192.0.2.1:51820", "100.100.0.7",
				  "{\"ipv6_supported\":false,\"local_ip_v6\":\"\"}"));
}

static void test_outside(void)
{
	CU_ASSERT(outside_agrees(
		RECORD(",\"local_ip_v6\":\"[2001:db8::7]:1\",\"reflexive_ip6\":\"[2001:db8::8]:4\""),
		"[2001:db8::8]:4", true));
	CU_ASSERT(outside_agrees(RECORD(",\"reflexive_ip6\":\"[fe80::8]:4\""), "", false));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip_v6\":\"[2a00::1]:1\""), "", true));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip_v6\":\"[3fff::1]:1\""), "", true));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip_v6\":\"[fd00::1]:1\""), "", false));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip_v6\":\"[4000::1]:1\""), "", false));
	CU_ASSERT(outside_agrees(RECORD(",\"local_ip_v6\":\"[200::1]:1\""), "", false));
}

static void test_describe_mapped(void)
{
	CU_ASSERT(describe_mapped_agrees("", "{\"ipv6_supported\":true,\"local_ip_v6\":\"\"}"));
	CU_ASSERT(describe_mapped_agrees("[2001:db8::8]:4", "{\"ipv6_supported\":true,\"local_ip_v6\":\"\","
							    "\"reflexive_ip6\":\"[2001:db8::8]:4\"}"));
	CU_ASSERT(describe_mapped_agrees(
		"-", "{\"ipv6_supported\":true,\"local_ip_v6\":\"\",\"reflexive_ip6\":\"\"}"));
}

/* --- a host's /proc
 * ----------------------------------------------------------------------------------------------- */

static char root[] = "/tmp/ipam-v6-support.XXXXXX";

/* Write (or, with NULL, remove) a file below the root. */
static void file_set(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	if (!text) {
		unlink(path);
		return;
	}
	for (char *slash = strchr(path + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	FILE *file = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static bool refused(const char *part)
{
	char reason[160] = "";

	return !ipam_v6_supported(root, "wg0", reason) && strstr(reason, part);
}

static bool taken(void)
{
	char reason[160];

	return ipam_v6_supported(root, "wg0", reason) && !reason[0];
}

#define CONF "proc/sys/net/ipv6/conf/"
#define NETWORK "sys/class/net/"
#define SYSCTL "etc/sysctl.d/50-x.conf"

static void test_support(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	CU_ASSERT(refused("ipv6.disable=1"));
	file_set("proc/net/if_inet6", "");
	file_set(CONF "all/disable_ipv6", "0\n");
	file_set(CONF "default/disable_ipv6", "0\n");
	CU_ASSERT(taken());
	file_set(CONF "default/disable_ipv6", "1\n");
	CU_ASSERT(refused("net.ipv6.conf.default.disable_ipv6"));
	/* Once the interface is there it is the one that counts. */
	file_set(CONF "wg0/disable_ipv6", "0\n");
	CU_ASSERT(taken());
	file_set(CONF "wg0/disable_ipv6", "1\n");
	CU_ASSERT(refused("net.ipv6.conf.wg0.disable_ipv6"));
	file_set(CONF "wg0/disable_ipv6", "0\n");
	file_set(NETWORK "wg0/mtu", "1279\n");
	CU_ASSERT(refused("the MTU of wg0"));
	file_set(NETWORK "wg0/mtu", "1280\n");
	CU_ASSERT(taken());
	file_set(CONF "all/disable_ipv6", "1\n");
	CU_ASSERT(refused("net.ipv6.conf.all.disable_ipv6"));
}

/* --- what the doctor says of it ----------------------------------------------------------------------- */

struct said {
	char ipv6[512]; /* what, and the remedy */
	char mtu[512];
};

static void hear(void *context, const struct nx_finding *finding)
{
	struct said *said = context;
	char *out = strcmp(finding->check, "ipv6") == 0 ? said->ipv6 : said->mtu;

	snprintf(out, sizeof(said->ipv6), "%s|%s", finding->what, finding->remedy);
}

static bool says(const char *ipv6, const char *mtu)
{
	struct said said = {0};
	const struct nx_diagnosis diagnosis = {.size = sizeof(diagnosis),
					       .interface = "nxtest0",
					       .mtu = 1200,
					       .report = hear,
					       .context = &said};

	ipam_v6_diagnose(root, &diagnosis);
	return strstr(said.ipv6, ipv6) && strstr(said.mtu, mtu);
}

/* The file that switches IPv6 off, and no other one. */
static bool blames(const char *line, const char *remedy)
{
	file_set(SYSCTL, line);
	return says(remedy, "");
}

#define BLAMED "Take disable_ipv6 out of /etc/sysctl.d/50-x.conf"
#define FREE "no file below /etc/sysctl.d sets it"

static void test_diagnosis(void)
{
	CU_ASSERT(says("net.ipv6.conf.all.disable_ipv6 is 1|Set it to 0", ""));
	CU_ASSERT(blames("net.ipv6.conf.all.disable_ipv6 = 1\n", BLAMED));
	CU_ASSERT(blames("# IPv6\n-net/ipv6/conf/all/disable_ipv6=1", BLAMED));
	CU_ASSERT(blames("net.ipv6.conf.*.disable_ipv6=1\n", BLAMED));
	CU_ASSERT(blames("#net.ipv6.conf.all.disable_ipv6 = 1\n", FREE));
	CU_ASSERT(blames("net.ipv6.conf.all.disable_ipv6 = 0\n", FREE));
	CU_ASSERT(blames("net.ipv6.conf.eth5.disable_ipv6 = 1\n", FREE));
	CU_ASSERT(blames("net.ipv6.conf.default.disable_ipv6 = 1\n", FREE));
	file_set(CONF "all/disable_ipv6", "0\n");
	file_set(CONF "nxtest0/disable_ipv6", "1\n");
	CU_ASSERT(says("net.ipv6.conf.nxtest0.disable_ipv6 is 1|" BLAMED, ""));
	CU_ASSERT(blames("net.ipv6.conf.nxtest0.disable_ipv6 = 1\n", BLAMED));
	CU_ASSERT(blames("net.ipv6.conf.eth5.disable_ipv6 = 1\n", FREE));
	file_set(CONF "nxtest0/disable_ipv6", "0\n");
	file_set(NETWORK "nxtest0/mtu", "1200\n");
	/* A tunnel whose packets are too small is no switch: there is nothing to be turned. */
	CU_ASSERT(says("this host can do IPv6|",
		       "the MTU of nxtest0 is 1200, and IPv6 needs 1280|Set mtu to 1280"));
}

static void root_remove(void)
{
	static const char *const files[] = {SYSCTL,
					    "proc/net/if_inet6",
					    CONF "all/disable_ipv6",
					    CONF "default/disable_ipv6",
					    CONF "wg0/disable_ipv6",
					    CONF "nxtest0/disable_ipv6",
					    NETWORK "wg0/mtu",
					    NETWORK "nxtest0/mtu"};
	static const char *const folders[] = {CONF "all",     CONF "default", CONF "wg0",
					      CONF "nxtest0", CONF,	      "proc/sys/net/ipv6",
					      "proc/sys/net", "proc/sys",     "proc/net",
					      "proc",	      NETWORK "wg0",  NETWORK "nxtest0",
					      NETWORK,	      "sys/class",    "sys",
					      "etc/sysctl.d", "etc",	      ""};
	char path[256];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		file_set(files[i], NULL);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		rmdir(path);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"device records", test_read},
		{"this host's description", test_describe},
		{"how the outside sees a device", test_outside},
		{"how the outside sees this host", test_describe_mapped},
		{"hosts without IPv6", test_support},
		{"what the doctor says of them", test_diagnosis},
		CU_TEST_INFO_NULL,
	};
	int result = suite_run("ipam-v6 agent", tests);

	root_remove();
	return result;
}
