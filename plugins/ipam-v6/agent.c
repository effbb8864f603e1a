/* SPDX-License-Identifier: Apache-2.0 */
/* Agent half: provides family/inet6. */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <sys/socket.h>

#include "plugins/ipam-v6/diagnose.h"
#include "plugins/ipam-v6/family.h"
#include "plugins/ipam-v6/support.h"
#include "plugins/ipam/agent.h"

/* The address carries its organization's prefix length. Nobody else can have it (the server gave it to us
 * alone), so that looking for duplicates would only delay it. */
static const struct ipam_kernel kernel = {
	.af = AF_INET6,
	.on_link = true,
	.address_flags = IFA_F_NODAD,
	.route_scope = RT_SCOPE_UNIVERSE,
	.route_metric = 1024, /* IP6_RT_PRIO_USER, what the kernel takes when none is given */
	.echo = {.protocol = IPPROTO_ICMPV6, .request = ICMP6_ECHO_REQUEST, .reply = ICMP6_ECHO_REPLY},
};

static bool supported(void *instance, char reason[static 160])
{
	const struct ipam_agent *agent = instance;

	return ipam_v6_supported("", agent->services->agent->interface_name(agent->host), reason);
}

static void diagnose(void *instance, const struct nx_diagnosis *diagnosis)
{
	(void)instance;
	ipam_v6_diagnose("", diagnosis);
}

static const struct nx_family_ops ops = {
	.size = sizeof(ops),
	.label = IPAM_V6_LABEL,
	.address_length = 16,
	.tunnel_overhead = 40, /* RFC 8200, no extension headers */
	.supported = supported,
	.read = ipam_record_read,
	.network_check = ipam_record_network_check,
	.describe_self = ipam_record_describe,
	.address_apply = ipam_address_apply,
	.routes_observe = ipam_routes_observe,
	.routes_apply = ipam_routes_apply,
	.source_address = ipam_source_address,
	.diagnose = diagnose,
	.mtu_minimum = 1280, /* RFC 8200 §5 */
	.path_mtu = ipam_path_mtu,
	.echo_open = ipam_echo_open,
	.echo_send = ipam_echo_send,
	.echo_receive = ipam_echo_receive,
	.read_second = ipam_record_read_second,
	.addresses_apply = ipam_addresses_apply,
};

static const struct nx_provide provides[] = {{"family", "inet6", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	return ipam_agent_load(&ipam_v6_family, &kernel, host, services, instance, error);
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_AGENT,
	.name = "ipam-v6",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "IPv6 address and routes of this host",
	.provides = NX_TABLE(provides),
	.load = load,
	.unload = ipam_agent_unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
