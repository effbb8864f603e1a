# SPDX-License-Identifier: Apache-2.0
"""Strategies that block: asked apart, with a deadline, so that one that hangs or fails costs its own
organizations a "try again later", and others nothing."""

import pathlib
import shutil
import signal
import tempfile
import threading
import unittest

from server import BUILD_DIR, Server, run, wait_for
from world import User, public_key

NAME = "the strategy 'blocking'"


class Blocking(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="nexodus-plugins-"))
        self.addCleanup(shutil.rmtree, self.directory)
        shutil.copytree(BUILD_DIR / "plugins" / "server", self.directory / "server")
        shutil.copy(BUILD_DIR / "tests" / "api" / "modules" / "blocking-strategy.so", self.directory / "server")
        self.gate = self.directory / "gate"

    def serve(self, plugins="*", **strategies):
        """A server, with its administrator and an organization whose IPv4 addresses come from the strategy."""
        environment = {f"NEXODUS_STRATEGIES_{name.upper()}": str(value) for name, value in strategies.items()}
        environment["NEXODUS_BLOCKING_STRATEGY_GATE"] = str(self.gate)
        self.server = Server(environment=environment, plugin_directory=self.directory, plugins=plugins)
        self.server.start()
        self.addCleanup(self.end)
        self.admin = User(self.server, "admin", self.server.admin_password())
        self.organization = self.admin.organization(strategy="blocking")

    def end(self):
        self.gate.unlink(missing_ok=True)
        try:
            self.server.stop()
            self.server.check()
        finally:
            self.server.clean()

    def post(self, hostname, organization=None, **fields):
        return self.admin.post("/api/devices", {
            "public_key": public_key(), "organization_id": (organization or self.organization)["id"],
            "hostname": hostname, **fields})

    def start(self, *arguments, **fields):
        """The same in a thread; its answer is in `.answer` at the end."""
        def ask():
            thread.answer = self.post(*arguments, **fields)
        thread = threading.Thread(target=ask)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def figure(self, name, **labels):
        return self.server.strategy_metric(name, "blocking", **labels)

    def calls(self, result):
        return self.figure("calls_total", result=result)

    def refused(self, answer, says):
        self.assertEqual((answer.status, answer.json["error"]), (503, "service unavailable"), answer)
        self.assertIn(NAME, answer.json["reason"])
        self.assertRegex(answer.json["reason"], says)
        self.assertTrue(int(answer.headers["Retry-After"]) > 0)

    # --- that works ---------------------------------------------------------------------------------

    def test_addresses(self):
        self.serve()
        both = self.admin.organization(strategy="blocking", strategy_v6="blocking")
        devices = [self.post("sees", organization).json for organization in (self.organization, both) * 3]
        self.assertEqual([d["tunnel_ip"] for d in devices[:1]], ["100.100.1.0"])
        self.assertEqual(len({(d["organization_id"], d["tunnel_ip"]) for d in devices}), 6)
        self.assertTrue(all(d["tunnel_ip_v6"].startswith("200::1") for d in devices[1::2]), devices)
        self.assertEqual([d["tunnel_ip_v6"] for d in devices[::2]], ["200::1", "200::2", "200::3"])
        self.assertEqual(self.calls("proposed"), 9)
        # What a device asks for is not the strategy's business, nor is one that is there already.
        device = self.post("failing", tunnel_ip="100.100.9.9").json
        self.assertEqual(device["tunnel_ip"], "100.100.9.9")
        again = self.admin.post("/api/devices", {"public_key": device["public_key"], "hostname": "failing",
                                                 "organization_id": self.organization["id"]})
        self.assertEqual((again.status, again.json["id"]), (409, device["id"]))
        # Nor does it hear of who may not come in.
        stranger = User(self.server, "stranger", administrator=self.admin)
        answer = stranger.post("/api/devices", {"public_key": public_key(), "organization_id": both["id"]})
        self.assertEqual(answer.status, 404, answer)
        self.assertEqual(self.calls("proposed"), 9)
        # A registration key is used up once.
        key = self.admin.key(self.organization["id"], single_use=True)
        body = lambda: {"public_key": public_key(), "organization_id": self.organization["id"]}
        used = [self.server.post("/api/devices", body(), token=key["key"]).status for _ in range(2)]
        self.assertEqual(used, [201, 403])
        # A device that gains a family, and one that moves.
        plain = self.admin.organization()
        device = self.admin.device(organization_id=plain["id"])
        moved = self.admin.must(200).patch(f"/api/devices/{device['id']}", {"organization_id": both["id"]}).json
        self.assertRegex(moved["tunnel_ip"], r"^100\.100\.1\.")
        self.assertRegex(moved["tunnel_ip_v6"], "^200::1")

    def test_taken(self):
        """It is asked again, when somebody was faster or when it proposes what is taken."""
        self.serve(timeout="20s")
        self.gate.touch()
        late = self.start("fixed")
        wait_for(lambda: self.figure("waiting") == 0 and self.figure("hanging") == 0 and
                 "asked" in self.inside(), 10, "the strategy to be asked")
        self.assertEqual(self.post("x", tunnel_ip="100.100.0.77").status, 201)
        self.gate.unlink()
        late.join()
        self.assertEqual((late.answer.status, late.answer.json["tunnel_ip"]), (201, "100.100.0.78"), late.answer)
        self.assertEqual(self.figure("rejected_total", reason="taken"), 1)
        self.assertEqual([self.post("fixed").json["tunnel_ip"] for _ in range(3)],
                         [f"100.100.0.{n}" for n in (79, 80, 81)])
        self.assertEqual(self.post("duplicate").status, 201)
        answer = self.post("duplicate")
        self.assertEqual(answer.status, 500, answer)
        self.assertIn("plugin blocking-strategy misbehaves: it proposes 100.100.0.9, which is taken like all 8",
                      self.server.log())

    def test_family_arrives(self):
        """Devices that gain a family at a start are given addresses by it, as long as it has any."""
        self.serve(plugins="ipam-v4,relay,driver-wireguard,blocking-strategy", retry="1s")
        self.organization = self.admin.organization()
        names = ["well"] * 3 + ["outside"] + ["well"] + ["away"] * 4 + ["well"]
        for name in names:
            self.assertEqual(self.post(name).status, 201)
        self.server.stop()
        self.server.set(plugins="*")
        self.server.environment["NEXODUS_IPAM_V6_STRATEGY"] = "blocking"
        self.server.start()
        listed = f"/api/organizations/{self.organization['id']}/devices"
        by_ip = sorted(self.admin.get(listed).json, key=lambda d: int(d["tunnel_ip"].rsplit(".", 1)[1]))
        self.assertEqual([d["hostname"] for d in by_ip], names)
        given = [d["tunnel_ip_v6"] for d in by_ip]
        self.assertEqual([bool(address) for address in given], [True] * 3 + [False, True] + [False] * 5, given)
        told = [e for e in self.server.events() if e.get("event") == "no address for a device"]
        self.assertEqual(len(told), 6, told)
        self.assertIn("lies outside", told[0]["reason"])
        self.assertIn("what it asks is away", told[1]["reason"])
        # The next start gives them theirs.
        self.server.stop()
        self.server.sql("UPDATE devices SET hostname = 'well'")
        self.server.start()
        self.assertTrue(all(d["tunnel_ip_v6"] for d in self.admin.get(listed).json))

    def test_family_arrives_where_some_address_is_kept(self):
        """Who is asked is found later then, in the midst of a batch: that is no reason to ask again and again."""
        self.serve(plugins="ipam-v4,relay,driver-wireguard,blocking-strategy")
        self.organization = self.admin.organization()
        gone, *others = [self.post("well").json for _ in range(6)]
        self.server.stop()
        self.server.environment["NEXODUS_IPAM_V4_QUARANTINE"] = "1h"
        self.server.start()
        self.admin.must(200).delete(f"/api/devices/{gone['id']}")
        self.server.stop()
        self.server.set(plugins="*")
        self.server.environment["NEXODUS_IPAM_V6_STRATEGY"] = "blocking"
        self.server.start()
        listed = self.admin.get(f"/api/organizations/{self.organization['id']}/devices").json
        self.assertEqual(len({d["tunnel_ip_v6"] for d in listed} - {""}), len(others))

    def inside(self):
        """What the threads of the server are called."""
        tasks = pathlib.Path(f"/proc/{self.server.process.pid}/task")
        names = [(task / "comm").read_text().strip() for task in tasks.iterdir()]
        return "asked" if "strategy" in names else ""

    # --- that does not ------------------------------------------------------------------------------

    WRONG = {
        "outside": "lies outside", "reserved": "is reserved", "garbage": "something, which is no address of its family",
        "nothing": "something, which is no address of its family", "failing": "it does not want to",
        "silent": "does not say why",
    }

    def test_wrong_answers(self):
        self.serve()
        for field in ("strategy", "strategy_v6"):
            organization = self.admin.organization(**{field: "blocking"})
            for hostname, says in self.WRONG.items():
                with self.subTest(field=field, hostname=hostname):
                    begin = len(self.server.log())
                    answer = self.post(hostname, organization)
                    self.assertEqual(answer.status, 500, answer)
                    self.assertRegex(self.server.log()[begin:], f"plugin blocking-strategy misbehaves: .*{says}")
                    self.assertEqual(self.post("well", organization).status, 201)
            answer = self.post("exhausted", organization)
            self.assertEqual((answer.status, answer.json), (409, {
                "error": "all are given, it says", "field": "tunnel_ip" if field == "strategy" else "tunnel_ip_v6"}))
        self.assertEqual(self.calls("exhausted"), 2)
        self.assertEqual(self.calls("failed"), 4)
        # A wrong answer is an answer: it is asked on.
        self.assertEqual(self.server.get("/ready").json, {"status": "UP"})

    def test_hanging(self):
        """While it hangs all others go on: they come to their end, and those who wait for it do not."""
        self.serve(timeout="20s", threads=4)
        other = self.admin.organization()
        self.gate.touch()
        waiting = [self.start("hang") for _ in range(6)]
        wait_for(lambda: self.figure("waiting") == 2, 15, "all threads of the strategy to be busy")
        for _ in range(20):
            self.assertEqual(self.post("x", other).status, 201)
            self.assertEqual(self.admin.get(f"/api/organizations/{self.organization['id']}").status, 200)
        self.admin.must(200).patch(f"/api/organizations/{self.organization['id']}", {"description": "d"})
        self.assertTrue(all(thread.is_alive() for thread in waiting))
        self.gate.unlink()
        for thread in waiting:
            thread.join()
            self.assertEqual(thread.answer.status, 201, thread.answer)

    def test_deadline(self):
        self.serve(timeout="1s", threads=2, retry="1s")
        self.gate.touch()
        self.refused(self.post("polite"), "has not answered in time")
        wait_for(lambda: self.figure("hanging") == 0, 10, "the call to end that nobody waits for")
        for _ in range(2):
            self.refused(self.post("hang"), "has not answered in time")
        self.assertEqual((self.calls("timed_out"), self.figure("hanging")), (3, 2))
        # There is no thread left for it: nobody has to wait to hear of that.
        self.refused(self.post("well"), "hangs, none of 2 calls has come back")
        self.assertEqual((self.calls("timed_out"), self.calls("refused")), (3, 1))
        told = [e for e in self.server.events() if e.get("event") == "a strategy has given no address"]
        self.assertEqual(told[0]["strategy"], "blocking")
        self.assertEqual(self.post("x", self.admin.organization()).status, 201)
        self.gate.unlink()
        wait_for(lambda: self.figure("hanging") == 0, 10, "the calls to come back")
        self.assertEqual(self.post("well").status, 201)

    def test_reload(self):
        """A shorter deadline holds for who asks from then on."""
        self.serve()
        configuration = self.server.state / "server.conf"
        def take_over(timeout):
            configuration.write_text(f"[strategies]\ntimeout = {timeout}\n")
            begin = len(self.server.log())
            self.server.send_signal(signal.SIGHUP)
            wait_for(lambda: "configuration reloaded" in self.server.log()[begin:], 10, "the configuration to be read")
        take_over("20s")
        self.gate.touch()
        long = self.start("hang")
        wait_for(self.inside, 10, "the strategy to be asked")
        take_over("1s")
        self.refused(self.post("hang"), "has not answered in time")
        self.assertTrue(long.is_alive())
        self.gate.unlink()
        long.join()
        self.assertEqual(long.answer.status, 201, long.answer)

    def test_failing_for_long(self):
        """After some failures in a row it is asked once in a while only, which everybody can see."""
        self.serve(retry="2s")
        self.assertEqual(self.server.get("/ready").json, {"status": "UP"})
        for _ in range(5):
            self.refused(self.post("away"), "gives no address now: what it asks is away")
        self.refused(self.post("well"), "has failed several times in a row, and is asked every 2 s only")
        ready = self.server.get("/ready")
        self.assertEqual((ready.status, ready.json["status"]), (200, "UP"))
        self.assertEqual([d["strategy"] for d in ready.json["degraded"]], ["blocking"])
        self.assertRegex(ready.json["degraded"][0]["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.figure("degraded"), 1)
        self.assertEqual(self.post("x", self.admin.organization()).status, 201)
        since = ready.json["degraded"][0]["since"]
        wait_for(lambda: "gives no address now" in self.post("away").json["reason"], 10, "it to be asked again")
        self.assertEqual(self.server.get("/ready").json["degraded"][0]["since"], since)
        wait_for(lambda: self.post("well").status == 201, 10, "it to be asked again")
        self.assertEqual(self.server.get("/ready").json, {"status": "UP"})
        self.assertEqual([self.post("well").status for _ in range(3)], [201] * 3)
        events = [e.get("event") for e in self.server.events()]
        self.assertEqual(events.count("a strategy fails, and is asked once in a while only"), 1)
        self.assertEqual(events.count("a strategy works again"), 1)

    # --- the end --------------------------------------------------------------------------------------

    def test_stop(self):
        """A server ends in spite of calls that hang, and who waits for them is answered."""
        self.serve(timeout="2s", threads=2)
        self.gate.touch()
        self.refused(self.post("hang"), "has not answered in time")
        waiting = self.start("hang")
        wait_for(lambda: len([e for e in pathlib.Path(f"/proc/{self.server.process.pid}/task").iterdir()
                              if (e / "comm").read_text() == "strategy\n"]) == 2, 10, "two calls to hang")
        self.assertEqual(self.server.stop(), 0)
        self.assertTrue(self.gate.exists())
        waiting.join()
        self.assertEqual(waiting.answer.status, 503, waiting.answer)
        events = [e.get("event") for e in self.server.events()]
        self.assertIn("calls of strategies hang, and are left behind", events)
        self.assertEqual(events[-1], "stopped")

    def test_stop_of_polite_calls(self):
        self.serve(timeout="3s")
        waiting = self.start("polite")
        wait_for(self.inside, 10, "the strategy to be asked")
        self.server.stop()
        waiting.join()
        self.assertNotIn("left behind", self.server.log())


if __name__ == "__main__":
    run()
