/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4: its rules and the names of its fields, for both halves. */
#ifndef IPAM_V4_FAMILY_H
#define IPAM_V4_FAMILY_H

#include "plugins/ipam/family.h"

#define IPAM_V4_LABEL "IPv4"
#define IPAM_V4_PREFIX "organization_prefix"
#define IPAM_V4_ADDRESS "tunnel_ip"
#define IPAM_V4_SECOND_PREFIX "organization_prefix_second"
#define IPAM_V4_SECOND_ADDRESS "tunnel_ip_second"
#define IPAM_V4_ENDPOINT "local_ip"
#define IPAM_V4_REFLEXIVE "reflexive_ip4"
#define IPAM_V4_LOCAL_ADDRESS "endpoint_local_address_ip4"

extern const struct ipam_family ipam_v4_family;

#endif
