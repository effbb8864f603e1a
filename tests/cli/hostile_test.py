# SPDX-License-Identifier: Apache-2.0
"""Servers and agents that lie, refuse or break off: nexctl says so, and shows no terminal their controls."""

import json
import os
import socket
import threading
import unittest

from nexctl import FORMS, Case, nexctl, shell

os.environ.setdefault("NEXODUS_BUILD_DIR", "")
from service import Service  # noqa: E402

ESCAPES = {
    "\x1b]0;title\x07": r"\x1b]0;title\x07",  # C0
    "a\r\nb\tc": r"a\x0d\x0ab\x09c",
    "\x7f": r"\x7f",
    "\x9b31m": r"\x9b31m",  # C1: CSI in one character
    "x\u202ecba": r"x\u202ecba",  # right-to-left override
    "\u2028\u2066\u200f": r"\u2028\u2066\u200f",
    "é ☃ 𝄞 \u00a0": "é ☃ 𝄞 \u00a0",  # and what is no control stays
}
LISTS = (["organization", "list"], ["device", "list"], ["user", "list"], ["invitation", "list"],
         ["reg-key", "list", "--organization=x"], ["organization", "users", "x"], ["ipam", "pools", "--organization=x"],
         ["ipam", "leases", "--organization=x"], ["ipam", "reservations", "--organization=x"],
         ["ipam", "quarantine", "--organization=x"])


def has_controls(text):
    return any(ord(c) < 0x20 and c != "\n" or 0x7f <= ord(c) < 0xa0 or c in "\u200e\u200f\u2028\u2029\u2066"
               or "\u202a" <= c <= "\u202e" for c in text)


class HostileServer(Case):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(lambda request: cls.current.reply)
        cls.addClassCleanup(cls.service.stop)
        handler = cls.service.server.RequestHandlerClass
        handler.do_DELETE = handler.handle_any

    def setUp(self):
        type(self).current = self
        self.reply = (200, [])

    def nexctl(self, *arguments, **how):
        return nexctl(*arguments, url=self.service.url, token="t", **how)

    def test_controls_in_values(self):
        names = ("id", "name", "username", "hostname", "description", "cidr", "cidr_v6", "user_id",
                 "organization_id", "expiry", "prefix", "address")
        rows = [{name: text for name in names} | {"allowed_ips": [text], "child_prefix": [text], "uses": {"deep": [text]}}
                for text in ESCAPES]
        self.reply = 200, rows
        for command in LISTS:
            for form in FORMS:
                with self.subTest(f"{command} {form}"):
                    answer = self.must(self.nexctl(*command, "--output", form))
                    self.assertFalse(has_controls(answer.out), answer)
                    if form.startswith("json"):
                        self.assertEqual(answer.json, rows)
                        continue
                    self.assertEqual(len(answer.lines), len(rows) + (form == "column"))
                    for line, shown in zip(answer.lines[-len(rows):], ESCAPES.values()):
                        self.assertIn(shown, line)

    def test_controls_in_refusals(self):
        for text, shown in ESCAPES.items():
            self.reply = 400, {name: text for name in ("error", "reason", "field", "id", "error_description")}
            answer = self.refused(self.nexctl("device", "list"), 1, "the server answered 400", shown)
            self.assertEqual(answer.err.count(shown), 5)
            self.assertFalse(has_controls(answer.err), answer)

    def test_what_is_no_table(self):
        for value in ([], {}, None, 7, "x", True, [1, "x", None, [], {}], [[[]]]):
            self.reply = 200, value
            for command in LISTS[:2]:
                self.must(self.nexctl(*command))
                for form in FORMS[2:]:
                    self.assertEqual(self.must(self.nexctl(*command, "--output", form)).json, value)

    def test_an_organization_without_an_id(self):
        for value, says in ([], "no organization"), ([{}, {}], "more than one"), ([{"id": 7}], "without an id"), \
                ([{"id": ".."}], "without an id"):
            self.reply = 200, value
            self.refused(self.nexctl("reg-key", "list"), 1, says)

    def test_what_is_no_json(self):
        for body in (b"", b"<html>", b"[", b"\xff", b'["\xff"]', b'{"a":1,"a":2}', b"[" * 100000, b"[]x", b"\0"):
            with self.subTest(body[:20]):
                self.reply = 200, body
                self.refused(self.nexctl("device", "list"), 1, "no JSON", "is it a Nexodus server?")

    def test_refusals_without_a_text(self):
        for status in (301, 302, 400, 404, 418, 500, 503):
            for body in (b"", b"<html>", b"[]", b"7", b'{"error":{"error":7}}'):
                self.reply = status, body, {"Location": self.service.url + "/elsewhere"}
                self.refused(self.nexctl("device", "list"), 1, f"the server answered {status}\n")
        self.assertEqual(self.service.seen("GET", "/elsewhere"), [], "a redirect leads nowhere")

    def test_an_answer_cut_short(self):
        self.reply = 200, lambda send: send(b'[{"id":"x"}'), {"Content-Length": "100000"}
        self.refused(self.nexctl("device", "list"), 1, "cannot ask " + self.service.url)

    def test_a_token_that_is_none(self):
        for body in ({}, {"access_token": 7}, [], "x"):
            self.reply = 200, body
            answer = nexctl("device", "list", url=self.service.url,
                            variables={"NEXCTL_USERNAME": "ann", "NEXCTL_PASSWORD": "canary"})
            self.refused(answer, 1, "without giving a token")
            self.assertNotIn("canary", answer.err)

    def test_ids_stay_one_part_of_a_path(self):
        for name, path in {"a/b": "a%2Fb", "../x": "..%2Fx", "a?b#c": "a%3Fb%23c", "ä \n": "%C3%A4%20%0A",
                           "%2e": "%252e"}.items():
            self.reply = 200, {}
            self.must(self.nexctl("user", "leave", "me", name))
            self.assertEqual(self.service.requests[-1].path, "/api/users/me/organizations/" + path)

    def test_output_that_is_lost(self):
        self.reply = 200, [{"id": "x" * 100}] * 1000
        for form in FORMS:
            with open("/dev/full", "wb") as full:
                self.refused(self.nexctl("device", "list", "--output", form, stdout=full), 1, "standard output")
            self.refused(shell('"$0" device list --output "$1" >&-', form, url=self.service.url, token="t"), 1,
                         "standard output")
            answer = shell('{ "$0" device list --output "$1"; echo $? >&2; } | head -c 1', form,
                           url=self.service.url, token="t")
            self.assertEqual(answer.err, "141\n", answer)


class Addresses(Case):
    def test_wrong_ones(self):
        for url, says in (("http://127.0.0.1:1", "connect"),
                          ("ftp://127.0.0.1", "rotocol"), ("file:///etc/hostname", "rotocol"), ("http://", ""),
                          ("", ""), ("http://[::1", ""), ("127.0.0.1:1/ü", ""), ("http://127.0.0.1:99999", "")):
            with self.subTest(url):
                self.refused(nexctl("device", "list", "--service-url", url), 1, f"cannot ask {url}", says)

    def test_what_speaks_no_http(self):
        for said in (b"SSH-2.0-x\r\n", b""):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                def serve():
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1 << 16)
                        connection.sendall(said)
                thread = threading.Thread(target=serve)
                thread.start()
                url = "http://127.0.0.1:%d" % listener.getsockname()[1]
                self.refused(nexctl("device", "list", url=url), 1, "cannot ask " + url)
                thread.join()

    def test_an_address_with_slashes(self):
        service = Service(lambda request: (200, []))
        self.addCleanup(service.stop)
        self.must(nexctl("device", "list", "--service-url", service.url + "/mesh//"))
        self.assertEqual(service.requests[0].path, "/mesh/api/devices")


class HostileAgent(Case):
    """A control socket that says `answer` once."""

    def ask(self, answer, *command):
        path = str(self.folder() / "nexd.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()

            def serve():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    for part in answer if isinstance(answer, list) else [answer]:
                        connection.sendall(part)
            thread = threading.Thread(target=serve)
            thread.start()
            try:
                return nexctl("nexd", *command, variables={"NEXD_CONTROL_SOCKET": path})
            finally:
                thread.join()

    def test_controls(self):
        status = {text + "_": text for text in ESCAPES} | {
            "families": [{"label": text, "address": text, "prefix": text} for text in ESCAPES] +
                        [{"label": "IPv6", "reason": text} for text in ESCAPES]}
        peers = [{name: text for name in ("hostname", "path", "endpoint", "public_key")} | {"addresses": [text]}
                 for text in ESCAPES]
        for command, value in (("status", status), ("peers", peers), ("version", {"version": "".join(ESCAPES)})):
            for form in FORMS:
                answer = self.must(self.ask(json.dumps(value).encode() + b"\n", command, "--output", form))
                self.assertFalse(has_controls(answer.out), answer)
                if form.startswith("json"):
                    self.assertEqual(answer.json, value)
                for shown in ESCAPES.values() if not form.startswith("json") else ():
                    self.assertIn(shown, answer.out)

    def test_controls_in_a_refusal(self):
        said = json.dumps({"error": "".join(ESCAPES)}).encode() + b"\n"
        answer = self.refused(self.ask(said, "status"), 1, "nexd: " + "".join(ESCAPES.values()))
        self.assertFalse(has_controls(answer.err), answer)

    def test_what_is_no_answer(self):
        for answer in (b"", b"\n", b"{", b"x\n", b"\xff\n", b"[" * 1000 + b"\n"):
            for command in ("status", "peers", "version"):
                self.refused(self.ask(answer, command), 1, "nexd did not answer")

    def test_odd_answers(self):
        for value in (b"[]\n", b"{}\n", b"7\n", b"null\n", b'["x",[],{}]\n', b'{"families":7,"peers":[]}\n'):
            for command, begin in (("status", b"{"), ("peers", b"["), ("version", b"{")):
                answer = self.ask(value, command)
                if value.startswith(begin):
                    self.must(answer)
                else:
                    self.refused(answer, 1, "nexd did not answer in a form")

    def test_a_long_answer_in_pieces(self):
        peers = json.dumps([{"hostname": f"host{i}", "addresses": ["100.100.0.1", "200::1"]} for i in range(20000)])
        data = peers.encode() + b"\n"
        answer = self.must(self.ask([data[i:i + 9999] for i in range(0, len(data), 9999)], "peers"))
        self.assertEqual(len(answer.lines), 20001)

    def test_nobody_there(self):
        folder = self.folder()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "stale"))
        (folder / "file").touch()
        for name in ("none", "stale", "file"):
            for command in ("status", "peers", "version"):
                path = str(folder / name)
                self.refused(nexctl("nexd", command, "--socket", path), 1, f"cannot reach nexd at {path}: ",
                             "Is nexd running on this host? Another socket: --socket PATH.")
        self.refused(nexctl("nexd", "status", "--socket", "/" + "x" * 200), 1, "too long for a socket's path")
        self.refused(nexctl("nexd", "status", "--socket="), 1, "cannot reach nexd at ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
