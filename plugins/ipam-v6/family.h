/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6: its rules and the names of its fields, for both halves. */
#ifndef IPAM_V6_FAMILY_H
#define IPAM_V6_FAMILY_H

#include "plugins/ipam/family.h"

#define IPAM_V6_LABEL "IPv6"
#define IPAM_V6_PREFIX "organization_prefix_v6"
#define IPAM_V6_ADDRESS "tunnel_ip_v6"
#define IPAM_V6_SECOND_PREFIX "organization_prefix_second_v6"
#define IPAM_V6_SECOND_ADDRESS "tunnel_ip_second_v6"
#define IPAM_V6_ENDPOINT "local_ip_v6"
#define IPAM_V6_REFLEXIVE "reflexive_ip6"
#define IPAM_V6_SUPPORTED "ipv6_supported"

extern const struct ipam_family ipam_v6_family;

#endif
