# SPDX-License-Identifier: Apache-2.0
"""Malformed input of every kind, to every route that takes any.

The routes come from the program itself (nexodus-server --print-routes), the members of their
bodies and the arguments of their queries from the OpenAPI document: what is there and has no row
here fails. Everything is sent by somebody with all rights, in requests that would be carried out
if they were read leniently. After each refusal the server lives, and no table of its database
differs in any row.
"""

import json
import subprocess
import types
import unittest
import urllib.parse

import malformed
from malformed import A_UUID, BAD_UUIDS, NO_JSON, invalid, missing, text_of
from rows import Rows
from server import SOURCE_DIR, Server, run
from world import User, device_token, public_key


class Body:
    """A row for a route with a JSON body: what it answers to a good one, how to make one that was not
    sent before, and the kinds of its members."""

    def __init__(self, status, sample, **kinds):
        self.status, self.sample, self.kinds = status, sample, kinds


DEVICE = {
    "hostname": malformed.Text(255),
    "os": malformed.Text(64),
    "organization_id": malformed.Uuid(),
    "child_prefix": malformed.Prefixes(),
    "local_ip": malformed.Endpoint("192.0.2.1", "[2001:db8::1]"),
    "local_ip_v6": malformed.Endpoint("[2001:db8::1]", "192.0.2.1"),
    "reflexive_ip4": malformed.Text(255),
    "reflexive_ip6": malformed.Endpoint("[2001:db8::1]", "192.0.2.1"),
    "endpoint_local_address_ip4": malformed.Text(255),
    "ipv6_supported": malformed.Flag(),
    "relay": malformed.Flag(),
    "symmetric_nat": malformed.Flag(),
    "relay_id": malformed.Word("relay", "01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5d-ac96-774b-bcce-b302099a805",
                               good=("", "01890a5d-ac96-774b-bcce-b302099a8057")),
    "relay_draining": malformed.Flag(),
}

STRATEGY = malformed.Word("Stable", "stable ", "strategy/stable", "../stable", "x" * 255, good=("", "sequential"))

BODIES = {
    "POST /api/organizations": Body(
        201, lambda w: {"name": w.fresh(), "description": "d", "cidr": "10.5.0.0/16", "cidr_v6": "fd05::/64", "hub_zone": False},
        name=malformed.Text(128, required=True), description=malformed.Text(255), hub_zone=malformed.Flag(),
        strategy=STRATEGY, strategy_v6=STRATEGY,
        cidr=malformed.Prefix("fd00::/64", "ip_cidr"), cidr_v6=malformed.Prefix("10.0.0.0/16", "ip_cidr_v6")),
    "PATCH /api/organizations/{organization}": Body(
        200, lambda w: {"name": w.fresh(), "description": "d", "strategy": "sequential"},
        name=malformed.NewName(128), description=malformed.Text(255), strategy=STRATEGY, strategy_v6=STRATEGY),
    "POST /api/organizations/{organization}/events": Body(
        200, lambda w: [{"kind": "device", "gt_revision": 0, "at_tail": True}],
        kind=malformed.Word("devices", "Device", "user", required=True), at_tail=malformed.Flag(),
        gt_revision=malformed.Number(good=(b"0", b"1", b"1.0", b"1e0"))),
    # Nothing is being renumbered here: what is right is in conflict with that.
    "POST /api/organizations/{organization}/renumbering/commit": Body(
        409, lambda w: {"grace": 60, "force": False},
        grace=malformed.Number(b"-1", b"1.5", b"31622401", good=(b"0", b"31622400")), force=malformed.Flag()),
    "POST /api/organizations/{organization}/registration-keys": Body(
        201, lambda w: {"description": "d", "single_use": True, "expires_in": 60},
        description=malformed.Text(255), single_use=malformed.Flag(),
        expires_in=malformed.Number(b"0", b"-0", b"0.0", b"316224001", good=(b"1", b"316224000", b"6e1"))),
    "POST /api/organizations/{organization}/ipam-check": Body(200, lambda w: {"repair": False}, repair=malformed.Flag()),
    "POST /api/ipam-check": Body(200, lambda w: {"repair": True}, repair=malformed.Flag()),
    "POST /api/devices": Body(
        201, lambda w: {"public_key": public_key(), "driver": "wireguard", "token": device_token(), "hostname": "h",
                        "organization_id": w.organization, "tunnel_ip": w.address(4), "tunnel_ip_v6": w.address(6),
                        "local_ip": "192.0.2.1:1", "local_ip_v6": "[2001:db8::1]:1", "relay": False},
        # An IPv6 address is asked for, so it must be supported.
        **{**DEVICE, "ipv6_supported": malformed.Flag(good=(b"true",))}, public_key=malformed.Key(), token=malformed.Token(),
        driver=malformed.Word("pigeon", "WireGuard", "wireguard ", good=("wireguard",)),
        tunnel_ip=malformed.Address("200::7"), tunnel_ip_v6=malformed.Address("100.100.0.7"),
        discovery=malformed.Flag()),
    "PATCH /api/devices/{id}": Body(
        200, lambda w: {"hostname": w.fresh(), "os": "changed", "symmetric_nat": False}, **DEVICE,
        renumbering_seen=malformed.Number(b"-1", b"1.5", good=(b"0", b"7"))),
    "POST /api/invitations": Body(
        201, lambda w: {"user_id": w.guest(), "organization_id": w.organization},
        user_id=malformed.Text(79, required=True), organization_id=malformed.Uuid(required=True)),
    "POST /api/users": Body(
        201, lambda w: {"username": w.fresh(), "password": "a good password", "administrator": True},
        username=malformed.Text(128, required=True), password=malformed.Password(), administrator=malformed.Flag()),
    "POST /api/users/{id}/password": Body(204, lambda w: {"password": "a new password"}, password=malformed.Password()),
    # Last: a name that an address is reserved for is no device's any more that asks for another one.
    "POST /api/organizations/{organization}/reservations": Body(
        201, lambda w: {"range": w.address(4), "hostname": w.fresh(), "driver": "wireguard", "description": "d"},
        range=malformed.Range(), hostname=malformed.Text(255), public_key=malformed.NoKey(), description=malformed.Text(255),
        driver=malformed.Word("pigeon", "WireGuard", "wireguard ", good=("wireguard",)),
        kind=malformed.Word("mine", "Static", "static ", "reserved", "allocation", good=("static",))),
}
# A good text is not always one that names something.
NAMES = {"user_id"}

FORMS = {
    "POST /oauth/token": {"grant_type": "password", "username": "admin", "password": "p"},
    "POST /oauth/revoke": {"token": "nxu_" + "A" * 43},
}
NO_BODY = {"POST /api/invitations/{invitation}/accept", "POST /api/organizations/{organization}/renumbering/rollback"}
# Whose fields go together, or do not: what can be wrong with them is in that route's own test.
ELSEWHERE = {"POST /api/organizations/{organization}/renumbering": b'{"cidr":"10.77.0.0/16","dry_run":true}'}

# What a path's parameter names, for the 404.
RESOURCES = {"{organization}": "organization", "devices/{id}": "device", "registration-keys/{key}": "registration key",
             "reservations/{id}": "reservation", "quarantine/{address}": "quarantine",
             "invitations/{invitation}": "invitation", "users/{id}": "user", "fflags/{name}": "fflag"}

NO_QUERY_JSON = ["x", "{", "[", "[}", "'a'", "NaN", "nul", "[0,1] x", "[0,1]/**/", "\ufeff[0,1]", "[" * 33 + "]" * 33, "[" * 500,
                 '{"hostname":"x","hostname":"x"}', '"\\u0000"', '["\\ud800"]', "[0,1e999]", "[01,2]"]
QUERIES = {
    "sort": [*NO_QUERY_JSON, "[]", "{}", "5", "null", '"hostname"', '["id"]', '["id",1]', '[1,"ASC"]', '["id","UP"]',
             '["id","ASC","id"]', '[["id"],"ASC"]', '["nothing","ASC"]', '["id; DROP TABLE devices","ASC"]', '["","ASC"]'],
    "range": [*NO_QUERY_JSON, "[]", "{}", "5", "null", "[0]", "[0,1,2]", "[5,2]", "[-1,2]", "[0,-1]", "[0,1.5]", '["0","1"]',
              "[0,99999999999999999999]", "[0,9007199254740993]", "[0,true]", "[null,null]", "[[0],[1]]"],
    "filter": [*NO_QUERY_JSON, "[]", "5", "null", '"id"', '{"nothing":1}', '{"":1}', '{"created_at":1}', '{"id; --":1}',
               '{"\\u001b[2J":1}',               "{" + ",".join(f'"m{i}":1' for i in range(9)) + "}"],
    "gt_revision": ["x", "-1", "1.5", "1e0", "0x0", " 0", "+0", "-0", "0 ", "99999999999999999999",
                    "9223372036854775808", "null", "[0]"],
}


class World:
    """Things that a good request is about."""

    def __init__(self, server):
        self.server = server
        self.admin = User(server, "admin", server.admin_password())
        self.alice = User(server, "alice", administrator=self.admin)
        self.bob = User(server, "bob", administrator=self.admin)
        self.organization = self.alice.organization("shared")["id"]
        self.device = self.alice.device(organization_id=self.organization)["id"]
        self.alice.device(organization_id=self.organization, child_prefix=["172.16.0.0/16"])
        self.key = self.alice.key(self.organization)["id"]
        self.invitation = self.alice.must(201).post(
            "/api/invitations", {"user_id": self.bob.id, "organization_id": self.organization}).json["id"]
        self.count = 100

    def fresh(self):
        self.count += 1
        return f"fresh-{self.count}"

    def address(self, version):
        self.count += 1
        if version == 6:
            return f"200::7:{self.count:x}"
        return f"100.100.{100 + self.count // 250}.{self.count % 250 + 1}"

    def guest(self):
        return self.admin.must(201).post("/api/users", {"username": self.fresh(), "password": "a good password"}).json["id"]

    def ids(self, path):
        return {"organization": self.organization, "key": self.key, "invitation": self.invitation,
                "name": "multi-organization", "address": "100.100.0.250", "id": self.bob.id if "/users/" in path else self.device}

    def path(self, route, **ids):
        path = route.split(" ")[1]
        for name, value in {**self.ids(path), **ids}.items():
            path = path.replace("{" + name + "}", value)
        return path

    def asker(self, route):
        return self.admin if route.startswith(("POST /api/users", "POST /api/ipam-check")) else self.alice


class Malformed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()
        cls.pid = cls.server.process.pid
        cls.world = World(cls.server)
        cls.rows = Rows(cls.server)
        cls.routes = json.loads(subprocess.run([cls.server.program, "--print-routes"], check=True, capture_output=True).stdout)
        cls.document = json.loads((SOURCE_DIR / "docs" / "openapi.json").read_text())
        cls.connection = cls.server.connection()

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()
        cls.rows.close()
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()

    # --- asking --------------------------------------------------------------------------------

    def ask(self, route, path, body=None, **how):
        how.setdefault("token", self.world.asker(route).token)
        if body is not None:
            how.setdefault("headers", {"Content-Type": "application/json"})
        if not route.endswith("/events"):
            return self.server.request(route.split(" ")[0], path, body, connection=self.connection, **how)
        return self.watch(path, body, **how)

    def watch(self, path, body, token, headers):
        """A stream that is answered is not read to an end that it has not."""
        connection = self.server.connection()
        try:
            connection.request("POST", path, body, {**headers, "Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            stream = response.status == 200
            body = b"" if stream else response.read()
            return types.SimpleNamespace(status=response.status, headers=response.headers, body=body,
                                         json=None if stream else json.loads(body))
        finally:
            connection.close()

    def refused(self, answer, status, error, field=None, resource=None):
        """The very document that api.md describes."""
        self.assertEqual(answer.status, status, answer.body[:300])
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        said = answer.json
        self.assertEqual(said.get("error"), error, said)
        self.assertEqual(said.get("field"), field, said)
        self.assertEqual(said.get("resource"), resource, said)
        self.assertLessEqual(set(said), {"error", "field", "reason", "resource"})
        self.assertTrue(all(isinstance(value, str) and 0 < len(value) < 2000 for value in said.values()), said)
        self.assertTrue("".join(said.values()).isprintable(), said)
        if error == "invalid data in field":
            self.assertIn("reason", said)

    def untouched(self, before):
        """It lives, and nothing is half made."""
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.server.process.pid, self.pid)
        self.assertEqual(self.server.get("/live", connection=self.connection).status, 200)
        after = self.rows.read()
        self.assertEqual(set(before), set(after))
        for table in before:
            self.assertEqual(before[table], after[table], table)

    def seen(self):
        """What the API shows of it all."""
        own = f"/api/organizations/{self.world.organization}"
        lists = ["/api/organizations", "/api/devices", "/api/invitations",
                 *(own + tail for tail in ("", "/devices", "/users", "/registration-keys"))]
        answers = [self.world.alice.must(200).get(path, connection=self.connection) for path in lists]
        answers.append(self.world.admin.must(200).get("/api/users", connection=self.connection))
        return [(answer.json, answer.headers["X-Total-Count"], answer.headers["X-Revision"]) for answer in answers]

    def names(self, *methods):
        return {f"{route['method']} {route['path']}" for route in self.routes if route["method"] in methods}

    def documented(self, route):
        method, path = route.split(" ")
        return self.document["paths"][path][method.lower()]

    def schema(self, route):
        found = next(iter(self.documented(route)["requestBody"]["content"].values()))["schema"]
        found = found.get("items", found)
        return self.document["components"]["schemas"][found["$ref"].rsplit("/", 1)[1]] if "$ref" in found else found

    # --- bodies ----------------------------------------------------------------------------------

    def test_every_body_has_a_row(self):
        self.assertEqual(self.names("POST", "PUT", "PATCH"), {*BODIES, *FORMS, *NO_BODY, *ELSEWHERE})
        for route in BODIES:
            self.assertEqual(set(self.schema(route)["properties"]), set(BODIES[route].kinds), route)
            self.assertEqual(set(self.schema(route).get("required", ())),
                             {name for name, kind in BODIES[route].kinds.items() if kind.required}, route)
        for route in NO_BODY:
            self.assertNotIn("requestBody", self.documented(route))

    def each_body(self, judge):
        """Every route with a body, and a good one: when all is done it is still one that is taken."""
        for route, row in BODIES.items():
            with self.subTest(route=route):
                sample = row.sample(self.world)
                before, seen = self.rows.read(), self.seen()
                judge(route, row, sample, before)
                self.assertEqual(self.seen(), seen)
                answer = self.ask(route, self.world.path(route), text_of(sample))
                self.assertEqual(answer.status, row.status, answer.body[:300])

    def test_no_json(self):
        def judge(route, _, sample, before):
            for what, body in malformed.no_documents(sample):
                with self.subTest(what=what):
                    self.refused(self.ask(route, self.world.path(route), body), 400, *NO_JSON)
                    self.untouched(before)

        self.each_body(judge)

    def test_no_watches(self):
        """The items of the one list that is a body."""
        route, before = "POST /api/organizations/{organization}/events", self.rows.read()
        for items in ("", "5", "null", '"device"', "[]", "{}", '[{"kind":"device"}]', '{"Kind":"device"}',
                      '{"kind":"device"},5', '{"kind":"device"},null', '{"kind":"device"},{}'):
            with self.subTest(items=items):
                self.refused(self.ask(route, self.world.path(route), f"[{items}]"), 400, *missing("kind"))
        for items in ('{"kind":"device"},{"kind":"device"}', '{"kind":"device"},{"kind":"devices"}'):
            self.refused(self.ask(route, self.world.path(route), f"[{items}]"), 400, *invalid("kind"))
        self.untouched(before)

    def test_too_much(self):
        def judge(route, _, sample, before):
            body = malformed.with_member(text_of(sample), b"unknown", text_of("x" * (1 << 20)))
            answer = self.server.request(route.split(" ")[0], self.world.path(route), body,
                                         token=self.world.asker(route).token)
            self.assertEqual((answer.status, list(answer.json)), (413, ["error", "reason"]))
            self.untouched(before)

        self.each_body(judge)

    def test_fields(self):
        def judge(route, row, sample, before):
            for name, kind in row.kinds.items():
                rest = text_of(malformed.without_member(sample, name))
                for value, refusal in kind.wrong(name):
                    with self.subTest(field=name, value=value[:80], length=len(value)):
                        body = malformed.with_member(rest, name.encode(), value)
                        self.refused(self.ask(route, self.world.path(route), body), 400, *refusal)
                        self.untouched(before)

        self.each_body(judge)

    def test_fields_by_a_key(self):
        """What a registration key is refused for does not use it up, though it is good for one device."""
        route, made = "POST /api/devices", self.world.alice.key(self.world.organization, single_use=True)
        row, before = BODIES[route], self.rows.read()
        for name, kind in row.kinds.items():
            rest = text_of(malformed.without_member(row.sample(self.world), name))
            for value, refusal in kind.wrong(name):
                with self.subTest(field=name, value=value[:80], length=len(value)):
                    body = malformed.with_member(rest, name.encode(), value)
                    self.refused(self.ask(route, "/api/devices", body, token=made["key"]), 400, *refusal)
                    self.untouched(before)
        answer = self.ask(route, "/api/devices", text_of(row.sample(self.world)), token=made["key"])
        self.assertEqual(answer.status, 201, answer)

    def test_absent_and_null(self):
        """What is null is absent: both are refused where it is required (test_sound: and taken elsewhere)."""
        def judge(route, row, sample, before):
            for name in (name for name, kind in row.kinds.items() if kind.required):
                rest = text_of(malformed.without_member(sample, name))
                for body in (rest, malformed.with_member(rest, name.encode(), b"null")):
                    with self.subTest(field=name, body=body):
                        self.refused(self.ask(route, self.world.path(route), body), 400, *missing(name))
                        self.untouched(before)

        self.each_body(judge)

    def test_sound(self):
        """What is unusual but right is taken: no refusal above is for a reason of its own."""
        for route, row in BODIES.items():
            odd = [(b"unknown", malformed.DEEPEST if not route.endswith("/events") else malformed.nested(30)),
                   (b"unknown", b"-1.5e-300"), (b"unknown", b'"\\ud83e\\udd80\\u00e9"'), ("ключ".encode(), b"null")]
            odd += [(name.encode(), value) for name, kind in row.kinds.items() if name not in NAMES for value in kind.good]
            odd += [(name.encode(), b"null") for name, kind in row.kinds.items() if not kind.required]
            for name, value in odd:
                with self.subTest(route=route, member=name, value=value[:80]):
                    sample = malformed.without_member(row.sample(self.world), name.decode())
                    if name == b"child_prefix":
                        self.world.alice.must(200).patch(f"/api/devices/{self.world.device}", {"child_prefix": None})
                    body = malformed.with_member(text_of(sample), name, value)
                    answer = self.ask(route, self.world.path(route), b" \r\n\t" + body + b"\n ")
                    self.assertEqual(answer.status, row.status, answer.body[:300])
                    if name == b"child_prefix" and row.status == 201:
                        self.world.alice.must(200).delete(f"/api/devices/{answer.json['id']}")

    def test_bodies_that_nobody_reads(self):
        """A route without a body is not touched by one."""
        for route in sorted(NO_BODY | self.names("DELETE")):
            before = self.rows.read()
            for body in (b"{", b"\xff", b"[" * 10000):
                with self.subTest(route=route, body=body[:10]):
                    path = self.world.path(route, **{name: A_UUID for name in self.world.ids(route)})
                    self.assertEqual(self.ask(route, path, body).status, 404)
                    self.untouched(before)

    # --- forms ------------------------------------------------------------------------------------

    def test_forms(self):
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        for route, fields in FORMS.items():
            self.assertEqual(set(self.schema(route)["properties"]), set(fields))
            before = self.rows.read()
            good = urllib.parse.urlencode(fields).encode()
            bodies = [b"", b"&&&", b"=", b"{}", b"\0", good + b"\0", good + b"&x=%", good + b"&x=%0", good + b"&x=%zz",
                      good + b"&x=%00", good + b"&x=%ff", good + b"&x=%c0%af", good + b"&x=%ed%a0%80", good + b"&\xff=1",
                      good + b"&%ff=1", good + b"&a=1" * 33, b"&".join([b"x=y"] * 1000), text_of(fields)]
            bodies += [b"&".join(part for part in good.split(b"&") if not part.startswith(name.encode())) for name in fields]
            bodies += [good.replace(name.encode() + b"=", name.upper().encode() + b"=") for name in fields]
            for body in bodies:
                with self.subTest(route=route, body=body[-40:]):
                    answer = self.ask(route, route.split(" ")[1], body, token=None, headers=kind)
                    self.assertEqual(answer.status, 400, answer.body)
                    self.assertEqual(set(answer.json), {"error", "error_description"})
                    self.assertEqual(answer.json["error"], "invalid_request")
                    self.untouched(before)
            for headers in ({"Content-Type": "application/json"}, {"Content-Type": "text/plain"}, {}):
                answer = self.ask(route, route.split(" ")[1], good, token=None, headers=headers)
                self.assertEqual((answer.status, answer.json["error"]), (415, "invalid_request"))
            self.untouched(before)

    # --- paths ------------------------------------------------------------------------------------

    def good_body(self, route):
        return text_of(BODIES[route].sample(self.world)) if route in BODIES else ELSEWHERE.get(route)

    def test_paths(self):
        for route in self.routes:
            name = f"{route['method']} {route['path']}"
            body = self.good_body(name) if route["parameters"] else None
            before = self.rows.read()
            for parameter, kind in route["parameters"].items():
                wrong = ["%00", "%ff", "%zz", "%", "%c0%af", "%ed%a0%80", A_UUID + "%00"]
                if kind == "uuid":
                    wrong += [urllib.parse.quote(bad, safe="") for bad in BAD_UUIDS] + ["..%2f" + A_UUID, "%2e%2e"]
                for value in wrong:
                    with self.subTest(route=name, parameter=parameter, value=value[:60]):
                        answer = self.ask(name, self.world.path(name, **{parameter: value}), body)
                        self.refused(answer, 400, "path parameter invalid", parameter)
                        self.untouched(before)

    def test_paths_to_nothing(self):
        for route in self.routes:
            name = f"{route['method']} {route['path']}"
            body = self.good_body(name) if route["parameters"] else None
            before = self.rows.read()
            for parameter, kind in route["parameters"].items():
                resource = next(resource for place, resource in reversed(RESOURCES.items())
                                if "{" + parameter + "}" in place and place in name)
                unknown = [A_UUID, A_UUID.replace("0", "F")] if kind == "uuid" else [
                    "nobody", "0", "x" * 2000, "%27%20OR%20%271", "%0a", "%F0%9F%92%A9", "%2e%2e%2f", A_UUID]
                for value in unknown:
                    with self.subTest(route=name, parameter=parameter, value=value[:60]):
                        answer = self.ask(name, self.world.path(name, **{parameter: value}), body)
                        self.refused(answer, 404, "not found", resource=resource)
                        self.untouched(before)

    # --- queries ----------------------------------------------------------------------------------

    def test_queries(self):
        before, found = self.rows.read(), set()
        for route in sorted(self.names("GET")):
            for parameter in self.documented(route).get("parameters", ()):
                if parameter["in"] != "query":
                    continue
                found.add(parameter["name"])
                for value in QUERIES[parameter["name"]]:
                    with self.subTest(route=route, argument=parameter["name"], value=value[:60]):
                        path = self.world.path(route) + "?" + urllib.parse.urlencode({parameter["name"]: value})
                        self.refused(self.ask(route, path), 400, *invalid(parameter["name"]))
                for value in ("%", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80"):
                    with self.subTest(route=route, argument=parameter["name"], value=value):
                        self.refused(self.ask(route, f"{self.world.path(route)}?{parameter['name']}={value}"),
                                     400, "invalid data in field")
            self.untouched(before)
        self.assertEqual(found, set(QUERIES))

    # --- credentials ------------------------------------------------------------------------------

    def test_tokens(self):
        before = self.rows.read()
        body = text_of({"public_key": public_key()})
        good = self.world.alice.token
        for token in ("x", "nxr_", "nxr_short", "nxr_" + "A" * 43, "nxr_" + "A" * 42, "nxr_" + "A" * 44, "nxd_" + "A" * 43,
                      "nxu_" + "A" * 43, "NXU" + good[3:], good + "=", good[:-1], good + " " + good, "nxr_" + "+" * 43,
                      "nxr_" + "\xe9" * 43, "A" * 3000, "' OR '1'='1", "null", "{}"):
            with self.subTest(token=token[:60]):
                answer = self.ask("POST /api/devices", "/api/devices", body, token=token)
                self.assertEqual(answer.status, 401, answer)
                self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Bearer"))
                self.assertEqual(list(answer.json), ["error"])
                self.untouched(before)


if __name__ == "__main__":
    run()
