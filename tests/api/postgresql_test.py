# SPDX-License-Identifier: Apache-2.0
"""Several servers on one PostgreSQL database, and what they do when it comes and goes: a throw-away one for all of it."""

import concurrent.futures
import os
import shlex
import subprocess
import tempfile
import threading
import time
import unittest

from renumbers import Renumbers
from server import SOURCE_DIR, Server, run, wait_for
from world import User, Watch, device_token, public_key

PG_TEMP = str(SOURCE_DIR / "tests" / "lib" / "pg-temp.sh")
postgresql = {}


def setUpModule():
    postgresql["directory"] = tempfile.mkdtemp(prefix="nexodus-pg-", dir="/tmp")
    said = subprocess.run(["sh", PG_TEMP, "start", postgresql["directory"]], check=True, capture_output=True, text=True).stdout
    for word in shlex.split(said.replace(";", " ")):
        name, sign, value = word.partition("=")
        if sign and name.startswith("PG"):
            os.environ[name] = value


def tearDownModule():
    subprocess.run(["sh", PG_TEMP, "stop", postgresql["directory"]], check=True)


def database(name):
    """A fresh one, as options of a server."""
    subprocess.run(["psql", "-q", "-c", f"CREATE DATABASE {name}"], check=True)
    return {"store": "postgresql", "database": f"host={os.environ['PGHOST']} user={os.environ['PGUSER']} dbname={name}"}


class Renumbering(Renumbers, unittest.TestCase):
    """Two servers, on both of which everything is done at once; either goes on with what the other began."""

    @classmethod
    def setUpClass(cls):
        options = database("renumbering")
        cls.servers = [Server(**options).start(), Server(**options).start()]
        cls.server = cls.servers[0]
        cls.alice = User(cls.server, "admin", cls.server.admin_password())

    @classmethod
    def tearDownClass(cls):
        TwoServers.tearDownClass.__func__(cls)

    def register(self, number):
        device = self.servers[number % 2].post("/api/devices", {"public_key": public_key(), "hostname": f"d{number:03}",
                                                                "organization_id": self.organization}, token=self.alice.token)
        if device.status == 201:
            self.tokens[device.json["id"]] = device.json["token"]
        return device

    def at_once(self, path, numbers, *bodies):
        """Four times, on both servers, while devices register; one of the four is the one."""
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            asked = [pool.submit(self.servers[i % 2].post, f"{self.base}/renumbering{path}", bodies[i % len(bodies)],
                                 token=self.alice.token) for i in range(4)]
            self.assertEqual({made.status for made in pool.map(self.register, numbers)}, {201})
        self.assertEqual(sorted(answer.result().status for answer in asked), [202, 409, 409, 409])

    def test_on_both(self):
        for rolled_back in (False, True):
            self.make(0, cidr="10.5.0.0/20")
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                list(pool.map(self.register, range(80)))  # more than a transaction takes
            before = {device["id"]: device["tunnel_ip"] for device in self.devices()}
            self.at_once("", range(100, 110), {"cidr": "10.64.0.0/16"}, {"cidr": "10.65.0.0/16"})
            self.servers[1].kill()
            self.until("started")
            self.servers[1].start()
            self.check_leases()
            row = self.show()
            self.assertEqual((row["devices"], row["ready"]), (90, 90))
            self.acknowledge()
            self.at_once("/commit", range(120, 130), {})
            if rolled_back:
                self.at_once("/rollback", range(140, 150), {})
            else:
                self.until("committed")
                self.check_leases()
                self.commit(grace=0)
            wait_for(lambda: self.acknowledge() or self.show()["state"] == "ended", 20, "the end")
            self.check_leases()
            devices = self.devices()
            self.assertEqual({device["tunnel_ip"][:4] for device in devices}, {"10.5" if rolled_back else "10.6"})
            self.assertEqual({(device["tunnel_ip_second"], device["renumbering"]) for device in devices}, {("", 0)})
            if rolled_back:
                self.assertEqual({d["id"]: d["tunnel_ip"] for d in devices if d["id"] in before}, before)

    def test_who_is_in_touch_with_the_other_server_is_waited_for(self):
        self.make(1, cidr="10.5.0.0/24")
        device, = self.devices()
        with Watch(self.servers[1], self.tokens[device["id"]], self.organization) as watch:
            watch.until_tail()
            self.begin(cidr="10.6.0.0/24")
            self.until("started")
            self.acknowledge()
            self.commit(grace=0)
            self.until("committed")
            until = time.monotonic() + 3  # each server looks every second
            while time.monotonic() < until:
                self.assertEqual(self.show()["state"], "committed")
                time.sleep(0.1)
            self.acknowledge()
            self.until("ended")
            self.check_leases()


class TwoServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        options = database("two")
        cls.servers = [Server(**options)]
        cls.servers[0].start()
        cls.servers.append(Server(**options))
        cls.servers[1].start()
        cls.admin = User(cls.servers[0], "admin", cls.servers[0].admin_password())

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.stop()
        try:
            for server in cls.servers:
                server.check()
        finally:
            for server in cls.servers:
                server.clean()

    def setUp(self):
        self.organization = self.admin.organization()["id"]

    def post(self, number, **fields):
        return self.servers[number % 2].post(
            "/api/devices", {"public_key": public_key(), "organization_id": self.organization, **fields}, token=self.admin.token)

    def test_no_address_twice(self):
        """64 clients on both servers, and none gets what another has; neither is any lost."""
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(self.post, range(1000)))
        self.assertEqual({a.status for a in answers}, {201}, [a for a in answers if a.status != 201][:3])
        for field in ("tunnel_ip", "tunnel_ip_v6", "revision"):
            self.assertEqual(len({a.json[field] for a in answers}), 1000, field)
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            gone = list(pool.map(lambda a: self.servers[a[0] // 7 % 2].delete(f"/api/devices/{a[1].json['id']}",
                                                                              token=self.admin.token), enumerate(answers)))
        self.assertEqual({a.status for a in gone}, {200})

    def test_small_pool_on_both(self):
        """What one server gives back, the other can give again."""
        self.organization = self.admin.organization(cidr="10.7.0.0/29")["id"]
        for turn in range(6):
            devices = [self.post(turn + i // 3) for i in range(6)]
            self.assertEqual([d.status for d in devices], [201] * 6, devices)
            self.assertEqual(len({d.json["tunnel_ip"] for d in devices}), 6)
            self.assertEqual(self.post(turn, tunnel_ip=devices[0].json["tunnel_ip"]).status, 409)
            wanted = devices[3].json["tunnel_ip"]
            for device in devices:
                self.servers[(turn + 1) % 2].delete(f"/api/devices/{device.json['id']}", token=self.admin.token)
            again = self.post(turn, tunnel_ip=wanted)
            self.assertEqual((again.status, again.json["tunnel_ip"]), (201, wanted))
            self.servers[turn % 2].delete(f"/api/devices/{again.json['id']}", token=self.admin.token)
            wait_for(lambda: self.room(turn), 15, "the addresses to be found free")

    def test_stable_on_both(self):
        """Whichever server it comes to, and whichever has let it go: a device has its address."""
        self.organization = self.admin.organization(cidr="10.7.0.0/24", strategy="stable", strategy_v6="stable")["id"]
        others = [self.post(turn) for turn in range(20)]
        key, seen = public_key(), set()
        for turn in range(8):
            device = self.post(turn // 2, public_key=key)
            self.assertEqual(device.status, 201, device)
            seen.add((device.json["tunnel_ip"], device.json["tunnel_ip_v6"]))
            gone = self.servers[(turn + 1) // 2 % 2].delete(f"/api/devices/{device.json['id']}", token=self.admin.token)
            self.assertEqual(gone.status, 200, gone)
        self.assertEqual(len(seen), 1, seen)
        self.assertEqual(len({other.json["tunnel_ip"] for other in others}), 20)

    def test_strategies_race(self):
        """All of a small pool by chance, on both servers at once: none twice, and the last is found."""
        self.organization = self.admin.organization(cidr="10.7.0.0/25", strategy="random")["id"]
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(self.post, range(126)))
        given = {a.json["tunnel_ip"] for a in answers if a.status == 201}
        self.assertEqual((len(given), {a.status for a in answers}), (126, {201}), [a for a in answers if a.status != 201][:3])
        self.assertEqual([self.post(turn).status for turn in (0, 1)], [409, 409])

    def room(self, turn):
        """An exhausted pool looks again after a few seconds."""
        made = [self.post(turn + 1) for _ in range(6)]
        for device in made:
            if device.status == 201:
                self.admin.must(200).delete(f"/api/devices/{device.json['id']}")
        return all(d.status == 201 for d in made)

    def test_watchers_of_the_other_server(self):
        watch = Watch(self.servers[1], self.admin.token, self.organization)
        self.addCleanup(watch.close)
        watch.until_tail()
        device = self.post(0).json
        self.assertEqual(watch.next()["value"]["id"], device["id"])
        both = [self.post(i).json for i in range(20)]
        seen = [watch.next()["value"] for _ in range(20)]
        self.assertEqual([v["id"] for v in seen], [d["id"] for d in both])
        self.servers[0].delete(f"/api/devices/{device['id']}", token=self.admin.token)
        self.assertEqual(watch.next()["type"], "delete")
        self.servers[0].delete(f"/api/organizations/{self.organization}", token=self.admin.token)
        self.assertTrue(watch.ended())

    def test_watchers_of_both_see_the_same(self):
        """Changes race on both servers; every watcher on either ends with the same picture."""
        def follow(number):
            picture, last = {}, 0
            with Watch(self.servers[number % 2], self.admin.token, self.organization) as watch:
                while picture.get("end") is None:
                    event = watch.next()
                    value = event.get("value")
                    if event["type"] == "tail":
                        continue
                    assert value["revision"] > last, (value, last)
                    last = value["revision"]
                    if event["type"] == "delete":
                        picture.pop(value["id"], None)
                    else:
                        picture["end" if value["hostname"] == "the end" else value["id"]] = value
            return picture

        def change(number):
            device = self.post(number, hostname=f"h{number}").json
            path = f"/api/devices/{device['id']}"
            self.servers[number // 2 % 2].patch(path, {"hostname": f"changed {number}"}, token=self.admin.token)
            if number % 3 == 0:
                self.servers[number // 3 % 2].delete(path, token=self.admin.token)

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            followers = [pool.submit(follow, i) for i in range(8)]
            list(pool.map(change, range(300)))
            self.post(0, hostname="the end")
            pictures = [f.result() for f in followers]
        expected = {("end" if d["hostname"] == "the end" else d["id"]): {k: v for k, v in d.items() if k != "online"}
                    for d in self.admin.get(f"/api/organizations/{self.organization}/devices").json}
        for picture in pictures:
            self.assertEqual(picture, expected)

    def test_single_use_key_on_both(self):
        made = self.admin.key(self.organization, single_use=True)
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda i: self.servers[i % 2].post(
                "/api/devices", {"public_key": public_key(), "token": device_token()}, token=made["key"]), range(100)))
        self.assertEqual(sorted(a.status for a in answers), [201] + [403] * 99)

    def test_same_device_on_both(self):
        body = {"public_key": public_key(), "organization_id": self.organization, "token": device_token()}
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda i: self.servers[i % 2].post("/api/devices", body, token=self.admin.token), range(20)))
        self.assertEqual(sorted(a.status for a in answers), [200] * 19 + [201])
        self.assertEqual(len({a.json["id"] for a in answers}), 1)


class KeptOnBoth(unittest.TestCase):
    """What is reserved or in quarantine holds on the server that was not told of it."""

    @classmethod
    def setUpClass(cls):
        options = {**database("kept"), "set": "ipam-v4.quarantine=1h"}
        cls.servers = [Server(**options)]
        cls.servers[0].start()
        cls.servers.append(Server(**options))
        cls.servers[1].start()
        cls.admin = User(cls.servers[0], "admin", cls.servers[0].admin_password())

    @classmethod
    def tearDownClass(cls):
        TwoServers.tearDownClass.__func__(cls)

    post = TwoServers.post

    def setUp(self):
        self.organization = self.admin.organization(cidr="10.7.0.0/28")["id"]
        self.base = f"/api/organizations/{self.organization}"
        self.known = [self.post(turn).json for turn in range(4)]  # both have a pool open
        self.assertEqual([device["tunnel_ip"] for device in self.known], [f"10.7.0.{i}" for i in range(1, 5)])

    def ask(self, number, method, path, body=None, status=200):
        answer = self.servers[number].request(method, f"{self.base}/{path}", body, token=self.admin.token)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def address(self, number, **fields):
        answer = self.post(number, **fields)
        return answer.json["tunnel_ip"] if answer.status == 201 else answer.json["error"]

    def test_reservations(self):
        key = public_key()
        for turn in range(2):
            made = self.ask(turn, "POST", "reservations", {"range": "10.7.0.5-10.7.0.8"}, 201)
            kept = self.ask(turn, "POST", "reservations", {"range": "10.7.0.9", "public_key": key}, 201)
            self.assertIn("lies in the reserved range", self.address(turn + 1, tunnel_ip="10.7.0.6"))
            self.assertIn("reserved for another", self.address(turn + 1, tunnel_ip="10.7.0.9"))
            device = self.post(turn + 1)
            self.assertEqual(device.json["tunnel_ip"], f"10.7.0.{10 + turn}")
            mine = self.post(turn + 1, public_key=key)
            self.assertEqual(mine.json["tunnel_ip"], "10.7.0.9")
            self.admin.must(200).delete(f"/api/devices/{mine.json['id']}")
            for reservation in (made, kept):
                self.ask(1 - turn, "DELETE", f"reservations/{reservation['id']}")
            self.admin.must(200).delete(f"/api/devices/{self.post(turn, tunnel_ip='10.7.0.6').json['id']}")
            self.ask(turn, "DELETE", "quarantine/10.7.0.6")

    def test_quarantine(self):
        """One has leased and lost an address that the other never knew of."""
        lost = self.post(0, tunnel_ip="10.7.0.5").json
        self.admin.must(200).delete(f"/api/devices/{lost['id']}")
        self.assertIn("in quarantine until", self.address(1, tunnel_ip="10.7.0.5"))
        others = [self.address(turn) for turn in range(9)]
        self.assertEqual(sorted(others, key=lambda a: int(a.split(".")[3])), [f"10.7.0.{i}" for i in range(6, 15)])
        self.assertIn("1 more in quarantine", self.address(1))
        self.assertEqual(self.address(1, public_key=lost["public_key"]), "10.7.0.5")
        # And what one ends, the other gives.
        self.admin.must(200).delete(f"/api/devices/{self.known[0]['id']}")
        self.ask(1, "DELETE", "quarantine/10.7.0.1")
        self.assertEqual(self.address(0, tunnel_ip="10.7.0.1"), "10.7.0.1")


class DatabaseGoesAway(unittest.TestCase):
    """Connections are cut at random moments, so that the outcome of commits is unknown."""

    def test_nothing_twice_nothing_leaked(self):
        with Server(**database("cut")) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.own_organization()["id"]
            watch = Watch(server, admin.token, organization)
            self.addCleanup(watch.close)
            watch.until_tail()
            bodies = [{"public_key": public_key(), "token": device_token()} for _ in range(600)]
            done = threading.Event()

            def cut():
                while not done.wait(0.05):
                    subprocess.run(["psql", "-q", "-d", "cut", "-c",
                                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                    " WHERE datname = 'cut' AND pid <> pg_backend_pid()"], capture_output=True)

            def register(body):
                for _ in range(1000):
                    answer = server.post("/api/devices", body, token=admin.token)
                    if answer.status in (200, 201):
                        return answer.json
                    assert answer.status == 503 and answer.headers["Retry-After"], answer
                    time.sleep(0.02)
                raise AssertionError("no answer but 503")

            with concurrent.futures.ThreadPoolExecutor(33) as pool:
                cutter = pool.submit(cut)
                devices = list(pool.map(register, bodies))
                done.set()
                cutter.result()
            for field in ("tunnel_ip", "tunnel_ip_v6", "revision"):
                self.assertEqual(len({d[field] for d in devices}), 600, field)
            rows = lambda sql: subprocess.run(["psql", "-At", "-d", "cut", "-c", sql], check=True, capture_output=True,
                                              text=True).stdout.split()
            self.assertEqual(rows("SELECT COUNT(*) FROM leases"), ["1200"])
            self.assertEqual(rows("SELECT COUNT(*) FROM devices"), ["600"])
            self.assertEqual(rows("SELECT revision FROM organizations"), ["601"])
            # The watcher has seen all of it, in order, though what became of some was not known at first.
            seen = {}
            while len(seen) < 600:
                value = watch.next()["value"]
                self.assertGreater(value["revision"], max(seen.values(), default=0))
                seen[value["id"]] = value["revision"]
            self.assertEqual(seen, {d["id"]: d["revision"] for d in devices})
            # And the pools know what the table knows: all addresses up to here are taken, none is skipped after.
            following = [register({"public_key": public_key()}) for _ in range(3)]
            self.assertEqual(len({d["tunnel_ip"] for d in devices + following}), 603)


if __name__ == "__main__":
    run()
