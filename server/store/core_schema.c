/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core's tables. Columns of address families, relaying and whatever else
 * plugins bring are added by the plugins' own migrations. Times are seconds since
 * 1970, booleans 0 or 1, lists JSON text.
 */
#include "server/store/migrate.h"

static const struct nx_migration core_migrations[] = {
	{
		.number = 1,
		.name = "organizations, users, devices, leases",
		.up = "CREATE TABLE users ("
		      " id TEXT PRIMARY KEY,"
		      " username TEXT NOT NULL UNIQUE,"
		      " password_hash TEXT NOT NULL DEFAULT '',"
		      " administrator BIGINT NOT NULL DEFAULT 0,"
		      " created_at BIGINT NOT NULL);"
		      /* revision: the number of the last change of anything in the organization.
		       * forgotten: tombstones up to this revision have been removed. */
		      "CREATE TABLE organizations ("
		      " id TEXT PRIMARY KEY,"
		      " owner_id TEXT NOT NULL REFERENCES users (id),"
		      " name TEXT NOT NULL UNIQUE,"
		      " description TEXT NOT NULL DEFAULT '',"
		      " revision BIGINT NOT NULL DEFAULT 0,"
		      " changed BIGINT NOT NULL DEFAULT 0," /* revision of its own last change */
		      " forgotten BIGINT NOT NULL DEFAULT 0,"
		      " created_at BIGINT NOT NULL);"
		      "CREATE TABLE memberships ("
		      " organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,"
		      " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
		      " PRIMARY KEY (organization_id, user_id));"
		      "CREATE INDEX memberships_user ON memberships (user_id);"
		      "CREATE TABLE devices ("
		      " id TEXT PRIMARY KEY,"
		      " organization_id TEXT NOT NULL REFERENCES organizations (id),"
		      " user_id TEXT NOT NULL REFERENCES users (id),"
		      " public_key TEXT NOT NULL UNIQUE,"
		      " driver TEXT NOT NULL,"
		      " hostname TEXT NOT NULL DEFAULT '',"
		      " os TEXT NOT NULL DEFAULT '',"
		      " child_prefix TEXT NOT NULL DEFAULT 'null',"
		      " revision BIGINT NOT NULL,"
		      " created_at BIGINT NOT NULL);"
		      "CREATE UNIQUE INDEX devices_revision ON devices (organization_id, revision);"
		      "CREATE INDEX devices_user ON devices (user_id);"
		      "CREATE TABLE leases ("
		      " organization_id TEXT NOT NULL REFERENCES organizations (id),"
		      " address TEXT NOT NULL,"
		      " family TEXT NOT NULL,"
		      " device_id TEXT NOT NULL REFERENCES devices (id),"
		      " PRIMARY KEY (organization_id, address));"
		      "CREATE INDEX leases_device ON leases (device_id);"
		      /* Deletions, so that a watcher that was away learns of them. */
		      "CREATE TABLE tombstones ("
		      " organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,"
		      " revision BIGINT NOT NULL,"
		      " kind TEXT NOT NULL,"
		      " value TEXT NOT NULL,"
		      " created_at BIGINT NOT NULL,"
		      " PRIMARY KEY (organization_id, revision));",
		.down = "DROP TABLE tombstones; DROP TABLE leases; DROP TABLE devices;"
			"DROP TABLE memberships; DROP TABLE organizations; DROP TABLE users;",
	},
	{
		.number = 2,
		.name = "tokens, registration keys, invitations",
		.up = "CREATE TABLE tokens ("
		      " hash TEXT PRIMARY KEY,"
		      " kind TEXT NOT NULL," /* "user" or "device" */
		      " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
		      " device_id TEXT REFERENCES devices (id) ON DELETE CASCADE,"
		      " expires_at BIGINT NOT NULL," /* 0: never */
		      " created_at BIGINT NOT NULL);"
		      "CREATE INDEX tokens_user ON tokens (user_id);"
		      "CREATE INDEX tokens_device ON tokens (device_id);"
		      "CREATE TABLE registration_keys ("
		      " id TEXT PRIMARY KEY,"
		      " hash TEXT NOT NULL UNIQUE,"
		      " organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,"
		      " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
		      " description TEXT NOT NULL DEFAULT '',"
		      " single_use BIGINT NOT NULL DEFAULT 0,"
		      " uses BIGINT NOT NULL DEFAULT 0,"
		      " expires_at BIGINT NOT NULL,"
		      " created_at BIGINT NOT NULL);"
		      "CREATE INDEX registration_keys_organization ON registration_keys (organization_id);"
		      "CREATE TABLE invitations ("
		      " id TEXT PRIMARY KEY,"
		      " user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
		      " organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,"
		      " expires_at BIGINT NOT NULL,"
		      " UNIQUE (user_id, organization_id));",
		.down = "DROP TABLE invitations; DROP TABLE registration_keys; DROP TABLE tokens;",
	},
	{
		.number = 3,
		.name = "reservations, quarantine",
		.up = /* kind: "reserved" or "allocation", of a range; "static", of one address for the device
		       * with this key or this host name, of which one is "". */
		"CREATE TABLE reservations ("
		" id TEXT PRIMARY KEY,"
		" organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,"
		" kind TEXT NOT NULL,"
		" family TEXT NOT NULL,"
		" first_address TEXT NOT NULL,"
		" last_address TEXT NOT NULL,"
		" public_key TEXT NOT NULL DEFAULT '',"
		" hostname TEXT NOT NULL DEFAULT '',"
		" description TEXT NOT NULL DEFAULT '',"
		" revision BIGINT NOT NULL,"
		" created_at BIGINT NOT NULL);"
		"CREATE INDEX reservations_address ON reservations (organization_id, first_address);"
		"CREATE INDEX reservations_key ON reservations (organization_id, public_key);"
		"CREATE INDEX reservations_hostname ON reservations (organization_id, hostname);"
		/* Addresses of deleted devices, and until when only the same key gets them. */
		"CREATE TABLE quarantine ("
		" organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,"
		" address TEXT NOT NULL,"
		" family TEXT NOT NULL,"
		" public_key TEXT NOT NULL,"
		" ends_at BIGINT NOT NULL,"
		" PRIMARY KEY (organization_id, address));"
		"CREATE INDEX quarantine_end ON quarantine (organization_id, family, ends_at);"
		"CREATE INDEX quarantine_key ON quarantine (organization_id, family, public_key, ends_at);"
		/* When the last of its quarantines ends: most organizations need not be asked for any. */
		"ALTER TABLE organizations ADD COLUMN quarantined BIGINT NOT NULL DEFAULT 0;",
		.down = "ALTER TABLE organizations DROP COLUMN quarantined;"
			"DROP TABLE quarantine; DROP TABLE reservations;",
	},
	{
		.number = 4,
		.name = "renumberings",
		/* stage: the number that devices are asked to acknowledge. turned: the one with which devices
		 * were given their new address as the first; 0: not yet. done_to: the last device that the
		 * state's pass over all of them has dealt with. */
		.up = "CREATE TABLE renumberings ("
		      " organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,"
		      " family TEXT NOT NULL,"
		      " state TEXT NOT NULL,"
		      " outcome TEXT NOT NULL DEFAULT '',"
		      " old_prefix TEXT NOT NULL,"
		      " new_prefix TEXT NOT NULL,"
		      " old_strategy TEXT NOT NULL DEFAULT '',"
		      " new_strategy TEXT NOT NULL DEFAULT '',"
		      " keeps BIGINT NOT NULL DEFAULT 1," /* addresses, or their host parts, where they fit */
		      " stage BIGINT NOT NULL,"
		      " turned BIGINT NOT NULL DEFAULT 0,"
		      " done_to TEXT NOT NULL DEFAULT '',"
		      " problem TEXT NOT NULL DEFAULT '',"
		      " ends_at BIGINT NOT NULL DEFAULT 0,"
		      " started_at BIGINT NOT NULL,"
		      " PRIMARY KEY (organization_id, family));"
		      /* For passes over an organization's devices. */
		      "CREATE INDEX devices_organization ON devices (organization_id, id);"
		      "ALTER TABLE devices ADD COLUMN renumbering BIGINT NOT NULL DEFAULT 0;"
		      "ALTER TABLE devices ADD COLUMN renumbering_seen BIGINT NOT NULL DEFAULT 0;",
		.down = "ALTER TABLE devices DROP COLUMN renumbering_seen;"
			"ALTER TABLE devices DROP COLUMN renumbering;"
			"DROP INDEX devices_organization; DROP TABLE renumberings;",
	},
};

const struct nx_component nx_core_component = {
	.name = "core",
	.migrations = NX_TABLE(core_migrations),
};
