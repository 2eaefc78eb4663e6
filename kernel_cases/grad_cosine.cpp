/// Cosines of rows, their gradients and the gradients of those.

#include "kernels/grad_cosine/grad_cosine.h"

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// What all calls read.
template <class Args>
void describe_rows(cases::Operands& o, Args& a) {
  o.in("a", a.a, a.rows * a.width);
  o.in("b", a.b, a.rows * a.width).values(-0.5, 1);
}

void describe(cases::Operands& o, GradCosineForwardArgs& a) {
  describe_rows(o, a);
  o.out("cos", a.cos, a.rows);
  o.out("row_stats", a.row_stats, kNumCosineStats * a.rows);
  o.scratch(a.workspace, o.kernels<GradCosineKernels>().workspace_bytes(a.rows, a.width));
}

void describe(cases::Operands& o, GradCosineBackwardArgs& a) {
  describe_rows(o, a);
  o.in("row_stats", a.row_stats, kNumCosineStats * a.rows);
  o.in("grad_cos", a.grad_cos, a.rows);
  o.out("grad_a", a.grad_a, a.rows * a.width);
  o.out("grad_b", a.grad_b, a.rows * a.width);
}

void describe(cases::Operands& o, GradCosineDoubleBackwardArgs& a) {
  describe_rows(o, a);
  o.in("row_stats", a.row_stats, kNumCosineStats * a.rows);
  o.in("grad_cos", a.grad_cos, a.rows);
  o.in("v_a", a.v_a, a.rows * a.width);
  o.in("v_b", a.v_b, a.rows * a.width);
  o.out("grad_a", a.grad_a, a.rows * a.width);
  o.out("grad_b", a.grad_b, a.rows * a.width);
  o.out("grad_grad_cos", a.grad_grad_cos, a.rows);
  o.scratch(a.workspace, o.kernels<GradCosineKernels>().workspace_bytes(a.rows, a.width));
}

void expect(const GradCosineForwardArgs& a, cases::Expected& e) {
  reference::grad_cosine(e.in("a"), e.in("b"), a.rows, a.width, a.eps, e.out("cos", {.absolute = 2e-6}));
}

void expect(const GradCosineBackwardArgs& a, cases::Expected& e) {
  const cases::Tolerance tolerance = {.absolute = 2e-6, .of_value = 2e-6};
  reference::grad_cosine_backward(e.in("a"), e.in("b"), e.in("grad_cos"), a.rows, a.width, a.eps,
                                  e.out("grad_a", tolerance), e.out("grad_b", tolerance));
}

const GradCosineKernels kStagedGradCosine = {
    cases::staged<&GradCosineKernels::forward>, cases::staged<&GradCosineKernels::backward>,
    cases::staged<&GradCosineKernels::double_backward>, cases::staged<&GradCosineKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_grad_cosine_cases(CaseList& list) {
  const auto extents = list.sizes<Matrix>(
      {{1, 2}, {3, 7}, {2, 16}, {5, 33}, {3, 2500}, {2, 9001}, {2, 5000}, {67, 1027}},
      {{64 * list.scale(), 512}, {16 * list.scale(), 2048}, {4 * list.scale(), 16384}}, {{16 * list.scale(), 16384}});
  for (const auto& [rows, width] : extents)
    for (const float eps : list.odd() ? std::vector{1e-8f, 1.5f} : std::vector{1e-8f}) {  // one clamps short norms
      const std::string text = shape_text({rows, width}) + (eps < 1 ? "" : ", large eps");
      const KernelCase forward = list.add(
          "grad_cosine/forward", text, [](auto& b) { return b.grad_cosine.forward; },
          GradCosineForwardArgs{.rows = rows, .width = width, .eps = eps}, grad_cosine_forward_cost(rows, width),
          expect);
      list.add(
              "grad_cosine/backward", text, [](auto& b) { return b.grad_cosine.backward; },
              GradCosineBackwardArgs{.rows = rows, .width = width, .eps = eps},
              grad_cosine_backward_cost(rows, width, 2), expect)
          .following(forward);
      auto& twice = list.add(
                            "grad_cosine/double_backward", text, [](auto& b) { return b.grad_cosine.double_backward; },
                            GradCosineDoubleBackwardArgs{.rows = rows, .width = width, .eps = eps},
                            grad_cosine_double_backward_cost(rows, width, 2))
                        .following(forward);
      if (width > 4096) twice.allowed({1.67, 0.95, "longer rows do not fit a block's registers and are read twice"});
    }
}

}  // namespace engram::cases
