"""Reads `govulncheck -format json` and fails on what our own modules can mend.

A finding counts when vulnerable code is in the binary. Entries of the standard library are listed with the Go release that
mends them and do not fail: a newer toolchain is the cure, not a change here.
"""

import json
import re
import sys


def findings(text):
    """Yields (entry, module, version, fixed version) of every function found."""
    decoder, spaces = json.JSONDecoder(), re.compile(r"\s*")
    at = spaces.match(text).end()
    while at < len(text):
        message, at = decoder.raw_decode(text, at)
        at = spaces.match(text, at).end()
        finding = message.get("finding")
        if finding and "function" in finding["trace"][0]:
            place = finding["trace"][0]
            yield finding["osv"], place["module"], place.get("version", "?"), finding.get("fixed_version", "no release")


def main():
    ours, toolchain = set(), set()
    for found in findings(sys.stdin.read()):
        (toolchain if found[1] == "stdlib" else ours).add(found)
    for entry, _, version, fixed in sorted(toolchain):
        print(f"{entry}: Go {version}, mended in {fixed} (not counted)")
    for entry, module, version, fixed in sorted(ours):
        print(f"{entry}: {module} {version}, mended in {fixed}")
    print(f"{len(ours)} vulnerable entries in modules, {len(toolchain)} in the Go toolchain")
    sys.exit(1 if ours else 0)


main()
