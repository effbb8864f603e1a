# SPDX-License-Identifier: Apache-2.0
"""What tests of renumbering do: for test cases that have a `server`, and its user `alice`. The agents' part is played
here: a device acknowledges by a PATCH of its record."""

import ipaddress

from server import wait_for


class Renumbers:
    def make(self, devices=3, **fields):
        made = self.alice.organization(**fields)
        self.organization, self.base = made["id"], f"/api/organizations/{made['id']}"
        self.tokens = {}
        for number in range(devices):
            self.enrol(hostname=f"h{number}")

    # --- what is done ---------------------------------------------------------------------------

    def enrol(self, **fields):
        device = self.alice.device(organization_id=self.organization, **fields)
        self.tokens[device["id"]] = device["token"]
        return device

    def begin(self, status=202, **fields):
        return self.alice.must(status).post(f"{self.base}/renumbering", fields).json

    def commit(self, status=202, **fields):
        return self.alice.must(status).post(f"{self.base}/renumbering/commit", fields).json

    def rollback(self, status=202):
        return self.alice.must(status).post(f"{self.base}/renumbering/rollback", {}).json

    def show(self):
        return self.alice.must(200).get(f"{self.base}/renumbering").json[-1]

    def until(self, state):
        return wait_for(lambda: (row := self.show()) and row["state"] == state and row, 20, f"the state {state}")

    def devices(self):
        return sorted(self.alice.must(200).get(f"{self.base}/devices").json, key=lambda device: device["hostname"])

    def addresses(self, *names):
        return [tuple(device[name] for name in names) for device in self.devices()]

    def acknowledge(self, *without):
        """What agents do: say of their own record what they have taken up."""
        for device in self.devices():
            if device["id"] not in without:
                self.server.patch(f"/api/devices/{device['id']}", {"renumbering_seen": device["renumbering"]},
                                  token=self.tokens[device["id"]])

    def organization_record(self):
        return self.alice.must(200).get(self.base).json

    def leases(self, family):
        rows = self.alice.must(200).get(f"{self.base}/leases").json
        return sorted(row["address"] for row in rows if row["family"] == family)

    def check_leases(self):
        """Each address that a device shows is leased to it, once, and none else is."""
        shown = {(device[name], device["id"]) for device in self.devices()
                 for name in ("tunnel_ip", "tunnel_ip_second", "tunnel_ip_v6", "tunnel_ip_second_v6") if device[name]}
        rows = self.alice.must(200).get(f"{self.base}/leases").json
        self.assertEqual(sorted((row["address"], row["device_id"]) for row in rows), sorted(shown))

    def check_pools(self):
        """Of addresses in two prefixes, each is counted in its own."""
        for pool in self.alice.must(200).get(f"{self.base}/pools").json:
            prefix = ipaddress.ip_network(pool["prefix"])
            inside = [address for address in self.leases(pool["family"]) if ipaddress.ip_address(address) in prefix]
            self.assertEqual(pool["taken"], len(inside), pool)
