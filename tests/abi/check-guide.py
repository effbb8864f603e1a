#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every piece of code in docs/plugins/driver.md is in the example it names, word for word.

    check-guide.py SOURCE-DIRECTORY

A fenced block of C or CMake says in its first line which file of examples/driver-vxlan/ it is from.
"""
import pathlib
import re
import sys

BLOCK = re.compile(r"^```(c|cmake)\b *(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def judge(example, name, text):
    """What is wrong with a block; None when nothing is."""
    if not name:
        return "does not say which file it is from"
    path = example / name
    if not path.is_file():
        return f"names {name}, which the example does not have"
    if "\n" + text not in "\n" + path.read_text(encoding="utf-8"):
        return f"is not in {name} as it stands"
    return None


def main():
    source = pathlib.Path(sys.argv[1])
    example = source / "examples/driver-vxlan"
    guide = (source / "docs/plugins/driver.md").read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(guide))
    faults = 0
    for block in blocks:
        why = judge(example, block.group(2), block.group(3))
        if why:
            line = guide.count("\n", 0, block.start()) + 1
            print(f"check-guide: docs/plugins/driver.md:{line}: the code here {why}", file=sys.stderr)
            faults += 1
    # A guide whose blocks are not recognized would never be wrong.
    marks = len(re.findall(r"^```(?:c|cmake)\b", guide, re.MULTILINE))
    if marks != len(blocks) or len(blocks) < 10:
        print(f"check-guide: {marks} blocks of code begin and {len(blocks)} were compared", file=sys.stderr)
        faults += 1
    print(f"check-guide: {len(blocks)} pieces of code, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
