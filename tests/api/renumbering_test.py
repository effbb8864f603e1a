# SPDX-License-Identifier: Apache-2.0
"""Renumbering an organization: its states, what it gives to whom, what it refuses, and a server that is killed
between any two of its steps. The agents' part is played here: a device acknowledges by a PATCH of its record."""

import base64
import hashlib
import ipaddress
import time
import unittest

import malformed
from renumbers import Renumbers
from rows import Rows
from server import run, wait_for
from world import ServerCase, Watch


class Renumbering(Renumbers, ServerCase):
    def setUp(self):
        self.make(cidr="10.5.0.0/24", cidr_v6="fd05::/64")

    # --- from one prefix to another ----------------------------------------------------------------

    def move(self, field, new, second, first, grace=0):
        """The whole of it; answers addresses before, in between and after."""
        before = self.addresses(first)
        self.begin(**{field: new})
        self.until("started")
        between = self.addresses(first, second)
        self.check_leases()
        self.check_pools()
        self.acknowledge()
        self.commit(grace=grace)
        self.until("committed")
        turned = self.addresses(first, second)
        self.check_leases()
        self.assertEqual([pair[::-1] for pair in turned], between)
        self.acknowledge()
        self.until("ended")
        self.check_leases()
        after = self.addresses(first)
        self.assertEqual(self.addresses(second), [("",)] * len(after))
        self.assertEqual(after, [(pair[1],) for pair in between])
        self.assertEqual(self.organization_record()[field], new)
        self.assertEqual([device["renumbering"] for device in self.devices()], [0] * len(after))
        return before, after

    def test_host_parts_are_kept(self):
        before, after = self.move("cidr", "10.77.0.0/20", "tunnel_ip_second", "tunnel_ip")
        self.assertEqual(after, [(address.replace("10.5.", "10.77."),) for address, in before])
        before, after = self.move("cidr_v6", "fd77::/64", "tunnel_ip_second_v6", "tunnel_ip_v6")
        self.assertEqual(after, [(address.replace("fd05", "fd77"),) for address, in before])
        row = self.show()
        self.assertEqual((row["state"], row["outcome"], row["old_prefix"], row["new_prefix"]),
                         ("ended", "committed", "fd05::/64", "fd77::/64"))
        self.assertEqual(self.enrol(hostname="later")["tunnel_ip_v6"].split(":")[0], "fd77")

    def test_growing_and_shrinking_keep_addresses(self):
        for field, new, second, first in (("cidr", "10.5.0.0/16", "tunnel_ip_second", "tunnel_ip"),
                                          ("cidr_v6", "fd05::/56", "tunnel_ip_second_v6", "tunnel_ip_v6"),
                                          ("cidr", "10.5.0.0/25", "tunnel_ip_second", "tunnel_ip"),
                                          ("cidr_v6", "fd05::/120", "tunnel_ip_second_v6", "tunnel_ip_v6")):
            before, after = self.move(field, new, second, first)
            self.assertEqual(before, after, new)

    def test_what_does_not_fit_gets_another_address(self):
        asked = [f"10.5.0.{last}" for last in (9, 127, 200)]
        self.make(0, cidr="10.5.0.0/24")
        for number, address in enumerate(asked):
            self.enrol(hostname=f"h{number}", tunnel_ip=address)
        # .127 is the smaller network's broadcast address, and .200 is outside of it.
        plan = self.begin(200, cidr="10.5.0.0/25", dry_run=True)
        self.assertEqual((plan["same"], plan["moved"], plan["chosen"], plan["capacity"]), (1, 0, 2, 126))
        before, after = self.move("cidr", "10.5.0.0/25", "tunnel_ip_second", "tunnel_ip")
        self.assertEqual(before, [(address,) for address in asked])
        self.assertEqual(after[0], before[0])
        for address, in after:
            self.assertIn(ipaddress.ip_address(address), ipaddress.ip_network("10.5.0.0/25"))
        self.assertEqual(len(set(after)), 3)

    def test_another_strategy(self):
        before = self.addresses("tunnel_ip_v6")
        plan = self.begin(200, strategy_v6="stable", dry_run=True)
        self.assertEqual((plan["strategy"], plan["chosen"], plan["new_prefix"]), ("stable", 3, "fd05::/64"))
        self.begin(strategy_v6="stable")
        self.until("started")
        self.check_leases()
        self.acknowledge()
        self.commit(grace=0)
        self.until("committed")
        self.acknowledge()
        self.until("ended")
        self.check_leases()
        self.assertFalse(set(before) & set(self.addresses("tunnel_ip_v6")))
        self.assertEqual(self.organization_record()["strategy_v6"], "stable")

    def test_a_strategy_that_knows_its_devices(self):
        """With the strategy named, all have the addresses that they would get when they enrol again, and who has that
        keeps it; with the host part kept, they would get others."""
        self.make(cidr_v6="fd05::/64")
        self.alice.must(200).patch(self.base, {"strategy_v6": "stable"})
        right = self.enrol(hostname="right")
        for fields in ({"strategy_v6": "stable"}, {"cidr_v6": "fd06::/64", "strategy_v6": "stable"}):
            self.begin(**fields)
            self.until("started")
            if "cidr_v6" not in fields:
                same = [first == second for first, second in self.addresses("tunnel_ip_v6", "tunnel_ip_second_v6")]
                self.assertEqual(same, [False, False, False, True])
                self.check_leases()
            self.acknowledge()
            self.commit(grace=0)
            self.until("committed")
            self.acknowledge()
            self.until("ended")
            self.check_leases()
            before = self.devices()
            self.assertEqual(before[3]["tunnel_ip_v6"] == right["tunnel_ip_v6"], "cidr_v6" not in fields)
            for device in before:
                self.alice.must(200).delete(f"/api/devices/{device['id']}")
                self.enrol(hostname=device["hostname"], public_key=device["public_key"])
            self.assertEqual(self.addresses("tunnel_ip_v6"), [(device["tunnel_ip_v6"],) for device in before])

    # --- the dry run ---------------------------------------------------------------------------------

    def test_dry_run(self):
        plan = self.begin(200, cidr_v6="fd06::/64", dry_run=True)
        addresses = plan.pop("addresses")
        self.assertEqual(plan, {"family": "inet6", "old_prefix": "fd05::/64", "new_prefix": "fd06::/64",
                                "strategy": "sequential", "capacity": None, "devices": 3, "same": 0, "moved": 3,
                                "chosen": 0, "problems": []})
        self.assertEqual(sorted((one["hostname"], one["old"], one["new"]) for one in addresses),
                         [(device["hostname"], device["tunnel_ip_v6"], device["tunnel_ip_v6"].replace("fd05", "fd06"))
                          for device in self.devices()])
        self.assertEqual(self.alice.must(200).get(f"{self.base}/renumbering").json, [])
        self.assertEqual(self.organization_record()["cidr_second_v6"], "")

    def test_what_speaks_against_it(self):
        self.enrol(hostname="router", child_prefix=["10.9.8.0/24"], local_ip="10.30.0.7:51820")
        for new, words in (("10.9.0.0/16", "advertises 10.9.8.0/24"), ("10.30.0.0/24", "is reached at 10.30.0.7:51820"),
                           ("10.40.0.0/30", "4 devices have addresses, and the new prefix has 2")):
            plan = self.begin(200, cidr=new, dry_run=True)
            self.assertEqual(len(plan["problems"]), 1, plan)
            self.assertIn(words, plan["problems"][0])
            self.assertIn(words, self.begin(409, cidr=new)["error"])
        for body in ({}, {"cidr": "10.5.0.0/24"}, {"cidr": "10.5.0.1/24"}, {"cidr": "nonsense"}, {"cidr": 7},
                     {"cidr": "10.6.0.0/24", "cidr_v6": "fd06::/64"}, {"strategy": "no-such"}, {"cidr": "fd06::/64"},
                     {"cidr": "10.6.0.0/24", "dry_run": 1}):
            self.assertEqual(self.alice.post(f"{self.base}/renumbering", body).status, 400, body)
        self.assertEqual(self.alice.must(200).get(f"{self.base}/renumbering").json, [])

    def test_malformed(self):
        kinds = {"cidr": malformed.Prefix("fd00::/64", "ip_cidr"), "cidr_v6": malformed.Prefix("10.0.0.0/16", "ip_cidr_v6"),
                 "dry_run": malformed.Flag(), "strategy": malformed.Word("Stable", "x" * 255)}
        for name, kind in kinds.items():
            rest = b'{"strategy_v6":"stable"}' if name == "dry_run" else b'{"dry_run":true}'
            for value, refusal in kind.wrong(name):
                with self.subTest(field=name, value=value[:80]):
                    body = malformed.with_member(rest, name.encode(), value)
                    answer = self.alice.post(f"{self.base}/renumbering", body, headers={"Content-Type": "application/json"})
                    self.assertEqual((answer.status, answer.json["error"], answer.json.get("field")), (400, *refusal))
        self.assertEqual(self.alice.must(200).get(f"{self.base}/renumbering").json, [])

    # --- what is refused on the way ------------------------------------------------------------------

    def test_order(self):
        self.commit(409)
        self.rollback(409)
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        self.assertIn("one at a time", self.begin(409, cidr_v6="fd06::/64")["error"])
        problem, = self.begin(200, cidr_v6="fd06::/64", dry_run=True)["problems"]
        self.assertIn("its IPv4 addresses are being renumbered (started): one at a time", problem)
        self.commit(400, grace=-1)
        self.commit(400, force="yes")
        # A network that a device advertises overlaps neither prefix.
        device = self.devices()[0]
        self.assertEqual(self.alice.patch(f"/api/devices/{device['id']}", {"child_prefix": ["10.6.0.0/25"]}).status, 400)
        self.commit(grace=600)
        self.until("committed")
        self.commit(409)
        # Another grace, though, may be given at any time of it.
        ends = self.show()["ends_at"]
        self.assertGreater(self.commit(grace=6000)["ends_at"], ends)
        self.rollback()
        self.rollback(409)
        self.acknowledge()
        self.until("ended")
        self.rollback(409)

    def test_who_may(self):
        device = self.devices()[0]
        for method, path in (("get", ""), ("post", ""), ("post", "/commit"), ("post", "/rollback")):
            ask = lambda who, **how: getattr(who, method)(f"{self.base}/renumbering{path}", *([{}] if method == "post" else []), **how)
            self.assertEqual(ask(self.bob).status, 404)
            self.assertEqual(ask(self.server, token=self.tokens[device["id"]]).status, 403)
        self.alice.invite(self.bob, self.organization)
        self.assertEqual(self.bob.get(f"{self.base}/renumbering").status, 403)

    def test_commit_waits_for_who_is_online(self):
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        online = self.devices()[1]
        with Watch(self.server, self.tokens[online["id"]], self.organization) as watch:
            watch.until_tail()
            self.acknowledge(online["id"])
            self.assertIn("1 devices that are online", self.commit(409)["error"])
            self.assertEqual([(one["hostname"], one["online"]) for one in self.show()["waiting"]], [("h1", True)])
            # What belongs to another stage acknowledges nothing.
            self.server.patch(f"/api/devices/{online['id']}", {"renumbering_seen": online["renumbering"] - 1},
                              token=self.tokens[online["id"]])
            self.assertEqual(self.show()["acknowledged"], 2)
            self.commit(force=True)
            self.until("committed")

    def test_acknowledging_is_nobody_elses_business(self):
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        before = [device["revision"] for device in self.devices()]
        self.acknowledge()
        self.assertEqual([device["revision"] for device in self.devices()], before)
        self.assertEqual(self.show()["acknowledged"], 3)
        device = self.devices()[0]
        for wrong in (-1, "1", 1.5, True):
            self.assertEqual(self.alice.patch(f"/api/devices/{device['id']}", {"renumbering_seen": wrong}).status, 400)

    # --- devices that come and go ---------------------------------------------------------------------

    def test_devices_come_and_go(self):
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        came = self.enrol(hostname="came")
        self.assertEqual(came["tunnel_ip_second"], came["tunnel_ip"].replace("10.5.", "10.6."))
        self.assertEqual(came["renumbering"], self.devices()[1]["renumbering"])
        # Nobody else can be given a second address, nor ask for it in the first prefix's place.
        self.assertEqual(self.alice.post("/api/devices", {"public_key": "x", "organization_id": self.organization,
                                                          "tunnel_ip": came["tunnel_ip_second"]}).status, 400)
        self.alice.must(200).delete(f"/api/devices/{self.devices()[1]['id']}")
        self.check_leases()
        self.acknowledge()
        self.commit(grace=600)
        self.until("committed")
        later = self.enrol(hostname="later")
        self.assertTrue(later["tunnel_ip"].startswith("10.6.") and later["tunnel_ip_second"].startswith("10.5."), later)
        self.check_leases()
        self.rollback()
        self.until("returned")
        self.assertEqual({device["tunnel_ip"][:5] for device in self.devices()}, {"10.5."})
        self.acknowledge()
        self.until("ended")
        self.check_leases()
        self.assertEqual(self.leases("inet"), sorted(device["tunnel_ip"] for device in self.devices()))

    def test_a_family_that_a_device_gains_meanwhile(self):
        bare = self.enrol(hostname="bare", ipv6_supported=False)
        self.begin(cidr_v6="fd06::/64")
        self.until("started")
        self.acknowledge()
        gained = self.alice.must(200).patch(f"/api/devices/{bare['id']}", {"ipv6_supported": True}).json
        self.assertTrue(gained["tunnel_ip_v6"].startswith("fd05:") and gained["tunnel_ip_second_v6"].startswith("fd06:"))
        other = self.enrol(hostname="other", ipv6_supported=False)
        self.acknowledge()
        self.commit(grace=600)
        self.until("committed")
        self.check_leases()
        gained = self.alice.must(200).patch(f"/api/devices/{other['id']}", {"ipv6_supported": True}).json
        self.assertEqual(gained["organization_prefix_v6"], "fd06::/64")
        self.check_leases()

    def test_a_device_moves_away(self):
        elsewhere = self.alice.organization(cidr="10.8.0.0/24")["id"]
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        moved = self.alice.must(200).patch(f"/api/devices/{self.devices()[0]['id']}", {"organization_id": elsewhere}).json
        self.assertEqual((moved["tunnel_ip"], moved["tunnel_ip_second"], moved["renumbering"]), ("10.8.0.1", "", 0))
        self.check_leases()

    def test_an_organization_is_deleted_meanwhile(self):
        self.begin(cidr="10.6.0.0/24")
        self.alice.must(200).delete(self.base)
        rows = Rows(self.server)
        try:
            self.assertEqual([row for row in rows.read()["renumberings"] if self.organization in row], [])
        finally:
            rows.close()

    # --- rollback --------------------------------------------------------------------------------------

    def whole(self):
        """All that a rollback must restore."""
        fields = ("id", "tunnel_ip", "tunnel_ip_v6", "organization_prefix", "organization_prefix_v6", "tunnel_ip_second",
                  "tunnel_ip_second_v6", "allowed_ips")
        record = self.organization_record()
        record.pop("revision")
        return [{name: device[name] for name in fields} for device in self.devices()], record, self.leases("inet"), self.leases("inet6")

    def test_rollback_restores_everything(self):
        before = self.whole()
        for stop in ("starting", "started", "committing", "committed"):
            self.begin(cidr_v6="fd06::/64", strategy_v6="random")
            if stop != "starting":
                self.until("started")
                self.acknowledge()
            if stop.startswith("commit"):
                self.commit(grace=600)
            if stop == "committed":
                self.until("committed")
            self.rollback()
            wait_for(lambda: self.acknowledge() or self.show()["state"] == "ended", 20, "the end")
            self.assertEqual(self.show()["outcome"], "rolled back")
            self.assertEqual(self.whole(), before, stop)

    # --- a server that dies --------------------------------------------------------------------------------

    def test_many_devices_and_a_server_killed_between_steps(self):
        """More devices than a transaction takes; killed and started again all through it."""
        self.make(0, cidr="10.5.0.0/20")
        key = self.alice.key(self.organization)
        for number in range(300):
            device = self.server.request("POST", "/api/devices", {"public_key": self.public_key(number), "hostname": f"m{number:03}"},
                                         token=key["key"])
            self.assertEqual(device.status, 201, device)
            self.tokens[device.json["id"]] = device.json["token"]
        before = self.addresses("tunnel_ip")

        def killed(state):
            self.server.kill()
            self.server.start()
            return self.until(state)

        self.begin(cidr="10.64.0.0/16")
        killed("started")
        self.check_leases()
        self.assertEqual(self.show()["ready"], 300)
        self.acknowledge()
        self.commit(grace=600)
        killed("committed")
        self.check_leases()
        self.assertEqual(self.addresses("tunnel_ip_second"), before)
        self.rollback()
        self.server.kill()
        self.server.start()
        wait_for(lambda: self.show()["state"] in ("returned", "clearing", "ended"), 20, "all to have gone back")
        self.acknowledge()
        killed("ended")
        self.check_leases()
        self.assertEqual(self.addresses("tunnel_ip"), before)

    def stays(self, state, seconds=3):
        """It is looked at every second, so that something would have happened."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.assertEqual(self.show()["state"], state)
            time.sleep(0.1)

    def test_a_server_that_has_just_started_waits_for_those_that_were_in_touch(self):
        """Nobody has a stream open yet: addresses do not go all the same, before it has been taken up that they will."""
        off = self.devices()[0]["id"]  # all along: it is not waited for
        self.begin(cidr="10.6.0.0/24")
        self.until("started")
        self.acknowledge(off)
        self.commit(grace=0)
        self.server.kill()
        self.server.start()
        self.until("committed")
        self.stays("committed")
        self.commit(grace=600)
        self.acknowledge(off)
        self.stays("committed")
        self.rollback()
        self.until("returned")
        self.server.kill()
        self.server.start()
        self.stays("returned")
        self.acknowledge(off)
        self.until("ended")
        self.check_leases()

    @staticmethod
    def public_key(number):
        raw = bytearray(hashlib.sha256(f"renumbering {number}".encode()).digest())
        raw[31] &= 0x7F
        return base64.b64encode(bytes(raw)).decode()


if __name__ == "__main__":
    run()
