#!/usr/bin/env python3
"""Sources of a folder can be compiled as one unit (cmake/Units.cmake): what one of them keeps to itself, in an unnamed namespace or as
a static or constant, and its tests and macros, no other one defines and no header declares under the same name. Usage:
check_units.py ROOT"""

import re
import sys

import tree

# Folders whose sources belong to one target.
FOLDERS = re.compile(r"(kernels|engine|models|emulator|kernel_cases|bench/(engram_bench|kernel_report)|apps/(common|analyze|genes)|tests/(kernels|engine|io|models|apps|survival|cuda|bench|emulator))(/|$)")
# Sources of other targets than their neighbours.
APART = re.compile(r"_(cuda|cudnn|cublas)\.cpp$|^tests/(cuda/broken/|models/training_victim)|^kernels/plugin/cuda/")

TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
NAMESPACE = re.compile(r"(?:inline )?namespace ?([\w:]*)$")
TYPE = re.compile(r"(?:struct|class|union|enum(?: class| struct)?) (?:alignas\([^)]*\) )?(\w+)")
ALIAS = re.compile(r"using (\w+) =")


def bare(text):
    """The text without comments and directives, with empty literals, at the same lines."""
    def shorten(match):
        token = match.group()
        return ("" if token.startswith("/") else '""' if '"' in token else "0") + "\n" * token.count("\n")
    text = TOKENS.sub(shorten, text)
    return DIRECTIVE.sub(lambda match: "\n" * match.group().count("\n"), text)


def statements(text):
    """(line, namespaces, statement) of each declaration at namespace level; a definition's statement ends before its body."""
    scopes, start, depth = [], 0, 0
    for match in re.finditer(r"[{};()]", text):
        mark, head = match.group(), " ".join(text[start:match.start()].split())
        inside = all(kind is not None for kind in scopes)
        if mark in "()":
            depth += 1 if mark == "(" else -1
            continue
        if depth and mark == ";":
            continue
        line = text.count("\n", 0, match.start()) + 1
        if mark == "{":
            name = NAMESPACE.search(head) if inside else None
            if inside and not name and head:
                yield line, [kind for kind in scopes], head
            scopes.append(name.group(1) if name else None)
        elif mark == "}":
            if scopes:
                scopes.pop()
        elif inside and head:
            yield line, [kind for kind in scopes], head
        if all(kind is not None for kind in scopes):
            start = match.end()


def without_templates(text):
    """The text without what stands in angle brackets."""
    previous = None
    while previous != text:
        previous, text = text, re.sub(r"<[^<>]*>", "", text)
    return text


def parameters(text):
    """The parameter types of a function whose declaration goes on behind its opening parenthesis."""
    depth = 1
    for end, mark in enumerate(text):
        depth += (mark in "([{") - (mark in ")]}")
        if depth == 0:
            break
    types = []
    for one in re.split(r",(?![^(<]*[)>])", text[:end]):
        words = re.findall(r"[\w:]+|[&*<>,]", one.split("=")[0])
        words = [word for word in words if word not in ("const", "std::")]
        types.append(" ".join(words[:-1] if len(words) > 1 and re.match(r"\w", words[-1]) else words))
    return ", ".join(types)


def without_brackets(text):
    """The text without what stands in round, square or angle brackets."""
    previous = None
    while previous != text:
        previous, text = text, re.sub(r"<[^<>()]*>|\([^()]*\)|\[[^\[\]]*\]", "", text)
    return text


def declarators(statement):
    """Names of the variables that the statement declares."""
    for part in without_brackets(statement).split(","):
        name = re.search(r"([\w:]+) ?$", part.split("=")[0])
        if name and "::" not in name.group(1):
            yield name.group(1)


def private(scopes, statement):
    """(name, text by which two declarations are the same) of all that the statement keeps in its source."""
    statement = re.sub(r"^(\[\[[^\]]*\]\] |ENGRAM_MULTIVERSION )*", "", statement)
    statement = re.sub(r"^template ?(<(?:[^<>]|<[^<>]*>)*>) ", "", statement)
    hidden = "" in scopes
    if re.match(r"(TEST|TEST_F|TEST_P|TYPED_TEST|INSTANTIATE_TEST_SUITE_P)\(", statement):
        yield re.match(r"\w+\(([^)]*)", statement).group(1), None
    elif re.match(r"\W|(using namespace|extern|typedef|friend|static_assert|namespace)\b", statement):
        return
    elif ALIAS.match(statement):
        if hidden:
            yield ALIAS.match(statement).group(1), statement
    elif TYPE.match(statement) and "(" not in statement:
        if hidden:
            yield TYPE.match(statement).group(1), None
    elif re.match(r"[^(=]*[\w>&*] ?[&*]*\b[\w:~]+ ?\(", without_templates(statement)):
        name = re.match(r"[^(=]*?([\w:~]+) ?\(", without_templates(statement)).group(1)
        if "::" not in name and (hidden or statement.startswith("static ")) and name + "(" in statement:
            yield f"{name}({parameters(statement[statement.index(name + '(') + len(name) + 1:])})", None
    elif hidden or re.match(r"(static|constexpr|const)\b", statement):
        for name in declarators(statement):
            yield name, None


def enumerators(text):
    """(offset, name) of the members of unscoped enumerations."""
    for match in re.finditer(r"\benum(?! class| struct)[^{};()]*\{([^{}]*)\}", text):
        for member in match.group(1).split(","):
            name = re.match(r"\s*(\w+)", member)
            if name:
                yield match.start(1), name.group(1)


def private_names(text):
    """{(namespace, name): (line, text by which two are the same)} of one source."""
    code = bare(text)
    names = {("", name): (code.count("\n", 0, offset) + 1, None) for offset, name in enumerators(code)
             if "namespace {" in code[:offset]}
    for line, scopes, statement in statements(code):
        for name, same in private(scopes, statement):
            names.setdefault(("::".join(scope for scope in scopes if scope), name), (line, same))
    for match in re.finditer(r"^[ \t]*#[ \t]*define (\w+)", text, re.M):
        if not re.search(r"^[ \t]*#[ \t]*undef " + match.group(1) + r"\b", text, re.M):
            names[("macro", match.group(1))] = (text.count("\n", 0, match.start()) + 1, None)
    return names


def public_names(text):
    """{(namespace, name)} of the types and functions that a header declares."""
    names = set()
    for _, scopes, statement in statements(bare(text)):
        for name, _ in private([*scopes, ""], statement):
            names.add(("::".join(scopes), name))
    return names


def check(texts):
    """Findings among the sources of each folder; `texts`: contents by path."""
    seen = {}
    for path in sorted(texts):
        if path.endswith(".h") and FOLDERS.match(path.rpartition("/")[0]):
            for namespace, name in public_names(texts[path]):
                seen.setdefault((path.rpartition("/")[0], namespace, name), (path, None))
    for path in sorted(texts):
        folder = path.rpartition("/")[0]
        if not path.endswith(".cpp") or not FOLDERS.match(folder) or APART.search(path):
            continue
        for key, (line, same) in private_names(texts[path]).items():
            other, other_same = seen.setdefault((folder, *key), (path, same))
            if other != path and (same is None or same != other_same):
                yield path, line, f"{key[1]} stands in {other} too, which may be compiled in the same unit"


def main():
    root = sys.argv[1]
    tree.finish(list(check({path: tree.read_text(root, path) or "" for path in tree.sources(root)})))


if __name__ == "__main__":
    main()
