# SPDX-License-Identifier: Apache-2.0
"""Renumbering beside whatever else concerns addresses: reservations, quarantine, checks of what was damaged, strategies
that have to be waited for, and families that come and go."""

import ipaddress
import pathlib
import shutil
import tempfile
import unittest

from family_change_test import BOTH, V4, ask, of_organization, rehearse
from renumbers import Renumbers
from server import BUILD_DIR, Server, run, wait_for
from world import ServerCase, User, public_key


class Together(Renumbers, ServerCase):
    @classmethod
    def configure(cls):
        cls.server.environment["NEXODUS_IPAM_V4_QUARANTINE"] = "1h"

    def reserve(self, range, status=201, **fields):
        return self.alice.must(status).post(f"{self.base}/reservations", {"range": range, **fields}).json

    def pool(self):
        return self.alice.must(200).get(f"{self.base}/pools").json[0]

    def quarantine(self):
        return sorted(row["address"] for row in self.alice.must(200).get(f"{self.base}/quarantine").json)

    def delete(self, device):
        self.alice.must(200).delete(f"/api/devices/{device['id']}")

    def end(self):
        """From the state started to the end, by a commit."""
        self.acknowledge()
        self.commit(grace=0)
        self.until("committed")
        self.acknowledge()
        self.until("ended")
        self.check_leases()

    def check(self, repair=False):
        return self.alice.must(200).post(f"{self.base}/ipam-check", {"repair": repair}).json["findings"]

    # --- reservations ---------------------------------------------------------------------------------

    def test_reserved(self):
        """What is reserved in the new prefix counts, and what is reserved outside of it does not."""
        self.make(0, cidr="10.5.0.0/24")
        names = ("same", "kept", "moves", "also")
        for name, address in zip(names, ("10.5.0.2", "10.5.0.200", "10.5.0.201", "10.5.0.202")):
            self.enrol(hostname=name, tunnel_ip=address)
        self.reserve("10.5.0.3-10.5.0.10")
        self.reserve("10.5.0.12", hostname="kept")
        self.reserve("10.5.0.14", hostname="nobody")
        outside = self.reserve("10.5.0.128/25", kind="allocation")
        plan = self.begin(200, cidr="10.5.0.0/28", dry_run=True)
        self.assertEqual((plan["same"], plan["moved"], plan["chosen"], plan["problems"]), (1, 0, 3, []))
        self.assertEqual({row["hostname"]: row["new"] for row in plan["addresses"]},
                         {"same": "10.5.0.2", "kept": "10.5.0.12", "moves": None, "also": None})
        self.enrol(hostname="tooMany", tunnel_ip="10.5.0.203")
        self.enrol(hostname="tooManyToo", tunnel_ip="10.5.0.204")
        problem, = self.begin(200, cidr="10.5.0.0/28", dry_run=True)["problems"]
        self.assertIn("for 4 devices another address has to be found, and 3 are left", problem)
        self.delete(self.devices()[-1])
        self.begin(cidr="10.5.0.0/28")
        self.until("started")
        self.check_leases()
        self.check_pools()
        second = {device["hostname"]: device["tunnel_ip_second"] for device in self.devices()}
        self.assertEqual((second["same"], second["kept"]), ("10.5.0.2", "10.5.0.12"))
        self.assertEqual({second[name] for name in ("moves", "also", "tooMany")}, {"10.5.0.1", "10.5.0.11", "10.5.0.13"})
        self.end()
        self.assertEqual({name: self.pool()[name] for name in ("taken", "free", "reserved")},
                         {"taken": 5, "free": 0, "reserved": 9})
        body = {"public_key": public_key(), "organization_id": self.organization}
        self.alice.must(409).post("/api/devices", body)
        found, = self.check()
        self.assertEqual((found["kind"], found["address"]), ("reservation-outside-prefix", "10.5.0.128-10.5.0.255"))
        self.alice.must(200).delete(f"{self.base}/reservations/{outside['id']}")

    def test_reserving_meanwhile(self):
        """In both prefixes, for a device one in each."""
        self.make(cidr="10.5.0.0/24")
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        self.reserve("10.5.0.50", hostname="late")
        self.reserve("10.6.0.60", hostname="late")
        self.assertIn("for this host name already", self.reserve("10.6.0.61", 409, hostname="late")["error"])
        self.assertIn("is the address of the device", self.reserve("10.6.0.1", 409, hostname="other")["error"])
        self.assertIn("10.5.0.0/24 or 10.6.0.0/24", self.reserve("10.7.0.1", 400, hostname="other")["reason"])
        self.reserve("10.6.0.100-10.6.0.200")
        late = self.enrol(hostname="late")
        self.assertEqual((late["tunnel_ip"], late["tunnel_ip_second"]), ("10.5.0.50", "10.6.0.60"))
        other = self.enrol(hostname="other", tunnel_ip="10.5.0.150")
        self.assertNotIn(int(other["tunnel_ip_second"].rsplit(".", 1)[1]), range(100, 201))
        self.check_leases()
        self.assertEqual(self.check(), [])
        self.end()
        self.assertEqual([row["address"] for row in self.check()], ["10.5.0.50"])

    def test_a_reserved_address_stays_with_another_strategy(self):
        self.make(cidr="10.5.0.0/24")
        self.reserve("10.5.0.2", hostname="h1")
        self.begin(strategy="random")
        self.until("started")
        pairs = self.addresses("tunnel_ip", "tunnel_ip_second")
        self.assertEqual([first == second for first, second in pairs], [False, True, False])
        self.end()

    # --- quarantine -----------------------------------------------------------------------------------

    def test_quarantine_of_what_is_given_up(self):
        """Where others could get it. A rolled back address was never anybody's."""
        self.make(cidr="10.5.0.0/24")
        before = [first for first, in self.addresses("tunnel_ip")]
        self.begin(strategy="random")
        self.until("started")
        self.rollback()
        self.until("ended")
        self.assertEqual(self.quarantine(), [])
        self.begin(strategy="random")
        self.until("started")
        self.end()
        self.assertEqual(self.quarantine(), before)
        self.assertEqual(self.pool()["quarantined"], 3)
        refused = self.alice.must(409).post("/api/devices", {"public_key": public_key(), "organization_id": self.organization,
                                                             "tunnel_ip": before[0]}).json
        self.assertIn("in quarantine until", refused["error"])
        # Nobody gets back what it has just given up, when all addresses are given anew once more.
        self.begin(strategy="sequential")
        self.until("started")
        self.assertFalse(set(before) & {second for second, in self.addresses("tunnel_ip_second")})
        self.rollback()
        self.until("ended")
        self.assertEqual(self.quarantine(), before)
        # Another prefix has none of it, and what is left behind is nobody's business any more.
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        self.end()
        self.assertEqual((self.quarantine(), self.pool()["quarantined"]), ([], 0))

    def test_quarantine_of_a_deleted_device(self):
        """Both of its addresses; the key gets both again."""
        self.make(cidr="10.5.0.0/24")
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        gone = self.devices()[1]
        self.delete(gone)
        self.assertEqual(self.quarantine(), ["10.5.0.2", "10.6.0.2"])
        self.assertEqual(self.pool()["quarantined"], 1)
        other = self.enrol(hostname="other")
        self.assertNotIn(other["tunnel_ip"], self.quarantine())
        self.assertNotIn(other["tunnel_ip_second"], self.quarantine())
        again = self.enrol(hostname="again", public_key=gone["public_key"])
        self.assertEqual((again["tunnel_ip"], again["tunnel_ip_second"]), ("10.5.0.2", "10.6.0.2"))
        self.assertEqual(self.quarantine(), [])
        self.delete(again)
        self.end()
        self.assertEqual(self.quarantine(), ["10.6.0.2"])

    # --- checks ---------------------------------------------------------------------------------------

    def damage(self, *statements):
        self.server.stop()
        for statement in statements:
            self.server.sql(statement)
        self.server.start()

    def test_check(self):
        """Second addresses are no orphans; what is wrong with one is found and mended, in each direction."""
        self.make(cidr="10.5.0.0/24", cidr_v6="fd05::/64")
        before = self.addresses("tunnel_ip")
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        self.acknowledge()
        self.assertEqual((self.check(), self.check(repair=True)), ([], []))
        devices = self.devices()
        self.damage(f"DELETE FROM leases WHERE address = '10.6.0.1' AND device_id = '{devices[0]['id']}'",
                    f"UPDATE devices SET tunnel_ip_second = '10.7.0.2' WHERE id = '{devices[1]['id']}'",
                    f"UPDATE devices SET tunnel_ip_second = '10.6.0.1' WHERE id = '{devices[2]['id']}'")
        found = {(row["kind"], row["address"], row["device_id"]) for row in self.check()}
        self.assertEqual(found, {("device-without-lease", "10.6.0.1", devices[0]["id"]),
                                 ("lease-differs", "10.6.0.2", devices[1]["id"]),
                                 ("address-outside-prefix", "10.7.0.2", devices[1]["id"]),
                                 ("lease-differs", "10.6.0.3", devices[2]["id"]),
                                 ("address-of-two-devices", "10.6.0.1", devices[2]["id"])})
        self.assertTrue(all(row["repaired"] for row in self.check(repair=True)))
        self.assertEqual(self.check(), [])
        self.check_leases()
        self.assertEqual(self.addresses("tunnel_ip", "tunnel_ip_second"), [("10.5.0.1", "10.6.0.1"), ("10.5.0.2", ""), ("10.5.0.3", "")])
        # The commit gives them one again, and so does a rollback.
        self.commit(force=True, grace=600)
        self.until("committed")
        self.assertEqual([first for first, in self.addresses("tunnel_ip")], ["10.6.0.1", "10.6.0.2", "10.6.0.3"])
        self.assertEqual(self.check(), [])
        self.damage(f"UPDATE devices SET tunnel_ip_second = '' WHERE id = '{devices[1]['id']}'")
        self.assertEqual([row["kind"] for row in self.check(repair=True)], ["lease-differs"])
        self.rollback()
        wait_for(lambda: self.acknowledge() or self.show()["state"] == "ended", 20, "the end")
        self.assertEqual(self.addresses("tunnel_ip"), before)
        self.check_leases()
        self.assertEqual(self.check(), [])

    def test_a_repair_before_a_rollback(self):
        self.make(cidr="10.5.0.0/24")
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        self.acknowledge()
        self.damage(f"UPDATE devices SET tunnel_ip_second = '10.7.0.2' WHERE id = '{self.devices()[1]['id']}'")
        self.assertTrue(all(row["repaired"] for row in self.check(repair=True)))
        self.rollback()
        self.until("ended")
        self.assertEqual({(device["tunnel_ip_second"], device["organization_prefix_second"], device["renumbering"])
                          for device in self.devices()}, {("", "", 0)})
        self.check_leases()


class Waiting(Renumbers, ServerCase):
    """Strategies that have to be waited for."""

    @classmethod
    def configure(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="nexodus-plugins-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        shutil.copytree(BUILD_DIR / "plugins" / "server", cls.directory / "server")
        shutil.copy(BUILD_DIR / "tests" / "api" / "modules" / "blocking-strategy.so", cls.directory / "server")
        cls.server.environment.update(NEXODUS_BLOCKING_STRATEGY_GATE=str(cls.directory / "gate"), NEXODUS_STRATEGIES_RETRY="1s")
        cls.server.set(plugin_directory=cls.directory)

    def chosen(self, name):
        """Of each device, the number that the strategy has given it."""
        return sorted(int(ipaddress.ip_address(address)) & 0xffff for address, in self.addresses(name))

    def test_it_chooses_all(self):
        self.make(4, cidr="10.5.0.0/16")
        self.enrol(hostname="duplicate")
        plan = self.begin(200, cidr="10.6.0.0/16", strategy="blocking", dry_run=True)
        self.assertEqual((plan["strategy"], plan["chosen"], plan["problems"]), ("blocking", 5, []))
        self.begin(cidr="10.6.0.0/16", strategy="blocking")
        self.until("started")
        self.check_leases()
        first, *others = self.chosen("tunnel_ip_second")
        self.assertEqual((first, others), (9, list(range(others[0], others[0] + 4))))
        self.assertGreaterEqual(others[0], 256)
        # One that comes now gets its first address by the old strategy.
        late = self.enrol(hostname="late")
        self.assertTrue(late["tunnel_ip"].startswith("10.5.0.") and late["tunnel_ip_second"].startswith("10.6.1."), late)
        self.acknowledge()
        self.commit(grace=600)
        self.until("committed")
        # And after the commit by the new one, and the other one with it.
        late = self.enrol(hostname="later")
        self.assertTrue(late["tunnel_ip"].startswith("10.6.1.") and late["tunnel_ip_second"].startswith("10.5.0."), late)
        self.check_leases()
        # In the same prefix it proposes to one device what that has already: that one keeps it.
        self.acknowledge()
        self.commit(grace=0)
        self.until("ended")
        self.begin(strategy="blocking")
        self.until("started")
        pairs = dict(self.addresses("tunnel_ip", "tunnel_ip_second"))
        self.assertEqual([first for first, second in pairs.items() if first == second], ["10.6.0.9"])
        self.check_leases()
        self.rollback()
        self.until("ended")
        self.check_leases()
        # What it proposes to two is one of them's.
        self.alice.must(200).patch(self.base, {"strategy": "sequential"})
        self.enrol(hostname="duplicate")
        self.begin(cidr="10.7.0.0/16", strategy="blocking")
        problem = wait_for(lambda: self.show()["problem"], 20, "what stands in the way")
        self.assertIn("it proposes 10.7.0.9, which is taken like all 8", problem)
        self.rollback()
        self.until("ended")
        self.check_leases()

    def test_it_is_away_for_a_while(self):
        self.make(2, cidr="10.5.0.0/16")
        away = self.enrol(hostname="away")
        self.enrol(hostname="h3")
        self.begin(cidr="10.6.0.0/16", strategy="blocking")
        wait_for(lambda: "what it asks is away" in self.show()["problem"], 20, "what stands in the way")
        self.assertEqual((self.show()["state"], self.show()["ready"]), ("starting", 2))
        self.commit(409)
        self.alice.must(200).patch(f"/api/devices/{away['id']}", {"hostname": "back"})
        self.assertEqual(self.until("started")["problem"], "")
        self.check_leases()
        # Asked for both prefixes, in one registration.
        self.acknowledge()
        self.commit(grace=0)
        self.until("committed")
        self.acknowledge()
        self.until("ended")
        self.begin(cidr="10.7.0.0/16", strategy="blocking")
        self.until("started")
        late = self.enrol(hostname="late")
        self.assertTrue(late["tunnel_ip"].startswith("10.6.1.") and late["tunnel_ip_second"].startswith("10.7.1."), late)
        self.rollback()
        self.until("ended")
        self.check_leases()

    def test_many_that_stand_still(self):
        """More than are looked at in one go do not keep another one from going on."""
        for _ in range(66):
            self.make(0, cidr="10.5.0.0/16")
            self.enrol(hostname="failing")
            self.begin(cidr="10.6.0.0/16", strategy="blocking")
        wait_for(lambda: "it does not want to" in self.show()["problem"], 20, "what stands in the way")
        self.make(2, cidr="10.5.0.0/16")
        self.begin(cidr="10.6.0.0/16")
        self.until("started")
        self.check_leases()


class Families(Renumbers, unittest.TestCase):
    def test_a_family_goes_and_comes(self):
        with Server(plugins=BOTH) as server:
            self.server = server
            admin = User(server, "admin", server.admin_password())
            self.alice = User(server, "alice", administrator=admin)
            self.make(name="moving", cidr="10.5.0.0/24", cidr_v6="fd05::/64")
            self.begin(cidr_v6="fd06::/64")
            self.until("started")
            code, plan = rehearse(server, "--drop-plugin", "ipam-v6")
            moving = of_organization(plan, "moving")
            self.assertEqual((code, moving["prefix"], moving["addresses_lost"]), (3, "fd05::/64", 3))
            self.assertIn("moving: it is being renumbered from fd05::/64 to fd06::/64, which ends with the family",
                          plan["warnings"])
            self.acknowledge()
            self.commit(grace=6000)
            self.until("committed")
            server.stop()
            self.assertEqual(of_organization(rehearse(server, "--drop-plugin", "ipam-v6")[1], "moving")["prefix"], "fd06::/64")
            server.set(plugins=V4)
            dropped = ask(server, "--drop-plugin", "ipam-v6", "--yes")
            self.assertEqual(dropped.returncode, 0, dropped)
            server.start()
            self.assertEqual(self.alice.must(200).get(f"{self.base}/renumbering").json, [])
            self.assertEqual({device["renumbering"] for device in self.devices()}, {0})
            self.assertEqual(self.alice.must(200).post(f"{self.base}/ipam-check", {}).json["findings"], [])
            # The other one is not concerned, neither by that nor by its return.
            self.begin(cidr="10.6.0.0/24")
            self.until("started")
            server.stop()
            server.set(plugins=BOTH)
            server.start()
            self.assertEqual([row["family"] for row in self.alice.must(200).get(f"{self.base}/renumbering").json], ["inet"])
            self.assertEqual(self.addresses("tunnel_ip", "tunnel_ip_second"), [(f"10.5.0.{n}", f"10.6.0.{n}") for n in (1, 2, 3)])
            self.assertTrue(all(six for six, in self.addresses("tunnel_ip_v6")))
            self.acknowledge()
            self.commit(grace=0)
            self.until("committed")
            self.acknowledge()
            self.until("ended")
            self.begin(cidr_v6="fd06::/64")
            self.until("started")
            self.check_leases()


if __name__ == "__main__":
    run()
