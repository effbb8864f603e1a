/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it would do, or has done, to bring a plugin into the database or to take one away: found by doing
 * it, on a copy or for real, never by guessing. Control thread.
 */
#ifndef NX_SERVER_PLAN_H
#define NX_SERVER_PLAN_H

#include <stdio.h>

#include "base/address.h"
#include "base/secret.h"
#include "server/resources/index.h"
#include "server/store/rehearsal.h"

/* A migration that is applied, or undone. */
struct nx_plan_step {
	char *component, *name, *sql;
	int64_t number;
};

struct nx_texts {
	char **items;
	size_t count;
};

/* What changes for an organization in one family. */
struct nx_plan_organization {
	struct nx_index_entry by_id; /* the first of its organization; others follow */
	char id[NX_UUID_TEXT];
	char *name;
	char *family; /* its label, or only its key when the plugin is not loaded; NULL: none yet */
	char prefix[NX_ADDRESS_TEXT]; /* that comes, stands already, or goes; "" when there is none */
	uint64_t capacity;	      /* adding: devices that the prefix has room for; 0: not known */
	int64_t devices;	      /* that it has */
	int64_t addresses;	      /* that are given, or lost */
	int64_t unable;		      /* adding: devices that say that they cannot do the family */
	int64_t without; /* adding: no room; taking away: these have no address of any family left */
	struct nx_texts ids, hostnames; /* of those devices */
	int64_t child_prefixes;		/* taking away: that are no longer advertised */
	struct nx_plan_organization *next;
};

/* Rows of the family that leaves in tables that are not the plugin's. */
struct nx_plan_rows {
	char *table;
	int64_t count;
};

struct nx_plan {
	const char *plugin;
	bool adding;
	bool configured; /* the configuration names it, so that a start loads it */
	bool done;	 /* it has been done; otherwise it was rehearsed */
	char family[64]; /* "" when the plugin brings, or has brought, none */
	struct nx_plan_step *steps;
	size_t step_count;
	struct nx_texts columns; /* "table.column", that come or go */
	struct nx_plan_rows *rows;
	size_t row_count;
	struct nx_plan_organization *organizations, **last;
	struct nx_index index;
	struct nx_plan_organization total; /* the sums over them */
	size_t organization_count;	   /* for which something changes */
	char server[NX_CLAIMANT_TEXT];	   /* the server that is at work with it; "": none */
	struct nx_texts warnings;	   /* what its maker should know before it is done */
};

void nx_texts_add(struct nx_texts *texts, char *text); /* takes it */
void nx_texts_free(struct nx_texts *texts);
bool nx_texts_have(const struct nx_texts *texts, const char *text);

void nx_plan_free(struct nx_plan *plan);
void nx_plan_step_add(struct nx_plan *plan, const char *component, int64_t number, const char *name,
		      const char *sql);
/* All organizations there are, with the number of their devices. */
enum nx_status nx_plan_organizations_read(struct nx_plan *plan, struct nx_tx *tx, struct nx_error *error);
/* An organization, as it concerns this family (NULL: any). Never NULL for one that was read. */
struct nx_plan_organization *nx_plan_organization(struct nx_plan *plan, const char *id, const char *family);
/* One more device that gets, or keeps, no address. */
void nx_plan_without_add(struct nx_plan_organization *organization, const char *id, const char *hostname);
/* Sums and warnings, when all is known. */
void nx_plan_finish(struct nx_plan *plan);

/* Every "table.column" there is. */
enum nx_status nx_plan_columns_read(struct nx_texts *out, struct nx_tx *tx, struct nx_error *error);
/* Those of `more` that `less` does not have. */
void nx_plan_columns_compare(const struct nx_texts *more, const struct nx_texts *less, struct nx_texts *out);

/* For a person; for a program. */
void nx_plan_print(const struct nx_plan *plan, FILE *out);
void nx_plan_print_json(const struct nx_plan *plan, FILE *out);

#endif
