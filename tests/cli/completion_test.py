# SPDX-License-Identifier: Apache-2.0
"""What bash proposes when the user presses the tab key, with the script that is installed."""

import os
import subprocess
import unittest

from nexctl import FORMS, PROGRAM, SOURCE_DIR, Case, commands, environment, nexctl, words_of

SCRIPT = SOURCE_DIR / "packaging" / "completion" / "nexctl"
# Sets up what bash would for the words given, the last of which is being typed.
ASK = r"""
set -u
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_nexctl
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
"""


class Completion(Case):
    def propose(self, *words, directory="/"):
        answer = subprocess.run(["bash", "--norc", "-c", ASK, "bash", str(SCRIPT), PROGRAM, *words], cwd=directory,
                                env=environment(), capture_output=True, text=True, check=True)
        self.assertEqual(answer.stderr, "")
        return answer.stdout.splitlines()

    def test_nouns(self):
        nouns = {noun for noun, _, _ in commands()}
        self.assertEqual({word for word in self.propose("") if not word.startswith("-")}, nouns)
        self.assertEqual(self.propose("dev"), ["device"])
        self.assertEqual(self.propose("xyz"), [])

    def test_verbs(self):
        for noun in {noun for noun, _, _ in commands()}:
            proposed = {word for word in self.propose(noun, "") if not word.startswith("-")}
            self.assertEqual(proposed, {v for n, v, _ in commands() if n == noun})
        self.assertEqual(self.propose("organization", "cr"), ["create"])

    def test_options_are_those_of_the_help(self):
        for noun, verb, _ in commands():
            with self.subTest(f"{noun} {verb}"):
                help_text = nexctl(noun, verb, "--help").out
                proposed = nexctl("--complete", noun, verb).lines
                self.assertEqual(sorted(proposed), sorted(words_of(help_text)))
        self.assertEqual(self.propose("user", "create", "--adm"), ["--administrator"])

    def test_options_before_the_command(self):
        self.assertEqual(self.propose("--output", "json", "device", "up"), ["update"])
        self.assertEqual(self.propose("--output", "=", "json", "dev"), ["device"])
        self.assertEqual(self.propose("--token", "user", "reg"), ["reg-key"])
        self.assertEqual(self.propose("user", "create", "--administrator", "--na"), ["--name"])

    def test_forms_of_output(self):
        self.assertEqual(self.propose("device", "list", "--output", ""), list(FORMS))
        self.assertEqual(self.propose("device", "list", "--output", "js"), ["json", "json-raw"])
        self.assertEqual(self.propose("device", "list", "--output", "="), list(FORMS))
        self.assertEqual(self.propose("device", "list", "--output", "=", "no"), ["no-header"])

    def test_files(self):
        folder = self.folder()
        (folder / "pass word").touch()
        for option in (["--password-file"], ["--ca-file"], ["user", "create", "--new-password-file"],
                       ["nexd", "status", "--socket"], ["--password-file", "="]):
            self.assertEqual(self.propose(*option, "pass", directory=folder), ["pass word"])

    def test_values_nobody_knows(self):
        self.assertEqual(self.propose("device", "list", "--organization", ""), [])

    def test_bash_uses_it(self):
        directory = os.path.dirname(PROGRAM)
        answer = subprocess.run(["bash", "--norc", "-c", f"source '{SCRIPT}'; complete -p nexctl"],
                                env=environment(PATH=f"{directory}:/usr/bin:/bin"), capture_output=True, text=True,
                                check=True)
        self.assertEqual(answer.stdout, "complete -F _nexctl nexctl\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
