/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE /api/devices/{id}: its owner, or the device itself. */
#include <stdlib.h>

#include "base/memory.h"
#include "server/resources/access.h"
#include "server/resources/device.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"

static enum nx_status deletion_run(struct nx_write *write, struct nx_tx *tx, struct nx_error *error)
{
	const struct nx_fields *fields = write->server->fields;
	NX_AUTO_FREE struct nx_value *device = NULL;
	enum nx_status status = nx_device_find(fields, tx, write->who, nx_request_param(write->request, "id"),
					       &device, error);

	if (status == NX_OK)
		status = nx_device_remove(write->server, tx, device, error);
	if (status == NX_OK)
		nx_device_write(fields, device, &write->body);
	return status;
}

void nx_device_delete(struct nx_request *request)
{
	struct nx_write *write = nx_write_new(request, sizeof(*write), 200, deletion_run);

	nx_write_submit(write);
}
