#!/usr/bin/env python3
"""Every kernel family is whole: header with entry points and cost, reference, CPU and CUDA back end, and a case or a test of each entry
point. What is missing is named. Usage: check_families.py ROOT"""

import re
import sys

import tree

LIST = "kernels/families.h"

# Families of the list whose cases are the tests named here, because their operands are made of whole cohorts.
TESTED_ELSEWHERE = {"survival_screen": "tests/kernels/test_survival_screen.cpp"}

# Entry points that cannot be called alone.
PART_OF_A_CALL = {("bn_stats_match", "finish")}


def listed(text, macro):
    """{family: Family} of one of the lists."""
    body = re.search(rf"#define {macro}\(X\)(.*?)(?:\n\n|\Z)", text, re.S)
    return dict(re.findall(r"X\((\w+), (\w+)\)", body.group(1))) if body else {}


def entry_points(header, type_name):
    body = re.search(rf"struct {type_name}Kernels \{{(.*?)\n\}};", header, re.S)
    return re.findall(r"void \(\*(\w+)\)\(Stream, ", body.group(1)) if body else []


def defines(texts, folder, name):
    return any(re.search(rf"^(extern )?const \w+ {name}\b[^;]*=|^(extern )?const \w+ {name}\{{", text, re.M)
               for path, text in texts.items() if path.startswith(folder))


def parts_of(texts, family, type_name, hand_written):
    """(part, whether it is there) of a family of the list."""
    folder = f"kernels/{family}/"
    header = texts.get(f"{folder}{family}.h", "")
    points = entry_points(header, type_name)
    yield f"header {folder}{family}.h with struct {type_name}Kernels", bool(points)
    yield "cost function in the header", bool(re.search(r"^Cost \w+\(", header, re.M))
    yield f"reference {folder}{family}_reference.cpp", f"{folder}{family}_reference.cpp" in texts
    yield f"CPU back end kCpu{type_name}", defines(texts, folder, f"kCpu{type_name}")
    yield f"CUDA back end kCuda{type_name}", defines(texts, folder, f"kCuda{type_name}")
    if not hand_written or family in TESTED_ELSEWHERE:
        test = TESTED_ELSEWHERE.get(family, f"tests/kernels/test_{family}.cpp")
        yield f"test {test}", test in texts
        return
    cases = texts.get(f"kernel_cases/{family}.cpp", "")
    yield f"cases kernel_cases/{family}.cpp", bool(cases)
    yield "expectation of the reference in the cases", "void expect(" in cases and "reference::" in cases
    for point in points:
        if (family, point) not in PART_OF_A_CALL:
            yield f"case of {family}.{point}", bool(re.search(rf"\b{family}\.{point}; \}}", cases))


def parts_beside_the_list(texts, family):
    """The same for a family that its callers call directly: of the CPU alone."""
    folder = f"kernels/{family}/"
    header = texts.get(f"{folder}{family}.h", "")
    yield f"reference {folder}{family}_reference.cpp", f"{folder}{family}_reference.cpp" in texts
    yield "cost function in the header", bool(re.search(r"^Cost \w+\(", header, re.M))
    tested = rf'#include "kernels/{family}/{family}\.h"'
    yield "test that includes its header", any(re.search(tested, text) for path, text in texts.items()
                                               if path.startswith("tests/"))


def check(texts):
    text = texts.get(LIST, "")
    by_hand, by_library = listed(text, "ENGRAM_HAND_WRITTEN_FAMILIES"), listed(text, "ENGRAM_LIBRARY_FAMILIES")
    for family, type_name in sorted((by_hand | by_library).items()):
        for part, is_there in parts_of(texts, family, type_name, family in by_hand):
            if not is_there:
                yield LIST, 1, f"{family}: expected its {part}, got none"
    folders = {path.split("/")[1] for path in texts if re.fullmatch(r"kernels/(\w+)/\1\.h", path)}
    for family in sorted(folders - set(by_hand) - set(by_library) - {"plugin"}):
        for part, is_there in parts_beside_the_list(texts, family):
            if not is_there:
                yield f"kernels/{family}/{family}.h", 1, f"{family}: expected its {part}, got none"


def main():
    root = sys.argv[1]
    texts = {path: tree.read_text(root, path) or "" for path in tree.sources(root)}
    tree.finish(list(check(texts)))


if __name__ == "__main__":
    main()
