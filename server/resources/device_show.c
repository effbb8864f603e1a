/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/devices and /api/devices/{id}: one's own. */
#include <stdlib.h>

#include "base/memory.h"
#include "server/resources/access.h"
#include "server/resources/device_show.h"
#include "server/resources/handlers.h"
#include "server/resources/reply.h"
#include "server/watch/hub.h"

void nx_device_show_write(void *server, const struct nx_value *record, struct nx_buffer *out)
{
	const struct nx_server *from = server;

	nx_device_write(from->fields, record, out);
	nx_json_extend(out, "online",
		       nx_watch_online(from->watch, record[NX_DEVICE_ID].text) ? "true" : "false");
}

struct showing {
	struct nx_request *request;
	struct nx_value *device;
};

static enum nx_status show_read(struct nx_tx *tx, void *context, struct nx_error *error)
{
	struct showing *showing = context;

	free(NX_TAKE(showing->device));
	return nx_device_find(nx_request_server(showing->request)->fields, tx,
			      nx_request_principal(showing->request),
			      nx_request_param(showing->request, "id"), &showing->device, error);
}

void nx_device_show(struct nx_request *request)
{
	struct showing showing = {.request = request};
	struct nx_server *server = nx_request_server(request);
	struct nx_buffer body = {0};
	struct nx_error error = {0};

	if (nx_store_read(server->store, show_read, &showing, &error) != NX_OK) {
		free(showing.device);
		nx_refuse(request, &error);
		return;
	}
	nx_device_show_write(server, showing.device, &body);
	free(showing.device);
	nx_reply_json(request, 200, &body);
}

static enum nx_status own_prepare(struct nx_request *request, struct nx_tx *tx, struct nx_list *list,
				  struct nx_error *error)
{
	const struct nx_principal *who = nx_request_principal(request);

	(void)tx;
	(void)error;
	list->from = who->kind == NX_PRINCIPAL_DEVICE ? "FROM devices WHERE id = $1"
						      : "FROM devices WHERE user_id = $1";
	list->params[list->param_count++] = NX_TEXT(who->id);
	list->write = nx_device_show_write;
	list->context = nx_request_server(request);
	return NX_OK;
}

void nx_devices_list(struct nx_request *request)
{
	nx_list_serve(request, &nx_request_server(request)->fields->devices, own_prepare);
}
