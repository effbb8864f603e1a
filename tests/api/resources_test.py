# SPDX-License-Identifier: Apache-2.0
"""Organizations, devices, users, invitations and registration keys: what they answer."""

import concurrent.futures
import json
import unittest
import urllib.parse
import uuid

from server import Server, run
from world import User, device_token, public_key


class Resources(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()
        cls.admin = User(cls.server, "admin", cls.server.admin_password())
        cls.alice = User(cls.server, "alice", administrator=cls.admin)
        cls.bob = User(cls.server, "bob", administrator=cls.admin)
        cls.carol = User(cls.server, "carol", administrator=cls.admin)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()

    def refused(self, answer, status, error, **members):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.json["error"], error, answer)
        for name, value in members.items():
            self.assertEqual(answer.json.get(name), value, answer)
        return answer.json

    def invalid(self, answer, field):
        said = self.refused(answer, 400, "invalid data in field", field=field)
        self.assertTrue(said["reason"], answer)
        return said["reason"]

    # --- organizations ------------------------------------------------------------

    def test_own_organization(self):
        own = self.alice.own_organization()
        self.assertEqual(own["name"], "alice")
        self.assertEqual(own["description"], "alice's organization")
        self.assertEqual((own["cidr"], own["cidr_v6"]), ("100.100.0.0/16", "200::/64"))
        self.assertIs(own["hub_zone"], True)
        self.assertEqual(own["owner_id"], self.alice.id)
        uuid.UUID(own["id"])

    def test_own_organization_when_the_name_is_taken(self):
        self.alice.organization("dora")
        dora = User(self.server, "dora", administrator=self.admin)
        self.assertTrue(dora.own_organization()["name"].startswith("dora-"))
        self.assertEqual(dora.own_organization()["description"], "dora's organization")

    def test_organization_create(self):
        made = self.alice.organization("acme", description="all of it", cidr="10.8.0.0/16", cidr_v6="FD00:0::0000/64",
                                       hub_zone=False, something="unknown is ignored")
        self.assertEqual(made["cidr_v6"], "fd00::/64")
        self.assertEqual((made["name"], made["description"], made["cidr"], made["hub_zone"], made["revision"]),
                         ("acme", "all of it", "10.8.0.0/16", False, 1))
        self.assertEqual(self.alice.must(200).get(f"/api/organizations/{made['id']}").json, made)
        device = self.alice.device(organization_id=made["id"])
        self.assertEqual(device["allowed_ips"], ["10.8.0.1/32", "fd00::1/128"])
        self.assertEqual(device["organization_prefix_v6"], "fd00::/64")

    def test_organization_create_refused(self):
        post = lambda **body: self.alice.post("/api/organizations", body)
        self.refused(self.alice.post("/api/organizations", "[1]"), 400, "request json is invalid")
        self.refused(self.alice.post("/api/organizations", "{"), 400, "request json is invalid")
        self.refused(post(), 400, "field not present", field="name")
        self.refused(post(name=""), 400, "field not present", field="name")
        self.refused(post(name="x1", cidr=""), 400, "field not present", field="ip_cidr")
        self.refused(post(name="x1", cidr_v6=""), 400, "field not present", field="ip_cidr_v6")
        self.invalid(post(name=7), "name")
        self.invalid(post(name="a\nb"), "name")
        self.invalid(post(name="x" * 200), "name")
        self.invalid(post(name="x1", description=[]), "description")
        self.invalid(post(name="x1", hub_zone="yes"), "hub_zone")
        for cidr in ("10.0.0.0", "10.0.0.1/24", "10.0.0.0/32", "0.0.0.0/0", "fd00::/64", "garbage", 5, "127.0.0.0/8"):
            self.invalid(post(name="x1", cidr=cidr), "cidr")
        for cidr in ("200:/64", "200::/128", "::/0", "200::1/64", "10.0.0.0/16", "fe80::/64", "ff00::/64", None and ""):
            if cidr:
                self.invalid(post(name="x1", cidr_v6=cidr), "cidr_v6")
        self.assertIn("200::/64", self.invalid(post(name="x1", cidr_v6="200:/64"), "cidr_v6"))

    def test_organization_name_taken(self):
        made = self.alice.organization("unique-name")
        self.refused(self.alice.post("/api/organizations", {"name": "unique-name"}), 409, "resource already exists",
                     id=made["id"])
        foreign = self.bob.post("/api/organizations", {"name": "unique-name"})
        self.refused(foreign, 409, "resource already exists")
        self.assertNotIn(made["id"], foreign.text)

    def test_organization_delete(self):
        made = self.alice.organization()
        self.alice.invite(self.bob, made["id"])
        mine, his = self.alice.device(organization_id=made["id"]), self.bob.device(organization_id=made["id"])
        key = self.alice.key(made["id"])
        self.refused(self.bob.delete(f"/api/organizations/{made['id']}"), 403, "operation not allowed")
        self.refused(self.carol.delete(f"/api/organizations/{made['id']}"), 404, "not found", resource="organization")
        gone = self.alice.must(200).delete(f"/api/organizations/{made['id']}").json
        self.assertEqual(gone["id"], made["id"])
        self.refused(self.alice.get(f"/api/organizations/{made['id']}"), 404, "not found", resource="organization")
        self.refused(self.alice.get(f"/api/devices/{mine['id']}"), 404, "not found", resource="device")
        self.assertEqual(self.server.get(f"/api/devices/{his['id']}", token=his["token"]).status, 401)
        self.assertEqual(self.server.post("/api/devices", {"public_key": public_key()}, token=key["key"]).status, 401)
        # The name and the public keys are free again.
        again = self.alice.organization(made["name"])
        self.alice.device(organization_id=again["id"], public_key=mine["public_key"])

    def test_last_organization_stays(self):
        erin = User(self.server, "erin", administrator=self.admin)
        own = erin.own_organization()
        self.refused(erin.delete(f"/api/organizations/{own['id']}"), 403, "operation not allowed")
        erin.organization()
        erin.must(200).delete(f"/api/organizations/{own['id']}")

    def test_organization_users(self):
        made = self.alice.organization()
        self.alice.invite(self.bob, made["id"])
        answer = self.bob.must(200).get(f"/api/organizations/{made['id']}/users")
        self.assertEqual(sorted(u["username"] for u in answer.json), ["alice", "bob"])
        self.assertEqual(answer.headers["X-Total-Count"], "2")

    def test_path_parameter(self):
        for path in ("/api/organizations/x", "/api/devices/1", "/api/organizations/x/devices"):
            self.refused(self.alice.get(path), 400, "path parameter invalid")
        self.refused(self.alice.get(f"/api/devices/{uuid.uuid4()}"), 404, "not found", resource="device")

    # --- devices -------------------------------------------------------------------

    def test_device_create(self):
        made = self.alice.organization()
        key = public_key()
        device = self.alice.device(organization_id=made["id"], public_key=key, hostname="h1", os="linux",
                                   local_ip="192.0.2.1:51820", local_ip_v6="[2001:db8::1]:51820",
                                   reflexive_ip4="198.51.100.1:4", reflexive_ip6="[2001:db8::2]:4",
                                   endpoint_local_address_ip4="192.0.2.1",
                                   child_prefix=["172.17.20.7/24", "2001:DB8:ABCD:12::/64"],
                                   relay=True, discovery=True, user_id="somebody else", organization_prefix="1.2.3.0/24")
        token = device.pop("token")
        self.assertRegex(token, "^nxd_[A-Za-z0-9_-]{43}$")
        self.assertEqual({k: device[k] for k in device if k not in ("id", "revision")}, {
            "user_id": self.alice.id, "organization_id": made["id"], "public_key": key, "driver": "wireguard",
            "hostname": "h1", "os": "linux", "local_ip": "192.0.2.1:51820", "local_ip_v6": "[2001:db8::1]:51820",
            "reflexive_ip4": "198.51.100.1:4", "reflexive_ip6": "[2001:db8::2]:4",
            "endpoint_local_address_ip4": "192.0.2.1",
            "child_prefix": ["172.17.20.0/24", "2001:db8:abcd:12::/64"], "relay": True, "discovery": True,
            "symmetric_nat": False, "relay_id": "", "relay_draining": False, "ipv6_supported": True,
            "tunnel_ip": "100.100.0.1", "tunnel_ip_v6": "200::1",
            "organization_prefix": "100.100.0.0/16", "organization_prefix_v6": "200::/64",
            "tunnel_ip_second": "", "tunnel_ip_second_v6": "", "organization_prefix_second": "",
            "organization_prefix_second_v6": "", "renumbering": 0, "renumbering_seen": 0,
            "allowed_ips": ["100.100.0.1/32", "200::1/128"]})
        self.assertEqual(device["revision"], 2)
        shown = self.alice.must(200).get(f"/api/devices/{device['id']}").json
        self.assertIs(shown.pop("online"), False)
        self.assertEqual(shown, device)
        self.assertNotIn("token", shown)
        inside = self.alice.must(200).get(f"/api/organizations/{made['id']}/devices/{device['id']}").json
        inside.pop("online")
        self.assertEqual(inside, device)

    def test_device_defaults(self):
        device = self.alice.device(organization_id=self.alice.organization()["id"])
        self.assertIsNone(device["child_prefix"])
        for name in ("hostname", "os", "local_ip", "local_ip_v6", "reflexive_ip4", "reflexive_ip6",
                     "endpoint_local_address_ip4"):
            self.assertEqual(device[name], "", name)

    def test_device_organization_default(self):
        frank = User(self.server, "frank", administrator=self.admin)
        own = frank.own_organization()
        self.assertEqual(frank.device()["organization_id"], own["id"])
        other = self.alice.organization()
        self.alice.invite(frank, other["id"])
        self.assertEqual(frank.device()["organization_id"], own["id"])
        self.assertEqual(frank.device(organization_id="")["organization_id"], own["id"])
        self.refused(frank.post("/api/devices", {"public_key": public_key(),
                                                 "organization_id": self.alice.own_organization()["id"]}),
                     404, "not found", resource="organization")

    def test_device_create_refused(self):
        organization = self.alice.organization()["id"]

        def post(**body):
            return self.alice.post("/api/devices", {"public_key": public_key(), "organization_id": organization, **body})

        self.refused(self.alice.post("/api/devices", {"hostname": "x"}), 400, "field not present", field="public_key")
        self.refused(post(public_key=""), 400, "field not present", field="public_key")
        for key in ("garbage", "A" * 44, 7, "AAAA", "=" * 44, public_key()[:-1], "x" * 4000):
            self.invalid(post(public_key=key), "public_key")
        self.invalid(post(driver="pigeon"), "driver")
        self.invalid(post(hostname="a\u0000b"[:1] + "\u001b[2J"), "hostname")
        self.invalid(post(hostname="x" * 256), "hostname")
        self.invalid(post(hostname={}), "hostname")
        self.invalid(post(os="\u0085"), "os")
        self.invalid(post(local_ip="nowhere"), "local_ip")
        self.invalid(post(local_ip="[2001:db8::1]:1"), "local_ip")
        self.invalid(post(local_ip_v6="192.0.2.1:1"), "local_ip_v6")
        self.invalid(post(relay="true"), "relay")
        self.invalid(post(ipv6_supported=1), "ipv6_supported")
        self.invalid(post(token="short"), "token")
        self.invalid(post(token="nxu_" + "A" * 43), "token")
        self.invalid(post(relay=True, symmetric_nat=True), "symmetric_nat")
        for prefix in ("10.0.0.0/8", ["10.0.0.0"], ["0.0.0.0/0"], ["::/0"], [5], ["10.0.0.0/33"], {},
                       ["10.0.0.0/8", "10.1.0.0/16"], ["100.100.7.0/24"], ["200::/80"], ["200::/8"],
                       [f"10.{i}.0.0/16" for i in range(100)]):
            self.invalid(post(child_prefix=prefix), "child_prefix")
        # Nothing is left of all that.
        self.assertEqual(self.alice.get(f"/api/organizations/{organization}/devices").json, [])
        self.assertEqual(self.alice.device(organization_id=organization)["allowed_ips"], ["100.100.0.1/32", "200::1/128"])

    def test_child_prefix_of_others(self):
        organization = self.alice.organization()["id"]
        first = self.alice.device(organization_id=organization, child_prefix=["10.1.0.0/16"])
        second = self.alice.device(organization_id=organization, child_prefix=["10.2.0.0/16"])
        clash = self.alice.post("/api/devices", {"public_key": public_key(), "organization_id": organization,
                                                 "child_prefix": ["10.1.7.0/24"]})
        self.assertIn("another device", self.invalid(clash, "child_prefix"))
        self.invalid(self.alice.patch(f"/api/devices/{second['id']}", {"child_prefix": ["10.0.0.0/8"]}), "child_prefix")
        patched = self.alice.must(200).patch(f"/api/devices/{second['id']}",
                                             {"child_prefix": ["10.2.0.0/15", "10.4.0.0/16"]}).json
        self.assertEqual(patched["child_prefix"], ["10.2.0.0/15", "10.4.0.0/16"])
        self.assertEqual(patched["allowed_ips"], second["allowed_ips"])
        self.alice.must(200).delete(f"/api/devices/{first['id']}")
        self.alice.device(organization_id=organization, child_prefix=["10.1.7.0/24"])
        cleared = self.alice.must(200).patch(f"/api/devices/{second['id']}", {"child_prefix": None}).json
        self.assertIsNone(cleared["child_prefix"])
        # Another organization is another world.
        self.alice.device(organization_id=self.alice.organization()["id"], child_prefix=["10.1.0.0/16"])

    def test_requested_addresses(self):
        organization = self.alice.organization()["id"]

        def post(**body):
            return self.alice.post("/api/devices", {"public_key": public_key(), "organization_id": organization, **body})

        device = self.alice.device(organization_id=organization, tunnel_ip="100.100.0.7", tunnel_ip_v6="200::0007")
        self.assertEqual(device["allowed_ips"], ["100.100.0.7/32", "200::7/128"])
        taken = post(tunnel_ip="100.100.0.7")
        self.assertEqual((taken.status, taken.json["field"]), (409, "tunnel_ip"), taken)
        self.assertIn("taken", taken.json["error"])
        taken = post(tunnel_ip_v6="200::7")
        self.assertEqual((taken.status, taken.json["field"]), (409, "tunnel_ip_v6"), taken)
        self.assertIn("outside", self.invalid(post(tunnel_ip="10.0.0.1"), "tunnel_ip"))
        self.assertIn("outside", self.invalid(post(tunnel_ip_v6="fd00::1"), "tunnel_ip_v6"))
        for address in ("100.100.0.0", "100.100.255.255"):
            self.assertIn("reserved", self.invalid(post(tunnel_ip=address), "tunnel_ip"))
        self.assertIn("reserved", self.invalid(post(tunnel_ip_v6="200::"), "tunnel_ip_v6"))
        for value in ("x", "100.100.0.7/32", "200::7", 5):
            self.invalid(post(tunnel_ip=value), "tunnel_ip")
        # A refusal in one family leaves nothing behind in the other.
        self.assertEqual(post(tunnel_ip="100.100.0.9", tunnel_ip_v6="fd00::1").status, 400)
        self.assertEqual(self.alice.device(organization_id=organization, tunnel_ip="100.100.0.9")["tunnel_ip"], "100.100.0.9")
        # Given back, it can be asked for again.
        self.alice.must(200).delete(f"/api/devices/{device['id']}")
        self.assertEqual(post(tunnel_ip="100.100.0.7", tunnel_ip_v6="200::7").status, 201)
        self.invalid(post(ipv6_supported=False, tunnel_ip_v6="200::99"), "tunnel_ip_v6")

    def test_device_conflict(self):
        organization = self.alice.organization()["id"]
        device = self.alice.device(organization_id=organization)
        body = {"public_key": device["public_key"], "organization_id": organization}
        self.refused(self.alice.post("/api/devices", body), 409, "resource already exists", id=device["id"])
        foreign = self.bob.post("/api/devices", {"public_key": device["public_key"]})
        self.refused(foreign, 409, "resource already exists")
        self.assertNotIn(device["id"], foreign.text)
        self.alice.invite(self.bob, organization)
        self.refused(self.bob.post("/api/devices", {"public_key": device["public_key"]}), 409,
                     "resource already exists", id=device["id"])

    def test_device_idempotent(self):
        organization = self.alice.organization()["id"]
        token = device_token()
        body = {"public_key": public_key(), "organization_id": organization, "token": token}
        first = self.alice.must(201).post("/api/devices", body).json
        self.assertNotIn("token", first)
        again = self.alice.must(200).post("/api/devices", body).json
        self.assertEqual(first, again)
        self.refused(self.alice.post("/api/devices", {**body, "token": device_token()}), 409,
                     "resource already exists", id=first["id"])
        self.refused(self.bob.post("/api/devices", {**body, "organization_id": ""}), 409, "resource already exists")
        # A token that another device has is refused.
        stolen = self.alice.post("/api/devices", {**body, "public_key": public_key()})
        self.assertEqual((stolen.status, stolen.json["field"]), (409, "token"), stolen)
        self.assertEqual(self.server.get(f"/api/devices/{first['id']}", token=token).status, 200)

    def test_device_idempotent_many_at_once(self):
        organization = self.alice.organization()["id"]
        body = {"public_key": public_key(), "organization_id": organization, "token": device_token()}
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: self.alice.post("/api/devices", body), range(20)))
        self.assertEqual(sorted(a.status for a in answers), [200] * 19 + [201])
        self.assertEqual(len({a.json["id"] for a in answers}), 1)

    def test_device_update(self):
        organization = self.alice.organization()["id"]
        device = self.alice.device(organization_id=organization)
        path = f"/api/devices/{device['id']}"
        changed = self.alice.must(200).patch(path, {
            "hostname": "renamed", "local_ip": "192.0.2.9:1", "local_ip_v6": "[2001:db8::9]:1", "symmetric_nat": True,
            "reflexive_ip4": "198.51.100.9:1", "reflexive_ip6": "[2001:db8::9]:4",
            "endpoint_local_address_ip4": "192.0.2.9", "os": "linux",
            "public_key": public_key(), "id": "x", "tunnel_ip": "100.100.0.99", "discovery": True, "revision": 1}).json
        self.assertEqual(changed["revision"], device["revision"] + 1)
        for name, value in (("hostname", "renamed"), ("local_ip", "192.0.2.9:1"), ("local_ip_v6", "[2001:db8::9]:1"),
                            ("reflexive_ip6", "[2001:db8::9]:4"), ("symmetric_nat", True), ("os", "linux"),
                            ("public_key", device["public_key"]), ("tunnel_ip", "100.100.0.1"), ("discovery", False), ("id", device["id"])):
            self.assertEqual(changed[name], value, name)
        # What changes nothing is no change.
        self.assertEqual(self.alice.must(200).patch(path, {"hostname": "renamed"}).json["revision"], changed["revision"])
        self.assertEqual(self.alice.must(200).patch(path, {}).json["revision"], changed["revision"])
        for body, field in (({"hostname": 5}, "hostname"), ({"local_ip": "x"}, "local_ip"),
                            ({"symmetric_nat": "x"}, "symmetric_nat"), ({"child_prefix": "x"}, "child_prefix"),
                            ({"ipv6_supported": None or "x"}, "ipv6_supported")):
            self.invalid(self.alice.patch(path, body), field)
        self.refused(self.alice.patch(path, "x"), 400, "request json is invalid")
        relay = self.alice.device(organization_id=organization, relay=True)
        self.invalid(self.alice.patch(f"/api/devices/{relay['id']}", {"symmetric_nat": True}), "symmetric_nat")
        self.refused(self.bob.patch(path, {"hostname": "x"}), 404, "not found", resource="device")

    def test_device_without_ipv6(self):
        organization = self.alice.organization()["id"]
        device = self.alice.device(organization_id=organization, ipv6_supported=False)
        path = f"/api/devices/{device['id']}"
        self.assertEqual((device["tunnel_ip_v6"], device["organization_prefix_v6"], device["allowed_ips"]),
                         ("", "", ["100.100.0.1/32"]))
        other = self.alice.device(organization_id=organization)
        self.assertEqual(other["allowed_ips"], ["100.100.0.2/32", "200::1/128"])
        flipped = self.alice.must(200).patch(path, {"ipv6_supported": True}).json
        self.assertEqual((flipped["tunnel_ip_v6"], flipped["organization_prefix_v6"], flipped["allowed_ips"]),
                         ("200::2", "200::/64", ["100.100.0.1/32", "200::2/128"]))
        back = self.alice.must(200).patch(path, {"ipv6_supported": False}).json
        self.assertEqual((back["tunnel_ip_v6"], back["allowed_ips"]), ("", ["100.100.0.1/32"]))
        self.assertEqual(self.alice.device(organization_id=organization)["tunnel_ip_v6"], "200::3")  # the lease is kept
        again = self.alice.must(200).patch(path, {"ipv6_supported": True}).json
        self.assertEqual(again["tunnel_ip_v6"], "200::2")
        self.assertEqual(self.alice.must(200).get(path).json["tunnel_ip_v6"], "200::2")

    def test_device_moves(self):
        old, new = self.alice.organization(), self.alice.organization(cidr="10.9.0.0/16", cidr_v6="fd09::/64")
        device = self.alice.device(organization_id=old["id"], child_prefix=["10.1.0.0/16"])
        path = f"/api/devices/{device['id']}"
        self.assertEqual(self.server.patch(path, {"organization_id": new["id"]}, token=device["token"]).status, 403)
        self.refused(self.alice.patch(path, {"organization_id": self.bob.own_organization()["id"]}), 404,
                     "not found", resource="organization")
        moved = self.alice.must(200).patch(path, {"organization_id": new["id"]}).json
        self.assertEqual((moved["organization_id"], moved["allowed_ips"], moved["organization_prefix"]),
                         (new["id"], ["10.9.0.1/32", "fd09::1/128"], "10.9.0.0/16"))
        self.assertEqual(self.alice.get(f"/api/organizations/{old['id']}/devices").json, [])
        changes = self.alice.must(200).get(f"/api/organizations/{old['id']}/devices?gt_revision={device['revision']}").json
        self.assertEqual([(c["id"], c["deleted"]) for c in changes], [(device["id"], True)])
        self.assertEqual(self.server.get(f"/api/organizations/{new['id']}/devices", token=device["token"]).status, 200)
        self.assertEqual(self.server.get(f"/api/organizations/{old['id']}/devices", token=device["token"]).status, 404)
        # Its old address is free, and its child prefixes are judged in the new place.
        self.alice.device(organization_id=old["id"], tunnel_ip="100.100.0.1", tunnel_ip_v6="200::1")
        self.alice.device(organization_id=old["id"], child_prefix=["10.1.0.0/16"])
        self.invalid(self.alice.patch(path, {"organization_id": old["id"]}), "child_prefix")
        self.assertEqual(self.alice.get(path).json["organization_id"], new["id"])

    def test_device_delete(self):
        organization = self.alice.organization()["id"]
        device = self.alice.device(organization_id=organization)
        self.refused(self.bob.delete(f"/api/devices/{device['id']}"), 404, "not found", resource="device")
        gone = self.alice.must(200).delete(f"/api/devices/{device['id']}").json
        self.assertEqual((gone["id"], gone["tunnel_ip"]), (device["id"], "100.100.0.1"))
        self.refused(self.alice.delete(f"/api/devices/{device['id']}"), 404, "not found", resource="device")
        self.assertEqual(self.server.get(f"/api/devices/{device['id']}", token=device["token"]).status, 401)

    def test_device_sees_little(self):
        organization = self.alice.organization()["id"]
        device, sibling = (self.alice.device(organization_id=organization) for _ in range(2))
        ask = lambda path: self.server.get(path, token=device["token"]).status
        self.assertEqual(ask(f"/api/devices/{device['id']}"), 200)
        self.assertEqual(ask(f"/api/devices/{sibling['id']}"), 404)
        self.assertEqual(ask(f"/api/organizations/{organization}/devices/{sibling['id']}"), 200)
        self.assertEqual(ask(f"/api/organizations/{self.alice.own_organization()['id']}"), 404)

    def test_exhausted_pool(self):
        organization = self.alice.organization(cidr="10.7.0.0/30")["id"]
        first = self.alice.device(organization_id=organization)
        self.alice.device(organization_id=organization)
        full = self.alice.post("/api/devices", {"public_key": public_key(), "organization_id": organization})
        self.assertEqual((full.status, full.json["field"]), (409, "tunnel_ip"), full)
        self.alice.must(200).delete(f"/api/devices/{first['id']}")
        self.assertEqual(self.alice.device(organization_id=organization)["tunnel_ip"], first["tunnel_ip"])

    def test_pool_is_not_leaked(self):
        organization = self.alice.organization(cidr="10.7.0.0/29")["id"]
        for _ in range(12):
            devices = [self.alice.device(organization_id=organization) for _ in range(6)]
            self.assertEqual(len({d["tunnel_ip"] for d in devices}), 6)
            for device in devices:
                self.alice.must(200).delete(f"/api/devices/{device['id']}")

    # --- lists ---------------------------------------------------------------------

    def test_lists(self):
        organization = self.alice.organization()["id"]
        for i in range(10):
            self.alice.device(organization_id=organization, hostname=f"h{i}", symmetric_nat=i % 2 == 0)
        base = f"/api/organizations/{organization}/devices"

        def ask(**query):
            return self.alice.get(base + "?" + urllib.parse.urlencode({k: json.dumps(v) for k, v in query.items()}))

        names = lambda answer: [d["hostname"] for d in answer.json]
        everything = self.alice.must(200).get(base)
        self.assertEqual(everything.headers["X-Total-Count"], "10")
        self.assertEqual(names(ask(sort=["hostname", "DESC"])), [f"h{i}" for i in reversed(range(10))])
        part = ask(sort=["hostname", "ASC"], range=[2, 4])
        self.assertEqual((names(part), part.headers["X-Total-Count"]), (["h2", "h3", "h4"], "10"))
        past = ask(range=[20, 29])
        self.assertEqual((past.json, past.headers["X-Total-Count"]), ([], "10"))
        self.assertEqual(names(ask(filter={"hostname": "h3"})), ["h3"])
        self.assertEqual(names(ask(filter={"hostname": ["h3", "h5", "nobody"]}, sort=["hostname", "ASC"])), ["h3", "h5"])
        odd = ask(filter={"symmetric_nat": False}, sort=["hostname", "ASC"], range=[1, 2])
        self.assertEqual((names(odd), odd.headers["X-Total-Count"]), (["h3", "h5"], "5"))
        self.assertEqual(names(ask(filter={"hostname": "h1' OR '1'='1"})), [])
        for bad in ({"sort": ["nothing", "ASC"]}, {"sort": ["hostname"]}, {"sort": ["hostname", "sideways"]},
                    {"range": [3]}, {"range": [5, 2]}, {"range": [-1, 2]}, {"range": {}}, {"filter": []},
                    {"filter": {"created_at": 1}}, {"filter": {"nothing": 1}}, {"sort": ["id; DROP TABLE devices", "ASC"]}):
            self.invalid(ask(**bad), next(iter(bad)))
        self.invalid(self.alice.get(base + "?range=x"), "range")
        mine = self.alice.must(200).get("/api/devices?filter=" + urllib.parse.quote(json.dumps({"organization_id": organization})))
        self.assertEqual(len(mine.json), 10)
        self.assertEqual(self.bob.get(base).status, 404)

    def test_own_devices_only(self):
        organization = self.alice.organization()["id"]
        self.alice.invite(self.carol, organization)
        hers = self.carol.device(organization_id=organization)
        self.assertNotIn(hers["id"], [d["id"] for d in self.alice.get("/api/devices").json])
        self.assertIn(hers["id"], [d["id"] for d in self.alice.get(f"/api/organizations/{organization}/devices").json])
        self.refused(self.alice.get(f"/api/devices/{hers['id']}"), 404, "not found", resource="device")

    # --- users -----------------------------------------------------------------------

    def test_users(self):
        self.assertEqual(self.bob.must(200).get("/api/users/me").json,
                         {"id": self.bob.id, "username": "bob", "administrator": False})
        self.assertEqual(self.bob.must(200).get(f"/api/users/{self.bob.id}").json["username"], "bob")
        grace = User(self.server, "grace", administrator=self.admin)
        self.assertEqual([u["username"] for u in grace.get("/api/users").json], ["grace"])
        self.assertGreaterEqual(len(self.admin.get("/api/users").json), 4)
        self.refused(grace.get(f"/api/users/{self.bob.id}"), 404, "not found", resource="user")
        self.refused(grace.get("/api/users/nobody"), 404, "not found", resource="user")
        organization = self.alice.organization()["id"]
        self.alice.invite(grace, organization)
        self.assertEqual(grace.must(200).get(f"/api/users/{self.alice.id}").json["username"], "alice")

    def test_user_create_refused(self):
        post = lambda **body: self.admin.post("/api/users", body)
        self.refused(self.bob.post("/api/users", {"username": "x", "password": "12345678"}), 403, "operation not allowed")
        self.refused(post(password="12345678"), 400, "field not present", field="username")
        self.refused(post(username="x"), 400, "field not present", field="password")
        self.invalid(post(username="x", password="short"), "password")
        self.invalid(post(username="x\u0007", password="12345678"), "username")
        self.invalid(post(username="x", password="12345678", administrator="x"), "administrator")
        self.refused(post(username="bob", password="12345678"), 409, "resource already exists", id=self.bob.id)

    def test_password(self):
        henry = User(self.server, "henry", administrator=self.admin)
        other = self.server.token("henry", henry.password)
        henry.must(204).post("/api/users/me/password", {"password": "another password"})
        self.assertEqual(henry.get("/api/users/me").status, 200)
        self.assertEqual(self.server.get("/api/users/me", token=other).status, 401)
        self.assertEqual(self.server.sign_in("henry", henry.password).status, 400)
        self.server.token("henry", "another password")
        self.admin.must(204).post(f"/api/users/{henry.id}/password", {"password": "a third password"})
        self.assertEqual(henry.get("/api/users/me").status, 401)

    def test_user_delete(self):
        ivan = User(self.server, "ivan", administrator=self.admin)
        shared = self.alice.organization()["id"]
        self.alice.invite(ivan, shared)
        his, elsewhere = ivan.device(), ivan.device(organization_id=shared)
        own = ivan.organization()
        ivan.invite(self.alice, own["id"])
        self.assertEqual(ivan.delete("/api/users/me").status, 409)
        ivan.must(200).delete(f"/api/users/{self.alice.id}/organizations/{own['id']}")
        self.refused(self.alice.delete(f"/api/users/{ivan.id}"), 403, "operation not allowed")
        self.assertEqual(ivan.must(200).delete("/api/users/me").json["username"], "ivan")
        self.assertEqual(ivan.get("/api/users/me").status, 401)
        self.assertEqual(self.server.get(f"/api/devices/{his['id']}", token=his["token"]).status, 401)
        self.assertEqual(self.alice.get(f"/api/organizations/{shared}/devices").json, [])
        self.alice.device(organization_id=shared, tunnel_ip=elsewhere["tunnel_ip"], tunnel_ip_v6=elsewhere["tunnel_ip_v6"])
        User(self.server, "ivan", administrator=self.admin)
        self.assertEqual(self.admin.delete("/api/users/me").status, 409)

    def test_user_leaves(self):
        organization = self.alice.organization()["id"]
        for user in (self.bob, self.carol):
            self.alice.invite(user, organization)
        device = self.bob.device(organization_id=organization)
        path = f"/api/users/{self.bob.id}/organizations/{organization}"
        self.refused(self.carol.delete(path), 403, "operation not allowed")
        self.refused(self.alice.delete(f"/api/users/me/organizations/{organization}"), 403, "operation not allowed")
        self.assertEqual(self.bob.must(200).delete(f"/api/users/me/organizations/{organization}").json["username"], "bob")
        self.refused(self.bob.get(f"/api/organizations/{organization}"), 404, "not found", resource="organization")
        self.assertEqual(self.server.get(f"/api/devices/{device['id']}", token=device["token"]).status, 401)
        self.assertEqual(self.alice.get(f"/api/organizations/{organization}/devices").json, [])
        self.alice.must(200).delete(f"/api/users/{self.carol.id}/organizations/{organization}")
        self.refused(self.alice.delete(path), 404, "not found", resource="user")

    # --- invitations -----------------------------------------------------------------

    def test_invitations(self):
        organization = self.alice.organization()["id"]
        body = {"user_id": self.bob.id, "organization_id": organization}
        self.refused(self.carol.post("/api/invitations", body), 404, "not found", resource="organization")
        self.refused(self.alice.post("/api/invitations", {**body, "user_id": "nobody"}), 404, "not found", resource="user")
        self.refused(self.alice.post("/api/invitations", {"user_id": "x"}), 400, "field not present", field="organization_id")
        self.refused(self.alice.post("/api/invitations", {}), 400, "field not present", field="user_id")
        made = self.alice.must(201).post("/api/invitations", body).json
        self.assertEqual({k: made[k] for k in body}, body)
        self.assertRegex(made["expiry"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.refused(self.alice.post("/api/invitations", body), 409, "resource already exists", id=made["id"])
        for user in (self.alice, self.bob):
            self.assertIn(made, user.must(200).get("/api/invitations").json)
        self.assertNotIn(made, self.carol.get("/api/invitations").json)
        self.refused(self.carol.post(f"/api/invitations/{made['id']}/accept"), 404, "not found", resource="invitation")
        self.refused(self.alice.post(f"/api/invitations/{made['id']}/accept"), 404, "not found", resource="invitation")
        self.bob.must(204).post(f"/api/invitations/{made['id']}/accept")
        self.bob.must(200).get(f"/api/organizations/{organization}")
        self.refused(self.bob.post(f"/api/invitations/{made['id']}/accept"), 404, "not found", resource="invitation")
        self.assertEqual(self.alice.post("/api/invitations", body).status, 409)
        self.refused(self.bob.post("/api/invitations", {**body, "user_id": self.carol.id}), 403, "operation not allowed")
        for who in (self.alice, self.carol):
            made = self.alice.must(201).post("/api/invitations", {**body, "user_id": self.carol.id}).json
            self.refused(self.bob.delete(f"/api/invitations/{made['id']}"), 404, "not found", resource="invitation")
            who.must(204).delete(f"/api/invitations/{made['id']}")

    # --- registration keys -------------------------------------------------------------

    def test_registration_keys(self):
        organization = self.alice.organization()["id"]
        base = f"/api/organizations/{organization}/registration-keys"
        made = self.alice.key(organization, description="for the lab", single_use=False, expires_in=60)
        self.assertRegex(made["key"], "^nxr_[A-Za-z0-9_-]{43}$")
        shown = {k: v for k, v in made.items() if k != "key"}
        self.assertEqual(self.alice.must(200).get(base).json, [shown])
        self.refused(self.bob.get(base), 404, "not found", resource="organization")
        for body, field in (({"expires_in": 0}, "expires_in"), ({"expires_in": "x"}, "expires_in"),
                            ({"single_use": 1}, "single_use"), ({"description": 1}, "description"),
                            ({"expires_in": 10 ** 15}, "expires_in")):
            self.invalid(self.alice.post(base, body), field)
        devices = [self.server.post("/api/devices", {"public_key": public_key()}, token=made["key"]) for _ in range(3)]
        self.assertEqual([(d.status, d.json["organization_id"], d.json["user_id"]) for d in devices],
                         [(201, organization, self.alice.id)] * 3)
        self.assertEqual(self.alice.get(base).json[0]["uses"], 3)
        elsewhere = self.server.post("/api/devices", {"public_key": public_key(),
                                                      "organization_id": self.alice.own_organization()["id"]},
                                     token=made["key"])
        self.refused(elsewhere, 403, "operation not allowed")
        self.assertEqual(self.server.get(f"/api/organizations/{organization}", token=made["key"]).status, 403)
        self.assertEqual(self.alice.must(200).delete(f"{base}/{made['id']}").json["id"], made["id"])
        self.refused(self.alice.delete(f"{base}/{made['id']}"), 404, "not found", resource="registration key")
        self.assertEqual(self.server.post("/api/devices", {"public_key": public_key()}, token=made["key"]).status, 401)
        self.assertEqual(self.alice.must(200).get(f"/api/devices/{devices[0].json['id']}").status, 200)

    def test_single_use_key_a_hundred_times_at_once(self):
        organization = self.alice.organization()["id"]
        made = self.alice.key(organization, single_use=True)
        bodies = [{"public_key": public_key(), "token": device_token()} for _ in range(100)]
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda b: self.server.post("/api/devices", b, token=made["key"]), bodies))
        self.assertEqual(sorted(a.status for a in answers), [201] + [403] * 99)
        self.assertEqual(len(self.alice.get(f"/api/organizations/{organization}/devices").json), 1)
        self.assertEqual(self.alice.get(f"/api/organizations/{organization}/registration-keys").json[0]["uses"], 1)
        # Who was given it may ask again.
        winner = next(i for i, a in enumerate(answers) if a.status == 201)
        again = self.server.post("/api/devices", bodies[winner], token=made["key"])
        self.assertEqual((again.status, again.json), (200, answers[winner].json))

    def test_registration_that_fails_uses_no_key(self):
        organization = self.alice.organization()["id"]
        made = self.alice.key(organization, single_use=True)
        refused = self.server.post("/api/devices", {"public_key": public_key(), "tunnel_ip": "10.0.0.1"}, token=made["key"])
        self.invalid(refused, "tunnel_ip")
        self.assertEqual(self.server.post("/api/devices", {"public_key": public_key()}, token=made["key"]).status, 201)

    # --- feature flags ------------------------------------------------------------------

    def test_fflags(self):
        self.assertEqual(self.alice.must(200).get("/api/fflags").json, {"multi-organization": True})
        self.assertEqual(self.alice.must(200).get("/api/fflags/multi-organization").json, {"multi-organization": True})
        self.refused(self.alice.get("/api/fflags/teleport"), 404, "not found", resource="fflag")

    # --- many at once -------------------------------------------------------------------

    def test_addresses_are_unique_under_load(self):
        organization = self.alice.organization()["id"]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            devices = list(pool.map(lambda _: self.alice.device(organization_id=organization), range(300)))
        for field in ("tunnel_ip", "tunnel_ip_v6", "revision", "id"):
            self.assertEqual(len({d[field] for d in devices}), 300, field)
        self.assertEqual(sorted(d["revision"] for d in devices), list(range(2, 302)))


if __name__ == "__main__":
    run()
