#!/usr/bin/env python3
"""All sources are formatted as .clang-format says. Usage: check_format.py ROOT [--fix]

Only clang-format 14 (Debian 12) decides, since versions differ; with another, or none, the check is skipped (exit code 77).
"""

import os
import re
import subprocess
import sys

import tree

SKIPPED = 77


def main():
    root = sys.argv[1]
    program = next((name for name in ("clang-format-14", "clang-format") if _major_version(name) == 14), None)
    if program is None:
        print("skipped: clang-format 14 not found (apt-get install clang-format)")
        sys.exit(SKIPPED)
    files = [os.path.join(root, path) for path in tree.sources(root)]
    mode = ["-i"] if "--fix" in sys.argv else ["--dry-run", "-Werror", "--ferror-limit=3"]
    result = subprocess.run([program, "--style=file", *mode, *files], check=False)
    if result.returncode:
        print(f"mend with: {os.path.relpath(__file__, root)} . --fix")
    sys.exit(1 if result.returncode else 0)


def _major_version(program):
    try:
        text = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return int(re.search(r"version (\d+)", text).group(1))


if __name__ == "__main__":
    main()
