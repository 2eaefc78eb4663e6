#!/usr/bin/env python3
"""Each public function of the engine that takes or makes tensors stands in the table of tests/engine/test_bad_arguments.cpp.
Usage: check_argument_table.py ROOT"""

import os
import re
import sys

import tree

TABLE = "tests/engine/test_bad_arguments.cpp"

# Headers whose functions belong into the table, beside those of engine/ops.
HEADERS = ["engine/autograd.h", "engine/optim_step.h", "engine/random.h", "engine/tensor.h", "engine/io/tensor_io.h"]

# Functions without an argument that could be wrong, and those for the engine's own operations.
EXEMPT = {"grad_enabled", "needs_record", "record", "check_one_device", "accumulate_grad", "impl", "impl_ptr"}

FREE = re.compile(r"^(?!struct|class|enum|using|namespace|template|inline|extern|typedef)[A-Za-z_][\w:<>,&*\s]*?[\s&*](\w+)\(", re.M)
MEMBER = re.compile(r"^  (?:static |explicit )?[A-Za-z_][\w:<>,&*\s]*?[\s&*](\w+)\(", re.M)


def declared(text):
    """Names of the functions that a header declares for everybody: free ones, and public members of Tensor."""
    if "Internal to engine/ops." in text:
        return set()
    text = re.sub(r"//.*", "", text)
    names = set(FREE.findall(text))
    body = re.search(r"^class Tensor \{(.*?)^ private:", text, re.M | re.S)
    if body:
        names |= set(MEMBER.findall(body.group(1))) - {"Tensor"}
    return {name for name in names if name not in EXEMPT and not name.startswith("operator")}


def check(headers, table):
    """Findings; `headers`: contents by path."""
    known = set(re.findall(r'"(\w+)"', table)) | set(re.findall(r'"(\w+) [^"]*"', table))
    for path, text in sorted(headers.items()):
        for name in sorted(declared(text) - known):
            yield TABLE, 1, f"{name} of {path} is missing"


def main():
    root = sys.argv[1]
    paths = HEADERS + [path for path in tree.sources(root) if re.fullmatch(r"engine/ops/\w+\.h", path)]
    headers = {path: tree.read_text(root, path) for path in paths if os.path.isfile(os.path.join(root, path))}
    tree.finish(list(check(headers, tree.read_text(root, TABLE))))


if __name__ == "__main__":
    main()
