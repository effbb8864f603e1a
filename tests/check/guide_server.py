# SPDX-License-Identifier: Apache-2.0
"""A server with the plugins of docs/plugins/guide.md, which guide.sh has installed in GUIDE_PLUGINS."""

import ipaddress
import os
import subprocess
import unittest

from server import Server, run
from world import User, public_key


class Named(unittest.TestCase):
    def test_addresses_end_like_names(self):
        options = {"plugins": "ipam-v4,ipam-v6,relay,driver-wireguard,strategy-named",
                   "plugin_directory": os.environ["GUIDE_PLUGINS"]}
        with Server(**options) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.organization(strategy="named", strategy_v6="named")
            def given(hostname):
                device = admin.device(organization_id=organization["id"], hostname=hostname)
                return [device["tunnel_ip"], device["tunnel_ip_v6"]]
            self.assertEqual(given("web-17"), ["100.100.0.17", "200::11"])
            self.assertEqual(given("mail"), ["100.100.0.1", "200::1"])
            # Another's, reserved, or no number of a host.
            self.assertEqual(given("db-17"), ["100.100.0.2", "200::2"])
            self.assertEqual(given("zero-0"), ["100.100.0.3", "200::3"])
            self.assertEqual(given("far-70000"), ["100.100.0.4", "200::4"])
            self.assertEqual(given("wide-300"), ["100.100.1.44", "200::12c"])
            small = admin.organization(cidr="10.0.0.0/30", strategy="named")
            enrol = lambda hostname: admin.post("/api/devices", {
                "public_key": public_key(), "organization_id": small["id"], "hostname": hostname})
            self.assertEqual([enrol(name).json["tunnel_ip"] for name in ("a-2", "b-9")], ["10.0.0.2", "10.0.0.1"])
            full = enrol("c-1")
            self.assertEqual(full.status, 409, full)
            self.assertIn("all 2 addresses of 10.0.0.0/30 are taken", full.json["error"])


class Scatter(unittest.TestCase):
    def test_devices_have_scattered_addresses(self):
        options = {"plugins": "ipam-scatter,relay,driver-wireguard", "plugin_directory": os.environ["GUIDE_PLUGINS"]}
        with Server(**options) as server:
            admin = User(server, "admin", server.admin_password())
            devices = [admin.device() for _ in range(40)]
            addresses = [ipaddress.ip_address(device["tunnel_ip"]) for device in devices]
            self.assertEqual(len(set(addresses)), 40)
            for device, address in zip(devices, addresses):
                self.assertEqual(device["organization_prefix"], "100.100.0.0/16")
                self.assertIn(address, ipaddress.ip_network("100.100.0.0/16"))
            self.assertGreater(int(max(addresses)) - int(min(addresses)), 256)
            # After a restart they are still theirs, and nobody else's.
            server.stop()
            server.start()
            admin = User(server, "admin", server.admin_password())
            taken = devices[0]["tunnel_ip"]
            now = admin.get(f"/api/organizations/{devices[0]['organization_id']}/devices").json
            self.assertEqual({d["id"]: d["tunnel_ip"] for d in now}, {d["id"]: d["tunnel_ip"] for d in devices})
            refused = admin.post("/api/devices", {"public_key": public_key(), "tunnel_ip": taken})
            self.assertEqual(refused.status, 409, refused)
            self.assertIn("another device has this address", refused.text)
            wanted = "100.100.0.1" if taken != "100.100.0.1" else "100.100.0.2"
            if wanted not in {d["tunnel_ip"] for d in devices}:
                self.assertEqual(admin.device(tunnel_ip=wanted)["tunnel_ip"], wanted)
            self.assertNotIn(admin.device()["tunnel_ip"], {d["tunnel_ip"] for d in devices})

    def test_it_takes_the_place_of_another(self):
        with Server(plugins="ipam-v4,relay,driver-wireguard", plugin_directory=os.environ["GUIDE_PLUGINS"]) as server:
            admin = User(server, "admin", server.admin_password())
            device = admin.device()
            self.assertEqual(device["tunnel_ip"], "100.100.0.1")
            server.stop()
            server.set(plugins="ipam-scatter,relay,driver-wireguard")
            with self.assertRaisesRegex(AssertionError, "ipam-v4"):
                server.start()
            dropped = subprocess.run(server.command("--drop-plugin", "ipam-v4", "--yes"), capture_output=True, text=True)
            self.assertEqual(dropped.returncode, 0, dropped.stderr)
            server.start()
            now = admin.get(f"/api/organizations/{device['organization_id']}/devices").json
            self.assertEqual([d["id"] for d in now], [device["id"]])
            self.assertIn(ipaddress.ip_address(now[0]["tunnel_ip"]), ipaddress.ip_network("100.100.0.0/16"))


if __name__ == "__main__":
    run()
