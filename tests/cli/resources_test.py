# SPDX-License-Identifier: Apache-2.0
"""Every verb that talks to the server, against a real one: rounds, forms of output, refusals."""

import re
import unittest

from nexctl import FORMS, Case, commands, nexctl
from server import Server
from world import User, public_key

NOBODY = "00000000-0000-7000-8000-000000000000"


class Resources(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.url = f"http://127.0.0.1:{cls.server.port}"
        cls.admin = User(cls.server, "admin", cls.server.admin_password())
        cls.ann = User(cls.server, "ann", administrator=cls.admin)

    def ask(self, *arguments, who=None, **how):
        return nexctl(*arguments, url=self.url, token=(who or self.admin).token, **how)

    def get(self, *arguments, who=None):
        """What a verb answers, as JSON."""
        return self.must(self.ask(*arguments, "--output", "json-raw", who=who)).json

    def test_every_listing_in_every_form(self):
        self.admin.device(hostname="alpha", child_prefix=["10.9.0.0/24"])
        home = self.admin.own_organization()["id"]
        self.admin.key(home, description="for alpha")
        self.admin.must(201).post("/api/invitations", {"user_id": self.ann.id, "organization_id": home})
        listings = [[noun, verb] for noun, verb, _ in commands() if verb == "list"]
        listings += [["organization", "users", home], ["device", "list", "--organization", home]]
        self.assertGreaterEqual(len(listings), 7)
        for command in listings:
            command += ["--organization", home] if command == ["reg-key", "list"] else []
            with self.subTest(command):
                column, bare, pretty, raw = (self.must(self.ask(*command, "--output", form)) for form in FORMS)
                rows = raw.json
                self.assertGreater(len(rows), 0)
                self.assertEqual(len(raw.lines), 1)
                self.assertEqual(pretty.json, rows)
                self.assertGreater(len(pretty.lines), len(rows))
                self.assertRegex(column.lines[0], r"^[A-Z]+( ID)?   [A-Z ]+$")
                self.assertEqual(len(column.lines), len(rows) + 1)
                self.assertEqual([re.split("   +", line) for line in column.lines[1:]],
                                 [re.split("   +", line) for line in bare.lines])
                for line, row in zip(bare.lines, rows):
                    self.assertTrue(line.startswith(row["id"]), line)
                self.assertEqual(self.ask(*command).out, column.out, "columns are the default")
                self.assertEqual(self.ask(*command, variables={"NEXCTL_OUTPUT": "json"}).out, pretty.out)

    def test_columns_stand_in_line(self):
        for name in ("x", "ä" * 20, "y" * 40):
            self.admin.organization(name)
        lines = self.must(self.ask("organization", "list")).lines
        at = lines[0].index("PREFIXES")
        for line in lines[1:]:
            self.assertRegex(line[at:], r"^[0-9a-f]+[.:]")
            self.assertEqual(line[at - 3:at], "   ")

    def test_organization(self):
        created = self.get("organization", "create", "--name", "lab ☃", "--description", "it's a \"test\"",
                           "--cidr", "10.64.0.0/16, FD12:3456:789a:1::/64", "--hub-zone")
        self.assertEqual([created[field] for field in ("name", "description", "cidr", "cidr_v6", "hub_zone")],
                         ["lab ☃", "it's a \"test\"", "10.64.0.0/16", "fd12:3456:789a:1::/64", True])
        shown = self.must(self.ask("organization", "show", created["id"]))
        for text in (created["id"], "lab ☃", "10.64.0.0/16, fd12:3456:789a:1::/64", "true"):
            self.assertIn(text, shown.out)
        self.assertIn(created["id"], [row["id"] for row in self.get("organization", "list")])
        again = self.ask("organization", "create", "--name=lab ☃")
        self.refused(again, 1, "the server answered 409: resource already exists, existing id " + created["id"])
        self.assertEqual(self.get("organization", "delete", created["id"])["id"], created["id"])
        self.refused(self.ask("organization", "show", created["id"]), 1, "the server answered 404: not found")

    def test_prefixes_of_an_organization(self):
        both = self.get("organization", "create", "--name", "two flags", "--cidr=10.65.0.0/16", "--cidr-v6=fd65::/64")
        self.assertEqual((both["cidr"], both["cidr_v6"], both["hub_zone"]), ("10.65.0.0/16", "fd65::/64", False))
        for prefix, says in {"200:/64": "200::/64", "10.0.0.0/33": "field cidr", "fd00::/129": "field cidr_v6",
                             "10.0.0.0/16,nonsense": "one family twice", "": "field ip_cidr"}.items():
            with self.subTest(prefix):
                answer = self.ask("organization", "create", "--name=never", f"--cidr={prefix}")
                self.assertIn(answer.code, (1, 2), answer)
                self.assertIn(says, answer.err)
        self.assertNotIn("never", [row["name"] for row in self.get("organization", "list")])

    def test_strategies_of_an_organization(self):
        fields = lambda row: (row["strategy"], row["strategy_v6"])
        made = self.get("organization", "create", "--name", "fixed seats", "--strategy=stable")
        self.assertEqual(fields(made), ("stable", "stable"))
        self.assertIn("stable, stable", self.must(self.ask("organization", "show", made["id"])).out)
        for given, expected in {"ipv4=random": ("random", "stable"), "ipv6=sequential,IPv4=stable": ("stable", "sequential"),
                                "": ("", ""), "ipv4=random, ipv6=stable": ("random", "stable"), "ipv6=": ("random", "")}.items():
            with self.subTest(given):
                self.assertEqual(fields(self.get("organization", "update", made["id"], f"--strategy={given}")), expected)
        self.assertIn("random, default", self.must(self.ask("organization", "show", made["id"])).out)
        for given, code, says in (("tidy", 1, "sequential"), ("ipv4=random,stable", 2, "twice"), ("ipv5=random", 2, "ipv4=… or ipv6=…"),
                                  ("stable,stable", 2, "twice"), ("=random", 2, "ipv4=…")):
            with self.subTest(given):
                self.refused(self.ask("organization", "update", made["id"], f"--strategy={given}"), code, says)
        renamed = self.get("organization", "update", made["id"], "--name=free seats", "--description=for all")
        self.assertEqual((renamed["name"], renamed["description"], *fields(renamed)), ("free seats", "for all", "random", ""))
        self.refused(self.ask("organization", "update", made["id"]), 2, "nothing to change")

    def test_renumber(self):
        fay = User(self.server, "fay", administrator=self.admin)
        device = fay.device(hostname="echo")
        renumber = lambda *words: self.ask("organization", "renumber", *words, who=fay)
        lines = self.must(renumber("--cidr-v6=fd77::/64", "--dry-run")).lines
        cells = [re.split("   +", line.strip()) for line in lines if line]
        self.assertEqual(cells[1], ["inet6", "200::/64", "fd77::/64", "sequential", "over 2^53", "1", "0", "1", "0"])
        self.assertEqual(cells[3], [device["id"], "echo", "200::1", "fd77::1"])
        self.refused(renumber("--cidr=10.9.0.0/8", "--dry-run"), 1, "400")
        self.refused(renumber(), 2, "start, status, commit, rollback or --dry-run")
        self.refused(renumber("tomorrow"), 2, "start, status, commit, rollback or --dry-run")
        self.refused(renumber("start"), 2, "--cidr, --cidr-v6 or --strategy")
        self.refused(renumber("start", "--cidr=fd77::/64", "--cidr-v6=fd78::/64"), 2, "both name an IPv6 prefix")
        self.refused(renumber("start", "--cidr-v6=fd77::/64", "--timeout=soon"), 2, "--timeout takes seconds")
        self.refused(renumber("commit", "--grace=soon"), 2, "--grace takes a time")
        self.refused(renumber("commit"), 1, "409: the organization is not being renumbered")
        # Nobody is online: there is nobody to wait for but the server itself.
        self.assertEqual(self.get("organization", "renumber", "start", "--cidr-v6=fd77::/64", who=fay)["state"], "started")
        row = self.get("organization", "renumber", "status", who=fay)[0]
        self.assertEqual((row["new_prefix"], row["ready"], row["acknowledged"]), ("fd77::/64", 1, 0))
        self.assertEqual([(one["hostname"], one["online"]) for one in row["waiting"]], [("echo", False)])
        self.assertIn("echo (offline)", self.must(renumber("status")).out)
        for words, says in ((("commit", "--dry-run"), "--dry-run belongs to start, not to commit; nothing has been done"),
                            (("rollback", "--dry-run"), "--dry-run belongs to start"),
                            (("rollback", "--grace=1h"), "--grace belongs to commit"), (("start", "--force"), "--force belongs"),
                            (("status", "--cidr-v6=fd78::/64"), "--cidr-v6 belongs to start")):
            self.refused(renumber(*words), 2, says)
        self.assertEqual(self.get("organization", "renumber", "status", who=fay)[0]["state"], "started")
        self.assertEqual(self.get("organization", "renumber", "commit", "--grace=2h", who=fay)["state"], "committed")
        self.assertEqual(fay.get(f"/api/devices/{device['id']}").json["tunnel_ip_v6"], "fd77::1")
        self.assertEqual(self.get("organization", "renumber", "rollback", who=fay)["outcome"], "rolled back")
        self.assertEqual(fay.get(f"/api/devices/{device['id']}").json["tunnel_ip_v6"], "200::1")

    def test_ipam(self):
        dora = User(self.server, "dora", administrator=self.admin)
        home = dora.own_organization()["id"]
        device = dora.device(hostname="echo")
        pools = self.must(self.ask("ipam", "pools", who=dora)).lines
        self.assertEqual(re.split("   +", pools[0].strip()), ["FAMILY", "PREFIX", "STRATEGY", "CAPACITY", "TAKEN", "QUARANTINED", "RESERVED", "FREE"])
        self.assertEqual([re.split("   +", line.strip()) for line in pools[1:]],
                         [["inet", "100.100.0.0/16", "sequential", "65534", "1", "0", "0", "65533"],
                          ["inet6", "200::/64", "sequential", "over 2^53", "1", "0", "0", "over 2^53"]])
        self.assertEqual([row["free"] for row in self.get("ipam", "pools", who=dora)], [65533, None])
        leases = self.must(self.ask("ipam", "leases", "--organization", home, "--output=no-header", who=dora)).lines
        self.assertEqual([re.split("   +", line.strip()) for line in leases],
                         [[device["tunnel_ip"], "inet", device["id"], "echo", device["public_key"]],
                          [device["tunnel_ip_v6"], "inet6", device["id"], "echo", device["public_key"]]])
        self.assertEqual(self.get("ipam", "leases", who=dora), dora.get(f"/api/organizations/{home}/leases").json)
        dora.organization()
        self.refused(self.ask("ipam", "pools", who=dora), 1, "more than one organization", "--organization ID")
        self.refused(self.ask("ipam", "leases", f"--organization={home}", who=self.ann), 1, "404: not found")

    def test_reservations(self):
        rita = User(self.server, "rita", administrator=self.admin)
        organization = rita.own_organization()["id"]
        listed = lambda: rita.get(f"/api/organizations/{organization}/reservations").json
        cells = lambda answer: [re.split("   +", line.strip()) for line in self.must(answer).lines]
        ask = lambda *words, **how: self.ask("ipam", *words, who=rita, **how)
        made = cells(ask("reserve", "100.100.0.2-100.100.0.9", "--description=printers"))
        self.assertEqual(made[0], ["RESERVATION ID", "KIND", "ADDRESSES", "FOR", "DESCRIPTION"])
        first, = listed()
        self.assertEqual(made[1], [first["id"], "reserved", "100.100.0.2-100.100.0.9", "-", "printers"])
        key = public_key()
        ask_json = lambda *words: self.get("ipam", *words, who=rita)
        kept = ask_json("reserve", "100.100.0.4", "--for-key", key)
        named = ask_json("reserve", "200::42", f"--organization={organization}", "--for-host=Rita.Example")
        ranged = ask_json("reserve", "100.100.1.0/24", "--allocation")
        self.assertEqual([row["kind"] for row in (kept, named, ranged)], ["static", "static", "allocation"])
        self.assertEqual((kept["public_key"], named["hostname"], ranged["last"]), (key, "rita.example", "100.100.1.255"))
        self.assertEqual(ask_json("reservations"), listed())
        self.assertEqual(cells(ask("reservations", "--output=no-header"))[1:3],
                         [[kept["id"], "static", "100.100.0.4", key, "-"], [named["id"], "static", "200::42", "rita.example", "-"]])
        self.assertEqual(rita.device()["tunnel_ip"], "100.100.1.0")
        # By id, by address however it is written, by range.
        self.must(ask("release", first["id"]))
        self.must(ask("release", "0200:0::0042"))
        self.must(ask("release", "100.100.1.0-100.100.1.255"))
        self.assertEqual([row["id"] for row in listed()], [kept["id"]])
        single = ask_json("reserve", "100.100.0.4")
        self.refused(ask("release", "100.100.0.4"), 1, "more than one reservation")
        self.must(ask("release", single["id"]))
        self.must(ask("release", "100.100.0.4"))
        self.assertEqual(listed(), [])
        self.refused(ask("release", "100.100.0.4"), 1, "100.100.0.4 is neither reserved nor in quarantine", "nexctl ipam quarantine")
        self.refused(ask("release", kept["id"]), 1, "404: not found")
        self.refused(ask("release", "nothing"), 1, "400: path parameter invalid")
        self.refused(ask("reserve", "100.100.0.9-100.100.0.2"), 1, "100.100.0.2-100.100.0.9")
        self.refused(ask("reserve", "100.100.0.2", "--allocation", "--for-host=x"), 2, "only one of")
        self.refused(ask("reserve"), 2, "ADDRESSES is missing")

    def test_check(self):
        olga = User(self.server, "olga", administrator=self.admin)
        organization = olga.own_organization()["id"]
        ask = lambda *words, who=olga: self.ask("ipam", "check", *words, who=who)
        one, two = olga.device(hostname="one"), olga.device(hostname="two")
        agree = "Leases, devices, prefixes and reservations agree.\n"
        self.assertEqual(self.must(ask()).out, agree)
        self.assertEqual(self.must(ask("--output=no-header")).out, "")
        self.assertEqual(self.must(ask("--repair", "--output=json-raw")).json, {"found": 0, "repaired": 0, "findings": []})
        self.server.stop()
        self.server.sql(f"UPDATE devices SET tunnel_ip = '{one['tunnel_ip']}' WHERE id = '{two['id']}'")
        self.server.start()
        for words, who in (([], olga), ([f"--organization={organization}"], olga), (["--all"], self.admin)):
            answer = ask(*words, who=who)
            self.assertEqual((answer.code, answer.err), (5, ""))
            heading, row = answer.lines
            self.assertEqual(re.split("   +", heading.strip()), ["ORGANIZATION ID", "ADDRESS", "STATE", "FINDING", "REPAIR"])
            self.assertEqual(re.split("   +", row.strip())[:3], [organization, one["tunnel_ip"], "open"])
            self.assertIn(f"of the older device {one['id']} ('one')", row)
            self.assertIn(f"it gets {two['tunnel_ip']}, which is leased to it", row)
        self.refused(ask("--all"), 1, "403")
        self.refused(ask("--all", f"--organization={organization}"), 2, "only one of")
        answer = self.must(ask("--repair"))
        self.assertEqual(re.split("   +", answer.lines[1].strip())[2], "repaired")
        self.assertEqual(self.must(ask()).out, agree)
        self.assertEqual(olga.get(f"/api/devices/{two['id']}").json["tunnel_ip"], two["tunnel_ip"])

    def test_device(self):
        other = self.admin.organization("elsewhere", cidr="10.70.0.0/16", cidr_v6="fd70::/64")
        device = self.admin.device(hostname="bravo")
        row = self.must(self.ask("device", "show", device["id"])).lines[1]
        self.assertIn(f"{device['tunnel_ip']}/32, {device['tunnel_ip_v6']}/128", row, "both families")
        for change, field, value in (
                (["--hostname=charlie"], "hostname", "charlie"),
                (["--advertise-cidr=10.9.1.0/24, 2001:db8:9::/64"], "child_prefix",
                 ["10.9.1.0/24", "2001:db8:9::/64"]),
                (["--advertise-cidr="], "child_prefix", []),
                (["--organization", other["id"]], "organization_id", other["id"])):
            self.assertEqual(self.get("device", "update", device["id"], *change)[field] or [], value)
        moved = self.get("device", "list", "--organization", other["id"])
        self.assertEqual([row["id"] for row in moved], [device["id"]])
        self.assertTrue(moved[0]["tunnel_ip"].startswith("10.70.") and moved[0]["tunnel_ip_v6"].startswith("fd70::"))
        self.refused(self.ask("device", "update", device["id"], "--advertise-cidr=10.9.1.0"), 1, "400", "'10.9.1.0'", "field child_prefix")
        self.assertEqual(self.get("device", "delete", device["id"])["id"], device["id"])
        self.refused(self.ask("device", "delete", device["id"]), 1, "404: not found")

    def test_user(self):
        created = self.get("user", "create", "--name", "bob", "--new-password-file", self.file("first one\nrest\n"))
        self.assertEqual(created["username"], "bob")
        self.server.token("bob", "first one")
        self.refused(self.ask("user", "create", "--name=bob", "--new-password-file", self.file("other one")), 1,
                     "409: resource already exists")
        self.assertEqual(self.get("user", "show", created["id"])["username"], "bob")
        self.assertEqual(self.get("user", "show", "me")["id"], self.admin.id)
        self.assertIn("bob", [row["username"] for row in self.get("user", "list")])
        self.must(self.ask("user", "password", created["id"], "--new-password-file", self.file("second one")))
        self.assertNotEqual(self.server.sign_in("bob", "first one").status, 200)
        self.server.token("bob", "second one")
        self.refused(self.ask("user", "create", "--name=carl", "--new-password-file=/none"), 1, "/none")
        self.must(self.ask("user", "delete", created["id"]))
        self.refused(self.ask("user", "show", created["id"]), 1, "404: not found")

    def test_an_administrator(self):
        self.must(self.ask("user", "create", "--name=root", "--administrator", "--new-password-file", self.file("canary pass")))
        root = User(self.server, "root", "canary pass")
        self.must(self.ask("user", "create", "--name=leaf", "--new-password-file", self.file("canary pass"), who=root))
        leaf = User(self.server, "leaf", "canary pass")
        self.refused(self.ask("user", "create", "--name=x", "--new-password-file", self.file("canary pass"), who=leaf), 1,
                     "the server answered 403: operation not allowed, ")

    def test_invitation(self):
        team = self.admin.organization("team")["id"]
        create = ("invitation", "create", "--user", self.ann.id, "--organization", team)
        first = self.get(*create)
        self.assertEqual((first["user_id"], first["organization_id"]), (self.ann.id, team))
        self.refused(self.ask(*create), 1, "409: resource already exists, existing id " + first["id"])
        self.assertIn(first["id"], [row["id"] for row in self.get("invitation", "list", who=self.ann)])
        self.assertEqual(self.must(self.ask("invitation", "delete", first["id"], who=self.ann)).out, "")
        second = self.get(*create)
        self.assertEqual(self.must(self.ask("invitation", "accept", second["id"], who=self.ann)).out, "")
        self.assertIn("ann", [row["username"] for row in self.get("organization", "users", team)])
        self.must(self.ask("user", "leave", self.ann.id, team))
        self.assertNotIn("ann", [row["username"] for row in self.get("organization", "users", team)])
        self.refused(self.ask("invitation", "accept", second["id"], who=self.ann), 1, "404")

    def test_registration_key(self):
        eve = User(self.server, "eve", administrator=self.admin)
        self.assertEqual(self.get("reg-key", "list", who=eve), [], "the only organization need not be named")
        created = self.get("reg-key", "create", "--single-use", "--expires=2h", "--description=for bravo", who=eve)
        self.assertTrue(created["key"].startswith("nxr_"))
        listed = self.must(self.ask("reg-key", "list", who=eve))
        self.assertIn("for bravo", listed.out)
        self.assertNotIn(created["key"], listed.out)
        shown = self.must(self.ask("reg-key", "create", who=eve)).out
        self.assertRegex(shown, r"REGISTRATION KEY[^\n]*\n.* nxr_\S{43} ")
        answer = self.server.post("/api/devices", {"public_key": public_key(), "hostname": "x"}, token=created["key"])
        self.assertEqual(answer.status, 201, answer)
        self.must(self.ask("reg-key", "delete", created["id"], who=eve))
        self.assertNotIn(created["id"], self.must(self.ask("reg-key", "list", who=eve)).out)
        self.refused(self.ask("reg-key", "delete", created["id"], who=eve), 1, "404")
        eve.organization()
        self.refused(self.ask("reg-key", "list", who=eve), 1, "more than one organization", "--organization ID")
        self.get("reg-key", "list", "--organization", eve.own_organization()["id"], who=eve)

    def test_nothing_of_that_name(self):
        for noun, verb, operands in commands():
            if operands and noun != "nexd" and verb != "reserve" and operands[0][0] != "[":  # which take no name
                extra = {"update": ["--hostname=x" if noun == "device" else "--name=x"], "password": ["--new-password-file", self.file("long enough")]}
                answer = self.ask(noun, verb, *[NOBODY] * len(operands), *extra.get(verb, []), who=self.ann)
                self.refused(answer, 1, "the server answered 40")
                self.assertRegex(answer.err, r"answered (403: operation not allowed|404: not found)")
        self.refused(self.ask("device", "show", "no-id"), 1, "400: path parameter invalid")

    def test_names_that_are_no_text(self):
        before = len(self.get("organization", "list"))
        for name in (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf"):
            for command in (["organization", "create", b"--name=" + name], ["device", "show", name],
                            ["device", "list", b"--organization=" + name],
                            ["device", "update", NOBODY, b"--hostname=" + name]):
                self.refused(self.ask(*command), 2, "is no UTF-8 text")
            path = self.folder() / "password"
            path.write_bytes(b"long enough" + name)
            command = ("user", "create", "--name=dora", "--new-password-file", str(path))
            self.refused(self.ask(*command), 1, "the new password is no UTF-8 text")
        self.assertEqual(len(self.get("organization", "list")), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
