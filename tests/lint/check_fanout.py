#!/usr/bin/env python3
"""Touching the header of a kernel family recompiles its users only: a source reaches kernels/FAMILY/FAMILY.h through an include of its
own, or through a header that is listed here because its declarations are made of the family's. Usage: check_fanout.py ROOT"""

import re
import sys

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
SOURCES = (".cpp", ".cu")

# Headers that pass families on, because what they declare is made of them. Whoever includes one uses these families.
CARRIERS = {
    "engine/ops/strided_view.h": {"reduce"},  # arguments of reductions, for the operations that reduce
    "models/data/augment_draw.h": {"image_batch"},  # draws are the kernels' structs
    "models/genes/gene_columns.h": {"survival_screen"},  # a kernel's view of the columns
    "models/genes/null_model.h": {"survival_screen"},  # risk sets
    "models/survival/aft_model.h": {"aft_likelihood"},  # the distributions
    "models/survival/concordance.h": {"concordance"},  # the result
    "models/survival/lasso_solver.h": {"coordinate_descent", "dense_solve"},  # templates that call them
    "models/survival/newton_iteration.h": {"dense_solve"},  # likewise
    "models/survival/survival_design.h": {"cox_partial"},  # a kernel's view of the rows
    "tests/support/survival_screen_samples.h": {"survival_screen"},
}

# Most sources that may reach a family of the back ends' table.
LIMIT = 20

FAMILIES = "kernels/families.h"


def families(texts):
    """Names of the families: folders of kernels/ with a header and a reference of the same name."""
    return {name for name in (path.split("/")[1] for path in texts if path.startswith("kernels/"))
            if f"kernels/{name}/{name}.h" in texts and f"kernels/{name}/{name}_reference.cpp" in texts}


def in_table(texts):
    """The families that are members of the back ends' table."""
    return set(re.findall(r"^  X\((\w+), \w+\)", texts.get(FAMILIES, ""), re.M))


def includes(text):
    return INCLUDE.findall(text)


def reach(graph, start):
    """Files that `start` includes, directly or not, each with the chain of includes that leads there."""
    chains = {start: [start]}
    queue = [start]
    while queue:
        path = queue.pop()
        for header in graph.get(path, ()):
            if header not in chains:
                chains[header] = chains[path] + [header]
                queue.append(header)
    return chains


def check(texts):
    """Findings in the include graph of `texts` (contents by path)."""
    names, table = families(texts), in_table(texts)
    graph = {path: [header for header in includes(text) if header in texts] for path, text in texts.items()}
    users = {name: [] for name in names}
    for source in sorted(path for path in texts if path.endswith(SOURCES)):
        chains = reach(graph, source)
        for name in names:
            header = f"kernels/{name}/{name}.h"
            if header not in chains:
                continue
            users[name].append(source)
            if not permitted(chains[header], name, names):
                yield source, 1, f"recompiles with {header} without naming it: " + " > ".join(chains[header])
    for name in sorted(table & names):
        if len(users[name]) > LIMIT:
            yield f"kernels/{name}/{name}.h", 1, f"{len(users[name])} sources recompile with this header, at most {LIMIT} may"


def permitted(chain, name, names):
    """Whether the file by which the chain enters the family is the source itself, part of another family, or a header that may pass it on."""
    giver = next((path for path in reversed(chain) if not path.startswith(f"kernels/{name}/")), chain[0])
    if giver == chain[0] or giver.startswith(tuple(f"kernels/{other}/" for other in names)):
        return True
    return name in CARRIERS.get(giver, ())


def main():
    root = sys.argv[1]
    texts = {path: tree.read_text(root, path) or "" for path in tree.sources(root)}
    tree.finish(list(check(texts)))


if __name__ == "__main__":
    main()
