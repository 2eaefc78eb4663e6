#!/usr/bin/env python3
"""No file holds a path of one machine, a note of something left to do, or a merge conflict; scripts are executable; lines of
documentation (Markdown) have at most 120 characters; methods that show how short one can be stay so. Usage: check_text.py ROOT"""

import os
import re
import sys

import tree

PATTERNS = [
    (re.compile(r"(?<![\w.$}~-])/(?:" + "|".join(["work", "root", "farm", "home/(?!user/)[a-z]+"]) + r")/"), "path of a machine"),
    (re.compile(r"\b(?:" + "|".join(["TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"]) + r")\b"), "left to do"),
    (re.compile(r"^(?:<{7}|>{7}|\|{7}) "), "merge conflict"),
    (re.compile(r"\r$"), "carriage return at the end of the line"),
]

LONGEST_LINE = 120  # of documentation

# Most lines, without blank ones, of the files that CONTRIBUTING.md names as examples of a method.
MOST_LINES = {
    "models/training/supervised.cpp": 120,
    "models/methods/inversion/deep_inversion.cpp": 100,
    "tests/support/toy_method.h": 60,
}

# Inputs of the fuzz targets are damaged on purpose.
SEEDS = "tests/fuzz/corpus/"


def check_text(path, text):
    """Findings of one text file."""
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, message in PATTERNS:
            if pattern.search(line):
                yield path, number, message
        if path.endswith(".md") and len(line) > LONGEST_LINE:
            yield path, number, f"{len(line)} characters, expected at most {LONGEST_LINE}"
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    if lines > MOST_LINES.get(path, lines):
        yield path, 1, f"{lines} lines that are not blank, expected at most {MOST_LINES[path]}"


def main():
    root = sys.argv[1]
    findings = []
    for path in tree.project_files(root):
        if path.startswith(SEEDS):
            continue
        text = tree.read_text(root, path)
        if text is None:
            continue
        findings += check_text(path, text)
        if text.startswith("#!") and not os.access(os.path.join(root, path), os.X_OK):
            findings.append((path, 1, "begins with #! but is not executable"))
    tree.finish(findings)


if __name__ == "__main__":
    main()
