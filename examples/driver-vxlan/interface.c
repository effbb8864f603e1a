/* SPDX-License-Identifier: Apache-2.0 */
#include "interface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "key_file.h"
#include "link.h"

/* How many ports are tried where any will do. */
enum { PORT_TRIES = 8, PORT_FIRST = 49152, PORT_COUNT = 16383 };

/* An interface on its way up. */
struct ascent {
	struct vx_driver *driver;
	const struct nx_interface_request *request;
	struct vx_tunnel tunnel;
	uint32_t mtu;
	bool adopted;
};

/* --- names --------------------------------------------------------------------------------- */

/* "wg0-4" and "wg0-6" are the devices in "wg0". */
static void port_name(const char *name, int underlay, char out[static IF_NAMESIZE])
{
	snprintf(out, IF_NAMESIZE, "%.*s-%c", IF_NAMESIZE - 3, name, underlay == VX_OVER_IPV6 ? '6' : '4');
}

static enum nx_status name_judge(const struct vx_driver *driver, const char *name, struct nx_error *error)
{
	size_t length = strlen(name);

	if (length && length <= IF_NAMESIZE - 3 && !strpbrk(name, "/: \t\n") && name[0] != '.')
		return NX_OK;
	return driver->services->fail(
		error, NX_INVALID, NULL,
		"\"%.32s\" cannot be the interface's name: it must be of 1 to %d letters, "
		"as two more name the devices in it",
		name, IF_NAMESIZE - 3);
}

static enum nx_status refuse_foreign(const struct vx_driver *driver, const char *name, const char *why,
				     struct nx_error *error)
{
	return driver->services->fail(
		error, NX_CONFLICT, NULL,
		"interface %s exists and is not ours: %s. Choose another --interface, or "
		"remove it (ip link delete %s)",
		name, why, name);
}

/* --- the bridge ------------------------------------------------------------------------------ */

/* A bridge with our Ethernet address is ours: nobody else draws these 46 bits. */
static enum nx_status bridge_obtain(struct ascent *ascent, struct nx_error *error)
{
	const struct vx_driver *driver = ascent->driver;
	const char *name = ascent->tunnel.name;
	struct vx_link link;
	enum nx_status status = vx_link_find(driver, name, &link, error);

	if (status == NX_NOT_FOUND) {
		status = vx_bridge_make(driver, name, error);
		if (!status)
			status = vx_link_find(driver, name, &link, error);
	} else if (!status && strcmp(link.kind, "bridge") != 0) {
		return refuse_foreign(driver, name, "it is no bridge", error);
	} else if (!status && !vx_mac_same(&link.mac, &driver->mac)) {
		return refuse_foreign(driver, name, "its Ethernet address is not made of this host's key",
				      error);
	} else {
		ascent->adopted = !status;
	}
	if (!status)
		ascent->tunnel.index = link.index;
	return status;
}

/* --- the devices in it ------------------------------------------------------------------------ */

/* What stands of them stays, if it is ours and has the wanted port; with any port, the one it has is wanted.
 */
static enum nx_status port_find(struct ascent *ascent, int underlay, uint16_t *port, struct nx_error *error)
{
	const struct vx_driver *driver = ascent->driver;
	char name[IF_NAMESIZE];
	struct vx_link link;
	enum nx_status status;

	port_name(ascent->tunnel.name, underlay, name);
	status = vx_link_find(driver, name, &link, error);
	if (status)
		return status == NX_NOT_FOUND ? NX_OK : status;
	if (strcmp(link.kind, "vxlan") != 0 || link.master != ascent->tunnel.index)
		return refuse_foreign(driver, name, "it is no VXLAN device in our bridge", error);
	if (!*port)
		*port = link.port;
	if (link.vni != driver->vni || link.port != *port)
		return vx_link_delete(driver, link.index, error);
	ascent->tunnel.ports[underlay] = link.index;
	return NX_OK;
}

static enum nx_status port_obtain(struct ascent *ascent, int underlay, uint16_t port, struct nx_error *error)
{
	const struct vx_driver *driver = ascent->driver;
	int *index = &ascent->tunnel.ports[underlay];
	char name[IF_NAMESIZE];
	enum nx_status status = NX_OK;
	struct vx_link link;

	port_name(ascent->tunnel.name, underlay, name);
	if (!*index) {
		status = vx_port_make(driver, name, ascent->tunnel.index, underlay, port, error);
		if (!status)
			status = vx_link_find(driver, name, &link, error);
		if (!status)
			*index = link.index;
	}
	if (!status)
		status = vx_port_settle(driver, *index, error);
	if (!status)
		status = vx_link_settle(driver, *index, ascent->mtu, error);
	return status;
}

static void ports_delete(struct ascent *ascent)
{
	for (int underlay = 0; underlay < VX_UNDERLAYS; underlay++) {
		if (ascent->tunnel.ports[underlay])
			vx_link_delete(ascent->driver, ascent->tunnel.ports[underlay], NULL);
		ascent->tunnel.ports[underlay] = 0;
	}
}

/* Both at one port, for a host tells one. A kernel that was started without IPv6 does without the second. */
static enum nx_status ports_open(struct ascent *ascent, uint16_t port, struct nx_error *error)
{
	enum nx_status status = port_obtain(ascent, VX_OVER_IPV4, port, error);

	if (status)
		return status;
	status = port_obtain(ascent, VX_OVER_IPV6, port, error);
	if (status == NX_UNSUPPORTED) {
		if (ascent->tunnel.ports[VX_OVER_IPV6])
			vx_link_delete(ascent->driver, ascent->tunnel.ports[VX_OVER_IPV6], NULL);
		ascent->tunnel.ports[VX_OVER_IPV6] = 0;
		status = NX_OK;
	}
	if (!status)
		ascent->tunnel.listen_port = port;
	return status;
}

static uint16_t port_draw(const struct vx_driver *driver)
{
	uint16_t draw;

	driver->services->random_bytes(&draw, sizeof(draw));
	return (uint16_t)(PORT_FIRST + draw % PORT_COUNT);
}

/* The wanted port, or else the one that there is, or else VXLAN's own, or else any that is free. */
static enum nx_status ports_obtain(struct ascent *ascent, struct nx_error *error)
{
	uint16_t port = ascent->request->listen_port;
	bool any = !port;
	enum nx_status status = port_find(ascent, VX_OVER_IPV4, &port, error);

	if (!status)
		status = port_find(ascent, VX_OVER_IPV6, &port, error);
	if (status)
		return status;
	if (!port)
		port = VX_DEFAULT_PORT;
	for (int tries = 0; tries < PORT_TRIES; tries++) {
		status = ports_open(ascent, port, error);
		if (status != NX_CONFLICT || !any)
			break;
		ports_delete(ascent);
		port = port_draw(ascent->driver);
	}
	return status;
}

/* --- up and down ------------------------------------------------------------------------------ */

static enum nx_status ascend(struct ascent *ascent, struct nx_error *error)
{
	const struct vx_driver *driver = ascent->driver;
	enum nx_status status = bridge_obtain(ascent, error);

	if (!status)
		status = ports_obtain(ascent, error);
	if (!status)
		status = vx_bridge_settle(driver, ascent->tunnel.name, ascent->tunnel.index, error);
	if (!status)
		status = vx_link_settle(driver, ascent->tunnel.index, ascent->mtu, error);
	if (!status || ascent->adopted || !ascent->tunnel.index)
		return status;
	ports_delete(ascent);
	vx_link_delete(driver, ascent->tunnel.index, NULL);
	return status;
}

enum nx_status vx_interface_up(struct vx_driver *driver, const struct nx_interface_request *request,
			       struct nx_interface *out, struct nx_error *error)
{
	struct ascent ascent = {
		.driver = driver, .request = request, .mtu = request->mtu ? request->mtu : VX_DEFAULT_MTU};
	struct vx_key key;
	enum nx_status status = name_judge(driver, request->name, error);

	if (!status)
		status = vx_key_obtain(driver, request->state_directory, &key, error);
	if (status)
		return status;
	driver->mac = vx_key_mac(&key);
	snprintf(ascent.tunnel.name, sizeof(ascent.tunnel.name), "%s", request->name);
	status = ascend(&ascent, error);
	if (status)
		return status;
	if (!ascent.adopted)
		vx_table_clear(&driver->table);
	driver->tunnel = ascent.tunnel;
	out->index = ascent.tunnel.index;
	out->listen_port = ascent.tunnel.listen_port;
	out->mtu = ascent.mtu;
	out->adopted = ascent.adopted;
	snprintf(out->backend, sizeof(out->backend), "kernel");
	return NX_OK;
}

static bool link_stands(const struct vx_driver *driver, const char *name, int index)
{
	struct vx_link link;

	return vx_link_find(driver, name, &link, NULL) == NX_OK && link.index == index && link.up;
}

bool vx_interface_stands(const struct vx_driver *driver)
{
	const struct vx_tunnel *tunnel = &driver->tunnel;
	bool stands = tunnel->index && link_stands(driver, tunnel->name, tunnel->index);

	for (int underlay = 0; underlay < VX_UNDERLAYS && stands; underlay++) {
		char name[IF_NAMESIZE];

		port_name(tunnel->name, underlay, name);
		stands = !tunnel->ports[underlay] || link_stands(driver, name, tunnel->ports[underlay]);
	}
	return stands;
}

enum nx_status vx_interface_mtu(const struct vx_driver *driver, uint32_t mtu, struct nx_error *error)
{
	enum nx_status status = NX_OK;

	for (int underlay = 0; underlay < VX_UNDERLAYS && !status; underlay++) {
		if (driver->tunnel.ports[underlay])
			status = vx_link_settle(driver, driver->tunnel.ports[underlay], mtu, error);
	}
	if (!status)
		status = vx_link_settle(driver, driver->tunnel.index, mtu, error);
	/* IPv6 forgets its settings on an interface that was too narrow for it. */
	return status ? status : vx_bridge_settle(driver, driver->tunnel.name, driver->tunnel.index, error);
}

/* Only what is ours by now: the name may have become another's. The devices do not go with their bridge. */
void vx_interface_down(struct vx_driver *driver)
{
	struct ascent ascent = {.driver = driver, .tunnel = driver->tunnel};
	struct vx_link link;
	struct nx_error error;

	vx_table_clear(&driver->table);
	if (!driver->tunnel.index)
		return;
	driver->tunnel = (struct vx_tunnel){0};
	if (vx_link_find(driver, ascent.tunnel.name, &link, NULL) != NX_OK ||
	    link.index != ascent.tunnel.index || !vx_mac_same(&link.mac, &driver->mac))
		return;
	ports_delete(&ascent);
	if (vx_link_delete(driver, ascent.tunnel.index, &error))
		driver->services->log(driver->host, NX_LOG_WARNING, "interface %s is left in place: %s",
				      ascent.tunnel.name, error.message);
}
