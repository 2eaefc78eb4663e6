/// Nearest upsampling and its adjoint.

#include "kernels/resample/resample.h"

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

ActivationShape upsampled(const ActivationShape& x, dim_t factor) {
  return {x.n, x.c, x.h * factor, x.w * factor, x.block};
}

void describe(cases::Operands& o, UpsampleNearestArgs& a) {
  const ActivationShape y = upsampled(a.x_shape, a.factor);
  o.in("x", a.x, a.x_shape.count()).in_order_of(a.x_shape);
  o.out("y", a.y, y.count()).in_order_of(y);
}

void describe(cases::Operands& o, UpsampleNearestBackwardArgs& a) {
  const ActivationShape y = upsampled(a.x_shape, a.factor);
  o.in("dy", a.dy, y.count()).in_order_of(y);
  o.out("dx", a.dx, a.x_shape.count()).in_order_of(a.x_shape);
}

void expect(const UpsampleNearestArgs& a, cases::Expected& e) {
  reference::upsample_nearest(a.x_shape, a.factor, e.in("x"), e.out("y", {}));
}

void expect(const UpsampleNearestBackwardArgs& a, cases::Expected& e) {
  // Sums of factor^2 values within 1, in f32: the rounding of a sum grows with the root of its terms.
  reference::upsample_nearest_backward(a.x_shape, a.factor, e.in("dy"),
                                       e.out("dx", {.absolute = 1e-6 * double(a.factor)}));
}

const ResampleKernels kStagedResample = {cases::staged<&ResampleKernels::upsample_nearest>,
                                         cases::staged<&ResampleKernels::upsample_nearest_backward>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_resample_cases(CaseList& list) {
  const auto shapes =
      list.activations({{3, 48, 5, 7, 1}, {3, 48, 5, 7, 16}, {3, 48, 5, 7, 48}}, {{8, 64, 16, 16}}, {{16, 64, 16, 16}});
  for (const ActivationShape& shape : shapes)
    for (const dim_t factor : list.odd() ? std::vector<dim_t>{1, 2, 3, 4, 8} : std::vector<dim_t>{2}) {
      const std::string text = shape_text(shape) + ", factor " + std::to_string(factor);
      list.add(
          "resample/upsample", text, [](auto& b) { return b.resample.upsample_nearest; },
          UpsampleNearestArgs{.x_shape = shape, .factor = factor}, upsample_nearest_cost(shape, factor), expect);
      list.add(
          "resample/upsample_backward", text, [](auto& b) { return b.resample.upsample_nearest_backward; },
          UpsampleNearestBackwardArgs{.x_shape = shape, .factor = factor},
          upsample_nearest_backward_cost(shape, factor), expect);
    }
}

}  // namespace engram::cases
