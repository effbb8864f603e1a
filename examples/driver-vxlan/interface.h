/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of the mesh: made, adopted, refused, taken away. */
#ifndef VX_INTERFACE_H
#define VX_INTERFACE_H

#include "instance.h"

enum nx_status vx_interface_up(struct vx_driver *driver, const struct nx_interface_request *request,
			       struct nx_interface *out, struct nx_error *error);
bool vx_interface_stands(const struct vx_driver *driver);
enum nx_status vx_interface_mtu(const struct vx_driver *driver, uint32_t mtu, struct nx_error *error);
void vx_interface_down(struct vx_driver *driver);

#endif
