# SPDX-License-Identifier: Apache-2.0
"""Prefixes and addresses that cannot be, in both families: of organizations, advertised by
devices, asked for by devices, and pools that have no more. What is refused says why, and leaves
no row behind, no lease of the other family, and nothing taken in a pool."""

import concurrent.futures
import unittest

from rows import Rows
from server import Server, run
from world import User, public_key

# What no reader of any prefix takes: prefix → what its refusal says.
UNREADABLE = {
    4: {"": "", "x": "", "/16": "", "10.5.0.0/": "", "10.5.0.0/33": "", "10.5.0.0/-1": "", "10.5.0.0/+16": "",
        "10.5.0.0/016": "", "10.5.0.0/ 16": "", "10.5.0.0/16 ": "", " 10.5.0.0/16": "", "10.5.0.0 /16": "", "10.5.0.0/1e1": "",
        "10.5.0.0/0x10": "", "10.5.0.0/16/16": "", "10.5.0.0/255.255.0.0": "", "10.5.0.0/4294967312": "",
        "10.5.0.0/18446744073709551632": "", "10.5.0.0-10.5.255.255": "", "010.5.0.0/16": "", "10.05.0.0/16": "",
        "10.5.0.00/16": "", "0x0a.5.0.0/16": "", "10.5.0.256/16": "", "10.5.0.0.0/16": "", "10.5.0.0%eth0/16": "",
        "\uff11\uff10.5.0.0/16": "", "10,5,0,0/16": "", "10.5.0.0\\16": "", "10.5.0.0": "length", "10.5/16": "10.5.0.0/16",
        "10.5.0/16": "10.5.0.0/16", "10/8": "10.0.0.0/8", "/": "", "10.5.0.0/16,10.6.0.0/16": "", "1" * 1000 + "/16": ""},
    6: {"fd05:/64": "fd05::/64", "200:/64": "200::/64", "0200:/64": "200::/64", "fd05/64": "fd05::/64",
        "fd05:1/48": "fd05:1::/48",
        "fd05::": "length", "fd05::/": "", "fd05::/129": "", "fd05::/-1": "", "fd05::/+64": "", "fd05::/064": "", "fd05::/ 64": "",
        "fd05::/64 ": "", " fd05::/64": "", "fd05 ::/64": "", "fd05::/64/64": "", "fd05::/ffff::": "", "fd05::/4294967360": "",
        "fd05:::/64": "", "fd05::1::/64": "", "[fd05::]/64": "", "fd050::/64": "", "fd05::g/64": "", "fd05::%wg0/64": "",
        "fd05::%1/64": "", "fe80::%eth0/64": "", "1:2:3:4:5:6:7:8:9/64": "", "1:2:3:4:5:6:7/64": "", "fd05::1.2.3/64": "",
        "::ffff:010.0.0.0/112": "", "\uff46d05::/64": "", "fd05::\\64": ""},
}
# What is a prefix, but none of an organization's.
UNFIT = {
    4: {"10.5.0.1/16": "10.5.0.0/16", "10.5.0.0/8": "10.0.0.0/8", "10.5.0.7/30": "10.5.0.4/30", "0.0.0.0/0": "too large",
        "10.0.0.0/7": "too large", "128.0.0.0/1": "too large", "10.5.0.0/31": "too small", "10.5.0.1/32": "too small",
        "0.0.0.0/8": "RFC 791", "0.0.0.0/32": "too small", "127.0.0.0/8": "loopback", "127.0.1.0/24": "loopback",
        "169.254.0.0/16": "link-local", "169.254.7.0/24": "link-local", "169.0.0.0/8": "link-local", "224.0.0.0/8": "multicast",
        "239.1.0.0/16": "multicast", "240.0.0.0/8": "reserved", "255.255.255.0/24": "reserved", "fd05::/64": "IPv4",
        "::ffff:10.5.0.0/112": "IPv4"},
    6: {"fd05::1/64": "fd05::/64", "fd05:0:0:0:1::/64": "fd05::/64",
        "::/0": "too large", "8000::/1": "too large", "fd05::/31": "too large", "fd05::/121": "too small", "fd05::/127":
            "too small",
        "fd05::1/128": "too small", "::/32": "reserved", "::1/128": "too small", "::/64": "reserved", "::ffff:0:0/96": "reserved",
        "::ffff:10.5.0.0/112": "reserved", "64:ff9b::/32": "reserved", "fe80::/64": "link-local", "febf::/32": "link-local",
        "fec0::/64": "site-local", "ff00::/32": "multicast", "ff02::/64": "multicast", "10.5.0.0/16": "IPv6"},
}
# Bounds and spellings: written → shown, and the first address given in it.
FIT = {
    4: {"11.0.0.0/8": ("11.0.0.0/8", "11.0.0.1"), "10.5.0.4/30": ("10.5.0.4/30", "10.5.0.5"),
        "223.255.255.252/30": ("223.255.255.252/30", "223.255.255.253"), "100.64.0.0/10": ("100.64.0.0/10", "100.64.0.1")},
    6: {"fd05::/32": ("fd05::/32", "fd05::1"), "fd05::ff00/120": ("fd05::ff00/120", "fd05::ff01"),
        "0200::/64": ("200::/64", "200::1"), "FD05:0:0:0::/64": ("fd05::/64", "fd05::1"),
        "fd05::10.5.0.0/112": ("fd05::a05:0/112", "fd05::a05:1"), "100::/32": ("100::/32", "100::1")},
}
# What no device may advertise.
NO_CHILDREN = {
    **{text: said for texts in UNREADABLE.values() for text, said in texts.items() if said != "length"},
    # A link's own networks, and what is nobody's: others would send theirs there.
    "127.0.0.0/8": "loopback", "169.254.169.254/32": "link-local", "168.0.0.0/7": "link-local", "224.0.0.0/24": "multicast",
    "240.0.0.0/8": "reserved", "fe80::/64": "link-local", "ff02::/16": "multicast", "::1/128": "loopback",
    "10.5.0.0": "expected address/length", "fd05::": "expected address/length",
    "0.0.0.0/0": "all traffic", "::/0": "all traffic", "10.5.0.0/0": "all traffic",
    "fd05::/0": "all traffic", "0.0.0.0/1": "/7", "128.0.0.0/1": "/7", "8000::/1": "/7", "fc00::/6": "/7",
    "100.100.0.0/16": "own prefix", "100.100.7.0/24": "own prefix", "100.100.0.1/32": "own prefix", "100.0.0.0/8": "own prefix",
    "200::/64": "own prefix", "200::/96": "own prefix", "200::1/128": "own prefix", "200::/8": "own prefix",
}
CIDR = {4: "cidr", 6: "cidr_v6"}
TUNNEL = {4: "tunnel_ip", 6: "tunnel_ip_v6"}


class Prefixes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()
        cls.alice = User(cls.server, "alice", administrator=User(cls.server, "admin", cls.server.admin_password()))
        cls.rows = Rows(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.rows.close()
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()

    def setUp(self):
        self.organization = self.alice.organization()["id"]

    def post(self, organization=None, **fields):
        organization = organization or self.organization
        return self.alice.post("/api/devices", {"public_key": public_key(), "organization_id": organization, **fields})

    def invalid(self, answer, field, part):
        self.assertEqual(answer.status, 400, answer)
        self.assertEqual((answer.json["error"], answer.json["field"]), ("invalid data in field", field))
        self.assertIn(part, answer.json["reason"])

    def conflict(self, answer, field, part):
        """Taken, or no more: the error says it itself."""
        self.assertEqual(answer.status, 409, answer)
        self.assertEqual((set(answer.json), answer.json["field"]), ({"error", "field"}, field))
        self.assertIn(part, answer.json["error"])

    def untouched(self, before):
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.rows.read(), before)

    # --- of organizations -----------------------------------------------------------------------

    def test_organization(self):
        before = self.rows.read()
        for version, field in CIDR.items():
            for text, part in {**UNREADABLE[version], **UNFIT[version]}.items():
                with self.subTest(field=field, prefix=text[:60]):
                    answer = self.alice.post("/api/organizations", {"name": "never", field: text})
                    if text:
                        self.invalid(answer, field, part)
                    else:
                        self.assertEqual(answer.json, {"error": "field not present", "field": "ip_" + field})
                    self.untouched(before)

    def test_organization_at_the_bounds(self):
        for version, field in CIDR.items():
            for text, (shown, first) in FIT[version].items():
                with self.subTest(field=field, prefix=text):
                    made = self.alice.organization(**{field: text})
                    self.assertEqual(made[field], shown)
                    self.assertEqual(self.alice.device(organization_id=made["id"])[TUNNEL[version]], first)

    def test_organizations_may_overlap(self):
        """Each is a world of its own: the same prefixes, the same addresses."""
        fields = {"cidr": "10.5.0.0/16", "cidr_v6": "fd05::/64"}
        made = [self.alice.organization(**fields), self.alice.organization(**fields),
                self.alice.organization(cidr="10.0.0.0/8", cidr_v6="fd05::/32")]
        devices = [self.alice.device(organization_id=o["id"], tunnel_ip="10.5.0.7", tunnel_ip_v6="fd05::7") for o in made]
        self.assertEqual(len({tuple(device["allowed_ips"]) for device in devices}), 1)

    # --- advertised by devices --------------------------------------------------------------------

    def test_advertised(self):
        device = self.alice.device(organization_id=self.organization, child_prefix=["172.16.0.0/12"])
        before = self.rows.read()
        for text, part in NO_CHILDREN.items():
            for prefixes in ([text], ["192.168.0.0/24", text]):
                with self.subTest(prefixes=[prefix[:60] for prefix in prefixes]):
                    self.invalid(self.post(child_prefix=prefixes), "child_prefix", part)
                    answer = self.alice.patch(f"/api/devices/{device['id']}", {"hostname": "changed", "child_prefix": prefixes})
                    self.invalid(answer, "child_prefix", part)
                    self.untouched(before)

    def test_advertised_overlaps(self):
        mine = self.alice.device(organization_id=self.organization, child_prefix=["10.1.0.0/16", "fd01::/48"])
        path = f"/api/devices/{self.alice.device(organization_id=self.organization)['id']}"
        before = self.rows.read()
        for prefix in ("10.1.0.0/16", "10.1.2.0/24", "10.1.0.1/32", "10.0.0.0/8", "10.1.7.7/16", "fd01::/48", "fd01::/64",
                       "fd01::1/128", "fd01::/32", "FD01:0:0::/48"):
            with self.subTest(prefix=prefix):
                for answer in (self.post(child_prefix=[prefix]), self.post(child_prefix=["172.31.0.0/16", prefix]),
                               self.alice.patch(path, {"child_prefix": [prefix]})):
                    self.invalid(answer, "child_prefix", "another device")
                self.untouched(before)
        for prefixes in (["10.2.0.0/16", "10.2.0.0/16"], ["10.2.0.0/16", "10.2.3.0/24"], ["10.2.3.4/32", "10.2.0.0/16"],
                         ["fd02::/48", "10.2.0.0/16", "fd02::/64"], ["fd02::1/64", "fd02::2/64"]):
            with self.subTest(prefixes=prefixes):
                for answer in (self.post(child_prefix=prefixes), self.alice.patch(path, {"child_prefix": prefixes})):
                    self.invalid(answer, "child_prefix", "in the list")
                self.untouched(before)
        # Side by side is no overlap; nor is one's own, sent again or changed.
        self.assertEqual(self.post(child_prefix=["10.0.0.0/16", "10.2.0.0/15", "fd01:0:1::/48", "fc00::/8"]).status, 201)
        again = self.alice.must(200).patch(f"/api/devices/{mine['id']}", {"child_prefix": ["10.1.0.0/17", "fd01::/49"]}).json
        self.assertEqual(again["child_prefix"], ["10.1.0.0/17", "fd01::/49"])

    def test_advertised_sound(self):
        prefixes = ["192.0.2.1/32", "2001:db8::1/128", "64.0.0.0/7", "fc00::/7", "10.1.2.3/8"]
        self.assertEqual(self.post(child_prefix=prefixes).json["child_prefix"], prefixes[:-1] + ["10.0.0.0/8"])

    # --- asked for by devices -----------------------------------------------------------------------

    def test_asked_for(self):
        self.alice.device(organization_id=self.organization, tunnel_ip="100.100.0.7", tunnel_ip_v6="200::7")
        before = self.rows.read()
        wrong = {
            4: {"x": "", "100.100.0.9/32": "", "100.100.0": "", "100.100.0.256": "", "100.100.0.09": "", "0100.100.0.9": "",
                "100.100.0.9 ": "", " 100.100.0.9": "", "0x64.100.0.9": "", "1684275209": "", "100.100.0.9%wg0": "",
                "100.100.0.9:1": "", "200::9": "family", "::ffff:100.100.0.9": "family", "100.99.255.255": "outside",
                "100.101.0.0": "outside", "0.0.0.0": "outside", "255.255.255.255": "outside", "127.0.0.1": "outside",
                "100.100.0.0": "reserved", "100.100.255.255": "reserved"},
            6: {"x": "", "200::9/128": "", "200:::9": "", "200:9": "", "200::g": "", "200::00009": "", "200::9 ": "", " 200::9": "",
                "[200::9]": "", "200::9%wg0": "", "200::9%1": "", "100.100.0.9": "family",
                "1ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": "outside", "200:0:0:1::": "outside", "::": "outside",
                "::1": "outside", "fe80::9": "outside", "ff02::1": "outside",
                "::ffff:100.100.0.9": "outside", "200::": "reserved", "200::ffff:ffff:ffff:ff80": "reserved",
                "200::ffff:ffff:ffff:ffff": "reserved", "200::fdff:ffff:ffff:ff80": "reserved",
                "200::fdff:ffff:ffff:ffff": "reserved"},
        }
        good = {4: "100.100.0.8", 6: "200::8"}
        for version, field in TUNNEL.items():
            other = {TUNNEL[10 - version]: good[10 - version]}
            for text, part in wrong[version].items():
                with self.subTest(field=field, address=text):
                    self.invalid(self.post(**{field: text}), field, part)
                    self.invalid(self.post(**{field: text}, **other), field, part)
                    self.untouched(before)
        for field, taken, other in (("tunnel_ip", "100.100.0.7", {"tunnel_ip_v6": "200::8"}),
                                    ("tunnel_ip_v6", "200::7", {"tunnel_ip": "100.100.0.8"}),
                                    ("tunnel_ip_v6", "0200:0::0007", {"tunnel_ip": "100.100.0.8"})):
            with self.subTest(field=field, address=taken):
                self.conflict(self.post(**{field: taken}), field, "taken")
                self.conflict(self.post(**{field: taken}, **other), field, "taken")
                self.untouched(before)
        self.invalid(self.post(ipv6_supported=False, tunnel_ip="100.100.0.8", tunnel_ip_v6="200::8"), "tunnel_ip_v6", "IPv6")
        self.untouched(before)
        # All of it was given back.
        device = self.alice.device(organization_id=self.organization, tunnel_ip="100.100.0.8", tunnel_ip_v6="200::8")
        self.assertEqual(device["allowed_ips"], ["100.100.0.8/32", "200::8/128"])
        for text in ("200::fdff:ffff:ffff:ff7f", "200::fe00:0:0:0", "200::ffff:ffff:ffff:ff7f"):
            self.alice.device(organization_id=self.organization, tunnel_ip_v6=text)

    # --- no more ------------------------------------------------------------------------------------

    def fill(self, organization, count, **fields):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: self.alice.device(organization_id=organization, **fields), range(count)))

    def test_exhausted_ipv4(self):
        organization = self.alice.organization(cidr="10.5.0.0/30")["id"]
        first, _ = self.fill(organization, 2)
        before = self.rows.read()
        for fields in ({}, {"tunnel_ip_v6": "200::7"}, {"ipv6_supported": False}) * 3:
            self.conflict(self.post(organization, **fields), "tunnel_ip", "all 2 addresses of 10.5.0.0/30")
            self.conflict(self.post(organization, tunnel_ip="10.5.0.1", **fields), "tunnel_ip", "taken")
            self.untouched(before)
        # A deletion makes room, and the IPv6 address that was asked for in vain is free.
        self.alice.must(200).delete(f"/api/devices/{first['id']}")
        again = self.alice.device(organization_id=organization, tunnel_ip_v6="200::7")
        self.assertEqual((again["tunnel_ip"], again["tunnel_ip_v6"]), (first["tunnel_ip"], "200::7"))
        self.conflict(self.post(organization), "tunnel_ip", "all 2 addresses")

    def test_exhausted_ipv6(self):
        """127 addresses: 256 but for the router's anycast address and the 128 reserved ones."""
        organization = self.alice.organization(cidr="10.5.0.0/24", cidr_v6="fd05::/120")["id"]
        devices = self.fill(organization, 127)
        self.assertEqual({d["tunnel_ip_v6"] for d in devices}, {f"fd05::{i:x}" for i in range(1, 128)})
        before = self.rows.read()
        for _ in range(140):  # more than IPv4 has left
            self.conflict(self.post(organization), "tunnel_ip_v6", "all 127 addresses of fd05::/120")
        self.conflict(self.post(organization, tunnel_ip="10.5.0.200"), "tunnel_ip_v6", "all 127 addresses")
        self.conflict(self.post(organization, tunnel_ip_v6="fd05::7"), "tunnel_ip_v6", "taken")
        self.invalid(self.post(organization, tunnel_ip_v6="fd05::80"), "tunnel_ip_v6", "reserved")
        self.untouched(before)
        # No IPv4 address has gone with them: those that need no other still get all of the rest.
        rest = self.fill(organization, 127, ipv6_supported=False)
        self.assertEqual(len({d["tunnel_ip"] for d in devices + rest}), 254)
        before = self.rows.read()
        self.conflict(self.post(organization, ipv6_supported=False), "tunnel_ip", "all 254 addresses")
        # A host that comes to IPv6 too late keeps what it has.
        path = f"/api/devices/{rest[0]['id']}"
        self.conflict(self.alice.patch(path, {"ipv6_supported": True, "hostname": "changed"}), "tunnel_ip_v6", "all 127 addresses")
        self.untouched(before)
        self.alice.must(200).delete(f"/api/devices/{devices[0]['id']}")
        late = self.alice.must(200).patch(path, {"ipv6_supported": True}).json
        self.assertEqual(late["tunnel_ip_v6"], devices[0]["tunnel_ip_v6"])

    def test_no_move_into_a_full_organization(self):
        full = self.alice.organization(cidr="10.5.0.0/30")["id"]
        guest, _ = self.fill(full, 2)
        device = self.alice.device(organization_id=self.organization, tunnel_ip="100.100.0.9", tunnel_ip_v6="200::9")
        path = f"/api/devices/{device['id']}"
        before = self.rows.read()
        for _ in range(3):
            self.conflict(self.alice.patch(path, {"organization_id": full, "hostname": "changed"}), "tunnel_ip", "all 2 addresses")
            self.conflict(self.post(tunnel_ip="100.100.0.9"), "tunnel_ip", "taken")
            self.conflict(self.post(tunnel_ip_v6="200::9"), "tunnel_ip_v6", "taken")
            self.untouched(before)
        self.alice.must(200).delete(f"/api/devices/{guest['id']}")
        moved = self.alice.must(200).patch(path, {"organization_id": full}).json
        self.assertEqual((moved["tunnel_ip"], moved["tunnel_ip_v6"]), (guest["tunnel_ip"], "200::3"))
        self.assertEqual(self.post(tunnel_ip="100.100.0.9", tunnel_ip_v6="200::9").status, 201)

    def test_exhausted_by_many_at_once(self):
        organization = self.alice.organization(cidr="10.5.0.0/29")["id"]
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(lambda _: self.post(organization), range(30)))
        self.assertEqual(sorted(answer.status for answer in answers), [201] * 6 + [409] * 24)
        listed = self.alice.get(f"/api/organizations/{organization}/devices").json
        self.assertEqual(sorted(d["tunnel_ip"] for d in listed), [f"10.5.0.{i}" for i in range(1, 7)])
        leases = [row for row in self.rows.read()["leases"] if organization in row]
        self.assertEqual(len(leases), 12)

    def test_exhausted_after_a_restart(self):
        """The pool that is read back from the store is as full, and as empty, as it was."""
        organization = self.alice.organization(cidr="10.5.0.0/30", cidr_v6="fd05::/120")["id"]
        first, second = self.fill(organization, 2)
        self.conflict(self.post(organization), "tunnel_ip", "all 2 addresses")
        before = self.rows.read()
        self.server.stop()
        self.server.start()
        self.conflict(self.post(organization), "tunnel_ip", "all 2 addresses")
        self.untouched(before)
        self.alice.must(200).delete(f"/api/devices/{second['id']}")
        self.assertEqual(self.post(organization).json["tunnel_ip"], second["tunnel_ip"])
        self.assertNotEqual(first["tunnel_ip"], second["tunnel_ip"])


if __name__ == "__main__":
    run()
