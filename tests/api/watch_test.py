# SPDX-License-Identifier: Apache-2.0
"""Watching: streams, resuming, deletions, pollers, and who is cut off."""

import concurrent.futures
import contextlib
import http.client
import threading
import time
import unittest

from server import Server, run, wait_for
from world import User, Watch


class Watching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()
        cls.admin = User(cls.server, "admin", cls.server.admin_password())
        cls.alice = User(cls.server, "alice", administrator=cls.admin)
        cls.bob = User(cls.server, "bob", administrator=cls.admin)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()

    def setUp(self):
        self.organization = self.alice.organization()["id"]

    def device(self, **fields):
        return self.alice.device(organization_id=self.organization, **fields)

    def watch(self, revision=0, token=None, **how):
        watch = Watch(self.server, token or self.alice.token, self.organization, revision, **how)
        self.addCleanup(watch.close)
        return watch

    def plain(self, device):
        return {k: v for k, v in device.items() if k not in ("token", "online")}

    # --- the stream ---------------------------------------------------------------------

    def test_from_the_start(self):
        devices = [self.device(hostname=f"h{i}") for i in range(5)]
        watch = self.watch()
        events = watch.until_tail()
        self.assertEqual([e["type"] for e in events], ["change"] * 5)
        self.assertEqual([e["kind"] for e in events], ["device"] * 5)
        self.assertEqual([e["value"] for e in events], [self.plain(d) for d in devices])
        self.assertEqual(watch.tail["revision"], devices[-1]["revision"])

    def test_empty_organization(self):
        self.assertEqual(self.watch().until_tail(), [])

    def test_changes_as_they_happen(self):
        watch = self.watch()
        watch.until_tail()
        device = self.device()
        self.assertEqual(watch.next()["value"], self.plain(device))
        patched = self.alice.must(200).patch(f"/api/devices/{device['id']}", {"hostname": "new"}).json
        self.assertEqual(watch.next()["value"], patched)
        self.alice.must(200).delete(f"/api/devices/{device['id']}")
        gone = watch.next()
        self.assertEqual((gone["type"], gone["kind"]), ("delete", "device"))
        self.assertEqual(gone["value"], {"id": device["id"], "revision": patched["revision"] + 1,
                                         "public_key": device["public_key"]})

    def test_at_tail_has_no_tail(self):
        device = self.device()
        watch = self.watch(at_tail=True)
        self.assertEqual(watch.next()["value"]["id"], device["id"])
        other = self.device()
        self.assertEqual(watch.next()["value"]["id"], other["id"])

    def test_resume(self):
        kept, changed, deleted = (self.device() for _ in range(3))
        watch = self.watch()
        seen = watch.until_tail()[-1]["value"]["revision"]
        watch.close()
        self.alice.must(200).patch(f"/api/devices/{changed['id']}", {"hostname": "x"})
        self.alice.must(200).delete(f"/api/devices/{deleted['id']}")
        added = self.device()
        for _ in range(2):  # once from the tail, once from what a restarted server has
            events = self.watch(seen).until_tail()
            self.assertEqual([(e["type"], e["value"]["id"]) for e in events],
                             [("change", changed["id"]), ("delete", deleted["id"]), ("change", added["id"])])
            self.server.stop()
            self.server.start()
        # From the start, deletions are of no interest.
        self.assertEqual([(e["type"], e["value"]["id"]) for e in self.watch().until_tail()],
                         [("change", kept["id"]), ("change", changed["id"]), ("change", added["id"])])

    def test_resume_at_the_end(self):
        device = self.device()
        watch = self.watch(device["revision"])
        self.assertEqual(watch.until_tail(), [])
        other = self.device()
        self.assertEqual(watch.next()["value"]["id"], other["id"])

    def test_device_that_goes_and_comes_back(self):
        device = self.device()
        elsewhere = self.alice.organization()["id"]
        watch = self.watch()
        seen = watch.until_tail()[-1]["value"]["revision"]
        for organization in (elsewhere, self.organization):
            self.alice.must(200).patch(f"/api/devices/{device['id']}", {"organization_id": organization})
        expected = [("delete", device["id"]), ("change", device["id"])]
        self.assertEqual([(e["type"], e["value"]["id"]) for e in (watch.next(), watch.next())], expected)
        self.assertEqual([(e["type"], e["value"]["id"]) for e in self.watch(seen).until_tail()], expected)

    def test_kinds(self):
        device = self.device()
        watch = self.watch(kinds=("organization", "device"))
        events = watch.until_tail()
        self.assertEqual([e["kind"] for e in events], ["organization", "device"])
        self.assertEqual(events[0]["value"], self.alice.get(f"/api/organizations/{self.organization}").json)
        only = self.watch(kinds=("organization",))
        self.assertEqual([e["kind"] for e in only.until_tail()], ["organization"])
        self.alice.must(200).delete(f"/api/devices/{device['id']}")
        self.assertEqual(watch.next()["type"], "delete")
        self.alice.must(200).delete(f"/api/organizations/{self.organization}")
        for stream in (watch, only):
            gone = stream.next()
            self.assertEqual((gone["kind"], gone["type"], gone["value"]["id"]), ("organization", "delete", self.organization))
            self.assertIsNone(stream.next())

    def test_many_pages(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            devices = list(pool.map(lambda i: self.device(hostname=f"h{i}"), range(700)))
        seen = max(d["revision"] for d in devices)
        for device in devices[::7]:
            self.alice.must(200).delete(f"/api/devices/{device['id']}")
        self.server.stop()
        self.server.start()
        events = self.watch().until_tail()
        self.assertEqual({e["value"]["id"] for e in events},
                         {d["id"] for i, d in enumerate(devices) if i % 7})
        self.assertEqual(len(events), 600)
        revisions = [e["value"]["revision"] for e in events]
        self.assertEqual(revisions, sorted(revisions))
        later = self.watch(seen).until_tail()
        self.assertEqual([e["type"] for e in later], ["delete"] * 100)

    def test_consistent_under_changes(self):
        """Watchers that start while much changes end with the same picture as the list."""
        stop = threading.Event()

        def change(number):
            mine = []
            while not stop.is_set():
                mine.append(self.device(hostname=f"w{number}"))
                self.alice.patch(f"/api/devices/{mine[0]['id']}", {"hostname": f"w{number}-{len(mine)}"})
                if len(mine) > 5:
                    self.alice.must(200).delete(f"/api/devices/{mine.pop(2)['id']}")

        def follow(_):
            watch, picture, last, resumed = self.watch(), {}, 0, 0
            while True:
                event = watch.next()
                if event["type"] == "tail":
                    last = max(last, event["revision"])
                    continue
                value = event["value"]
                assert value["revision"] > last, (value, last)
                last = value["revision"]
                if event["type"] == "delete":
                    picture.pop(value["id"], None)
                else:
                    picture[value["id"]] = value
                if value.get("hostname") == "the end":
                    return picture
                if len(picture) > 8 + 4 * resumed and resumed < 3:  # cut off, and back
                    resumed += 1
                    watch.close()
                    watch = self.watch(last)

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            changers = [pool.submit(change, i) for i in range(4)]
            followers = []
            for i in range(12):
                followers.append(pool.submit(follow, i))
                time.sleep(0.1)
            stop.set()
            for changer in changers:
                changer.result()
            self.device(hostname="the end")
            pictures = [f.result() for f in followers]
        expected = {d["id"]: self.plain(d) for d in
                    self.alice.get(f"/api/organizations/{self.organization}/devices").json}
        for picture in pictures:
            self.assertEqual(picture, expected)

    # --- being refused -------------------------------------------------------------------

    def test_refused(self):
        path = f"/api/organizations/{self.organization}/events"
        ask = lambda body: self.alice.post(path, body)
        for body in ("", "{", "{}", "7", '{"kind":"device"}'):
            answer = ask(body)
            self.assertEqual((answer.status, answer.json["error"]), (400, "request json is invalid"), answer)
        self.assertEqual(ask([]).json, {"error": "field not present", "field": "kind"})
        for watch, field in (({"kind": "cat"}, "kind"), ({}, "kind"), (7, "kind"),
                             ({"kind": "device", "gt_revision": -1}, "gt_revision"),
                             ({"kind": "device", "gt_revision": "1"}, "gt_revision"),
                             ({"kind": "device", "gt_revision": 1.5}, "gt_revision"),
                             ({"kind": "device", "at_tail": 1}, "at_tail")):
            answer = ask([watch])
            self.assertEqual((answer.status, answer.json["field"]), (400, field), answer)
        self.assertEqual(ask([{"kind": "device"}, {"kind": "device"}]).status, 400)
        self.assertEqual(self.bob.post(path, [{"kind": "device"}]).status, 404)

    def test_revision_of_the_future(self):
        answer = self.alice.post(f"/api/organizations/{self.organization}/events",
                                 [{"kind": "device", "gt_revision": 999}])
        self.assertEqual((answer.status, answer.json["field"]), (410, "gt_revision"), answer)
        self.assertIn("gt_revision 0", answer.json["reason"])
        self.assertEqual(self.alice.get(f"/api/organizations/{self.organization}/devices?gt_revision=999").status, 410)

    # --- being cut off --------------------------------------------------------------------

    def test_revoked_device(self):
        device = self.device()
        watch = self.watch(token=device["token"])
        watch.until_tail()
        self.alice.must(200).delete(f"/api/devices/{device['id']}")
        self.assertTrue(watch.ended())

    def test_revoked_while_an_idler_connection_is_open(self):
        device = self.device()
        with contextlib.closing(self.server.connection()) as idle:
            self.server.request("GET", "/ready", connection=idle)
            watch = self.watch(token=device["token"])
            watch.until_tail()
            self.alice.must(200).delete(f"/api/devices/{device['id']}")
            self.assertTrue(watch.ended())

    def test_member_who_leaves(self):
        self.alice.invite(self.bob, self.organization)
        watch = self.watch(token=self.bob.token)
        elsewhere = Watch(self.server, self.bob.token, self.bob.own_organization()["id"])
        watch.until_tail(), elsewhere.until_tail()
        self.alice.must(200).delete(f"/api/users/{self.bob.id}/organizations/{self.organization}")
        self.assertTrue(watch.ended())
        self.bob.device()
        self.assertEqual(elsewhere.next()["type"], "change")
        elsewhere.close()

    def test_device_that_moves(self):
        device = self.device()
        watch = self.watch(token=device["token"])
        watch.until_tail()
        self.alice.must(200).patch(f"/api/devices/{device['id']}", {"organization_id": self.alice.organization()["id"]})
        self.assertTrue(watch.ended())

    def test_token_revoked(self):
        token = self.server.token("bob", self.bob.password)
        watch = Watch(self.server, token, self.bob.own_organization()["id"])
        watch.until_tail()
        self.server.post("/oauth/revoke", f"token={token}", headers={"Content-Type": "application/x-www-form-urlencoded"})
        self.assertTrue(watch.ended())
        watch.close()

    # --- online ----------------------------------------------------------------------------

    def test_online(self):
        device = self.device()
        online = lambda: self.alice.get(f"/api/devices/{device['id']}").json["online"]
        self.assertFalse(online())
        watch = self.watch(token=device["token"])
        watch.until_tail()
        self.assertTrue(online())
        self.assertTrue(self.alice.get(f"/api/organizations/{self.organization}/devices").json[0]["online"])
        watch.close()
        wait_for(lambda: not online(), 10, "the device to be offline")

    # --- pollers ------------------------------------------------------------------------------

    def test_poll(self):
        base = f"/api/organizations/{self.organization}/devices"
        first, second = self.device(), self.device()
        answer = self.alice.must(200).get(base)
        revision = int(answer.headers["X-Revision"])
        self.assertEqual(revision, second["revision"])
        answer = self.alice.must(200).get(f"{base}?gt_revision={revision}")
        self.assertEqual((answer.json, answer.headers["X-Revision"]), ([], str(revision)))
        self.alice.must(200).patch(f"/api/devices/{second['id']}", {"hostname": "x"})
        self.alice.must(200).delete(f"/api/devices/{first['id']}")
        answer = self.alice.must(200).get(f"{base}?gt_revision={revision}")
        self.assertEqual(answer.headers["X-Revision"], str(revision + 2))
        self.assertEqual(answer.headers["X-Total-Count"], "2")
        self.assertEqual(answer.json[0]["hostname"], "x")
        self.assertEqual(answer.json[1], {"id": first["id"], "revision": revision + 2, "public_key": first["public_key"],
                                          "deleted": True})
        self.assertEqual([d["id"] for d in self.alice.get(f"{base}?gt_revision=0").json], [second["id"]])
        for bad in ("-1", "x", "1x", "99999999999999999999"):
            self.assertEqual(self.alice.get(f"{base}?gt_revision={bad}").json["field"], "gt_revision")


class Retention(unittest.TestCase):
    def test_what_is_forgotten(self):
        """Deletions older than the retention are pruned; resuming across them is refused."""
        server = Server()
        with server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.own_organization()["id"]
            devices = [admin.device() for _ in range(3)]
            before = devices[-1]["revision"]
            admin.must(200).delete(f"/api/devices/{devices[0]['id']}")
            admin.must(200).delete(f"/api/devices/{devices[1]['id']}")
            server.stop()
            server.sql("UPDATE tombstones SET created_at = created_at - 8 * 86400 "
                       f"WHERE revision = {before + 1}")
            server.start()
            wait_for(lambda: admin.get(f"/api/organizations/{organization}/devices?gt_revision={before}").status == 410,
                     10, "the old deletion to be forgotten")
            answer = admin.post(f"/api/organizations/{organization}/events", [{"kind": "device", "gt_revision": before}])
            self.assertEqual(answer.status, 410, answer)
            with Watch(server, admin.token, organization, before + 1) as watch:
                self.assertEqual([e["type"] for e in watch.until_tail()], ["delete"])
            with Watch(server, admin.token, organization) as watch:
                self.assertEqual([e["value"]["id"] for e in watch.until_tail()], [devices[2]["id"]])

    def test_slow_client_is_cut_off(self):
        with Server(environment={"NEXODUS_WATCH_BACKLOG": "64"}) as server:
            admin = User(server, "admin", server.admin_password())
            organization = admin.own_organization()["id"]
            device = admin.device()
            slow = Watch(server, admin.token, organization)
            slow.until_tail()
            with contextlib.closing(server.connection()) as connection:
                for i in range(10000):
                    answer = server.request("PATCH", f"/api/devices/{device['id']}", {"hostname": f"{i:06d}" + "x" * 240},
                                            token=admin.token, connection=connection)
                    assert answer.status == 200, answer
            # It gets what was on its way, and then the end instead of all the rest.
            last = device["revision"]
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                while (event := slow.next()) is not None:
                    last = event["value"]["revision"]
            slow.close()
            self.assertLess(last, device["revision"] + 10000)
            with Watch(server, admin.token, organization, last) as again:
                self.assertEqual([e["value"]["hostname"][:6] for e in again.until_tail()], ["009999"])


if __name__ == "__main__":
    run()
