/* SPDX-License-Identifier: Apache-2.0 */
/* How the fields of relaying are called in records, for both halves. */
#ifndef RELAY_FIELDS_H
#define RELAY_FIELDS_H

#define RELAY_FIELD_HUB_ZONE "hub_zone"
#define RELAY_FIELD_RELAY "relay"
#define RELAY_FIELD_DISCOVERY "discovery"
#define RELAY_FIELD_SYMMETRIC_NAT "symmetric_nat"
#define RELAY_FIELD_RELAY_ID "relay_id"
#define RELAY_FIELD_DRAINING "relay_draining"

#endif
