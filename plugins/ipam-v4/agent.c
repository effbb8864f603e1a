/* SPDX-License-Identifier: Apache-2.0 */
/* Agent half: provides family/inet. */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include "plugins/ipam-v4/family.h"
#include "plugins/ipam/agent.h"

/* The address stands alone, as /32: every peer has a host route, and the organization's prefix is routed only
 * where there is a relay to take it. */
static const struct ipam_kernel kernel = {
	.af = AF_INET,
	.on_link = false,
	.route_scope = RT_SCOPE_LINK,
	.route_source = true,
	.echo = {.protocol = IPPROTO_ICMP, .request = ICMP_ECHO, .reply = ICMP_ECHOREPLY, .header = true},
};

/* There is no Linux without IPv4. */
static bool supported(void *instance, char reason[static 160])
{
	(void)instance;
	reason[0] = '\0';
	return true;
}

static const struct nx_family_ops ops = {
	.size = sizeof(ops),
	.label = IPAM_V4_LABEL,
	.address_length = 4,
	.tunnel_overhead = 20, /* RFC 791, no options */
	.supported = supported,
	.read = ipam_record_read,
	.network_check = ipam_record_network_check,
	.describe_self = ipam_record_describe,
	.address_apply = ipam_address_apply,
	.routes_observe = ipam_routes_observe,
	.routes_apply = ipam_routes_apply,
	.source_address = ipam_source_address,
	.mtu_minimum = 576, /* RFC 791: what every host takes */
	.path_mtu = ipam_path_mtu,
	.echo_open = ipam_echo_open,
	.echo_send = ipam_echo_send,
	.echo_receive = ipam_echo_receive,
	.read_second = ipam_record_read_second,
	.addresses_apply = ipam_addresses_apply,
};

static const struct nx_provide provides[] = {{"family", "inet", &ops}};

static enum nx_status load(struct nx_host *host, const struct nx_services *services, void **instance,
			   struct nx_error *error)
{
	return ipam_agent_load(&ipam_v4_family, &kernel, host, services, instance, error);
}

static const struct nx_plugin plugin = {
	.magic = NX_PLUGIN_MAGIC,
	.size = sizeof(plugin),
	.abi_major = NX_ABI_MAJOR,
	.abi_minor = NX_ABI_MINOR,
	.role = NX_ROLE_AGENT,
	.name = "ipam-v4",
	.version = NEXODUS_VERSION,
	.license = "Apache-2.0",
	.summary = "IPv4 address and routes of this host",
	.provides = NX_TABLE(provides),
	.load = load,
	.unload = ipam_agent_unload,
};

const struct nx_plugin *nexodus_plugin(void)
{
	return &plugin;
}
