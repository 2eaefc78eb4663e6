#!/usr/bin/env python3
"""The lint checks find what they are there for."""

import unittest

import check_argument_table
import check_families
import check_fanout
import check_layers
import check_text
import check_units


def layers(path, text):
    return [message for _, _, message in check_layers.check_file(path, "#pragma once\n" + text)]


def text_lines(text):
    return [line for _, line, _ in check_text.check_text("file", text)]


class CheckLayers(unittest.TestCase):
    def test_downward_includes_pass(self):
        self.assertEqual(layers("models/a.cpp", '#include "engine/tensor.h"\n#include "kernels/backend.h"\n#include <vector>\n'), [])
        self.assertEqual(layers("tests/engine/a.cpp", '#include "tests/support/op_case.h"\n'), [])

    def test_upward_includes_fail(self):
        for path, header in (("kernels/a.h", "engine/tensor.h"), ("engine/a.h", "models/module.h"), ("models/a.cpp", "apps/a.h"),
                             ("engine/a.cpp", "tests/support/op_case.h"), ("apps/a.cpp", "bench/a.h")):
            self.assertEqual(len(layers(path, f'#include "{header}"\n')), 1, path)

    def test_emulated_programs_see_public_headers_and_their_own(self):
        path = "emulator/examples/programs/a.cu"
        self.assertEqual(layers(path, '#include "emulator/kernel.h"\n#include "verdict.h"\n'), [])
        for header in ("emulator/engine/worker.h", "kernels/a.h"):
            self.assertEqual(len(layers(path, f'#include "{header}"\n')), 1)

    def test_examples_include_as_other_projects_do(self):
        self.assertEqual(layers("examples/a.cpp", '#include "engram/engram.h"\n'), [])
        self.assertEqual(layers("tests/consumer/a.cpp", '#include "engram/engine/tensor.h"\n'), [])
        for path, header in (("examples/a.cpp", "engine/tensor.h"), ("engine/a.cpp", "engram/engram.h"), ("tests/a.cpp", "engram/engram.h")):
            self.assertEqual(len(layers(path, f'#include "{header}"\n')), 1, path)

    def test_relative_include_fails(self):
        self.assertEqual(len(layers("engine/a.cpp", '#include "tensor.h"\n')), 1)

    def test_emulator(self):
        self.assertEqual(layers("kernels/reduce/reduce_cuda.cu", '#include "emulator/kernel.h"\n'), [])
        self.assertEqual(layers("tests/emulator/a.cpp", '#include "emulator/engine/worker.h"\n'), [])
        for path, header in (("emulator/a.h", "kernels/common/types.h"), ("engine/a.cpp", "emulator/emulator.h"),
                             ("kernels/reduce/reduce_cpu.cpp", "emulator/kernel.h"),
                             ("kernels/reduce/reduce_cuda.cu", "emulator/engine/worker.h")):
            self.assertEqual(len(layers(path, f'#include "{header}"\n')), 1, path)

    def test_foreign_headers(self):
        self.assertEqual(layers("kernels/conv2d/a.cpp", "#include <oneapi/dnnl/dnnl.hpp>\n"), [])
        for path, header in (("engine/a.h", "oneapi/dnnl/dnnl.hpp"), ("engine/a.cpp", "Eigen/Dense"),
                             ("engine/tensor.cpp", "nlohmann/json.hpp"), ("models/a.h", "nlohmann/json.hpp"),
                             ("models/a.cpp", "CLI/CLI.hpp"), ("models/a.cpp", "png.h"),
                             ("models/a.cpp", "jpeglib.h")):
            self.assertEqual(len(layers(path, f"#include <{header}>\n")), 1, path)

    def test_vendor_header_stays_in_its_family(self):
        plan = "#include <oneapi/dnnl/dnnl.hpp>\n"
        use = '#include "kernels/conv2d/plan.h"\n'
        self.assertEqual(list(check_layers.check_vendor_headers({"kernels/conv2d/plan.h": plan, "kernels/conv2d/a.cpp": use})), [])
        self.assertEqual(len(list(check_layers.check_vendor_headers({"kernels/conv2d/plan.h": plan, "engine/a.cpp": use}))), 1)

    def test_header_guard(self):
        self.assertEqual(len(list(check_layers.check_file("engine/a.h", "int f();\n"))), 1)


class CheckFanout(unittest.TestCase):
    FAMILY = {"kernels/pool/pool.h": "", "kernels/pool/pool_reference.cpp": '#include "kernels/pool/pool.h"\n',
              "kernels/families.h": "  X(pool, Pool)\n"}
    USE = '#include "kernels/pool/pool.h"\n'

    def findings(self, **texts):
        return list(check_fanout.check(self.FAMILY | {path.replace("__", "/") + "." + ending: text
                                                      for path, (ending, text) in texts.items()}))

    def test_who_names_a_family_uses_it(self):
        self.assertEqual(self.findings(engine__pool=("cpp", self.USE)), [])

    def test_header_of_another_layer_does_not_pass_it_on(self):
        self.assertEqual(len(self.findings(engine__tensor=("h", self.USE), models__a=("cpp", '#include "engine/tensor.h"\n'))), 1)

    def test_table_does_not_pass_it_on(self):
        found = self.findings(kernels__backend=("h", self.USE),
                              engine__tensor=("h", '#include "kernels/backend.h"\n'), models__a=("cpp", '#include "engine/tensor.h"\n'))
        self.assertEqual(len(found), 1)

    def test_number_of_users_is_limited(self):
        users = {f"models__a{i}": ("cpp", self.USE) for i in range(check_fanout.LIMIT)}
        self.assertEqual(len(self.findings(**users)), 1)


class CheckUnits(unittest.TestCase):
    def clashes(self, first, second, folder="models"):
        return [line for _, line, _ in check_units.check({f"{folder}/a.cpp": first, f"{folder}/b.cpp": second})]

    def test_private_names_clash(self):
        for text in ("constexpr int kA = 1, kB{2};\n", "struct Kept {\n  int f() { return 0; }\n};\n", "enum Purpose { kB };\n",
                     "template <class T>\nstd::vector<T> row(const T& x) {\n  return {x};\n}\n"):
            self.assertEqual(len(self.clashes("namespace {\n" + text + "}\n", "namespace {\n\n" + text + "}\n")) > 0, True, text)

    def test_statics_macros_and_tests_clash(self):
        for text in ("static int f(int x) {\n  return x;\n}\n", "#define ROWS 3\n", "TEST(Suite, Name) {\n}\n"):
            self.assertEqual(len(self.clashes(text, text)), 1, text)

    def test_overloads_members_and_declarations_of_others_pass(self):
        self.assertEqual(self.clashes("namespace {\nint f(int x) {\n  return x;\n}\n}\n",
                                      "namespace {\nint f(const float* x) {\n  int kA = 0;\n  return kA;\n}\n}\n"), [])
        self.assertEqual(self.clashes("Tensor relu(const Tensor& x) {\n  return x;\n}\n", "Tensor relu(const Tensor& x);\n"), [])
        self.assertEqual(self.clashes("namespace a {\nnamespace {\nint f() {\n}\n}\n}\n", "namespace b {\nnamespace {\nint f() {\n}\n}\n}\n"), [])

    def test_other_targets_pass(self):
        text = "namespace {\nconstexpr int kA = 1;\n}\n"
        self.assertEqual(self.clashes(text, text, "apps"), [])
        self.assertEqual(list(check_units.check({"models/data/a.cpp": text, "models/nets/a.cpp": text})), [])


class CheckFamilies(unittest.TestCase):
    WHOLE = {"kernels/families.h": "#define ENGRAM_HAND_WRITTEN_FAMILIES(X) \\\n  X(pool, Pool)\n\n",
             "kernels/pool/pool.h": "struct PoolKernels {\n  void (*max)(Stream, const Args&);\n};\nCost pool_cost(int n);\n",
             "kernels/pool/pool_reference.cpp": "", "kernels/pool/pool_cpu.cpp": "const PoolKernels kCpuPool = {max};\n",
             "kernels/pool/pool_cuda.cu": "extern const PoolKernels kCudaPool = {max};\n",
             "kernel_cases/pool.cpp": "void expect(...) { reference::max(); }\n[](auto& b) { return b.pool.max; }\n"}

    def missing(self, texts):
        return [message for _, _, message in check_families.check(texts)]

    def test_a_whole_family_passes(self):
        self.assertEqual(self.missing(self.WHOLE), [])

    def test_each_missing_part_is_named(self):
        for path, part in [("kernels/pool/pool_reference.cpp", "reference"), ("kernels/pool/pool_cpu.cpp", "CPU back end"),
                           ("kernels/pool/pool_cuda.cu", "CUDA back end"), ("kernel_cases/pool.cpp", "cases")]:
            found = self.missing({name: text for name, text in self.WHOLE.items() if name != path})
            self.assertTrue(any(message.startswith("pool: expected its " + part) for message in found), (path, found))

    def test_an_entry_point_without_a_case_is_named(self):
        more = self.WHOLE["kernels/pool/pool.h"].replace("};", "  void (*mean)(Stream, const Args&);\n};")
        self.assertEqual(self.missing(self.WHOLE | {"kernels/pool/pool.h": more}), ["pool: expected its case of pool.mean, got none"])

    def test_a_family_without_a_cost_is_named(self):
        header = self.WHOLE["kernels/pool/pool.h"].replace("Cost pool_cost(int n);\n", "")
        self.assertEqual(self.missing(self.WHOLE | {"kernels/pool/pool.h": header}),
                         ["pool: expected its cost function in the header, got none"])


class CheckArgumentTable(unittest.TestCase):
    HEADER = "/// f(x) in words\nTensor relu(const Tensor& x);\nclass Tensor {\n  int rank() const;\n private:\n  int hidden() const;\n};\n"

    def test_what_is_missing_is_found(self):
        found = [message for _, _, message in check_argument_table.check({"engine/a.h": self.HEADER}, '{"rank", 1}')]
        self.assertEqual(found, ["relu of engine/a.h is missing"])

    def test_names_may_come_with_words(self):
        self.assertEqual(list(check_argument_table.check({"engine/a.h": self.HEADER}, '"relu of nothing", "rank"')), [])


class CheckText(unittest.TestCase):
    def test_finds(self):
        bad = ["cd /wo" "rk/x", "a /ro" "ot/b", "/ho" "me/someone/c", "// TO" "DO: later", "<" * 7 + " HEAD", "x\r"]
        self.assertEqual(text_lines("\n".join(bad)), [1, 2, 3, 4, 5, 6])

    def test_long_lines_of_documentation(self):
        text = "a" * 120 + "\n" + "b" * 121
        self.assertEqual([line for _, line, _ in check_text.check_text("docs/a.md", text)], [2])
        self.assertEqual(list(check_text.check_text("a.cpp", text)), [])

    def test_long_examples(self):
        for path, most in check_text.MOST_LINES.items():
            self.assertEqual(list(check_text.check_text(path, "a\n\n" * most)), [])
            self.assertEqual(len(list(check_text.check_text(path, "a\n" * (most + 1)))), 1, path)

    def test_passes(self):
        self.assertEqual(text_lines("a/wo" "rk/b\n${HOME}/ro" "ot/c\n/t" "mp/x\nmethod\n======="), [])


if __name__ == "__main__":
    unittest.main()
