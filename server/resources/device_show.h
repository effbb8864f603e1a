/* SPDX-License-Identifier: Apache-2.0 */
/* Devices as GETs show them. */
#ifndef NX_SERVER_RESOURCES_DEVICE_SHOW_H
#define NX_SERVER_RESOURCES_DEVICE_SHOW_H

#include "server/resources/list.h"

/* For struct nx_list: with `online`. `server` is the struct nx_server. */
void nx_device_show_write(void *server, const struct nx_value *record, struct nx_buffer *out);

#endif
