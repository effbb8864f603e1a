# SPDX-License-Identifier: Apache-2.0
"""The time before an address of a deleted device is given to another one."""

import datetime
import sqlite3
import subprocess
import time
import unittest

from server import Server, run, wait_for
from world import ServerCase, User, public_key


def configure(server, **sections):
    (server.state / "server.conf").write_text(
        "".join(f"[{name.replace('_', '-')}]\nquarantine = {value}\n" for name, value in sections.items()))


class Quarantine(ServerCase):
    @classmethod
    def configure(cls):
        configure(cls.server, ipam_v4="1h", ipam_v6="2h")

    def make(self, **fields):
        made = self.alice.organization(**{"cidr": "10.5.0.0/29", "cidr_v6": "fd05::ff00/120", **fields})
        self.organization, self.base = made["id"], f"/api/organizations/{made['id']}"

    def device(self, **fields):
        return self.alice.device(organization_id=self.organization, **fields)

    def delete(self, device):
        self.alice.must(200).delete(f"/api/devices/{device['id']}")

    def refused(self, **fields):
        body = {"public_key": public_key(), "organization_id": self.organization, **fields}
        return self.alice.must(409).post("/api/devices", body).json

    def held(self, who=None):
        return {row["address"]: row for row in (who or self.alice).must(200).get(f"{self.base}/quarantine").json}

    def pool(self):
        return self.alice.must(200).get(f"{self.base}/pools").json[0]

    # --- ----------------------------------------------------------------------------------------

    def test_held_back(self):
        for strategy in ("sequential", "random", "stable"):
            with self.subTest(strategy=strategy):
                self.make(strategy=strategy, strategy_v6=strategy)
                first, *others = [self.device() for _ in range(5)]
                begin = int(time.time() - 0.1)  # the clock that the server reads may be a tick behind
                self.delete(first)
                held = self.held()
                self.assertEqual(set(held), {first["tunnel_ip"], first["tunnel_ip_v6"]})
                for address, family, hours in ((first["tunnel_ip"], "inet", 1), (first["tunnel_ip_v6"], "inet6", 2)):
                    row = held[address]
                    self.assertEqual((row["family"], row["public_key"]), (family, first["public_key"]))
                    until = datetime.datetime.fromisoformat(row["until"]).timestamp()
                    self.assertTrue(begin + hours * 3600 <= until <= time.time() + hours * 3600, row)
                pool = self.pool()
                self.assertEqual([pool[name] for name in ("taken", "quarantined", "reserved", "free")], [4, 1, 0, 1])
                self.assertNotIn(self.device()["tunnel_ip"], [first["tunnel_ip"]])
                says = self.refused()
                self.assertEqual(says["field"], "tunnel_ip")
                self.assertIn(f"taken; 1 more in quarantine, the first until {held[first['tunnel_ip']]['until']}", says["error"])
                # Who asks for it is told until when it is not to be had; whose it was gets it, asked for or not.
                says = self.refused(tunnel_ip=first["tunnel_ip"])
                self.assertIn(f"{first['tunnel_ip']} is in quarantine until {held[first['tunnel_ip']]['until']}", says["error"])
                again = self.device(public_key=first["public_key"])
                self.assertEqual([again[n] for n in ("tunnel_ip", "tunnel_ip_v6")], [first[n] for n in ("tunnel_ip", "tunnel_ip_v6")])
                self.assertEqual(self.held(), {})
                self.delete(again)
                self.assertEqual(self.device(public_key=first["public_key"], tunnel_ip=first["tunnel_ip"])["tunnel_ip"],
                                 first["tunnel_ip"])
                self.assertEqual(self.pool()["free"], 0)
                self.assertEqual(len(others), 4)

    def test_restart_keeps_it(self):
        self.make()
        first, second = self.device(), self.device()
        self.delete(first)
        self.server.stop()
        self.server.start()
        self.assertEqual(self.device()["tunnel_ip"], "10.5.0.3")
        self.assertIn("quarantine until", self.refused(tunnel_ip=first["tunnel_ip"])["error"])
        self.assertEqual(self.device(public_key=first["public_key"])["tunnel_ip"], first["tunnel_ip"])
        self.assertEqual(second["tunnel_ip"], "10.5.0.2")

    def test_released(self):
        self.make()
        devices = [self.device() for _ in range(6)]
        self.delete(devices[2])
        self.delete(devices[4])
        address = devices[2]["tunnel_ip"]
        self.refused()
        self.alice.invite(self.bob, self.organization)
        self.assertIn(address, self.held(self.bob))
        self.assertEqual(self.bob.delete(f"{self.base}/quarantine/{address}").status, 403)
        row = self.held()[address]
        self.assertEqual(self.alice.must(200).delete(f"{self.base}/quarantine/{address}").json, row)
        self.assertEqual(self.alice.delete(f"{self.base}/quarantine/{address}").status, 404)
        self.assertEqual(self.alice.delete(f"{self.base}/quarantine/{devices[0]['tunnel_ip']}").status, 404)
        self.assertEqual(self.alice.delete(f"{self.base}/quarantine/anything").status, 404)
        six = devices[2]["tunnel_ip_v6"].replace(":", "%3A")
        self.assertEqual(self.alice.must(200).delete(f"{self.base}/quarantine/{six}").json["address"], devices[2]["tunnel_ip_v6"])
        self.assertEqual(self.device()["tunnel_ip"], address)
        self.refused()

    def test_reservation_ends_it(self):
        self.make()
        first, key = self.device(), public_key()
        self.delete(first)
        self.alice.must(201).post(f"{self.base}/reservations", {"range": first["tunnel_ip"], "public_key": key})
        self.assertNotIn(first["tunnel_ip"], self.held())
        self.assertIn("reserved for another", self.refused(public_key=first["public_key"], tunnel_ip=first["tunnel_ip"])["error"])
        self.assertNotEqual(self.device(public_key=first["public_key"])["tunnel_ip"], first["tunnel_ip"])
        kept = self.device(public_key=key)
        self.assertEqual(kept["tunnel_ip"], first["tunnel_ip"])
        # What is kept for a device needs no quarantine.
        self.delete(kept)
        self.assertNotIn(kept["tunnel_ip"], self.held())
        # A range that is reserved meanwhile holds against the key as well.
        second = self.device()
        self.delete(second)
        self.alice.must(201).post(f"{self.base}/reservations", {"range": f"{second['tunnel_ip']}/32"})
        self.assertNotEqual(self.device(public_key=second["public_key"])["tunnel_ip"], second["tunnel_ip"])

    def test_reservation_that_is_released_at_once(self):
        """Between what was held back and what is free again, no device has come for the address."""
        self.make()
        devices = [self.device() for _ in range(6)]
        self.delete(devices[3])
        address = devices[3]["tunnel_ip"]
        made = self.alice.must(201).post(f"{self.base}/reservations", {"range": address, "public_key": public_key()}).json
        self.alice.must(200).delete(f"{self.base}/reservations/{made['id']}")
        self.assertEqual(self.device()["tunnel_ip"], address)
        # The same of an address that a device had before it was reserved for it.
        made = self.alice.must(201).post(f"{self.base}/reservations",
                                         {"range": devices[1]["tunnel_ip"], "public_key": devices[1]["public_key"]}).json
        self.delete(devices[1])
        self.alice.must(200).delete(f"{self.base}/reservations/{made['id']}")
        self.assertEqual(self.device()["tunnel_ip"], devices[1]["tunnel_ip"])

    def test_move_out(self):
        self.make()
        device = self.device()
        self.alice.must(200).patch(f"/api/devices/{device['id']}", {"organization_id": self.alice.own_organization()["id"]})
        self.assertIn(device["tunnel_ip"], self.held())
        back = self.alice.must(200).patch(f"/api/devices/{device['id']}", {"organization_id": self.organization}).json
        self.assertEqual(back["tunnel_ip"], device["tunnel_ip"])
        self.alice.must(200).delete(self.base)


class Ends(unittest.TestCase):
    def rows(self, server):
        """How many rows there are, past the server."""
        if server.database:
            return int(subprocess.run(["psql", "-qAtX", "-c", "SELECT COUNT(*) FROM quarantine", server.database], check=True,
                                      capture_output=True, text=True).stdout)
        database = sqlite3.connect(f"file:{server.state / 'nexodus.db'}?mode=ro", uri=True)
        try:
            return database.execute("SELECT COUNT(*) FROM quarantine").fetchone()[0]
        finally:
            database.close()

    def test_time_passes(self):
        server = Server()
        configure(server, ipam_v4="2s", ipam_v6="2s")
        with server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(cidr="10.5.0.0/29", cidr_v6="fd05::ff00/120")["id"]
            body = lambda: {"public_key": public_key(), "organization_id": organization}
            devices = [admin.must(201).post("/api/devices", body()).json for _ in range(6)]
            for device in devices[:3]:
                admin.must(200).delete(f"/api/devices/{device['id']}")
            self.assertIn("3 more in quarantine", admin.must(409).post("/api/devices", body()).json["error"])
            got = wait_for(lambda: (answer := admin.post("/api/devices", body())).status == 201 and answer.json, 10,
                           "a quarantine to end")
            self.assertIn(got["tunnel_ip"], [d["tunnel_ip"] for d in devices[:3]])
            # Those that were deleted in the next second end a second later.
            wait_for(lambda: admin.get(f"/api/organizations/{organization}/quarantine").json == [], 10, "the others to end")
            # The rows that have ended went in passing; nobody needs them.
            for _ in range(2):
                admin.must(201).post("/api/devices", body())
            self.assertEqual(self.rows(server), 0)
            admin.must(409).post("/api/devices", body())

    def test_ends_while_the_server_is_stopped(self):
        server = Server()
        configure(server, ipam_v4="1h")
        with server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(cidr="10.5.0.0/30")["id"]
            body = lambda: {"public_key": public_key(), "organization_id": organization}
            devices = [admin.must(201).post("/api/devices", body()).json for _ in range(2)]
            for device in devices:
                admin.must(200).delete(f"/api/devices/{device['id']}")
            admin.must(409).post("/api/devices", body())
            server.stop()
            server.sql(f"UPDATE quarantine SET ends_at = {int(time.time()) - 1} WHERE address = '{devices[1]['tunnel_ip']}'")
            configure(server, ipam_v4="0")
            server.start()
            got = admin.must(201).post("/api/devices", body()).json
            self.assertEqual(got["tunnel_ip"], devices[1]["tunnel_ip"])
            # What went there under the old configuration stays its time; what goes now is free at once.
            self.assertIn("in quarantine", admin.must(409).post("/api/devices", body()).json["error"])
            admin.must(200).delete(f"/api/devices/{got['id']}")
            self.assertEqual(admin.must(201).post("/api/devices", body()).json["tunnel_ip"], got["tunnel_ip"])

    def test_none_by_itself(self):
        with Server() as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(cidr="10.5.0.0/30")["id"]
            devices = [admin.device(organization_id=organization) for _ in range(2)]
            admin.must(200).delete(f"/api/devices/{devices[0]['id']}")
            self.assertEqual(admin.get(f"/api/organizations/{organization}/quarantine").json, [])
            self.assertEqual(admin.device(organization_id=organization)["tunnel_ip"], devices[0]["tunnel_ip"])


if __name__ == "__main__":
    run()
