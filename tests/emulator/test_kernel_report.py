#!/usr/bin/env python3
"""engram-bench counts: its limits fail when they should and say how to see it again; ptxas_budget reads ptxas's output.
Usage: test_kernel_report.py PROGRAM BUDGET_SCRIPT"""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM, BUDGET_SCRIPT = sys.argv[1:3]
ADD = "emu::examples::(anonymous namespace)::add_kernel"


def load_budget():
    loader = importlib.machinery.SourceFileLoader("ptxas_budget", BUDGET_SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("ptxas_budget", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def report(case, exceptions=None, resources=None, arguments=()):
    """Exit code and output of the program on one case, with these exceptions from the limits and those resources of add_kernel."""
    with tempfile.TemporaryDirectory() as folder:
        command = [PROGRAM, "counts", "--only", case, *arguments]
        if exceptions is not None:
            limits = os.path.join(folder, "limits.json")
            with open(limits, "w") as file:
                json.dump({"cases": {case: {"exceptions": exceptions}}}, file)
            command += ["--enforce", "--limits", limits]
        if resources is not None:
            table = os.path.join(folder, "ptxas.json")
            with open(table, "w") as file:
                json.dump({"13.0": {"sm_90": {ADD: resources}}}, file)
            command += ["--ptxas", table]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout + result.stderr


def resources(registers=32, spills=0):
    return {"registers": registers, "spill_bytes": spills, "shared_bytes": 0}


class Gates(unittest.TestCase):
    def fails(self, text, *arguments):
        code, output = report(*arguments)
        self.assertEqual(code, 1, output)
        self.assertIn(text, output)
        self.assertIn("reproduce: engram-bench counts --only " + arguments[0], output)

    def test_passes(self):
        code, output = report("examples/add", [], resources())
        self.assertEqual(code, 0, output)
        self.assertIn("add_kernel", output)
        self.assertIn("1.000 of the declared minimum", output)
        self.assertIn("model", output)

    def test_each_gate(self):
        def limit(gate, value):
            return [{"gate": gate, "limit": value, "reason": "test"}]
        self.fails("expected no spills, got 8 bytes", "examples/add", [], resources(spills=8))
        self.fails("theoretical occupancy", "examples/add", [], resources(registers=255))
        self.fails("bank conflicts", "examples/transpose_conflicting", limit("conflicts", 0))
        self.fails("sector efficiency", "examples/add", limit("sectors", 1.1))
        self.fails("declared minimum", "examples/add", limit("bytes", 0.9))

    def test_bad_input(self):
        self.assertEqual(report("no such case")[0], 2)
        self.assertEqual(report("examples/add", arguments=("--arch", "42"))[0], 2)
        self.assertEqual(report("examples/add", [{"gate": "bytes"}])[0], 3)
        self.assertEqual(report("examples/add", [], {"registers": 1})[0], 3)
        self.assertEqual(report("examples/add", arguments=("--enforce", "--limits", "/nonexistent"))[0], 3)
        self.assertEqual(report("examples/add", arguments=("--no-such-option",))[0], 2)


class PtxasBudget(unittest.TestCase):
    TEXT = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_ZN1a1fILi4EEEvPf' for 'sm_90'
ptxas info    : Function properties for _ZN1a1fILi4EEEvPf
    0 bytes stack frame, 12 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 25 registers, used 1 barriers, 144 bytes smem
"""

    def test_parse(self):
        kernels = load_budget().parse(self.TEXT)
        self.assertEqual(kernels, {"sm_90": {"_ZN1a1fILi4EEEvPf": {"registers": 25, "spill_bytes": 20, "shared_bytes": 144}}})

    def test_built(self):
        """What the compiler's launcher keeps beside the objects is what compiling says; other output passes through it."""
        budget = load_budget()
        launcher = os.path.join(budget.ROOT, "cmake", "keep_ptxas_output")
        with tempfile.TemporaryDirectory() as folder:
            for number, source in enumerate(budget.kernel_sources()):
                made = os.path.join(folder, os.path.relpath(source, os.path.join(budget.ROOT, "kernels")) + ".o")
                os.makedirs(os.path.dirname(made), exist_ok=True)
                if number == 1:
                    with self.assertRaisesRegex(SystemExit, "expected .*ptxas, which building engram_cuda_kernels writes"):
                        list(budget.built(folder))
                text = self.TEXT + "a warning\n"
                script = f"cat >&2 <<'END'\n{text}END\nexit {number % 2}"
                result = subprocess.run([launcher, "sh", "-c", script, "-o", made], capture_output=True, text=True, check=False)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (number % 2, "", "a warning\n"))
            self.assertEqual(budget.figures(budget.built(folder)),
                             {"sm_90": {"a::f<4>": {"registers": 25, "spill_bytes": 20, "shared_bytes": 144}}})

    def test_names(self):
        without_signature = load_budget().without_signature
        self.assertEqual(without_signature("void a::(anonymous namespace)::f<(a::E)1, 4>(float const*)"),
                         "a::(anonymous namespace)::f<(a::E)1, 4>")
        self.assertEqual(without_signature("f(int)"), "f")

    def test_merged(self):
        budget = load_budget()
        old = {"sm_80": {"f": resources(30), "g": resources(31)}, "sm_90": {"f": resources(32)}}
        self.assertEqual(budget.merged(old, {"sm_80": {"g": resources(40)}, "sm_100": {"g": resources(41)}}),
                         {"sm_80": {"f": resources(30), "g": resources(40)}, "sm_90": {"f": resources(32)}, "sm_100": {"g": resources(41)}})

    def test_compare(self):
        compare = load_budget().compare
        old = {"sm_90": {"f": {"registers": 20, "spill_bytes": 0, "shared_bytes": 0}}}
        self.assertEqual(list(compare(old, old)), [])
        for change in ({"registers": 21}, {"shared_bytes": 4}, {"spill_bytes": 4}):
            new = {"sm_90": {"f": {**old["sm_90"]["f"], **change}}}
            self.assertEqual(len(list(compare(new, old))), 1, change)
        self.assertEqual(len(list(compare({"sm_90": {"g": old["sm_90"]["f"]}}, old))), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
