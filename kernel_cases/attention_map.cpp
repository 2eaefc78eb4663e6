/// Attention maps of activations and their gradient.

#include "kernels/attention_map/attention_map.h"

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

void describe(cases::Operands& o, AttentionMapForwardArgs& a) {
  o.in("x", a.x, a.shape.count()).values(-1, 2).in_order_of(a.shape);
  o.out("map", a.map, a.shape.n * a.shape.pixels());
  o.out("norm", a.norm, a.shape.n);
}

void describe(cases::Operands& o, AttentionMapBackwardArgs& a) {
  o.in("x", a.x, a.shape.count()).values(-1, 2).in_order_of(a.shape);
  o.in("map", a.map, a.shape.n * a.shape.pixels());
  o.in("norm", a.norm, a.shape.n);
  o.in("grad_map", a.grad_map, a.shape.n * a.shape.pixels());
  o.out("grad_x", a.grad_x, a.shape.count()).in_order_of(a.shape);
}

void expect(const AttentionMapForwardArgs& a, cases::Expected& e) {
  reference::attention_map(a.shape, e.in("x"), a.power, a.eps, e.out("map", {.absolute = 1e-6}));
}

void expect(const AttentionMapBackwardArgs& a, cases::Expected& e) {
  reference::attention_map_backward(a.shape, e.in("x"), e.in("grad_map"), a.power, a.eps,
                                    e.out("grad_x", {.absolute = 1e-7, .of_largest = 4e-6}));
}

const AttentionMapKernels kStagedAttentionMap = {cases::staged<&AttentionMapKernels::forward>,
                                                 cases::staged<&AttentionMapKernels::backward>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_attention_map_cases(CaseList& list) {
  // Whole packs and odd ones, several slices of channels, planes of one position, a map that does not fit shared
  // memory.
  const auto shapes = list.activations({{2, 3, 5, 7, 1},
                                        {3, 16, 8, 8, 1},
                                        {2, 5, 1, 1, 1},
                                        {1, 2, 70, 67, 1},
                                        {2, 16, 6, 5, 16},
                                        {2, 16, 68, 64, 16},
                                        {2, 7, 4, 3, 7},
                                        {1, 36, 3, 3, 36},
                                        {2, 4, 32, 36, 1},
                                        {1, 160, 2, 3, 160},
                                        {1, 3, 40, 40, 3},
                                        {19, 32, 9, 7, 1}},
                                       {{4, 16, 32, 32}, {8, 32, 16, 16}, {16, 64, 8, 8}}, {{16, 64, 8, 8}});
  for (const ActivationShape& shape : shapes)
    for (const int power : list.odd() ? std::vector{1, 2, 3} : std::vector{2})
      for (const float eps : list.odd() ? std::vector{1e-12f, 40.f} : std::vector{1e-12f}) {
        const std::string text = shape_text(shape) + ", power " + std::to_string(power);
        const KernelCase forward = list.add(
            "attention_map/forward", text, [](auto& b) { return b.attention_map.forward; },
            AttentionMapForwardArgs{.shape = shape, .power = power, .eps = eps}, attention_map_forward_cost(shape),
            expect);
        list.add(
                "attention_map/backward", text, [](auto& b) { return b.attention_map.backward; },
                AttentionMapBackwardArgs{.shape = shape, .power = power, .eps = eps},
                attention_map_backward_cost(shape), expect)
            .following(forward);
      }
}

}  // namespace engram::cases
