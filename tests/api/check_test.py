# SPDX-License-Identifier: Apache-2.0
"""Databases that were damaged: what the check finds, says, and mends. The damage is done for real, past a
server that is stopped."""

import contextlib
import sqlite3
import subprocess

from server import run
from world import ServerCase, Watch, public_key

KINDS = ("lease-without-device", "lease-differs", "device-without-lease", "address-outside-prefix",
         "address-of-two-devices", "reservation-outside-prefix")


class Check(ServerCase):
    def setUp(self):
        made = self.alice.organization(cidr="10.5.0.0/28", cidr_v6="fd05::ff00/120")
        self.organization, self.base = made["id"], f"/api/organizations/{made['id']}"
        self.devices = [self.alice.device(organization_id=self.organization, hostname=f"h{i}") for i in range(5)]
        # Another one beside it, which is never concerned.
        self.beside = self.alice.organization(cidr="10.5.0.0/28")["id"]
        self.alice.device(organization_id=self.beside)
        self.assertEqual(self.check(), [])
        self.addCleanup(self.mend_everything)

    def mend_everything(self):
        """The next test finds nothing of this one's."""
        for reservation in self.alice.get(f"{self.base}/reservations").json:
            self.alice.must(200).delete(f"{self.base}/reservations/{reservation['id']}")
        self.check(repair=True)
        self.assertEqual(self.admin.must(200).post("/api/ipam-check", {}).json["found"], 0)

    def damage(self, *statements):
        self.server.stop()
        if self.server.database:
            # As only a restore or a hand can do: without the keys between tables.
            script = "SET session_replication_role = replica;" + ";".join(statements)
            subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-c", script, self.server.database], check=True)
        else:
            with contextlib.closing(sqlite3.connect(self.server.state / "nexodus.db")) as database, database:
                for statement in statements:
                    database.execute(statement)
        self.server.start()

    def check(self, repair=False):
        answer = self.alice.must(200).post(f"{self.base}/ipam-check", {"repair": repair}).json
        self.assertEqual(answer["found"], len(answer["findings"]))
        self.assertEqual(answer["repaired"], sum(finding["repaired"] for finding in answer["findings"]))
        for finding in answer["findings"]:
            self.assertIn(finding["kind"], KINDS)
            self.assertEqual(finding["organization_id"], self.organization)
        if not repair:
            self.assertEqual(answer["repaired"], 0)
        return answer["findings"]

    def now(self, device):
        return self.alice.must(200).get(f"/api/devices/{device['id']}").json

    def leases(self):
        return {row["address"]: row["device_id"] for row in self.alice.get(f"{self.base}/leases").json}

    def one(self, kind, *says, address, device=None):
        """One finding, twice the same: a look changes nothing."""
        found, again = self.check(), self.check()
        self.assertEqual(found, again)
        self.assertEqual(len(found), 1, found)
        finding, = found
        self.assertEqual((finding["kind"], finding["address"], finding["device_id"]), (kind, address, device["id"] if device else ""))
        for text in says:
            self.assertIn(text, finding["finding"] + " / " + finding["remedy"])
        return finding

    def repaired(self, *findings):
        found = self.check(repair=True)
        self.assertEqual(found, [{**finding, "repaired": True} for finding in findings])
        self.assertEqual(self.check(), [])
        self.pools_agree()

    def pools_agree(self):
        """What is left in memory is what the table says: as many as there are free, and no more."""
        free = self.alice.get(f"{self.base}/pools").json[0]["free"]
        given = [self.alice.device(organization_id=self.organization) for _ in range(free)]
        body = {"public_key": public_key(), "organization_id": self.organization}
        self.assertIn("all ", self.alice.must(409).post("/api/devices", body).json["error"])
        addresses = [device["tunnel_ip"] for device in self.alice.get(f"{self.base}/devices").json]
        self.assertEqual(len(set(addresses)), len(addresses))
        for device in given:
            self.alice.must(200).delete(f"/api/devices/{device['id']}")

    # --- each of them -----------------------------------------------------------------------------

    def test_lease_without_device(self):
        gone = self.devices[2]
        self.damage(f"DELETE FROM tokens WHERE device_id = '{gone['id']}'", f"DELETE FROM devices WHERE id = '{gone['id']}'")
        found = self.check()
        self.assertEqual([(f["kind"], f["address"], f["device_id"]) for f in found],
                         [("lease-without-device", gone[name], gone["id"]) for name in ("tunnel_ip", "tunnel_ip_v6")])
        self.assertEqual(found[0]["finding"], f"{gone['tunnel_ip']} is leased to a device that is not there: {gone['id']}")
        self.assertEqual(found[0]["remedy"], "the lease is dropped")
        # As long as nothing is mended, nobody gets the address.
        self.alice.must(409).post("/api/devices", {"public_key": public_key(), "organization_id": self.organization,
                                                   "tunnel_ip": gone["tunnel_ip"]})
        self.repaired(*found)
        self.assertNotIn(gone["tunnel_ip"], self.leases())
        self.assertEqual(self.alice.device(organization_id=self.organization, tunnel_ip=gone["tunnel_ip"])["tunnel_ip"],
                         gone["tunnel_ip"])

    def test_lease_of_another_organization_s_device(self):
        device = self.alice.must(200).get(f"/api/organizations/{self.beside}/devices").json[0]
        self.damage(f"INSERT INTO leases (organization_id, address, family, device_id)"
                    f" VALUES ('{self.organization}', '10.5.0.9', 'inet', '{device['id']}')")
        self.repaired(self.one("lease-without-device", address="10.5.0.9", device=device))
        self.assertEqual(self.now(device)["tunnel_ip"], device["tunnel_ip"])

    def test_device_without_lease(self):
        device = self.devices[1]
        self.damage(f"DELETE FROM leases WHERE address = '{device['tunnel_ip']}' AND device_id = '{device['id']}'")
        self.repaired(self.one("device-without-lease", f"the device {device['id']} ('h1') has 10.5.0.2, but no lease",
                               "the lease is made again", address="10.5.0.2", device=device))
        self.assertEqual(self.leases()["10.5.0.2"], device["id"])
        self.assertEqual(self.now(device)["revision"], device["revision"])  # nothing of it has changed

    def test_address_outside_its_prefix(self):
        device, plain = self.devices[0], self.devices[4]
        with_lease = f"UPDATE leases SET address = '10.9.0.1' WHERE device_id = '{device['id']}' AND family = 'inet'"
        self.damage(f"UPDATE devices SET tunnel_ip = '10.9.0.1' WHERE id = '{device['id']}'", with_lease)
        finding = self.one("address-outside-prefix", "has 10.9.0.1, which is no address of 10.5.0.0/28", "it gets a new address",
                           address="10.9.0.1", device=device)
        with Watch(self.server, self.alice.token, self.organization, revision=plain["revision"]) as watch:
            watch.until_tail()
            self.check(repair=True)
            told = watch.next()["value"]
        after = self.now(device)
        self.assertEqual(told["tunnel_ip"], after["tunnel_ip"])
        self.assertTrue(after["tunnel_ip"].startswith("10.5.0.") and after["tunnel_ip"] not in [d["tunnel_ip"] for d in self.devices[1:]])
        self.assertEqual(after["tunnel_ip_v6"], device["tunnel_ip_v6"])
        self.assertEqual(self.leases()[after["tunnel_ip"]], device["id"])
        self.assertEqual(self.now(plain)["revision"], plain["revision"])
        self.assertEqual((self.check(), finding["repaired"]), ([], False))
        self.pools_agree()
        # Nonsense is outside as well, and the lease that still stands tells what it was.
        self.damage(f"UPDATE devices SET tunnel_ip_v6 = 'nonsense' WHERE id = '{plain['id']}'")
        self.repaired(self.one("address-outside-prefix", "it gets fd05::ff05, which is leased to it", address="nonsense", device=plain))
        self.assertEqual(self.now(plain)["tunnel_ip_v6"], plain["tunnel_ip_v6"])

    def test_two_devices_with_one_address(self):
        older, younger = self.devices[1], self.devices[3]
        self.damage(f"UPDATE devices SET tunnel_ip = '10.5.0.2' WHERE id = '{younger['id']}'",
                    f"DELETE FROM leases WHERE address = '10.5.0.4' AND organization_id = '{self.organization}'")
        finding = self.one("address-of-two-devices", f"10.5.0.2 is the address of the device {younger['id']} ('h3'), and of the older "
                           f"device {older['id']} ('h1')", "the older one keeps the address", "it gets a new address",
                           address="10.5.0.2", device=younger)
        self.repaired(finding)
        self.assertEqual(self.now(older)["tunnel_ip"], "10.5.0.2")
        self.assertEqual(self.now(older)["revision"], older["revision"])
        after = self.now(younger)
        self.assertEqual(self.leases()[after["tunnel_ip"]], younger["id"])
        self.assertGreater(after["revision"], younger["revision"])

    def test_two_devices_and_the_lease_of_the_younger(self):
        older, younger = self.devices[1], self.devices[3]
        self.damage(f"UPDATE devices SET tunnel_ip = '10.5.0.2' WHERE id = '{younger['id']}'")
        self.repaired(self.one("address-of-two-devices", "it gets 10.5.0.4, which is leased to it", address="10.5.0.2", device=younger))
        self.assertEqual((self.now(older)["tunnel_ip"], self.now(younger)["tunnel_ip"]), ("10.5.0.2", "10.5.0.4"))
        # The lease of the address is the younger one's.
        self.damage(f"UPDATE devices SET tunnel_ip = '10.5.0.2' WHERE id = '{younger['id']}'",
                    f"DELETE FROM leases WHERE address = '10.5.0.2' AND organization_id = '{self.organization}'",
                    f"UPDATE leases SET address = '10.5.0.2' WHERE device_id = '{younger['id']}' AND family = 'inet'")
        found = self.check()
        self.assertEqual({f["kind"] for f in found}, {"address-of-two-devices", "device-without-lease"})
        self.repaired(*found)
        self.assertEqual(self.now(older)["tunnel_ip"], "10.5.0.2")
        self.assertEqual(self.leases()["10.5.0.2"], older["id"])

    def test_lease_that_differs(self):
        device = self.devices[2]
        self.damage(f"UPDATE leases SET address = '10.5.0.12' WHERE device_id = '{device['id']}' AND family = 'inet'")
        found = self.check()
        self.assertEqual([f["kind"] for f in found], ["lease-differs", "device-without-lease"])
        self.assertIn(f"10.5.0.12 is leased to the device {device['id']} ('h2'), whose record says 10.5.0.3", found[0]["finding"])
        self.repaired(*found)
        self.assertEqual(self.now(device)["revision"], device["revision"])
        self.assertEqual((self.leases()["10.5.0.3"], self.leases().get("10.5.0.12")), (device["id"], None))
        self.damage(f"UPDATE devices SET tunnel_ip = '' WHERE id = '{device['id']}'")
        # A server gives a device without address one when it starts, which leaves it with two leases.
        found = self.check()
        self.assertEqual({f["kind"] for f in found}, {"lease-differs"}, found)
        self.repaired(*found)
        self.assertEqual(self.leases()[self.now(device)["tunnel_ip"]], device["id"])
        self.assertEqual(list(self.leases().values()).count(device["id"]), 2)

    def test_reservation_outside(self):
        made = self.alice.must(201).post(f"{self.base}/reservations", {"range": "10.5.0.8/30"}).json
        self.damage(f"UPDATE reservations SET first_address = '10.9.0.8', last_address = '10.9.0.11' WHERE id = '{made['id']}'")
        finding = self.one("reservation-outside-prefix", f"the reservation {made['id']} of 10.9.0.8-10.9.0.11 does not lie in",
                           f"nexctl ipam release {made['id']}", address="10.9.0.8-10.9.0.11")
        self.assertEqual(self.check(repair=True), [finding])  # it is its owner's to decide
        self.assertEqual(self.check(), [finding])

    # --- many -------------------------------------------------------------------------------------

    def test_all_at_once(self):
        one, two, three, four, five = self.devices
        own = f"organization_id = '{self.organization}'"
        self.damage(f"UPDATE devices SET tunnel_ip = '{one['tunnel_ip']}' WHERE id = '{two['id']}'",
                    f"DELETE FROM leases WHERE {own} AND address = '{two['tunnel_ip']}'",
                    f"UPDATE devices SET tunnel_ip_v6 = 'fd99::1' WHERE id = '{three['id']}'",
                    f"DELETE FROM leases WHERE {own} AND device_id = '{three['id']}' AND family = 'inet6'",
                    f"DELETE FROM leases WHERE {own} AND device_id = '{four['id']}' AND family = 'inet'",
                    f"DELETE FROM tokens WHERE device_id = '{five['id']}'", f"DELETE FROM devices WHERE id = '{five['id']}'")
        found = self.check()
        self.assertEqual(sorted(f["kind"] for f in found), [
            "address-of-two-devices", "address-outside-prefix", "device-without-lease", "lease-without-device",
            "lease-without-device"])
        every = self.admin.must(200).post("/api/ipam-check", {}).json
        self.assertEqual(every["findings"], found)
        self.assertEqual(self.admin.must(200).post("/api/ipam-check", {"repair": True}).json["repaired"], 5)
        self.assertEqual(self.check(), [])
        for device, field in ((one, "tunnel_ip"), (one, "tunnel_ip_v6"), (two, "tunnel_ip_v6"), (three, "tunnel_ip"), (four, "tunnel_ip")):
            self.assertEqual(self.now(device)[field], device[field])
        self.pools_agree()

    def test_no_address_left(self):
        """A device for which there is no other address keeps what it has, and the finding stays."""
        made = self.alice.organization(cidr="10.6.0.0/30")["id"]
        self.organization, self.base = made, f"/api/organizations/{made}"
        one, two = (self.alice.device(organization_id=made) for _ in range(2))
        self.alice.must(201).post(f"{self.base}/reservations", {"range": "10.6.0.2"})
        self.damage(f"UPDATE devices SET tunnel_ip = '10.6.0.1' WHERE id = '{two['id']}'",
                    f"DELETE FROM leases WHERE organization_id = '{made}' AND address = '10.6.0.2'")
        finding = self.one("address-of-two-devices", address="10.6.0.1", device=two)
        after, = self.check(repair=True)
        self.assertEqual((after["repaired"], after["finding"]), (False, finding["finding"]))
        self.assertIn("which was not to be had: all addresses of 10.6.0.0/30 that may be given are taken", after["remedy"])
        self.assertEqual(self.check(), [finding])
        self.assertEqual(self.now(two)["tunnel_ip"], "10.6.0.1")
        self.assertEqual(self.leases()["10.6.0.1"], one["id"])

    # --- who --------------------------------------------------------------------------------------

    def test_who_and_what(self):
        self.alice.invite(self.bob, self.organization)
        for who, path, status in ((self.bob, f"{self.base}/ipam-check", 403), (self.admin, f"{self.base}/ipam-check", 404),
                                  (self.alice, "/api/ipam-check", 403), (self.alice, f"{self.base}/ipam-check", 200)):
            self.assertEqual(who.post(path, {}).status, status)
        refused = self.alice.post(f"{self.base}/ipam-check", {"repair": "yes"})
        self.assertEqual((refused.status, refused.json["field"]), (400, "repair"))


if __name__ == "__main__":
    run()
