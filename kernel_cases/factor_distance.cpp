/// Distance of normalised rows and its gradient.

#include "kernels/factor_distance/factor_distance.h"

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

void describe(cases::Operands& o, FactorDistanceForwardArgs& a) {
  o.in("a", a.a, a.rows * a.width).values(-1, 2);
  o.in("b", a.b, a.rows * a.width).values(-1, 2);
  o.out("row_stats", a.row_stats, kNumFactorStats * a.rows);
  o.out("loss", a.loss, 1);
  o.scratch(a.workspace, o.kernels<FactorDistanceKernels>().workspace_bytes(a.rows));
}

void describe(cases::Operands& o, FactorDistanceBackwardArgs& a) {
  o.in("a", a.a, a.rows * a.width);
  o.in("b", a.b, a.rows * a.width);
  o.in("row_stats", a.row_stats, kNumFactorStats * a.rows);
  o.in("loss", a.loss, 1);
  o.in("grad", a.grad, 1).values(1.7, 1.8);
  o.out("grad_a", a.grad_a, a.rows * a.width);
}

void expect(const FactorDistanceForwardArgs& a, cases::Expected& e) {
  // Normalised values are at most 1: each is a unit in the last place (1.2e-7) off at most.
  *e.out("loss", {.absolute = 2.4e-7, .of_value = 2e-6}) =
      reference::factor_distance(e.in("a"), e.in("b"), a.rows, a.width, a.p, a.eps);
}

void expect(const FactorDistanceBackwardArgs& a, cases::Expected& e) {
  reference::factor_distance_backward(e.in("a"), e.in("b"), *e.in("grad"), a.rows, a.width, a.p, a.eps,
                                      e.out("grad_a", {.absolute = 1e-6, .of_largest = 5e-6}));
}

const FactorDistanceKernels kStagedFactorDistance = {cases::staged<&FactorDistanceKernels::forward>,
                                                     cases::staged<&FactorDistanceKernels::backward>,
                                                     cases::staged<&FactorDistanceKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_factor_distance_cases(CaseList& list) {
  // The widths reach every way in which a row is kept, and one that is read twice.
  const auto extents = list.sizes<Matrix>(
      {{1, 1}, {3, 7}, {2, 16}, {70, 33}, {2, 1024}, {3, 2047}, {2, 2048}, {2, 9001}, {1, 16396}, {67, 1027}},
      {{64 * list.scale(), 512}, {32 * list.scale(), 2048}, {4 * list.scale(), 16384}}, {{64 * list.scale(), 2048}});
  for (const auto& [rows, width] : extents)
    for (const int p : list.odd() ? std::vector{1, 2} : std::vector{1})
      for (const float eps : list.odd() ? std::vector{1e-12f, 1.5f} : std::vector{1e-12f}) {  // one holds denominators
        const std::string text = shape_text({rows, width}) + ", p " + std::to_string(p);
        const KernelCase forward = list.add(
            "factor_distance/forward", text, [](auto& b) { return b.factor_distance.forward; },
            FactorDistanceForwardArgs{.rows = rows, .width = width, .p = p, .eps = eps},
            factor_distance_forward_cost(rows, width), expect);
        list.add(
                "factor_distance/backward", text, [](auto& b) { return b.factor_distance.backward; },
                FactorDistanceBackwardArgs{.rows = rows, .width = width, .p = p, .eps = eps},
                factor_distance_backward_cost(rows, width), expect)
            .following(forward);
      }
}

}  // namespace engram::cases
