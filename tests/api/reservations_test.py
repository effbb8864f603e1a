# SPDX-License-Identifier: Apache-2.0
"""What the owner of an organization says of its addresses: reserved ranges, ranges to give from, and
addresses that are kept for one device."""

import ipaddress
import json
import time
import urllib.parse

from server import PATIENCE, run
from world import ServerCase, Watch, public_key

FIELD = {"inet": "tunnel_ip", "inet6": "tunnel_ip_v6"}
STRATEGIES = ("sequential", "random", "stable")


def query(**arguments):
    return "?" + urllib.parse.urlencode({name: json.dumps(value) for name, value in arguments.items()})


class Reservations(ServerCase):
    def make(self, **fields):
        """A small organization: 10.5.0.1 to 10.5.0.14, and fd05::ff01 to fd05::ff7f."""
        made = self.alice.organization(**{"cidr": "10.5.0.0/28", "cidr_v6": "fd05::ff00/120", **fields})
        self.organization, self.base = made["id"], f"/api/organizations/{made['id']}"
        return made

    def reserve(self, range, status=201, **fields):
        return self.alice.must(status).post(f"{self.base}/reservations", {"range": range, **fields}).json

    def release(self, reservation):
        return self.alice.must(200).delete(f"{self.base}/reservations/{reservation['id']}").json

    def device(self, **fields):
        return self.alice.device(organization_id=self.organization, **fields)

    def refused(self, status=409, **fields):
        body = {"public_key": public_key(), "organization_id": self.organization, **fields}
        return self.alice.must(status).post("/api/devices", body).json

    def pool(self, family="inet"):
        return self.alice.must(200).get(f"{self.base}/pools{query(filter={'family': family})}").json[0]

    # --- the resource -----------------------------------------------------------------------------

    def test_resource(self):
        made = self.make()
        with Watch(self.server, self.alice.token, self.organization, revision=made["revision"],
                   kinds=("organization",)) as watch:
            watch.until_tail()
            first = self.reserve("10.5.0.2-10.5.0.4", description="printers")
            told = watch.next()["value"]
        self.assertEqual(first, {
            "id": first["id"], "organization_id": self.organization, "kind": "reserved", "family": "inet", "first": "10.5.0.2",
            "last": "10.5.0.4", "public_key": "", "hostname": "", "description": "printers", "revision": told["revision"]})
        self.assertGreater(told["revision"], made["revision"])
        second = self.reserve("fd05::ff10/124", kind="allocation")
        self.assertEqual((second["kind"], second["family"], second["first"], second["last"]),
                         ("allocation", "inet6", "fd05::ff10", "fd05::ff1f"))
        third = self.reserve("10.5.0.9", hostname="Printer.Example")
        self.assertEqual((third["kind"], third["hostname"], third["last"]), ("static", "printer.example", "10.5.0.9"))
        self.assertGreater(third["revision"], second["revision"])
        listed = f"{self.base}/reservations"
        self.assertEqual(self.alice.get(listed).json, [first, second, third])
        part = self.alice.get(listed + query(filter={"family": "inet"}, sort=["first", "DESC"], range=[0, 0]))
        self.assertEqual((part.json, part.headers["X-Total-Count"]), ([third], "2"))
        self.assertEqual(self.alice.get(listed + query(sort=["size", "ASC"])).status, 400)
        for reservation in (first, second, third):
            self.assertEqual(self.alice.must(200).get(f"{listed}/{reservation['id']}").json, reservation)
            self.assertEqual(self.release(reservation), reservation)
            self.assertEqual(self.alice.get(f"{listed}/{reservation['id']}").status, 404)
        self.assertEqual(self.alice.get(listed).json, [])
        self.assertEqual(self.alice.delete(f"{listed}/{first['id']}").status, 404)

    def test_who(self):
        self.make()
        made = self.reserve("10.5.0.2")
        device = self.device()
        for path in ("reservations", f"reservations/{made['id']}", "quarantine"):
            self.assertEqual(self.bob.get(f"{self.base}/{path}").status, 404)
            self.assertEqual(self.server.get(f"{self.base}/{path}", token=device["token"]).status, 403)
        self.alice.invite(self.bob, self.organization)
        self.assertEqual(self.bob.must(200).get(f"{self.base}/reservations").json, [made])
        self.assertEqual(self.bob.post(f"{self.base}/reservations", {"range": "10.5.0.3"}).status, 403)
        self.assertEqual(self.bob.delete(f"{self.base}/reservations/{made['id']}").status, 403)
        elsewhere = self.alice.organization()
        self.assertEqual(self.alice.get(f"/api/organizations/{elsewhere['id']}/reservations/{made['id']}").status, 404)
        self.assertEqual(self.alice.delete(f"/api/organizations/{elsewhere['id']}/reservations/{made['id']}").status, 404)
        self.alice.must(200).delete(self.base)  # with all of it

    def test_wrong(self):
        before = self.make()
        key = public_key()
        for body, field, says in (
                ({}, "range", None), ({"range": 7}, "range", "string"), ({"range": "ten"}, "range", "neither an address"),
                ({"range": "10.5.0.1/28"}, "range", "10.5.0.0/28, or 10.5.0.1"),
                ({"range": "10.5.0.9-10.5.0.2"}, "range", "10.5.0.2-10.5.0.9"),
                ({"range": "10.5.0.9-"}, "range", "FIRST-LAST"), ({"range": "10.5.0.1-fd05::1"}, "range", "another"),
                ({"range": "10.6.0.0/30"}, "range", "10.5.0.0/28"), ({"range": "10.5.0.9-10.5.0.16"}, "range", "10.5.0.0/28"),
                ({"range": "10.0.0.0/8"}, "range", "10.5.0.0/28"),
                ({"range": "10.5.0.2", "kind": "mine"}, "kind", "reserved, allocation or static"),
                ({"range": "10.5.0.2", "kind": "static"}, "kind", "public_key"),
                ({"range": "10.5.0.2-10.5.0.3", "public_key": key}, "range", "one address"),
                ({"range": "10.5.0.0", "public_key": key}, "range", "reserved address"),
                ({"range": "10.5.0.2", "public_key": "key"}, "public_key", ""),
                ({"range": "10.5.0.2", "public_key": key, "hostname": "h"}, "hostname", "not for both"),
                ({"range": "10.5.0.2", "public_key": key, "kind": "reserved"}, "kind", "public_key"),
                ({"range": "10.5.0.2", "hostname": "h", "kind": "allocation"}, "kind", "hostname"),
                ({"range": "10.5.0.2", "hostname": "a\nb"}, "hostname", "control"),
                ({"range": "10.5.0.2", "description": "x" * 256}, "description", "longer")):
            with self.subTest(body):
                answer = self.alice.post(f"{self.base}/reservations", body)
                self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer)
                self.assertIn(says or "", answer.json.get("reason", ""))
        self.assertEqual(self.alice.get(f"{self.base}/reservations").json, [])
        self.assertEqual(self.alice.get(self.base).json, before)

    def test_contradictions(self):
        self.make()
        key = public_key()
        reserved = self.reserve("10.5.0.4-10.5.0.7")
        given = self.reserve("10.5.0.9-10.5.0.12", kind="allocation")
        self.reserve("10.5.0.10", kind="reserved")  # a hole
        static = self.reserve("10.5.0.5", public_key=key)
        named = self.reserve("10.5.0.13", hostname="h")
        clash = lambda other: f"(reservation {other['id']})"
        for range, fields, other in (
                ("10.5.0.4-10.5.0.7", {}, reserved), ("10.5.0.7-10.5.0.8", {}, reserved), ("10.5.0.6", {}, reserved),
                ("10.5.0.8-10.5.0.9", {"kind": "allocation"}, given), ("10.5.0.12-10.5.0.13", {}, given),
                ("10.5.0.6-10.5.0.8", {"kind": "allocation"}, reserved),
                ("10.5.0.5", {"kind": "allocation"}, reserved), ("10.5.0.5", {"hostname": "other"}, static),
                ("10.5.0.14", {"public_key": key}, static), ("10.5.0.14", {"hostname": "H"}, named)):
            with self.subTest(range=range, **fields):
                refused = self.reserve(range, 409, **fields)
                self.assertEqual(refused["field"], "range")
                self.assertIn(clash(other), refused["error"])
        self.reserve("10.5.0.1-10.5.0.8", kind="allocation")  # around what is reserved

    def test_address_of_another(self):
        self.make()
        device, other = self.device(hostname="one"), self.device()
        refused = self.reserve(device["tunnel_ip"], 409, public_key=public_key())
        self.assertIn(f"{device['tunnel_ip']} is the address of the device {device['id']} ('one'): delete that device first",
                      refused["error"])
        self.assertIn(other["id"], self.reserve(other["tunnel_ip"], 409, hostname="one")["error"])
        self.reserve(device["tunnel_ip"], public_key=device["public_key"])
        self.reserve(device["tunnel_ip_v6"], hostname="ONE")
        # A range changes nothing of what was given.
        self.reserve("10.5.0.0/29")
        after = self.alice.get(f"/api/devices/{other['id']}").json
        self.assertEqual([after[name] for name in ("tunnel_ip", "revision")], [other[name] for name in ("tunnel_ip", "revision")])

    # --- reserved ranges --------------------------------------------------------------------------

    def test_reserved_ranges(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy=strategy):
                self.make(strategy=strategy, strategy_v6=strategy)
                early = self.device()
                ranges = {"inet": ("10.5.0.2-10.5.0.5", "10.5.0.8", "10.5.0.12/30"), "inet6": ("fd05::ff00/122", "fd05::ff70/124")}
                for family in ranges.values():
                    for range in family:
                        self.reserve(range)
                closed = {4: {2, 3, 4, 5, 8, 12, 13, 14, 15}, 6: {*range_of(0x00, 0x3f), *range_of(0x70, 0x7f)}}
                left = {1, 6, 7, 9, 10, 11} - {last(early["tunnel_ip"])}
                self.assertEqual(self.pool()["free"], len(left))
                given = [self.device() for _ in left]
                self.assertEqual({last(d["tunnel_ip"]) for d in given}, left)
                self.assertFalse({last(d["tunnel_ip_v6"]) for d in given} & closed[6])
                says = self.refused()
                self.assertEqual(says["field"], "tunnel_ip")
                self.assertIn("all addresses of 10.5.0.0/28 that may be given are taken; others are reserved", says["error"])
                # Who asks is told as well, and what is asked for beside them is given.
                asked = self.refused(tunnel_ip="10.5.0.13")
                self.assertEqual(asked["field"], "tunnel_ip")
                self.assertIn("10.5.0.13 lies in the reserved range 10.5.0.12-10.5.0.15", asked["error"])
                pool = self.pool()
                self.assertEqual((pool["taken"], pool["free"]), (len(given) + 1, 0))
                self.assertEqual(pool["reserved"], 14 - pool["taken"])
                # What is released is given again.
                self.release(next(r for r in self.alice.get(f"{self.base}/reservations").json if r["first"] == "10.5.0.8"))
                self.assertEqual(self.pool()["free"], 0 if last(early["tunnel_ip"]) == 8 else 1)
                if last(early["tunnel_ip"]) != 8:
                    self.assertEqual(self.device()["tunnel_ip"], "10.5.0.8")
                self.refused()

    def test_a_million_reserved(self):
        """What a range holds is not walked over, and a full pool beside it is not either."""
        self.make(cidr="10.0.0.0/8", cidr_v6="fd05::/64")
        self.reserve("10.0.0.2-10.127.255.255")
        self.reserve("fd05::2-fd05::ffff:ffff:ffff:0")
        begin = time.monotonic()
        devices = [self.device() for _ in range(3)]
        self.assertEqual([d["tunnel_ip"] for d in devices], ["10.0.0.1", "10.128.0.0", "10.128.0.1"])
        self.assertEqual([d["tunnel_ip_v6"] for d in devices], ["fd05::1", "fd05::ffff:ffff:ffff:1", "fd05::ffff:ffff:ffff:2"])
        self.assertLess(time.monotonic() - begin, 2 * PATIENCE)
        self.assertEqual(self.pool()["free"], 2 ** 24 - 2 - (2 ** 23 - 2) - 3)
        self.assertEqual(self.pool()["reserved"], 2 ** 23 - 2)
        self.assertEqual((self.pool("inet6")["free"], self.pool("inet6")["reserved"]), (0xffff - 0x80 - 2, None))

    # --- allocation ranges ------------------------------------------------------------------------

    def test_allocation_ranges(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy=strategy):
                self.make(strategy=strategy, strategy_v6=strategy)
                self.reserve("10.5.0.8-10.5.0.10", kind="allocation")
                second = self.reserve("10.5.0.13-10.5.0.15", kind="allocation")
                self.reserve("10.5.0.9", kind="reserved")
                self.assertEqual((self.pool()["free"], self.pool()["reserved"]), (4, 10))
                devices = [self.device() for _ in range(4)]
                self.assertEqual({last(d["tunnel_ip"]) for d in devices}, {8, 10, 13, 14})
                if strategy == "sequential":
                    self.assertEqual([last(d["tunnel_ip"]) for d in devices], [8, 10, 13, 14])
                self.assertIn("others are reserved", self.refused()["error"])
                # The other family has none: it gives as ever. A certain address is still to be had.
                self.assertEqual(len({d["tunnel_ip_v6"] for d in devices}), 4)
                self.assertEqual(self.device(tunnel_ip="10.5.0.2")["tunnel_ip"], "10.5.0.2")
                self.refused(tunnel_ip="10.5.0.9")
                self.refused(400, tunnel_ip="10.6.0.2")
                self.assertEqual((self.pool()["taken"], self.pool()["free"], self.pool()["reserved"]), (5, 0, 9))
                # One that goes comes back; without ranges all of the prefix is there.
                self.alice.must(200).delete(f"/api/devices/{devices[1]['id']}")
                self.assertEqual(self.device()["tunnel_ip"], devices[1]["tunnel_ip"])
                self.release(second)
                self.refused()
                for reservation in self.alice.get(f"{self.base}/reservations").json:
                    self.release(reservation)
                given = {last(self.device()["tunnel_ip"]) for _ in range(9)}
                self.assertEqual(given, {1, 3, 4, 5, 6, 7, 9, 11, 12})

    # --- one device -------------------------------------------------------------------------------

    def test_static(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy=strategy):
                self.make(strategy=strategy, strategy_v6=strategy)
                key, other = public_key(), public_key()
                self.reserve("10.5.0.0/29")
                self.reserve("10.5.0.3", public_key=key)       # in a reserved range
                self.reserve("10.5.0.12", hostname="Printer")  # elsewhere
                self.reserve("fd05::ff42", public_key=key)
                self.assertIn("10.5.0.3 is reserved for another device", self.refused(tunnel_ip="10.5.0.3")["error"])
                self.assertIn("10.5.0.12 is reserved for another device", self.refused(tunnel_ip="10.5.0.12")["error"])
                self.assertIn("reserved for another", self.refused(tunnel_ip_v6="fd05::ff42")["error"])
                self.assertIn("10.5.0.9 is asked for, but 10.5.0.3 is reserved for this device",
                              self.refused(public_key=key, tunnel_ip="10.5.0.9")["error"])
                self.assertEqual(self.pool()["free"], 6)
                plain = [self.device() for _ in range(6)]
                self.assertEqual({last(d["tunnel_ip"]) for d in plain}, {8, 9, 10, 11, 13, 14})
                self.refused()
                # It needs no free address, and is the same each time.
                for _ in range(2):
                    device = self.device(public_key=key, hostname="printer")  # a key comes before a name
                    self.assertEqual((device["tunnel_ip"], device["tunnel_ip_v6"]), ("10.5.0.3", "fd05::ff42"))
                    self.alice.must(200).delete(f"/api/devices/{device['id']}")
                    self.refused()
                self.assertEqual(self.device(public_key=key, tunnel_ip="10.5.0.3")["tunnel_ip"], "10.5.0.3")
                printer = self.device(public_key=other, hostname="PRINTER")
                self.assertEqual(printer["tunnel_ip"], "10.5.0.12")
                # A second one of that name gets what there is, which is nothing.
                self.refused(hostname="printer")
                self.refused(hostname="printer.example")
                # Its reservation goes, its lease stays; when that ends too, anybody may have it.
                self.release(next(r for r in self.alice.get(f"{self.base}/reservations").json if r["hostname"]))
                self.refused()
                self.alice.must(200).delete(f"/api/devices/{printer['id']}")
                self.assertEqual(self.device()["tunnel_ip"], "10.5.0.12")

    def test_restart(self):
        self.make()
        key = public_key()
        self.reserve("10.5.0.1-10.5.0.3")
        self.reserve("10.5.0.5", public_key=key)
        self.assertEqual(self.device()["tunnel_ip"], "10.5.0.4")
        self.server.stop()
        self.server.start()
        self.assertEqual([self.device()["tunnel_ip"] for _ in range(2)], ["10.5.0.6", "10.5.0.7"])
        self.assertIn("reserved for another", self.refused(tunnel_ip="10.5.0.5")["error"])
        self.assertEqual(self.device(public_key=key)["tunnel_ip"], "10.5.0.5")

    def test_move(self):
        """A device that is moved into the organization is asked for like one that enrols."""
        home = self.alice.organization()
        device = self.alice.device(organization_id=home["id"], hostname="mover")
        self.make()
        self.reserve("10.5.0.0/29")
        self.reserve("fd05::ff33", hostname="mover")
        moved = self.alice.must(200).patch(f"/api/devices/{device['id']}", {"organization_id": self.organization}).json
        self.assertEqual((moved["tunnel_ip"], moved["tunnel_ip_v6"]), ("10.5.0.8", "fd05::ff33"))

    def test_many_ranges(self):
        self.make(cidr_v6="fd05::/112")
        for number in range(1, 40):
            self.reserve(f"fd05::{2 * number:x}")
        self.assertEqual([self.device()["tunnel_ip_v6"] for _ in range(3)], ["fd05::1", "fd05::3", "fd05::5"])
        self.assertEqual(self.pool("inet6")["reserved"], 39)

    def test_as_many_ranges_as_there_may_be(self):
        self.make(cidr_v6="fd05::/112")
        self.server.stop()
        rows = ", ".join(f"('r{i}', '{self.organization}', 'reserved', 'inet6', 'fd05::{i:x}', 'fd05::{i:x}', 1, 1)"
                         for i in range(1, 2048, 2))
        self.server.sql("INSERT INTO reservations (id, organization_id, kind, family, first_address, last_address, revision, "
                        f"created_at) VALUES {rows}")
        self.server.start()
        refused = self.reserve("fd05::4000", 409)
        self.assertIn("1024 ranges of IPv6 addresses, which is as many as there may be: release some", refused["error"])
        self.reserve("10.5.0.2")  # of the other family there are none
        key = public_key()
        self.reserve("fd05::5", public_key=key)
        given = [self.device(tunnel_ip_v6="fd05::2"), self.device(), self.device(public_key=key), self.device()]
        self.assertEqual([device["tunnel_ip_v6"] for device in given], ["fd05::2", "fd05::4", "fd05::5", "fd05::6"])


def last(address):
    return ipaddress.ip_address(address).packed[-1]


def range_of(first, end):
    return range(first, end + 1)


if __name__ == "__main__":
    run()
