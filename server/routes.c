/* SPDX-License-Identifier: Apache-2.0 */
/* Every path that the server answers. A new row needs a row in the tests' matrix of who may
 * do what, which is generated from here, and a path in docs/openapi.json. */
#include "server/auth/oauth.h"
#include "server/http/route.h"
#include "server/http/status.h"
#include "server/resources/handlers.h"
#include "server/stun/stun.h"

#include "base/memory.h"

#define USER NX_PRINCIPAL_USER
#define DEVICE NX_PRINCIPAL_DEVICE
#define KEY NX_PRINCIPAL_KEY
#define EVERYBODY 0

/* A row: method and pattern, who may ask and what they need besides, the handler, and what
 * else is to be said of it. */
#define ROUTE(verb, path, who, needs, handler, ...)                                                          \
	{                                                                                                    \
		.method = verb, .pattern = path, .access = who, .rule = needs, .handle = handler,            \
		__VA_ARGS__                                                                                  \
	}

#define ORGANIZATION "/api/organizations/{organization}"
#define USER_ID "/api/users/{id}"

/* clang-format off */
const struct nx_route nx_routes[] = {
	ROUTE("GET", "/api/organizations", USER, "", nx_organizations_list),
	ROUTE("POST", "/api/organizations", USER, "", nx_organization_create),
	ROUTE("GET", ORGANIZATION, USER | DEVICE, "member", nx_organization_show),
	ROUTE("PATCH", ORGANIZATION, USER, "owner", nx_organization_update),
	ROUTE("DELETE", ORGANIZATION, USER, "owner", nx_organization_delete),
	ROUTE("GET", ORGANIZATION "/devices", USER | DEVICE, "member", nx_organization_devices),
	ROUTE("GET", ORGANIZATION "/devices/{id}", USER | DEVICE, "member", nx_organization_device),
	ROUTE("GET", ORGANIZATION "/pools", USER, "member", nx_organization_pools),
	ROUTE("GET", ORGANIZATION "/leases", USER, "member", nx_organization_leases),
	ROUTE("GET", ORGANIZATION "/reservations", USER, "member", nx_reservations_list),
	ROUTE("POST", ORGANIZATION "/reservations", USER, "owner", nx_reservation_create),
	ROUTE("GET", ORGANIZATION "/reservations/{id}", USER, "member", nx_reservation_show),
	ROUTE("DELETE", ORGANIZATION "/reservations/{id}", USER, "owner", nx_reservation_delete),
	ROUTE("GET", ORGANIZATION "/quarantine", USER, "member", nx_organization_quarantine),
	ROUTE("DELETE", ORGANIZATION "/quarantine/{address}", USER, "owner", nx_organization_quarantine_end, .text = "address"),
	ROUTE("POST", ORGANIZATION "/ipam-check", USER, "owner", nx_ipam_check),
	ROUTE("GET", ORGANIZATION "/renumbering", USER, "owner", nx_renumbering_show),
	ROUTE("POST", ORGANIZATION "/renumbering", USER, "owner", nx_renumbering_start),
	ROUTE("POST", ORGANIZATION "/renumbering/commit", USER, "owner", nx_renumbering_commit),
	ROUTE("POST", ORGANIZATION "/renumbering/rollback", USER, "owner", nx_renumbering_rollback),
	ROUTE("GET", ORGANIZATION "/users", USER, "member", nx_organization_users),
	ROUTE("POST", ORGANIZATION "/events", USER | DEVICE, "member", nx_organization_events),
	ROUTE("GET", ORGANIZATION "/registration-keys", USER, "member", nx_registration_keys_list),
	ROUTE("POST", ORGANIZATION "/registration-keys", USER, "owner", nx_registration_key_create),
	ROUTE("DELETE", ORGANIZATION "/registration-keys/{key}", USER, "owner", nx_registration_key_delete),

	ROUTE("POST", "/api/ipam-check", USER, "administrator", nx_ipam_check_all),

	ROUTE("GET", "/api/devices", USER, "", nx_devices_list),
	ROUTE("POST", "/api/devices", USER | KEY, "member", nx_device_create),
	ROUTE("GET", "/api/devices/{id}", USER | DEVICE, "own", nx_device_show),
	ROUTE("PATCH", "/api/devices/{id}", USER | DEVICE, "own", nx_device_update),
	ROUTE("DELETE", "/api/devices/{id}", USER | DEVICE, "own", nx_device_delete),

	ROUTE("GET", "/api/invitations", USER, "", nx_invitations_list),
	ROUTE("POST", "/api/invitations", USER, "owner", nx_invitation_create),
	ROUTE("DELETE", "/api/invitations/{invitation}", USER, "own", nx_invitation_delete),
	ROUTE("POST", "/api/invitations/{invitation}/accept", USER, "own", nx_invitation_accept),

	ROUTE("GET", "/api/users", USER, "", nx_users_list),
	ROUTE("POST", "/api/users", USER, "administrator", nx_user_create_request, .slow = true),
	ROUTE("GET", USER_ID, USER, "own", nx_user_show, .text = "id"),
	ROUTE("DELETE", USER_ID, USER, "own", nx_user_delete, .text = "id"),
	ROUTE("POST", USER_ID "/password", USER, "own", nx_user_password, .text = "id", .slow = true),
	ROUTE("DELETE", USER_ID "/organizations/{organization}", USER, "own", nx_user_leave, .text = "id"),

	ROUTE("GET", "/api/fflags", USER | DEVICE, "", nx_fflags_list),
	ROUTE("GET", "/api/fflags/{name}", USER | DEVICE, "", nx_fflag_show, .text = "name"),
	ROUTE("GET", "/api/stun", USER | DEVICE, "", nx_stun_servers_show),

	ROUTE("POST", "/oauth/token", EVERYBODY, "", nx_oauth_token, .slow = true),
	ROUTE("POST", "/oauth/revoke", EVERYBODY, "", nx_oauth_revoke),

	ROUTE("GET", "/api/openapi.json", EVERYBODY, "", nx_openapi_show),
	ROUTE("GET", "/live", EVERYBODY, "", nx_live, .direct = true),
	ROUTE("GET", "/ready", EVERYBODY, "", nx_ready),
	ROUTE("GET", "/metrics", EVERYBODY, "", nx_metrics_show),
};
/* clang-format on */

const size_t nx_route_count = NX_COUNT(nx_routes);
