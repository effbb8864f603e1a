# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every route × every kind of asker, own and foreign.

The routes come from the program itself (nexodus-server --print-routes); a route without a row
here, or a row without a route, fails. Every row works on things of one tenant's: organization,
devices, keys, invitations of `owner`. `stranger` is somebody from elsewhere.
"""

import base64
import json
import secrets
import subprocess
import unittest

from server import SOURCE_DIR, Server, run

ASKERS = ("nobody", "garbage", "owner", "member", "stranger", "administrator",
          "device", "sibling", "foreign_device", "key", "foreign_key")


def row(nobody=401, garbage=401, owner=403, member=403, stranger=403, administrator=403,
        device=403, sibling=403, foreign_device=403, key=403, foreign_key=403):
    """What each asker is answered. A kind of asker that the route is not for is told 403."""
    return {name: value for name, value in locals().items()}


def users(owner, member, stranger, administrator=None):
    return row(owner=owner, member=member, stranger=stranger,
               administrator=stranger if administrator is None else administrator)


def everybody(status):
    return row(**{name: status for name in ASKERS})


OWN = {"owner": 200, "member": 404, "stranger": 404, "administrator": 404,
       "device": 200, "sibling": 404, "foreign_device": 404}
IN_ORGANIZATION = {"owner": 200, "member": 200, "stranger": 404, "administrator": 404,
                   "device": 200, "sibling": 200, "foreign_device": 404}

MATRIX = {
    "GET /api/organizations": users(200, 200, 200),
    "POST /api/organizations": users(201, 201, 201),
    "GET /api/organizations/{organization}": row(**IN_ORGANIZATION),
    "PATCH /api/organizations/{organization}": users(200, 403, 404),
    "DELETE /api/organizations/{organization}": users(200, 403, 404),
    "GET /api/organizations/{organization}/devices": row(**IN_ORGANIZATION),
    "GET /api/organizations/{organization}/devices/{id}": row(**IN_ORGANIZATION),
    "GET /api/organizations/{organization}/pools": users(200, 200, 404),
    "GET /api/organizations/{organization}/leases": users(200, 200, 404),
    "GET /api/organizations/{organization}/reservations": users(200, 200, 404),
    "POST /api/organizations/{organization}/reservations": users(201, 403, 404),
    "GET /api/organizations/{organization}/reservations/{id}": users(200, 200, 404),
    "DELETE /api/organizations/{organization}/reservations/{id}": users(200, 403, 404),
    "GET /api/organizations/{organization}/quarantine": users(200, 200, 404),
    "DELETE /api/organizations/{organization}/quarantine/{address}": users(404, 403, 404),
    "POST /api/organizations/{organization}/ipam-check": users(200, 403, 404),
    "POST /api/ipam-check": users(403, 403, 403, administrator=200),
    "GET /api/organizations/{organization}/users": users(200, 200, 404),
    "POST /api/organizations/{organization}/events": row(**IN_ORGANIZATION),
    "GET /api/organizations/{organization}/renumbering": users(200, 403, 404),
    "POST /api/organizations/{organization}/renumbering": users(200, 403, 404),
    "POST /api/organizations/{organization}/renumbering/commit": users(409, 403, 404),
    "POST /api/organizations/{organization}/renumbering/rollback": users(409, 403, 404),
    "GET /api/organizations/{organization}/registration-keys": users(200, 200, 404),
    "POST /api/organizations/{organization}/registration-keys": users(201, 403, 404),
    "DELETE /api/organizations/{organization}/registration-keys/{key}": users(200, 403, 404),
    "GET /api/devices": users(200, 200, 200),
    "POST /api/devices": row(owner=201, member=201, stranger=404, administrator=404, key=201),
    "GET /api/devices/{id}": row(**OWN),
    "PATCH /api/devices/{id}": row(**OWN),
    "DELETE /api/devices/{id}": row(**OWN),
    "GET /api/invitations": users(200, 200, 200),
    "POST /api/invitations": users(201, 403, 404),
    "DELETE /api/invitations/{invitation}": users(204, 404, 404),
    "POST /api/invitations/{invitation}/accept": users(404, 404, 404),
    "GET /api/users": users(200, 200, 200),
    "POST /api/users": users(403, 403, 403, administrator=201),
    "GET /api/users/{id}": users(200, 200, 404, administrator=200),
    "DELETE /api/users/{id}": users(200, 403, 404, administrator=200),
    "POST /api/users/{id}/password": users(204, 403, 404, administrator=204),
    "DELETE /api/users/{id}/organizations/{organization}": users(200, 403, 404),
    "GET /api/fflags": row(owner=200, member=200, stranger=200, administrator=200,
                           device=200, sibling=200, foreign_device=200),
    "GET /api/fflags/{name}": row(owner=200, member=200, stranger=200, administrator=200,
                                  device=200, sibling=200, foreign_device=200),
    "GET /api/stun": row(owner=200, member=200, stranger=200, administrator=200,
                         device=200, sibling=200, foreign_device=200),
    "POST /oauth/token": everybody(400),   # a form without a grant
    "POST /oauth/revoke": everybody(400),  # a form without a token
    "GET /api/openapi.json": everybody(200),
    "GET /live": everybody(200),
    "GET /ready": everybody(200),
    "GET /metrics": everybody(200),
}


def public_key():
    raw = bytearray(secrets.token_bytes(32))
    raw[31] &= 0x7F
    return base64.b64encode(bytes(raw)).decode()


class Tenants:
    """Two organizations and everybody who asks; fresh things to be asked for."""

    def __init__(self, server):
        self.server = server
        self.tokens = {"nobody": None, "garbage": "nxu_" + "A" * 43}
        self.ids = {}
        self.tokens["administrator"] = server.admin_token()
        for name in ("owner", "member", "stranger"):
            self.ids[name], self.tokens[name] = self.user(name)
        self.organization = self.organization_make("shared", "member")
        self.foreign = self.organization_make("elsewhere", asker="stranger")
        for name, organization, asker in (("device", self.organization, "owner"),
                                          ("sibling", self.organization, "member"),
                                          ("foreign_device", self.foreign, "stranger")):
            made = self.must(self.device_post(self.tokens[asker], organization), 201)
            self.ids[name], self.tokens[name] = made["id"], made["token"]
        self.tokens["key"] = self.key_make(self.organization, "owner")["key"]
        self.tokens["foreign_key"] = self.key_make(self.foreign, "stranger")["key"]

    def must(self, answer, status):
        assert answer.status == status, answer
        return answer.json if answer.body else None

    def user(self, name):
        password = secrets.token_hex(8)
        made = self.must(self.server.post("/api/users", {"username": name, "password": password},
                                          token=self.tokens["administrator"]), 201)
        return made["id"], self.server.token(name, password)

    def organization_make(self, name, *members, asker="owner"):
        made = self.must(self.server.post("/api/organizations", {"name": name}, token=self.tokens[asker]), 201)
        for member in members:
            invitation = self.invitation_make(made["id"], self.ids[member], asker)
            self.must(self.server.post(f"/api/invitations/{invitation}/accept", token=self.tokens[member]), 204)
        return made["id"]

    def invitation_make(self, organization, user, asker="owner"):
        return self.must(self.server.post("/api/invitations", {"user_id": user, "organization_id": organization},
                                          token=self.tokens[asker]), 201)["id"]

    def key_make(self, organization, asker):
        return self.must(self.server.post(f"/api/organizations/{organization}/registration-keys", {},
                                          token=self.tokens[asker]), 201)

    def reservation_make(self, organization):
        return self.must(self.server.post(f"/api/organizations/{organization}/reservations", {"range": self.range_next()},
                                          token=self.tokens["owner"]), 201)

    def range_next(self):
        """An address that nothing else is about."""
        self.ranges = getattr(self, "ranges", 0) + 1
        return f"100.100.200.{self.ranges}"

    def device_post(self, token, organization):
        return self.server.post("/api/devices", {"public_key": public_key(), "organization_id": organization},
                                token=token)


class Authorisation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()
        cls.world = Tenants(cls.server)
        program = [cls.server.program, "--print-routes"]
        cls.routes = json.loads(subprocess.run(program, check=True, capture_output=True).stdout)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        try:
            cls.server.check()
        finally:
            cls.server.clean()

    def names(self):
        return {f"{route['method']} {route['path']}" for route in self.routes}

    def test_every_route_has_a_row(self):
        self.assertEqual(self.names(), set(MATRIX))

    def test_every_route_is_documented(self):
        document = json.loads((SOURCE_DIR / "docs" / "openapi.json").read_text())
        documented = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
        self.assertEqual(self.names(), documented)
        self.assertEqual(self.server.get("/api/openapi.json").json, document)

    def target(self, name, asker):
        """Path and body of one request on things of the owner's; fresh when it changes them."""
        world = self.world
        organization, device = world.organization, world.ids["device"]
        key, invitation, user, body = "", "", world.ids["owner"], {}
        fresh = secrets.token_hex(6)
        if name == "DELETE /api/organizations/{organization}":
            organization = world.organization_make(fresh, "member")
        elif name == "DELETE /api/organizations/{organization}/registration-keys/{key}":
            key = world.key_make(organization, "owner")["id"]
        elif "/reservations/{id}" in name:
            device = world.reservation_make(organization)["id"]
        elif name == "DELETE /api/devices/{id}" and asker not in ("device",):
            device = world.must(world.device_post(world.tokens["owner"], organization), 201)["id"]
        elif name.startswith(("DELETE /api/invitations", "POST /api/invitations/{")):
            guest, _ = world.user(fresh)
            invitation = world.invitation_make(organization, guest)
        elif name in ("DELETE /api/users/{id}", "POST /api/users/{id}/password"):
            # Of the owner's own only the owner may ask: a user made for this, who shares the
            # organization with `member` and is asked for under their own token.
            user = self.disposable(asker)
        elif name == "DELETE /api/users/{id}/organizations/{organization}":
            user = self.disposable(asker)
        if name == "POST /api/organizations":
            body = {"name": fresh}
        elif name == "POST /api/organizations/{organization}/reservations":
            body = {"range": world.range_next()}
        elif name == "POST /api/devices":
            body = {"public_key": public_key(), "organization_id": organization}
        elif name == "PATCH /api/organizations/{organization}":
            body = {"description": fresh}
        elif name == "PATCH /api/devices/{id}":
            body = {"hostname": fresh}
        elif name == "POST /api/invitations":
            guest, _ = world.user(fresh)
            body = {"user_id": guest, "organization_id": organization}
        elif name == "POST /api/users":
            body = {"username": fresh, "password": "a password " + fresh}
        elif name == "POST /api/users/{id}/password":
            body = {"password": "a new password " + fresh}
        elif name.endswith("/renumbering"):
            body = {"cidr": "10.77.0.0/16", "dry_run": True}
        elif name.endswith("/events"):
            body = [{"kind": "device", "gt_revision": 0}]
        ids = {"organization": organization, "key": key, "invitation": invitation, "name": "multi-organization",
               "address": "100.100.0.250",
               "id": user if "/users/" in name else device}
        path = name.split(" ")[1]
        for parameter, value in ids.items():
            path = path.replace("{" + parameter + "}", value)
        return path, body

    def disposable(self, asker):
        """A user who is a member of the shared organization; as `owner` the request is their own."""
        world = self.world
        name = secrets.token_hex(6)
        user, token = world.user(name)
        invitation = world.invitation_make(world.organization, user)
        world.must(self.server.post(f"/api/invitations/{invitation}/accept", token=token), 204)
        self.own_token = token if asker == "owner" else None
        return user

    def status(self, name, asker):
        self.own_token = None
        path, body = self.target(name, asker)
        method = name.split(" ")[0]
        token = self.own_token or self.world.tokens[asker]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if name.startswith("POST /oauth"):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            text = "a=b"
        else:
            headers["Content-Type"] = "application/json"
            text = json.dumps(body) if method in ("POST", "PATCH") else None
        connection = self.server.connection()
        try:
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            if not name.endswith("/events") or response.status != 200:
                self.last = response.read()[:300]
            return response.status
        finally:
            connection.close()

    def test_matrix(self):
        for name, expected in MATRIX.items():
            # Those who are refused come first, so that nothing is gone before they ask.
            for asker in sorted(ASKERS, key=lambda asker: expected[asker] < 300):
                with self.subTest(route=name, asker=asker):
                    self.last = b""
                    if name == "DELETE /api/devices/{id}" and asker == "device":
                        continue  # it would end the device that later rows ask as: see below
                    self.assertEqual(self.status(name, asker), expected[asker], self.last)

    def test_device_deletes_itself(self):
        made = self.world.must(self.world.device_post(self.world.tokens["owner"], self.world.organization), 201)
        answer = self.server.delete(f"/api/devices/{made['id']}", token=made["token"])
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.server.get(f"/api/devices/{made['id']}", token=made["token"]).status, 401)

    def test_refusals_have_bodies(self):
        answer = self.server.get("/api/devices")
        self.assertEqual(answer.status, 401)
        self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Bearer"))
        self.assertIn("error", answer.json)
        foreign = self.server.get(f"/api/devices/{self.world.ids['device']}", token=self.world.tokens["stranger"])
        absent = self.server.get("/api/devices/00000000-0000-7000-8000-000000000000",
                                 token=self.world.tokens["stranger"])
        self.assertEqual((foreign.status, foreign.body), (absent.status, absent.body))


if __name__ == "__main__":
    run()
