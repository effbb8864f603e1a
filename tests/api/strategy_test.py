# SPDX-License-Identifier: Apache-2.0
"""Which address a device gets: the strategies, chosen for a server and for an organization, and
one that misbehaves."""

import ipaddress
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from server import BUILD_DIR, Server, run, wait_for
from world import User, Watch, public_key

ADDRESSES = {"strategy": "tunnel_ip", "strategy_v6": "tunnel_ip_v6"}
STRATEGIES = ("sequential", "random", "stable")
# Names that the message lists, the plugins' in whatever order these are loaded.
LISTED = r"sequential, (?=.*random)(?=.*stable)(?=.*external)"


class Strategies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()
        cls.admin = User(cls.server, "admin", cls.server.admin_password())
        cls.alice = User(cls.server, "alice", administrator=cls.admin)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()

    def devices(self, organization, count, **fields):
        return [self.alice.device(organization_id=organization["id"], **fields) for _ in range(count)]

    def change(self, organization, status=200, **fields):
        return self.alice.must(status).patch(f"/api/organizations/{organization['id']}", fields).json

    # --- what each does ---------------------------------------------------------------------------

    def test_nothing_is_said(self):
        organization = self.alice.organization()
        self.assertEqual((organization["strategy"], organization["strategy_v6"]), ("", ""))
        device, = self.devices(organization, 1)
        self.assertEqual((device["tunnel_ip"], device["tunnel_ip_v6"]), ("100.100.0.1", "200::1"))

    def test_each_in_each_family(self):
        for field, address in ADDRESSES.items():
            other = next(name for name in ADDRESSES if name != field)
            for strategy in STRATEGIES:
                with self.subTest(field=field, strategy=strategy):
                    organization = self.alice.organization(**{field: strategy})
                    self.assertEqual((organization[field], organization[other]), (strategy, ""))
                    devices = self.devices(organization, 12)
                    prefix = ipaddress.ip_network(organization["cidr" + field.removeprefix("strategy")])
                    given = [int(ipaddress.ip_address(device[address])) for device in devices]
                    first = int(prefix.network_address) + 1
                    self.assertEqual(given == list(range(first, first + 12)), strategy == "sequential", given)
                    self.assertEqual(len(set(given)), 12)
                    self.assertTrue(all(ipaddress.ip_address(device[address]) in prefix for device in devices))
                    # The other family is not concerned.
                    self.assertEqual(len({device[ADDRESSES[other]] for device in devices}), 12)
                    self.assertTrue(devices[0][ADDRESSES[other]].endswith(".0.1") or
                                    devices[0][ADDRESSES[other]].endswith("::1"), devices[0])

    def test_stable(self):
        """Who comes again with the same key has the same addresses, whatever else came and went."""
        organization = self.alice.organization(strategy="stable", strategy_v6="stable")
        elsewhere = self.alice.organization(strategy="stable", strategy_v6="stable")
        self.devices(organization, 3)
        keys = [public_key() for _ in range(10)]
        enrol = lambda key, where: self.alice.device(public_key=key, organization_id=where["id"])
        first = [enrol(key, organization) for key in keys]
        for device in first:
            self.alice.must(200).delete(f"/api/devices/{device['id']}")
        others = self.devices(organization, 3)
        again = [enrol(key, organization) for key in reversed(keys)][::-1]
        for before, after in zip(first, again):
            self.assertNotEqual(before["id"], after["id"])
            self.assertEqual([before[a] for a in ADDRESSES.values()], [after[a] for a in ADDRESSES.values()])
        for device in again:
            self.alice.must(200).delete(f"/api/devices/{device['id']}")
        moved = [enrol(key, elsewhere) for key in keys]
        for address in ADDRESSES.values():
            self.assertNotEqual([d[address] for d in moved], [d[address] for d in first])
        # Somebody asks for what was another's: that one gets something else, and its own when it is free again.
        thief = self.alice.device(organization_id=organization["id"], tunnel_ip_v6=first[0]["tunnel_ip_v6"])
        self.alice.must(200).delete(f"/api/devices/{moved[0]['id']}")
        back = enrol(keys[0], organization)
        self.assertEqual(back["tunnel_ip"], first[0]["tunnel_ip"])
        self.assertNotEqual(back["tunnel_ip_v6"], first[0]["tunnel_ip_v6"])
        for device in (thief, back):
            self.alice.must(200).delete(f"/api/devices/{device['id']}")
        self.assertEqual(enrol(keys[0], organization)["tunnel_ip_v6"], first[0]["tunnel_ip_v6"])
        self.assertEqual(len(others), 3)

    def test_stable_outlives_the_process(self):
        organization = self.alice.organization(strategy="stable", strategy_v6="stable")
        key = public_key()
        before = self.alice.device(public_key=key, organization_id=organization["id"])
        self.alice.must(200).delete(f"/api/devices/{before['id']}")
        self.server.stop()
        self.server.start()
        after = self.alice.device(public_key=key, organization_id=organization["id"])
        self.assertEqual([before[a] for a in ADDRESSES.values()], [after[a] for a in ADDRESSES.values()])

    def test_to_the_last_address(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy=strategy):
                organization = self.alice.organization(cidr="10.5.0.0/29", cidr_v6="fd05::ff00/120", strategy=strategy,
                                                       strategy_v6=strategy)
                self.devices(organization, 6)
                refused = self.alice.post("/api/devices", {"public_key": public_key(), "organization_id": organization["id"]})
                self.assertEqual((refused.status, refused.json), (409, {
                    "field": "tunnel_ip", "error": "all 6 addresses of 10.5.0.0/29 are taken: remove devices, or give "
                                                   "the organization a larger prefix"}))
                small = self.alice.organization(cidr_v6="fd05::ff00/120", strategy=strategy, strategy_v6=strategy)
                devices = self.devices(small, 127)
                self.assertEqual(len({device["tunnel_ip_v6"] for device in devices}), 127)
                refused = self.alice.post("/api/devices", {"public_key": public_key(), "organization_id": small["id"]})
                self.assertEqual((refused.status, refused.json["field"]), (409, "tunnel_ip_v6"), refused)
                self.assertIn("all 127 addresses of fd05::ff00/120 are taken", refused.json["error"])
                # Its place is the only one.
                self.alice.must(200).delete(f"/api/devices/{devices[50]['id']}")
                self.assertEqual(self.devices(small, 1)[0]["tunnel_ip_v6"], devices[50]["tunnel_ip_v6"])

    # --- choosing one -----------------------------------------------------------------------------

    def test_change(self):
        """What was given stays, for those who watch as for those who ask."""
        organization = self.alice.organization(name="before the change")
        devices = self.devices(organization, 5)
        listed = f"/api/organizations/{organization['id']}/devices"
        before = self.alice.get(listed).json
        with Watch(self.server, self.alice.token, organization["id"], kinds=("organization",)) as watch:
            watch.until_tail()
            changed = self.change(organization, strategy="random", strategy_v6="stable", name="after the change",
                                  description="d")
            told = watch.next()["value"]
        self.assertEqual(told, changed)
        self.assertEqual({**organization, **{name: changed[name] for name in (
            "strategy", "strategy_v6", "name", "description", "revision")}}, changed)
        self.assertEqual((changed["strategy"], changed["strategy_v6"], changed["name"], changed["description"]),
                         ("random", "stable", "after the change", "d"))
        self.assertGreater(changed["revision"], devices[-1]["revision"])
        self.assertEqual(self.alice.get(listed).json, before)
        more = self.devices(organization, 5)
        self.assertNotEqual([d["tunnel_ip"] for d in more], [f"100.100.0.{i}" for i in range(6, 11)])
        # Nothing new is no change; what is left out stays.
        self.assertEqual(self.change(organization, strategy="random"), self.change(organization))
        self.assertEqual(self.change(organization)["revision"], changed["revision"])
        self.assertEqual(self.change(organization, strategy="")["strategy_v6"], "stable")
        self.assertEqual(self.alice.get(f"/api/organizations/{organization['id']}").json["strategy"], "")

    def test_names_are_taken_once(self):
        mine = self.alice.organization(name="one of two")
        other = self.alice.organization(name="two of two")
        refused = self.alice.patch(f"/api/organizations/{other['id']}", {"name": "one of two"})
        self.assertEqual((refused.status, refused.json["id"]), (409, mine["id"]), refused)
        self.assertEqual(self.change(other, name="two of two")["revision"], other["revision"])

    def test_unknown(self):
        organization = self.alice.organization()
        for field in ADDRESSES:
            for answer in (self.alice.post("/api/organizations", {"name": "never", field: "tidy"}),
                           self.alice.patch(f"/api/organizations/{organization['id']}", {field: "tidy"})):
                self.assertEqual((answer.status, answer.json["field"]), (400, field), answer)
                self.assertRegex(answer.json["reason"], "'tidy'.*" + LISTED)
        self.assertEqual(self.alice.get(f"/api/organizations/{organization['id']}").json, organization)


class Configured(unittest.TestCase):
    def test_a_server_s_choice(self):
        environment = {"NEXODUS_IPAM_V4_STRATEGY": "random", "NEXODUS_IPAM_V6_STRATEGY": "stable"}
        with Server(environment=environment) as server:
            admin = User(server, "admin", server.admin_password())
            key, own = public_key(), admin.own_organization()
            self.assertEqual((own["strategy"], own["strategy_v6"]), ("", ""))
            first = admin.device(public_key=key)
            given = [admin.device()["tunnel_ip"] for _ in range(8)]
            self.assertNotEqual(given, [f"100.100.0.{i}" for i in range(2, 10)])
            admin.must(200).delete(f"/api/devices/{first['id']}")
            self.assertEqual(admin.device(public_key=key)["tunnel_ip_v6"], first["tunnel_ip_v6"])
            # An organization may have the pool's own all the same.
            plain = admin.organization(strategy="sequential", strategy_v6="sequential")
            device = admin.device(organization_id=plain["id"])
            self.assertEqual((device["tunnel_ip"], device["tunnel_ip_v6"]), ("100.100.0.1", "200::1"))

    def test_not_loaded(self):
        for section, other in (("ipam-v4", "random"), ("ipam-v6", "tidy")):
            server = Server(set=f"{section}.strategy={other}", plugins="ipam-v4,ipam-v6,driver-wireguard,strategy-stable")
            try:
                says = rf"\[{section}\] strategy: .*'{other}'.*sequential, stable"
                checked = subprocess.run(server.command("--check-config"), capture_output=True, text=True)
                self.assertEqual(checked.returncode, 2, checked)
                self.assertRegex(checked.stderr, says)
                with self.assertRaisesRegex(AssertionError, says):
                    server.start()
                self.assertEqual(server.process.returncode, 2)
            finally:
                server.clean()

    def test_a_plugin_that_goes(self):
        """An organization whose strategy is not loaded any more is told so, and may take another."""
        with Server() as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(strategy="random")
            device = admin.device(organization_id=organization["id"])
            server.stop()
            server.set(plugins="ipam-v4,ipam-v6,relay,driver-wireguard,strategy-stable")
            server.start()
            body = {"public_key": public_key(), "organization_id": organization["id"]}
            refused = admin.post("/api/devices", body)
            self.assertEqual(refused.status, 400, refused)
            self.assertRegex(str(refused.json), "'random'.*sequential, stable")
            self.assertEqual(admin.get(f"/api/devices/{device['id']}").json["tunnel_ip"], device["tunnel_ip"])
            admin.must(200).patch(f"/api/organizations/{organization['id']}", {"description": "still of use"})
            admin.must(200).patch(f"/api/organizations/{organization['id']}", {"strategy": "stable"})
            self.assertEqual(admin.post("/api/devices", body).status, 201)


class Misbehaving(unittest.TestCase):
    """A plugin that proposes nonsense costs one request an error that names it, and nothing else."""

    WRONG = {
        "duplicate": "is taken like all 8", "outside": "lies outside", "reserved": "is reserved",
        "family": "is no address of its family", "garbage": "something, which is no address of its family",
        "nothing": "something, which is no address of its family", "failing": "it does not want to",
        "silent": "does not say why", "looking": "outside the prefix",
    }

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="nexodus-plugins-"))
        self.addCleanup(shutil.rmtree, self.directory)
        shutil.copytree(BUILD_DIR / "plugins" / "server", self.directory / "server")
        for name in ("bad-strategy.so", "old-strategy.so"):
            shutil.copy(BUILD_DIR / "tests" / "api" / "modules" / name, self.directory / "server")

    def test_misbehaviour(self):
        with Server(plugin_directory=self.directory) as server:
            admin = User(server, "admin", server.admin_password())
            for field, first in (("strategy", "100.100.0.{:d}"), ("strategy_v6", "200::{:x}")):
                organization, address = admin.organization(**{field: "bad"}), ADDRESSES[field]
                post = lambda hostname: admin.post("/api/devices", {
                    "public_key": public_key(), "organization_id": organization["id"], "hostname": hostname})
                self.assertEqual(post("well").status, 201)
                for number, (hostname, says) in enumerate(self.WRONG.items()):
                    with self.subTest(field=field, hostname=hostname):
                        answer = post(hostname)
                        self.assertEqual(answer.status, 500, answer)
                        self.assertIn("bad-strategy", server.log())
                        self.assertRegex(server.log(), f"plugin bad-strategy misbehaves: .*{says}")
                        # Nothing is taken by it.
                        self.assertEqual(post("well").json[address], first.format(number + 2))
                answer = post("exhausted")
                self.assertEqual(answer.status, 409, answer)
                self.assertIn("plugin bad-strategy has no address to propose", answer.json["error"])
                self.assertEqual(post("late").status, 201)
                # One that is slow is found out.
                self.assertNotIn("has kept all other writes waiting", server.log()) if field == "strategy" else None
                self.assertEqual(post("slow").status, 201)
                told = [e for e in server.events() if e.get("event") == "a strategy has kept all other writes waiting"]
                self.assertEqual([(e["strategy"], e["plugin"]) for e in told], [("bad", "bad-strategy")])
                # What a device asks for itself is not the strategy's business.
                asked = {"tunnel_ip": "100.100.9.9", "tunnel_ip_v6": "200::99"}
                self.assertEqual(admin.device(organization_id=organization["id"], hostname="failing", **asked)["tunnel_ip"],
                                 "100.100.9.9")

    def test_wrong_for_ever(self):
        """Everybody can see it after a few in a row, and no longer when it has given an address."""
        with Server(plugin_directory=self.directory) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(strategy="bad")
            post = lambda hostname: admin.post("/api/devices", {
                "public_key": public_key(), "organization_id": organization["id"], "hostname": hostname}).status
            self.assertEqual(post("well"), 201)
            for wrong in ("duplicate", "outside", "reserved", "garbage", "failing"):
                with self.subTest(wrong=wrong):
                    # A registration that fails is run twice: four answers, and one that there is none left.
                    self.assertEqual([post(wrong) for _ in range(2)] + [post("exhausted")], [500] * 2 + [409])
                    self.assertEqual(server.get("/ready").json, {"status": "UP"})
                    self.assertEqual(server.strategy_metric("degraded", "bad"), 0)
                    self.assertEqual([post(wrong) for _ in range(3)], [500] * 3)
                    ready = server.get("/ready")
                    self.assertEqual((ready.status, ready.json["status"]), (200, "UP"))
                    self.assertEqual([(d["strategy"], d["reason"]) for d in ready.json["degraded"]],
                                     [("bad", "its answers are wrong")])
                    self.assertRegex(ready.json["degraded"][0]["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
                    self.assertEqual(server.strategy_metric("degraded", "bad"), 1)
                    # Others are given theirs meanwhile, and it is asked on.
                    admin.device(organization_id=admin.own_organization()["id"])
                    self.assertEqual(post("well"), 201)
                    self.assertEqual(server.get("/ready").json, {"status": "UP"})
            events = [e.get("event") for e in server.events()]
            self.assertEqual(events.count("a strategy has given nothing but wrong answers for some time"), 5)
            self.assertEqual(events.count("a strategy answers well again"), 5)

    def test_one_that_does_not_come_back(self):
        """Nothing can be written then: whoever looks is told, and by which strategy."""
        gate = self.directory / "gate"
        environment = {"NEXODUS_BAD_STRATEGY_GATE": str(gate), "NEXODUS_STRATEGIES_TIMEOUT": "1s"}
        with Server(plugin_directory=self.directory, environment=environment) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(strategy="bad")
            answers = []
            stuck = threading.Thread(target=lambda: answers.append(admin.post("/api/devices", {
                "public_key": public_key(), "organization_id": organization["id"], "hostname": "stuck"})))
            gate.touch()
            try:
                stuck.start()
                wait_for(lambda: server.get("/ready").status == 503, 15, "the server to say that it cannot write")
                answer = server.get("/ready")
                self.assertTrue(int(answer.headers["Retry-After"]) > 0, answer)
                ready = answer.json
                self.assertEqual((ready["status"], [(d["strategy"], d["reason"]) for d in ready["degraded"]]),
                                 ("DOWN", [("bad", "it keeps all writes waiting")]))
                self.assertEqual((server.strategy_metric("hanging", "bad"), server.strategy_metric("degraded", "bad")), (1, 1))
                told = "a strategy does not come back, and keeps all other writes waiting"
                wait_for(lambda: told in server.log(), 10, "the log to tell")
                self.assertEqual([(e["strategy"], e["plugin"]) for e in server.events() if e.get("event") == told],
                                 [("bad", "bad-strategy")])
                self.assertEqual(admin.get(f"/api/organizations/{organization['id']}").status, 200)
            finally:
                gate.unlink()
            stuck.join()
            self.assertEqual(answers[0].status, 201, answers[0])
            self.assertEqual((server.get("/ready").status, server.get("/ready").json), (200, {"status": "UP"}))
            self.assertEqual(server.strategy_metric("hanging", "bad"), 0)

    def test_built_for_an_older_server(self):
        with Server(plugin_directory=self.directory) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(strategy="old", strategy_v6="old")
            device = admin.device(organization_id=organization["id"], hostname="well")
            self.assertEqual((device["tunnel_ip"], device["tunnel_ip_v6"]), ("100.100.0.1", "200::1"))


if __name__ == "__main__":
    run()
