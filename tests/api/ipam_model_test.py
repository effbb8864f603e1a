# SPDX-License-Identifier: Apache-2.0
"""Random devices, reservations, ranges and quarantines of one small prefix, beside a model that knows
what each of them must be answered; and many of them at once, after which nothing may be amiss."""

import concurrent.futures
import ipaddress
import os
import random
import unittest

from server import Server, run
from world import User, public_key

HOSTS = 16  # a /28, of which the first and the last are never given
GIVEN = range(1, HOSTS - 1)
STRATEGIES = ("sequential", "random", "stable")
SEED = int(os.environ.get("NEXODUS_TEST_SEED", "20260101"))


def address(host):
    return f"10.5.0.{host}"


def host(text):
    return int(ipaddress.ip_address(text)) & (HOSTS - 1)


class World(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        (self.server.state / "server.conf").write_text("[ipam-v4]\nquarantine = 1h\n")
        self.server.__enter__()
        self.addCleanup(lambda: self.server.__exit__(None, None, None))
        self.admin = User(self.server, "admin", self.server.admin_password())
        self.organization = self.admin.organization(cidr="10.5.0.0/28")["id"]
        self.base = f"/api/organizations/{self.organization}"

    def enrol(self, key, wanted=None):
        body = {"public_key": key, "organization_id": self.organization, "ipv6_supported": False}
        return self.admin.post("/api/devices", {**body, **({} if wanted is None else {"tunnel_ip": address(wanted)})})

    def reserve(self, first, last, **fields):
        return self.admin.post(f"{self.base}/reservations", {"range": f"{address(first)}-{address(last)}", **fields})

    def strangers(self):
        """Enrol devices that nothing is kept for until there is no address left: as many as are said to be free."""
        free, given = self.admin.get(f"{self.base}/pools").json[0]["free"], 0
        while (answer := self.enrol(public_key())).status == 201:
            given += 1
        self.assertEqual((answer.status, given), (409, free), answer)


class Model(World):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.keys = [public_key() for _ in range(10)]
        self.devices = {}     # key: (id, host)
        self.ranges = {}      # id: (kind, first, last)
        self.static = {}      # id: (host, key)
        self.quarantine = {}  # host: key

    # --- what the model knows ---------------------------------------------------------------------

    def of_kind(self, kind):
        return {h for k, first, last in self.ranges.values() if k == kind for h in range(first, last + 1)}

    def open(self):
        given = self.of_kind("allocation") if any(k == "allocation" for k, _, _ in self.ranges.values()) else set(GIVEN)
        return (given & set(GIVEN)) - self.of_kind("reserved")

    def leased(self):
        return {h for _, h in self.devices.values()}

    def kept(self):
        return {h for h, _ in self.static.values()}

    def free(self):
        return self.open() - self.leased() - self.kept() - set(self.quarantine)

    def expected(self, key, wanted):
        """The status of an enrolment, and the addresses that it may give."""
        own = {h for h, k in self.static.values() if k == key}
        if own:
            return (201, own) if wanted in (None, *own) else (409, set())
        mine = {h for h, k in self.quarantine.items() if k == key} - self.of_kind("reserved") - self.kept()
        if wanted is None:
            return (201, mine or self.free()) if mine or self.free() else (409, set())
        if wanted in mine:
            return 201, {wanted}
        if wanted in self.kept() | self.of_kind("reserved") | self.leased() | set(self.quarantine):
            return 409, set()
        return (201, {wanted}) if wanted in GIVEN else (400, set())

    # --- what is done -----------------------------------------------------------------------------

    def do_enrol(self):
        keys = [key for key in self.keys if key not in self.devices]
        if not keys:
            return self.do_delete()
        key, wanted = self.random.choice(keys), self.random.choice((None, None, self.random.randrange(HOSTS)))
        status, may = self.expected(key, wanted)
        answer = self.enrol(key, wanted)
        self.assertEqual(answer.status, status, (wanted, answer))
        if status == 201:
            got = host(answer.json["tunnel_ip"])
            self.assertIn(got, may)
            self.devices[key] = (answer.json["id"], got)
            self.quarantine.pop(got, None)

    def do_delete(self):
        if not self.devices:
            return
        key = self.random.choice(list(self.devices))
        device, gone = self.devices.pop(key)
        self.admin.must(200).delete(f"/api/devices/{device}")
        for older in [h for h, k in self.quarantine.items() if k == key]:  # of two it would have the later one back
            self.end(older)
        if gone not in self.kept():
            self.quarantine[gone] = key

    def do_range(self):
        first = self.random.randrange(HOSTS)
        last = min(HOSTS - 1, first + self.random.randrange(5))
        kind = self.random.choice(("reserved", "allocation"))
        status = 201
        for other, low, high in self.ranges.values():
            inner, outer = ((first, last), (low, high)) if kind == "reserved" else ((low, high), (first, last))
            hole = kind != other and outer[0] <= inner[0] and inner[1] <= outer[1] and inner != outer
            if low <= last and first <= high and not hole:
                status = 409
        answer = self.reserve(first, last, kind=kind)
        self.assertEqual(answer.status, status, answer)
        if status == 201:
            self.ranges[answer.json["id"]] = (kind, first, last)

    def do_static(self):
        place, key = self.random.randrange(HOSTS), self.random.choice(self.keys)
        taken = place in self.kept() or key in {k for _, k in self.static.values()}
        status = 400 if place not in GIVEN else 409 if taken or place in {h for k, (_, h) in self.devices.items() if k != key} else 201
        answer = self.reserve(place, place, public_key=key)
        self.assertEqual(answer.status, status, answer)
        if status == 201:
            self.static[answer.json["id"]] = (place, key)
            self.quarantine.pop(place, None)

    def do_release(self):
        every = [*self.ranges, *self.static]
        if every:
            gone = self.random.choice(every)
            self.admin.must(200).delete(f"{self.base}/reservations/{gone}")
            self.ranges.pop(gone, None)
            self.static.pop(gone, None)

    def end(self, place):
        self.admin.must(200).delete(f"{self.base}/quarantine/{address(place)}")
        del self.quarantine[place]

    def do_end(self):
        if self.quarantine:
            self.end(self.random.choice(list(self.quarantine)))

    def do_strategy(self):
        self.admin.must(200).patch(self.base, {"strategy": self.random.choice(STRATEGIES)})

    def do_restart(self):
        self.server.stop()
        self.server.start()

    def compare(self):
        pool = self.admin.must(200).get(f"{self.base}/pools").json[0]
        busy = self.leased() | set(self.quarantine)
        self.assertEqual([pool[name] for name in ("capacity", "taken", "quarantined", "reserved", "free")],
                         [len(GIVEN), len(self.devices), len(self.quarantine),
                          len((set(GIVEN) - self.open() - busy) | (self.kept() - busy)), len(self.free())])
        self.assertEqual({host(row["address"]): row["public_key"] for row in self.admin.get(f"{self.base}/quarantine").json},
                         self.quarantine)

    def test_random(self):
        deeds = [self.do_enrol] * 12 + [self.do_delete] * 6 + [self.do_range] * 2 + [self.do_static] * 2 + \
            [self.do_release] * 3 + [self.do_end] * 2 + [self.do_strategy] + [self.do_restart]
        for number in range(300):
            deed = self.random.choice(deeds)
            if deed == self.do_restart and self.random.random() < 0.7:
                continue
            with self.subTest(number=number, deed=deed.__name__, seed=SEED):
                deed()
                self.compare()
        self.strangers()


class AtOnce(World):
    """Commands that are committed together."""

    def one(self, number):
        chance = random.Random(SEED + number)
        key = chance.choice(self.keys)
        deed = chance.randrange(8)
        if deed < 4:
            return self.enrol(key, chance.choice((None, chance.randrange(HOSTS)))).status
        if deed < 6:
            device = next((d for d in self.admin.get(f"{self.base}/devices").json if d["public_key"] == key), None)
            return self.admin.delete(f"/api/devices/{device['id']}").status if device else 200
        if deed == 6:
            place = chance.randrange(1, HOSTS - 1)
            return self.reserve(place, place, **chance.choice(({}, {"public_key": key}, {"kind": "allocation"}))).status
        listed = self.admin.get(f"{self.base}/reservations").json
        return self.admin.delete(f"{self.base}/reservations/{chance.choice(listed)['id']}").status if listed else 200

    def test_at_once(self):
        self.keys = [public_key() for _ in range(12)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = set(pool.map(self.one, range(400)))
        self.assertLessEqual(answers, {200, 201, 400, 404, 409})
        self.assertLessEqual({200, 201, 409}, answers)
        self.assertEqual(self.admin.must(200).post(f"{self.base}/ipam-check", {}).json["found"], 0)
        self.strangers()  # nothing was lost in memory
        for row in self.admin.get(f"{self.base}/quarantine").json:
            self.admin.must(200).delete(f"{self.base}/quarantine/{row['address']}")
        for reservation in self.admin.get(f"{self.base}/reservations").json:
            self.admin.must(200).delete(f"{self.base}/reservations/{reservation['id']}")
        self.strangers()
        self.assertEqual(self.admin.get(f"{self.base}/pools").json[0]["taken"], len(GIVEN))


if __name__ == "__main__":
    run()
