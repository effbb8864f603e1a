# SPDX-License-Identifier: Apache-2.0
"""Help, wrong usage, and what happens to the output: all that needs no server."""

import os
import re
import signal
import unittest

from nexctl import Case, commands, nexctl, shell, words_of

# What the product promises; a verb more is fine, a verb less is not.
PROMISED = {
    "organization": {"list", "show", "create", "update", "delete", "users", "renumber"},
    "device": {"list", "show", "update", "delete"},
    "user": {"list", "show", "create", "password", "leave", "delete"},
    "invitation": {"list", "create", "accept", "delete"},
    "reg-key": {"list", "create", "delete"},
    "ipam": {"pools", "leases", "reserve", "release", "reservations", "quarantine", "check"},
    "nexd": {"status", "peers", "version"},
}
GLOBAL = {"--service-url", "--token", "--username", "--password-file", "--ca-file", "--output", "--help", "--version"}


class Help(Case):
    def test_everything_promised_is_there(self):
        verbs = {}
        for noun, verb, _ in commands():
            verbs.setdefault(noun, set()).add(verb)
        for noun, promised in PROMISED.items():
            self.assertLessEqual(promised, verbs.get(noun, set()), noun)

    def test_of_the_program(self):
        for arguments in (["--help"], ["-h"]):
            answer = self.must(nexctl(*arguments))
            self.assertTrue(answer.out.startswith("Usage: nexctl "))
            self.assertEqual(set(words_of(answer.out)), GLOBAL)
        for variable in ("SERVICE_URL", "TOKEN", "USERNAME", "PASSWORD", "PASSWORD_FILE", "CA_FILE", "OUTPUT"):
            self.assertIn("NEXCTL_" + variable, answer.out)

    def test_of_every_noun(self):
        for noun in sorted({noun for noun, _, _ in commands()}):
            with self.subTest(noun):
                listed = [line.split()[:2] for line in self.must(nexctl(noun, "--help")).lines
                          if re.match(r"  [a-z]", line)]
                self.assertEqual(listed, [[n, v] for n, v, _ in commands() if n == noun])

    def test_of_every_verb(self):
        for noun, verb, operands in commands():
            with self.subTest(f"{noun} {verb}"):
                answer = self.must(nexctl(noun, verb, "--help"))
                usage, summary = answer.lines[0], answer.lines[2]
                self.assertTrue(usage.startswith(" ".join(("Usage: nexctl", noun, verb, *operands))), usage)
                self.assertRegex(summary, r"^  \w.{5,}")
                options = words_of(answer.out)
                self.assertLessEqual(GLOBAL, set(options))
                self.assertEqual(len(options), len(set(options)))
                self.assertEqual("[OPTION" in usage, set(options) != GLOBAL)
                for line in answer.lines:
                    if line.startswith("  --"):
                        self.assertRegex(line, r"^  --[a-z-0-9]+( [A-Z]+)?  +\S.{5,}", "each option is explained")

    def test_help_comes_before_what_is_wrong(self):
        self.must(nexctl("device", "show", "--help"))
        self.must(nexctl("--help", "user", "create"))
        self.must(nexctl("user", "create", "-h"))

    def test_version(self):
        for arguments in (["--version"], ["device", "list", "--version"]):
            self.assertRegex(self.must(nexctl(*arguments)).out, r"^nexctl \d+\.\d+\.\d+\n$")


class WrongUsage(Case):
    def wrong(self, *arguments, says, **how):
        answer = self.refused(nexctl(*arguments, **how), 2, *says, "\nTry 'nexctl ")
        self.assertRegex(answer.err, r"^nexctl: .+\nTry 'nexctl .*--help'\.\n$")

    def test_no_command(self):
        self.wrong(says=["noun and a verb"])
        self.wrong("tunnel", says=["there is no 'tunnel'"])
        self.wrong("tunnel", "list", says=["there is no 'tunnel'"])
        self.wrong("device", "paint", says=["'device' has no verb 'paint'"])
        self.wrong("device", says=["'device' wants a verb: list, show, update, delete"])

    def test_operands_of_every_verb(self):
        for noun, verb, operands in commands():
            with self.subTest(f"{noun} {verb}"):
                self.wrong(noun, verb, *["x"] * len(operands), "more", says=["'more' is one argument too many"])
                for given, missing in enumerate(name for name in operands if name[0] != "["):
                    self.wrong(noun, verb, *["x"] * given, says=[missing + " is missing"])
                    for other in ("", ".", ".."):
                        answer = ["x"] * len(operands)
                        answer[given] = other
                        self.wrong(noun, verb, *answer, says=[f"{missing} cannot be '{other}'"])

    def test_options_of_every_verb(self):
        for noun, verb, operands in commands():
            command = [noun, verb, *["x"] * len(operands)]
            with self.subTest(f"{noun} {verb}"):
                self.wrong(*command, "--colour", says=["there is no option '--colour'"])
                self.wrong(*command, "-x", says=["there is no option '-x'"])
                for line in nexctl(noun, verb, "--help").lines:
                    option = re.match(r"  (--[a-z-]+) [A-Z]+ .*?(\(required\))?$", line)
                    if option and option[1] not in GLOBAL:
                        self.wrong(*command, option[1], says=[option[1] + " wants "])
                    if option and option[2]:
                        self.wrong(*command, says=[" is missing"])

    def test_values(self):
        self.wrong("device", "list", "--colour=red", says=["there is no option '--colour'"])
        self.wrong("device", "list", "--help=yes", says=["--help takes no value"])
        self.wrong("device", "list", "--output", "xml", says=["column, no-header, json or json-raw, not 'xml'"])
        self.wrong("device", "list", "--output=", says=["not ''"])
        self.wrong("device", "list", variables={"NEXCTL_OUTPUT": "xml"}, says=["NEXCTL_OUTPUT", "not 'xml'"])
        self.wrong("device", "list", "--organization", "..", says=["--organization cannot be '..'"])
        self.wrong("device", "list", "--organization=", says=["--organization cannot be ''"])
        for option in GLOBAL - {"--help", "--version"}:
            self.wrong("device", "list", option, says=[option + " wants "])
        self.wrong("device", "update", "x", says=["nothing is to be changed"])
        self.wrong("device", "update", "x", "--hostname=a", "--hostname=b", says=["--hostname was given twice"])
        self.wrong("organization", "create", "--name=x", "--cidr=fd00::/64", "--cidr-v6=fd01::/64",
                   says=["both name an IPv6 prefix"])
        for time in ("", "soon", "-1", "0", "7w", "7dd", "1.5h", "99999999999999999999"):
            self.wrong("reg-key", "create", f"--expires={time}", says=["12h or 7d", f"'{time}'"])

    def test_a_family_twice(self):
        self.refused(nexctl("organization", "create", "--name=x", "--cidr=10.0.0.0/16,10.1.0.0/16"), 2, "one family twice")

    def test_a_word_that_is_no_option(self):
        answer = nexctl("device", "show", "--", "-x", url="http://127.0.0.1:1")
        self.refused(answer, 1, "/api/devices/-x")


class StandardOutput(Case):
    printers = (["--help"], ["--version"], ["device", "--help"], ["device", "list", "--help"], ["--complete"])

    def test_full(self):
        for arguments in self.printers:
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                self.refused(nexctl(*arguments, stdout=full), 1, "standard output: No space left on device")

    def test_closed(self):
        for arguments in self.printers:
            with self.subTest(arguments):
                self.refused(shell('"$0" "$@" >&-', *arguments), 1, "standard output: Bad file descriptor")

    def test_all_closed(self):
        self.assertEqual(shell('"$0" --help <&- >&- 2>&-').code, 1)

    def test_nobody_reads(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        self.assertEqual(nexctl("--help", stdout=writer).code, -signal.SIGPIPE)
        answer = nexctl("--help", stdout=writer, preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN),
                        restore_signals=False)
        self.refused(answer, 1, "standard output: Broken pipe")


if __name__ == "__main__":
    unittest.main(verbosity=2)
