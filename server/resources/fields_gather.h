/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of nx_fields_new(): begin, families, then plugins, end. Inside of fields.h, and for tests. */
#ifndef NX_SERVER_RESOURCES_FIELDS_GATHER_H
#define NX_SERVER_RESOURCES_FIELDS_GATHER_H

#include "server/resources/fields.h"

struct nx_fields *nx_fields_begin(void);
/* Both keep pointers into what they are given, for as long as the fields live. */
enum nx_status nx_fields_family_add(struct nx_fields *fields, const struct nx_capability *capability,
				    struct nx_error *error);
enum nx_status nx_fields_plugin_add(struct nx_fields *fields, const struct nx_plugin *plugin,
				    struct nx_error *error);
enum nx_status nx_fields_end(struct nx_fields *fields, struct nx_error *error);

#endif
