# SPDX-License-Identifier: Apache-2.0
"""A family that is added to a running service, or taken away: rehearsed, refused, confirmed, killed."""

import hashlib
import json
import os
import pty
import random
import signal
import subprocess
import time
import unittest

from server import ANY_STUN_PORTS, PATIENCE, Server, run
from world import User, Watch

V4 = "ipam-v4,relay,driver-wireguard"
BOTH = "ipam-v4,ipam-v6,relay,driver-wireguard"


def environment(server):
    return {**os.environ, **ANY_STUN_PORTS, **server.environment}


def ask(server, *arguments):
    """nexodus-server with these options on the server's database; nobody is there to be asked."""
    return subprocess.run(server.command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=60 * PATIENCE, env=environment(server))


def rehearse(server, *arguments):
    ended = ask(server, *arguments, "--dry-run", "--json")
    assert ended.stderr == "", ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def dump(server):
    """All that the database holds: of a file its bytes, of PostgreSQL what pg_dump says."""
    if not server.database:
        return hashlib.sha256((server.state / "nexodus.db").read_bytes()).hexdigest()
    text = subprocess.run(["pg_dump", server.database], check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def of_organization(plan, name):
    return next(o for o in plan["organizations"] if o["name"] == name)


def devices(admin):
    return admin.must(200).get(f"/api/organizations/{admin.own_organization()['id']}/devices").json


def kill_after(server, seconds, *arguments):
    process = subprocess.Popen(server.command(*arguments), env=environment(server), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


class Adding(unittest.TestCase):
    def test_dry_run_and_deed(self):
        """What the dry run says is what the start does; the running server is none the worse for it."""
        with Server(plugins=V4) as server:
            admin = User(server, "admin", server.admin_password())
            for _ in range(30):
                admin.device()
            admin.organization(name="empty", cidr="10.64.0.0/16")
            before = devices(admin)
            code, plan = rehearse(server, "--add-plugin", "ipam-v6", "--set", "ipam-v6.prefix=fd77::/64")
            self.assertEqual((code, plan["warnings"], plan["done"], plan["configured"]), (0, [], False, False))
            self.assertEqual([m["number"] for m in plan["migrations"]], list(range(1, len(plan["migrations"]) + 1)))
            self.assertIn("devices.tunnel_ip_v6", plan["columns"])
            self.assertIn("organizations.ip_cidr_v6", plan["columns"])
            own = of_organization(plan, "admin")
            self.assertEqual((own["family"], own["prefix"], own["devices"], own["addresses_given"]),
                             ("IPv6", "fd77::/64", 30, 30))
            self.assertEqual(of_organization(plan, "empty")["addresses_given"], 0)
            self.assertEqual((plan["total"]["addresses_given"], plan["total"]["without_address"]), (30, 0))
            self.assertTrue(plan["server"], plan)
            self.assertEqual(devices(admin), before)
            admin.device()
            # For real, not while a server without it is at work: its agents would miss what comes.
            refused = ask(server, "--add-plugin", "ipam-v6")
            self.assertEqual(refused.returncode, 1, refused)
            self.assertIn("stop it first", refused.stderr)
            server.stop()

            quiet = dump(server)
            code, plan = rehearse(server, "--add-plugin", "ipam-v6")
            self.assertEqual((code, plan["total"]["addresses_given"], plan["server"]), (0, 31, None))
            self.assertEqual(dump(server), quiet)
            done = ask(server, "--add-plugin", "ipam-v6")
            self.assertEqual(done.returncode, 0, done)
            self.assertIn("of 31 devices 31 get an address", done.stdout)
            code, plan = rehearse(server, "--add-plugin", "ipam-v6")
            self.assertEqual((code, plan["migrations"], plan["columns"], plan["organizations"]), (0, [], [], []))
            server.set(plugins=BOTH)
            server.start()
            self.assertEqual(len({d["tunnel_ip_v6"] for d in devices(admin)} - {""}), 31)

    def test_too_small_a_prefix(self):
        """Found before: by the dry run's exit code, and a warning that has the numbers."""
        with Server(plugins=V4) as server:
            admin = User(server, "admin", server.admin_password())
            for _ in range(200):
                admin.device()
            server.environment = {"NEXODUS_IPAM_V6_PREFIX": "fd00::/120"}
            code, plan = rehearse(server, "--add-plugin", "ipam-v6")
            own = of_organization(plan, "admin")
            self.assertEqual(code, 3)
            self.assertTrue(0 < own["capacity"] < 200, own)
            self.assertEqual(own["without_address"], 200 - own["addresses_given"])
            self.assertEqual(len(own["devices_without"]), own["without_address"])
            self.assertIn(f"{own['without_address']} of 200 devices get no address from fd00::/120, which has room for "
                          f"{own['capacity']}: ", plan["warnings"][0])
            server.stop()
            quiet = dump(server)
            # Nobody says yes.
            refused = ask(server, "--add-plugin", "ipam-v6")
            self.assertEqual((refused.returncode, dump(server)), (2, quiet), refused)
            self.assertIn("--yes", refused.stderr)
            self.assertEqual(ask(server, "--add-plugin", "ipam-v6", "--yes").returncode, 0)
            server.set(plugins=BOTH)
            server.start()
            given = [d for d in devices(admin) if d["tunnel_ip_v6"]]
            self.assertEqual(len(given), own["addresses_given"])

    def test_hosts_that_cannot(self):
        """Whoever has said that its host cannot do the family is counted as such, and given nothing."""
        with Server(plugins=BOTH) as server:
            admin = User(server, "admin", server.admin_password())
            admin.device()
            server.stop()
            server.sql("UPDATE devices SET ipv6_supported = 0, tunnel_ip_v6 = '', organization_prefix_v6 = ''")
            server.sql("DELETE FROM leases WHERE family = 'inet6'")
            code, plan = rehearse(server, "--add-plugin", "ipam-v6")
            own = of_organization(plan, "admin")
            self.assertEqual((code, own["unable"], own["addresses_given"], own["without_address"]), (0, 1, 0, 0))
            server.start()

    def test_a_server_without_it(self):
        """One that brings a family starts only where no server without it is at work."""
        with Server(plugins=V4) as server:
            admin = User(server, "admin", server.admin_password())
            admin.device()
            database = {"store": "postgresql", "database": f"dbname={server.database}"} if server.database else {}
            other = Server(state=server.state, plugins=BOTH, **({"store": "sqlite"} | database))
            with self.assertRaisesRegex(AssertionError, "ipam-v6 comes into the database, and a server is at work"):
                other.start()
            server.stop()
            other.start()
            # With it, any number of them may, and none loses it under its feet.
            server.set(plugins=BOTH)
            server.start()
            self.assertEqual(len({d["tunnel_ip_v6"] for d in devices(admin)} - {""}), 1)
            self.assertEqual(other.stop(), 0)
            other.set(plugins=V4)
            refused = ask(other, "--drop-plugin", "ipam-v6", "--yes")
            self.assertEqual(refused.returncode, 1, refused)
            self.assertRegex(refused.stderr, r"a server is at work on the database \((process|session) \d+")


    def test_killed(self):
        """What a kill leaves undone, the next start does."""
        with Server(plugins=V4) as server:
            admin = User(server, "admin", server.admin_password())
            for _ in range(60):
                admin.device()
            server.stop()
            begin = time.monotonic()
            rehearse(server, "--add-plugin", "ipam-v6")
            whole = time.monotonic() - begin
            for part in (0.8, 1.3, 1.8):
                kill_after(server, part * whole, "--add-plugin", "ipam-v6")
            server.set(plugins=BOTH)
            server.start()
            self.assertEqual(len({d["tunnel_ip_v6"] for d in devices(admin)} - {""}), 60)


class TakingAway(unittest.TestCase):
    def world(self, server, count=20):
        admin = User(server, "admin", server.admin_password())
        for _ in range(count):
            admin.device()
        admin.device(hostname="gate", child_prefix=["10.9.0.0/16", "fd99::/64", "fd98::/64"])
        return admin

    def test_dry_run(self):
        with Server(plugins=BOTH) as server:
            admin = self.world(server)
            before = devices(admin)
            code, plan = rehearse(server, "--drop-plugin", "ipam-v6")
            own = of_organization(plan, "admin")
            self.assertEqual(code, 3)  # networks are advertised
            self.assertEqual((own["prefix"], own["addresses_lost"], own["without_any_address"],
                              own["child_prefixes_lost"]), ("200::/64", 21, 0, 2))
            self.assertIn("devices.tunnel_ip_v6", plan["columns"])
            self.assertEqual([m["number"] for m in plan["migrations"]], list(range(len(plan["migrations"]), 0, -1)))
            self.assertTrue(plan["configured"] and plan["server"], plan)
            other = of_organization(rehearse(server, "--drop-plugin", "ipam-v4")[1], "admin")
            self.assertEqual((other["prefix"], other["child_prefixes_lost"]), ("100.100.0.0/16", 1))
            self.assertEqual(devices(admin), before)
            server.stop()
            quiet = dump(server)
            self.assertEqual(rehearse(server, "--drop-plugin", "ipam-v6")[0], 3)
            text = ask(server, "--drop-plugin", "ipam-v6", "--dry-run")
            self.assertIn("of 21 devices 21 lose their address", text.stdout)
            self.assertIn("Nothing has been written", text.stdout)
            self.assertEqual(dump(server), quiet)
            server.start()

    def test_the_only_family(self):
        with Server(plugins=V4) as server:
            admin = User(server, "admin", server.admin_password())
            device = admin.device(hostname="lone")
            code, plan = rehearse(server, "--drop-plugin", "ipam-v4")
            self.assertEqual((code, plan["total"]["without_any_address"]), (3, 1))
            self.assertEqual(plan["organizations"][0]["devices_without"], [{"id": device["id"], "hostname": "lone"}])
            self.assertRegex(plan["warnings"][0], "admin: 1 of 1 devices have no address of another family.*: lone$")

    def test_hosts_without_the_other(self):
        """A host that cannot do the family that stays is left with nothing, whatever lease it has there."""
        with Server(plugins=BOTH) as server:
            admin = self.world(server, 3)
            host = admin.device()
            admin.must(200).patch(f"/api/devices/{host['id']}", {"ipv6_supported": False})
            self.assertEqual(rehearse(server, "--drop-plugin", "ipam-v4")[1]["total"]["without_any_address"], 1)
            self.assertEqual(rehearse(server, "--drop-plugin", "ipam-v6")[1]["total"]["without_any_address"], 0)
            # Without the plugins nobody knows, which is said.
            code, plan = rehearse(server, "--drop-plugin", "ipam-v4", "--plugins=nothing")
            self.assertEqual((code, plan["total"]["without_any_address"]), (3, 0))
            self.assertIn("nothing.so", plan["warnings"][0])

    def test_refusals(self):
        """Not while the configuration would bring it back, not under a server, not unasked."""
        with Server(plugins=BOTH) as server:
            admin = self.world(server, 1)
            configured = ask(server, "--drop-plugin", "ipam-v6", "--yes")
            self.assertEqual(configured.returncode, 2, configured)
            self.assertIn("would bring it back", configured.stderr)
            server.set(plugins=V4)
            running = ask(server, "--drop-plugin", "ipam-v6", "--yes")
            self.assertEqual(running.returncode, 1, running)
            self.assertRegex(running.stderr, r"a server is at work on the database \((process|session) \d+")
            self.assertEqual(len(devices(admin)[0]["allowed_ips"]), 2)
            server.stop()
            quiet = dump(server)
            self.assertEqual(ask(server, "--drop-plugin", "ipam-v6").returncode, 2)
            self.assertEqual(dump(server), quiet)
            unknown = ask(server, "--drop-plugin", "nothing", "--dry-run")
            self.assertEqual((unknown.returncode, unknown.stdout), (1, ""), unknown)
            for wrong in (["--dry-run"], ["--json", "--check-config"], ["--add-plugin", "--drop-plugin", "x"]):
                self.assertEqual(ask(server, *wrong).returncode, 2, wrong)
            server.set(plugins=BOTH)
            server.start()

    def answer(self, server, word):
        """The exit code of a removal that asks at a terminal, and is answered so."""
        master, slave = pty.openpty()
        process = subprocess.Popen(server.command("--drop-plugin", "ipam-v6"), stdin=slave,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(server))
        try:
            os.write(master, word.encode() + b"\n")
            said = process.communicate(timeout=30 * PATIENCE)[1]
            return process.returncode, said
        finally:
            process.kill()
            process.wait()
            os.close(master)
            os.close(slave)

    def test_asked_at_a_terminal(self):
        with Server(plugins=BOTH) as server:
            self.world(server, 1)
            server.stop()
            server.set(plugins=V4)
            quiet = dump(server)
            code, said = self.answer(server, "yes")
            self.assertEqual((code, dump(server)), (1, quiet), said)
            self.assertIn("lose their address", said)
            code, said = self.answer(server, "ipam-v6")
            self.assertEqual(code, 0, said)
            server.start()

    def test_watchers_learn(self):
        """Who resumes is told of the organization and of every device, without the family."""
        with Server(plugins=BOTH) as server:
            admin = self.world(server)
            organization = admin.own_organization()["id"]
            seen = int(admin.get(f"/api/organizations/{organization}/devices").headers["X-Revision"])
            server.stop()
            server.set(plugins=V4)
            # Whatever else says of its rows of which family they are.
            server.sql("CREATE TABLE kept (family TEXT, number BIGINT)")
            server.sql("INSERT INTO kept VALUES ('inet', 1), ('inet6', 2), ('inet6', 3)")
            done = ask(server, "--drop-plugin", "ipam-v6", "--yes", "--json")
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            plan = json.loads(done.stdout)
            self.assertEqual((plan["done"], plan["total"]["addresses_lost"]), (True, 21))
            self.assertEqual(plan["rows"], [{"table": "kept", "rows": 2}])
            server.start()
            with Watch(server, admin.token, organization, seen, kinds=("organization", "device")) as watch:
                events = watch.until_tail()
            self.assertEqual(len([e for e in events if e["kind"] == "device"]), 21)
            self.assertEqual(len([e for e in events if e["kind"] == "organization"]), 1)
            self.assertNotIn("_v6", json.dumps(events))
            gate = next(d for d in devices(admin) if d["hostname"] == "gate")
            self.assertEqual(gate["child_prefix"], ["10.9.0.0/16"])
            # Back again, everybody is given one, and can advertise again.
            server.stop()
            server.set(plugins=BOTH)
            server.start()
            self.assertEqual(len({d["tunnel_ip_v6"] for d in devices(admin)} - {""}), 21)
            admin.must(200).patch(f"/api/devices/{gate['id']}", {"child_prefix": ["10.9.0.0/16", "fd99::/64"]})

    def test_killed(self):
        """At any moment: all of the family is there, or nothing of it."""
        with Server(plugins=BOTH) as server:
            admin = self.world(server, 60)
            server.stop()
            server.set(plugins=V4)
            begin = time.monotonic()
            rehearse(server, "--drop-plugin", "ipam-v6")
            whole = time.monotonic() - begin
            outcomes = []
            for _ in range(5):
                kill_after(server, random.uniform(whole / 2, whole * 2.5), "--drop-plugin", "ipam-v6", "--yes")
                ended = ask(server, "--drop-plugin", "ipam-v6", "--dry-run", "--json")
                self.assertIn(ended.returncode, (3, 1), ended)
                if ended.returncode == 1:
                    self.assertIn("holds nothing of a plugin ipam-v6", ended.stderr)
                    outcomes.append("gone")
                    server.start()
                    self.assertNotIn("_v6", json.dumps(devices(admin)))
                    server.stop()
                    break
                plan = json.loads(ended.stdout)
                self.assertEqual((plan["total"]["addresses_lost"], plan["total"]["child_prefixes_lost"]), (61, 2))
                outcomes.append("there")
            self.assertTrue(outcomes)
            if outcomes[-1] == "there":
                server.set(plugins=BOTH)
                server.start()
                self.assertEqual(len({d["tunnel_ip_v6"] for d in devices(admin)} - {""}), 61)
            else:
                server.start()


if __name__ == "__main__":
    run()
