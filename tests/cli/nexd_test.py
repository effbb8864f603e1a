# SPDX-License-Identifier: Apache-2.0
"""nexctl nexd against a real nexd, in a network namespace of its own."""

import json
import re
import threading
import unittest

from nexctl import FORMS, Case, nexctl
from service import Agent, Service, device, device_id, enter_namespaces, interface_remove, wait


def answer(request):
    """A service with this host (1) and one neighbour (2), told in a stream that stays open."""
    if request.path == "/api/devices":
        body = request.json()
        answer.record = device(1, 1) | {name: body[name] for name in ("public_key", "hostname")}
        return 201, answer.record
    if request.path.endswith("/events"):
        lines = [{"type": "change", "value": value} for value in (answer.record, device(2, 2))]
        lines.append({"type": "tail", "revision": 2})

        def stream(send):
            send("".join(json.dumps(line) + "\n" for line in lines).encode())
            answer.ended.wait()
        return 200, stream
    if request.path == f"/api/devices/{device_id(1)}":
        return 200, answer.record
    return 404, {"error": "not found"}


class Nexd(Case):
    @classmethod
    def setUpClass(cls):
        answer.ended = threading.Event()
        cls.service = Service(answer)
        cls.agent = Agent(cls.service.url)
        cls.addClassCleanup(cls.stop)
        cls.agent.wait_state("running", 20)
        wait("both are known", lambda: len(cls.agent.ask("peers")) == 1)

    @classmethod
    def stop(cls):
        answer.ended.set()
        code = cls.agent.stop()
        log = cls.agent.log()
        interface_remove()
        cls.agent.remove()
        cls.service.stop()
        assert code == 0 and "Sanitizer" not in log, log

    def ask(self, *arguments):
        return nexctl("nexd", *arguments, variables={"NEXD_CONTROL_SOCKET": self.agent.socket_path})

    def test_status(self):
        shown = self.must(self.ask("status")).out
        for line in (r"^state +running$", r"^hostname +self$", r"^service_url +" + self.service.url, r"^id +" + device_id(1),
                     r"^IPv4 +100\.100\.0\.1 in 100\.100\.0\.0/16$", r"^IPv6 +200::1 in 200::/64$",
                     r"^peers +1 in all, [01] direct, [01] relayed$"):
            self.assertRegex(shown, "(?m)" + line)
        for form in FORMS[2:]:
            said = self.must(self.ask("status", "--output", form)).json
            self.assertEqual((said["state"], said["peers"]["total"]), ("running", 1))

    def test_peers(self):
        column, bare, pretty, raw = (self.must(self.ask("peers", "--output", form)) for form in FORMS)
        self.assertEqual(column.lines[0].split("   ")[0], "HOSTNAME")
        # Counters and ways may have changed in between, names, addresses and keys have not.
        for word in bare.lines[0].split():
            if re.search(r"host|\.|::|=$", word):
                self.assertIn(word, column.lines[1])
        self.assertIn("host2", bare.out)
        self.assertRegex(bare.out, r"100\.100\.0\.2(/32)?, 200::2")
        self.assertEqual([peer["hostname"] for peer in raw.json], ["host2"])
        self.assertEqual((len(raw.lines), len(bare.lines)), (1, 1))
        self.assertEqual(len(pretty.json), 1)

    def test_version(self):
        version = nexctl("--version").out.split()[1]
        self.assertEqual(self.must(self.ask("version", "--output=no-header")).out, version + "\n")
        self.assertEqual(self.ask("version", "--output=json").json, {"version": version})

    def test_drain(self):
        self.refused(self.ask("drain"), 1, "this host is no relay")
        self.refused(self.ask("drain", "--force"), 1, "this host is no relay")
        self.assertIn("no longer drains", self.must(self.ask("drain", "--undo")).out)
        for wrong in ("-1", "", "5s", "86401", "99999999999999999999"):
            self.refused(self.ask("drain", f"--timeout={wrong}"), 2, "--timeout takes seconds")
        self.refused(self.ask("drain", "--undo", "--force"), 2, "--undo goes with neither")

    def test_the_flag_counts(self):
        self.refused(self.ask("status", "--socket=/nonexistent/nexd.sock"), 1, "/nonexistent/nexd.sock")
        self.must(nexctl("nexd", "version", "--socket", self.agent.socket_path))
        self.refused(nexctl("nexd", "version"), 1, "cannot reach nexd at /run/nexd/nexd.sock: No such file")


if __name__ == "__main__":
    enter_namespaces()
    unittest.main(verbosity=2)
