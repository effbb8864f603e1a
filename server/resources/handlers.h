/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the route table points to for organizations, devices, users, invitations,
 * registration keys and feature flags. Each is a handler as server/http/request.h
 * describes it: runs on a worker, may read from the store, and either replies or
 * hands the request to a command of the store, which replies from its `done`.
 */
#ifndef NX_SERVER_RESOURCES_HANDLERS_H
#define NX_SERVER_RESOURCES_HANDLERS_H

struct nx_request;

/* organization_*.c */
void nx_organizations_list(struct nx_request *request);
void nx_organization_create(struct nx_request *request);
void nx_organization_show(struct nx_request *request);
void nx_organization_update(struct nx_request *request);
void nx_organization_delete(struct nx_request *request);
void nx_organization_devices(struct nx_request *request);
void nx_organization_device(struct nx_request *request);
void nx_organization_pools(struct nx_request *request);
void nx_organization_leases(struct nx_request *request);
void nx_organization_quarantine(struct nx_request *request);
void nx_organization_quarantine_end(struct nx_request *request);
void nx_renumbering_show(struct nx_request *request);
void nx_renumbering_start(struct nx_request *request);
void nx_renumbering_commit(struct nx_request *request);
void nx_renumbering_rollback(struct nx_request *request);
void nx_organization_users(struct nx_request *request);
void nx_organization_events(struct nx_request *request);

/* reservation.c */
void nx_reservations_list(struct nx_request *request);
void nx_reservation_create(struct nx_request *request);
void nx_reservation_show(struct nx_request *request);
void nx_reservation_delete(struct nx_request *request);

/* ipam_check.c */
void nx_ipam_check(struct nx_request *request);
void nx_ipam_check_all(struct nx_request *request);

/* device_*.c */
void nx_devices_list(struct nx_request *request);
void nx_device_create(struct nx_request *request);
void nx_device_show(struct nx_request *request);
void nx_device_update(struct nx_request *request);
void nx_device_delete(struct nx_request *request);

/* invitation.c */
void nx_invitations_list(struct nx_request *request);
void nx_invitation_create(struct nx_request *request);
void nx_invitation_delete(struct nx_request *request);
void nx_invitation_accept(struct nx_request *request);

/* user_*.c; a path's {id} may be "me" */
void nx_users_list(struct nx_request *request);
void nx_user_create_request(struct nx_request *request);
void nx_user_show(struct nx_request *request);
void nx_user_delete(struct nx_request *request);
void nx_user_leave(struct nx_request *request);
void nx_user_password(struct nx_request *request);

/* registration_key.c */
void nx_registration_keys_list(struct nx_request *request);
void nx_registration_key_create(struct nx_request *request);
void nx_registration_key_delete(struct nx_request *request);

/* fflag.c */
void nx_fflags_list(struct nx_request *request);
void nx_fflag_show(struct nx_request *request);

#endif
