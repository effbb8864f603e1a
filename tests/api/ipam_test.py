# SPDX-License-Identifier: Apache-2.0
"""What an organization's members can see of its addresses: how full each prefix is, and who has which."""

import json
import unittest
import urllib.parse

from server import Server, run
from world import User


def query(**arguments):
    return "?" + urllib.parse.urlencode({name: json.dumps(value) for name, value in arguments.items()})


class Ipam(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()
        admin = User(cls.server, "admin", cls.server.admin_password())
        cls.alice = User(cls.server, "alice", administrator=admin)
        cls.bob = User(cls.server, "bob", administrator=admin)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()

    def setUp(self):
        made = self.alice.organization(cidr="10.5.0.0/29", cidr_v6="fd05::ff00/120", strategy_v6="random")
        self.organization, self.base = made["id"], f"/api/organizations/{made['id']}"
        self.alice.organization(cidr="10.5.0.0/29")  # whose addresses are no concern of this one
        self.alice.device(organization_id=self.alice.organization(cidr="10.5.0.0/29")["id"])

    def pools(self, who=None, **arguments):
        return (who or self.alice).must(200).get(f"{self.base}/pools{query(**arguments)}")

    def leases(self, who=None, **arguments):
        return (who or self.alice).must(200).get(f"{self.base}/leases{query(**arguments)}")

    # --- pools ------------------------------------------------------------------------------------

    def test_pools(self):
        four = {"family": "inet", "prefix": "10.5.0.0/29", "strategy": "sequential", "capacity": 6, "taken": 0,
                "quarantined": 0, "reserved": 0, "free": 6}
        six = {"family": "inet6", "prefix": "fd05::ff00/120", "strategy": "random", "capacity": 127, "taken": 0,
               "quarantined": 0, "reserved": 0, "free": 127}
        self.assertEqual(self.pools().json, [four, six])
        devices = [self.alice.device(organization_id=self.organization) for _ in range(5)]
        devices.append(self.alice.device(organization_id=self.organization, ipv6_supported=False))
        self.assertEqual(self.pools().json, [{**four, "taken": 6, "free": 0}, {**six, "taken": 5, "free": 122}])
        for device in devices[3:]:
            self.alice.must(200).delete(f"/api/devices/{device['id']}")
        self.assertEqual(self.pools().json, [{**four, "taken": 3, "free": 3}, {**six, "taken": 3, "free": 124}])
        self.alice.must(200).patch(self.base, {"strategy": "stable", "strategy_v6": ""})
        self.assertEqual([pool["strategy"] for pool in self.pools().json], ["stable", "sequential"])

    def test_more_than_can_be_counted(self):
        self.base = f"/api/organizations/{self.alice.organization()['id']}"
        self.assertEqual([(pool["capacity"], pool["free"]) for pool in self.pools().json], [(65534, 65534), (None, None)])
        self.assertEqual([pool["family"] for pool in self.pools(sort=["free", "DESC"]).json], ["inet6", "inet"])
        self.assertEqual([pool["family"] for pool in self.pools(filter={"capacity": None}).json], ["inet6"])

    def test_pools_as_a_list(self):
        families = lambda **arguments: [pool["family"] for pool in self.pools(**arguments).json]
        self.assertEqual(self.pools().headers["X-Total-Count"], "2")
        self.assertEqual(families(sort=["capacity", "DESC"]), ["inet6", "inet"])
        self.assertEqual(families(sort=["strategy", "ASC"]), ["inet6", "inet"])
        self.assertEqual(families(filter={"free": 6}), ["inet"])
        self.assertEqual(families(filter={"family": ["inet6", "inet"]}, range=[1, 1]), ["inet6"])
        part = self.pools(range=[0, 0])
        self.assertEqual((len(part.json), part.headers["X-Total-Count"]), (1, "2"))
        past = self.pools(range=[2, 9])
        self.assertEqual((past.json, past.headers["X-Total-Count"]), ([], "2"))
        self.assertEqual(self.alice.get(f"{self.base}/pools{query(sort=['size', 'ASC'])}").status, 400)

    # --- leases -----------------------------------------------------------------------------------

    def test_leases(self):
        self.assertEqual(self.leases().json, [])
        devices = [self.alice.device(organization_id=self.organization, hostname=f"h{i}") for i in range(4)]
        expected = [{"address": device[field], "family": family, "device_id": device["id"], "hostname": device["hostname"],
                     "public_key": device["public_key"]}
                    for device in devices for field, family in (("tunnel_ip", "inet"), ("tunnel_ip_v6", "inet6"))]
        self.assertEqual(self.leases().json, sorted(expected, key=lambda lease: lease["address"]))
        self.alice.must(200).patch(f"/api/devices/{devices[1]['id']}", {"hostname": "renamed"})
        self.alice.must(200).delete(f"/api/devices/{devices[2]['id']}")
        left = self.leases(sort=["hostname", "ASC"])
        self.assertEqual([lease["hostname"] for lease in left.json], ["h0", "h0", "h3", "h3", "renamed", "renamed"])
        self.assertEqual(left.headers["X-Total-Count"], "6")

    def test_leases_as_a_list(self):
        for number in range(5):
            self.alice.device(organization_id=self.organization, hostname=f"h{number}")
        addresses = lambda **arguments: [lease["address"] for lease in self.leases(**arguments).json]
        self.assertEqual(addresses(filter={"family": "inet"}, sort=["address", "DESC"]), [f"10.5.0.{i}" for i in range(5, 0, -1)])
        self.assertEqual(addresses(filter={"family": "inet", "hostname": ["h1", "h3"]}), ["10.5.0.2", "10.5.0.4"])
        part = self.leases(range=[2, 3], sort=["address", "ASC"])
        self.assertEqual(([lease["address"] for lease in part.json], part.headers["X-Total-Count"]),
                         (["10.5.0.3", "10.5.0.4"], "10"))
        chosen = self.leases(filter={"family": "inet6"}, range=[1, 2])
        self.assertEqual((len(chosen.json), chosen.headers["X-Total-Count"]), (2, "5"))
        for wrong in ({"sort": ["id", "ASC"]}, {"filter": {"organization_id": "x"}}, {"filter": {"id": "10.5.0.1"}}):
            self.assertEqual(self.alice.get(f"{self.base}/leases{query(**wrong)}").status, 400, wrong)

    # --- who --------------------------------------------------------------------------------------

    def test_members(self):
        device = self.alice.device(organization_id=self.organization)
        for path in ("pools", "leases"):
            self.assertEqual(self.bob.get(f"{self.base}/{path}").status, 404)
            self.assertEqual(self.server.get(f"{self.base}/{path}", token=device["token"]).status, 403)
        self.alice.invite(self.bob, self.organization)
        self.assertEqual(self.pools(self.bob).json, self.pools().json)
        self.assertEqual(self.leases(self.bob).json, self.leases().json)


class OneFamily(unittest.TestCase):
    def test_a_server_with_one_family(self):
        with Server(plugins="ipam-v4,driver-wireguard") as server:
            admin = User(server, "admin", server.admin_password())
            admin.device()
            base = f"/api/organizations/{admin.own_organization()['id']}"
            self.assertEqual(admin.must(200).get(f"{base}/pools").json, [
                {"family": "inet", "prefix": "100.100.0.0/16", "strategy": "sequential", "capacity": 65534, "taken": 1,
                 "quarantined": 0, "reserved": 0, "free": 65533}])
            self.assertEqual(len(admin.must(200).get(f"{base}/leases").json), 1)


if __name__ == "__main__":
    run()
