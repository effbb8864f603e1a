/* SPDX-License-Identifier: Apache-2.0 */
/* Random meshes, as an agent would show them to a relay policy. */
#ifndef NX_CHECK_RELAY_MESH_H
#define NX_CHECK_RELAY_MESH_H

#include <nexodus/relay.h>

#include "check/check.h"

#define MESH_MEMBERS 12
#define MESH_FAMILIES 2
#define MESH_CHILDREN 2

struct mesh_member {
	struct nx_member member;
	char id[NX_DEVICE_ID_TEXT];
	struct nx_member_family families[MESH_FAMILIES];
	struct nx_prefix children[MESH_CHILDREN]; /* of no other member */
};

/* Flat, so that two states of it can be compared as bytes. */
struct mesh_world {
	struct mesh_member members[MESH_MEMBERS]; /* ascending by id */
	size_t count;
	enum nx_direct direct[MESH_MEMBERS][MESH_MEMBERS]; /* both ends of a pair have found the same */
	const struct nx_member *relays[MESH_MEMBERS];
	size_t relay_count;
	const struct nx_member *carried[MESH_MEMBERS];
};

/* The world must stay where it is: it points into itself. */
void mesh_make(struct check *check, struct mesh_world *out);
/* The mesh as member `self` sees it, without what relays carry. */
struct nx_mesh mesh_view(struct check *check, struct mesh_world *world, size_t self);
/* Fill in what `member` carries for the view's own host. */
void mesh_carry(struct check *check, struct mesh_world *world, struct nx_mesh *mesh,
		const struct nx_member *member);

/* How many meshes a check tries. */
uint64_t mesh_rounds(const struct check *check);

void relay_check_plan(struct check *check); /* relay_plan.c */

#endif
