# SPDX-License-Identifier: Apache-2.0
"""A family's plugin whose pool does what none may: it costs those requests an error that names it, the log, the
metrics and /ready tell of it, and the other family and all else go on."""

import pathlib
import shutil
import tempfile
import threading
import unittest

from server import BUILD_DIR, Server, run, wait_for
from world import User, public_key

# What the calls of each plugin are counted as, and a prefix that is soon used up.
FAMILIES = {"ipam-v4": ("ipam/inet", {"cidr": "10.9.0.0/28"}), "ipam-v6": ("ipam/inet6", {"cidr_v6": "fd09::/120"})}
WRONG = {
    "outside": "lies outside", "family": "is no address of its family", "garbage": "something, which is no address",
    "nothing": "something, which is no address", "failing": "it does not want to", "silent": "does not say why",
}


class BadFamily(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="nexodus-plugins-"))
        self.addCleanup(shutil.rmtree, self.directory)
        shutil.copytree(BUILD_DIR / "plugins" / "server", self.directory / "server")
        self.real = self.directory / "server" / "real"
        self.real.mkdir()
        self.gate = self.real / "gate"

    def replace(self, name):
        shutil.move(self.directory / "server" / f"{name}.so", self.real)
        shutil.copy(BUILD_DIR / "tests" / "api" / "modules" / "bad-family.so", self.directory / "server" / f"{name}.so")

    def poster(self, admin, organization):
        return lambda hostname: admin.post("/api/devices", {
            "public_key": public_key(), "organization_id": organization["id"], "hostname": hostname})

    def assert_degraded(self, server, strategy, status=200, reason="its answers are wrong"):
        ready = server.get("/ready")
        self.assertEqual((ready.status, [(d["strategy"], d["reason"]) for d in ready.json["degraded"]]),
                         (status, [(strategy, reason)]))
        self.assertEqual(server.strategy_metric("degraded", strategy), 1)

    def test_wrong_for_ever(self):
        for plugin, (strategy, prefix) in FAMILIES.items():
            self.replace(plugin)
            with self.subTest(plugin=plugin), Server(plugin_directory=self.directory) as server:
                admin = User(server, "admin", server.admin_password())
                organization = admin.organization(**prefix)
                post = self.poster(admin, organization)
                self.assertEqual(post("well").status, 201)
                for hostname, says in WRONG.items():
                    with self.subTest(hostname=hostname):
                        self.assertEqual(post(hostname).status, 500)
                        self.assertRegex(server.log(), f"plugin {plugin} misbehaves: .*{says}")
                        self.assertEqual(server.get("/ready").json, {"status": "UP"})
                        self.assertEqual([post(hostname).status for _ in range(4)], [500] * 4)
                        self.assert_degraded(server, strategy)
                        # One good answer is enough.
                        self.assertEqual(post("well").status, 201)
                        self.assertEqual(server.get("/ready").json, {"status": "UP"})
                        self.assertEqual(server.strategy_metric("degraded", strategy), 0)
                self.assertGreaterEqual(server.strategy_metric("rejected_total", strategy, reason="unfit"), 20)
                self.assertGreaterEqual(server.strategy_metric("calls_total", strategy, result="failed"), 10)
                answer = post("exhausted")
                self.assertEqual(answer.status, 409, answer)
                self.assertIn(f"plugin {plugin} has no address to propose", answer.json["error"])
                self.assertEqual(post("slow").status, 201)
                told = [e for e in server.events() if e.get("event") == "a strategy has kept all other writes waiting"]
                self.assertEqual([(e["strategy"], e["plugin"]) for e in told], [(strategy, plugin)])
                # Nothing was taken by what went wrong.
                pools = admin.get(f"/api/organizations/{organization['id']}/pools").json
                free = min(pool["free"] for pool in pools if pool["free"] is not None)
                self.assertEqual([post("well").status for _ in range(free + 1)], [201] * free + [409])
            shutil.move(self.real / f"{plugin}.so", self.directory / "server" / f"{plugin}.so")

    def test_duplicates(self):
        """The table refuses them, and from then on the server looks there before it believes the pool."""
        self.replace("ipam-v6")
        with Server(plugin_directory=self.directory) as server:
            admin = User(server, "admin", server.admin_password())
            post = self.poster(admin, admin.organization())
            self.assertEqual(post("well").json["tunnel_ip_v6"], "200::1")
            answers = [post("duplicate").status for _ in range(6)]
            self.assertEqual(set(answers[1:]), {500}, answers)
            self.assertIn(answers[0], (409, 500))
            self.assertRegex(server.log(), "plugin ipam-v6 misbehaves: .*200::1, which is taken, and has been told so")
            self.assert_degraded(server, "ipam/inet6")
            self.assertEqual(post("well").json["tunnel_ip_v6"], "200::2")
            self.assertEqual(server.get("/ready").json, {"status": "UP"})

    def test_what_is_free(self):
        """A strategy that is told so by the pool is not to blame for what it proposes then."""
        self.replace("ipam-v4")
        with Server(plugin_directory=self.directory) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(strategy="random")
            post = self.poster(admin, organization)
            self.assertEqual(post("well").status, 201)
            self.gate.touch()
            self.assertEqual([post("well").status for _ in range(5)], [500] * 5)
            self.assertRegex(server.log(), "plugin ipam-v4 misbehaves: .*lies outside")
            self.assertNotIn("plugin strategy-random misbehaves", server.log())
            self.assert_degraded(server, "ipam/inet")
            self.gate.unlink()
            self.assertEqual(post("well").status, 201)
            self.assertEqual(server.get("/ready").json, {"status": "UP"})

    def test_one_that_does_not_come_back(self):
        self.replace("ipam-v6")
        with Server(plugin_directory=self.directory, environment={"NEXODUS_STRATEGIES_TIMEOUT": "1s"}) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization()
            post, answers = self.poster(admin, organization), []
            stuck = threading.Thread(target=lambda: answers.append(post("stuck")))
            self.gate.touch()
            try:
                stuck.start()
                wait_for(lambda: server.get("/ready").status == 503, 15, "the server to say that it cannot write")
                self.assert_degraded(server, "ipam/inet6", 503, "it keeps all writes waiting")
                self.assertEqual(server.strategy_metric("hanging", "ipam/inet6"), 1)
                self.assertEqual(admin.get(f"/api/organizations/{organization['id']}").status, 200)
            finally:
                self.gate.unlink()
            stuck.join()
            self.assertEqual(answers[0].status, 201, answers[0])
            self.assertEqual((server.get("/ready").status, server.get("/ready").json), (200, {"status": "UP"}))


if __name__ == "__main__":
    run()
