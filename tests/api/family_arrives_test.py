# SPDX-License-Identifier: Apache-2.0
"""An address family that arrives, that leaves, and that has another prefix."""

import subprocess
import unittest

from server import Server, run
from world import User, Watch, public_key


class FamilyArrives(unittest.TestCase):
    def test_a_server_gains_a_family(self):
        with Server(plugins="ipam-v4,relay,driver-wireguard") as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.own_organization()
            self.assertNotIn("_v6", str(organization))
            devices = [admin.device() for _ in range(600)]
            self.assertNotIn("_v6", str(devices[0]))
            self.assertEqual(devices[0]["allowed_ips"], ["100.100.0.1/32"])
            seen = devices[-1]["revision"]
            # The plugin is not there: its fields are nobody's, and are ignored.
            self.assertNotIn("_v6", str(admin.device(tunnel_ip_v6="200::7", ipv6_supported=False)))

            server.stop()
            server.set(plugins="*")
            server.start()
            base = f"/api/organizations/{organization['id']}"
            self.assertEqual(admin.must(200).get(base).json["cidr_v6"], "200::/64")
            now = admin.must(200).get(f"{base}/devices").json
            self.assertEqual(len({d["tunnel_ip_v6"] for d in now}), 601)
            for device in now:
                self.assertEqual(device["allowed_ips"], [f"{device['tunnel_ip']}/32", f"{device['tunnel_ip_v6']}/128"])
                self.assertEqual(device["organization_prefix_v6"], "200::/64")
            before = {d["id"]: d["tunnel_ip"] for d in devices}
            self.assertEqual({d["id"]: d["tunnel_ip"] for d in now if d["id"] in before}, before)
            # Who resumes learns of every device and of the organization.
            with Watch(server, admin.token, organization["id"], seen, kinds=("organization", "device")) as watch:
                events = watch.until_tail()
            self.assertEqual(len([e for e in events if e["kind"] == "device"]), 601)
            self.assertEqual([e["value"]["cidr_v6"] for e in events if e["kind"] == "organization"], ["200::/64"])
            # A new one gets a further address, and another start changes nothing.
            revision = admin.device()["revision"]
            server.stop()
            server.start()
            self.assertEqual(admin.get(f"{base}/devices").headers["X-Revision"], str(revision))

            # Losing it again is refused, not silent.
            server.stop()
            server.set(plugins="ipam-v4,relay,driver-wireguard")
            with self.assertRaisesRegex(AssertionError, "ipam-v6"):
                server.start()
            server.set(plugins="*")
            server.start()
            self.assertEqual(len(admin.get(f"{base}/devices").json), 602)

            # Confirmed, it goes with all that it brought, leases included; when it comes back it starts anew.
            server.stop()
            server.set(plugins="ipam-v4,relay,driver-wireguard")
            dropped = subprocess.run(server.command("--drop-plugin", "ipam-v6", "--yes"), capture_output=True, text=True)
            self.assertEqual(dropped.returncode, 0, dropped.stderr)
            server.start()
            self.assertNotIn("_v6", str(admin.get(f"{base}/devices").json))
            server.stop()
            server.set(plugins="*")
            server.start()
            again = admin.must(200).get(f"{base}/devices").json
            self.assertEqual(len({d["tunnel_ip_v6"] for d in again}), 602)
            self.assertIn("200::1", {d["tunnel_ip_v6"] for d in again})

    def test_no_room_for_all(self):
        """A prefix that is too small leaves some without, says so, and holds nobody up."""
        with Server(plugins="ipam-v4,driver-wireguard") as server:
            admin = User(server, "admin", server.admin_password())
            for _ in range(300):
                admin.device()
            server.stop()
            server.set(plugins="ipam-v4,ipam-v6,driver-wireguard")
            server.environment = {"NEXODUS_IPAM_V6_PREFIX": "fd00::/120"}
            server.start()
            base = f"/api/organizations/{admin.own_organization()['id']}/devices"
            answer = admin.must(200).get(base)
            given = [d["tunnel_ip_v6"] for d in answer.json if d["tunnel_ip_v6"]]
            self.assertEqual(len(given), len(set(given)))
            self.assertTrue(0 < len(given) < 300, len(given))
            self.assertIn("no address for a device", server.log())
            # The others work on, as they were, and a later start is no change.
            without = next(d for d in answer.json if not d["tunnel_ip_v6"])
            self.assertEqual(admin.must(200).patch(f"/api/devices/{without['id']}", {"hostname": "x"}).json["allowed_ips"],
                             [f"{without['tunnel_ip']}/32"])
            revision = admin.get(base).headers["X-Revision"]
            server.stop()
            server.start()
            self.assertEqual(admin.get(base).headers["X-Revision"], revision)
            # Room that is made is given at the next start.
            with_one = next(d for d in answer.json if d["tunnel_ip_v6"])
            admin.must(200).delete(f"/api/devices/{with_one['id']}")
            server.stop()
            server.start()
            given = [d for d in admin.must(200).get(base).json if d["tunnel_ip_v6"]]
            self.assertIn(with_one["tunnel_ip_v6"], [d["tunnel_ip_v6"] for d in given])

    def test_another_prefix(self):
        with Server(environment={"NEXODUS_IPAM_V6_PREFIX": "fd77:1::/64"}) as server:
            admin = User(server, "admin", server.admin_password())
            self.assertEqual(admin.own_organization()["cidr_v6"], "fd77:1::/64")
            self.assertEqual(admin.device()["tunnel_ip_v6"], "fd77:1::1")
            self.assertEqual(admin.organization(cidr_v6="fd78::/64")["cidr_v6"], "fd78::/64")

    def test_without_any_family(self):
        with Server(plugins="driver-wireguard") as server:
            admin = User(server, "admin", server.admin_password())
            device = admin.device(hostname="bare")
            self.assertEqual(device["allowed_ips"], [])
            refused = admin.post("/api/devices", {"public_key": public_key(), "child_prefix": ["10.0.0.0/8"]})
            self.assertEqual((refused.status, refused.json["field"]), (400, "child_prefix"), refused)


if __name__ == "__main__":
    run()
