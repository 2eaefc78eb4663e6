/// Squared error behind a margin ReLU and its gradient.

#include "kernels/margin_error/margin_error.h"

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// What both calls read.
template <class Args>
void describe_inputs(cases::Operands& o, Args& a) {
  o.in("student", a.student, a.shape.count()).values(-2, 2).in_order_of(a.shape);
  o.in("teacher", a.teacher, a.shape.count()).values(-2, 2).in_order_of(a.shape);
  o.in("margin", a.margin, a.shape.c).values(-1.5, 0.3);
}

void describe(cases::Operands& o, MarginErrorForwardArgs& a) {
  describe_inputs(o, a);
  o.out("loss", a.loss, 1);
  o.scratch(a.workspace, o.kernels<MarginErrorKernels>().workspace_bytes(a.shape));
}

void describe(cases::Operands& o, MarginErrorBackwardArgs& a) {
  describe_inputs(o, a);
  o.in("grad", a.grad, 1).values(1.7, 1.8);
  o.out("grad_student", a.grad_student, a.shape.count()).in_order_of(a.shape);
}

void expect(const MarginErrorForwardArgs& a, cases::Expected& e) {
  *e.out("loss", {.of_value = 2e-6}) =
      reference::margin_error(a.shape, e.in("student"), e.in("teacher"), e.in("margin"), a.factor);
}

void expect(const MarginErrorBackwardArgs& a, cases::Expected& e) {
  reference::margin_error_backward(a.shape, e.in("student"), e.in("teacher"), e.in("margin"), *e.in("grad"), a.factor,
                                   e.out("grad_student", {.absolute = 1e-7}));
}

const MarginErrorKernels kStagedMarginError = {cases::staged<&MarginErrorKernels::forward>,
                                               cases::staged<&MarginErrorKernels::backward>,
                                               cases::staged<&MarginErrorKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_margin_error_cases(CaseList& list) {
  const auto shapes = list.activations({{2, 3, 5, 7, 1},
                                        {3, 16, 8, 8, 1},
                                        {1, 1, 1, 1, 1},
                                        {2, 32, 6, 5, 16},
                                        {1, 6, 3, 3, 3},
                                        {2, 36, 9, 5, 36},
                                        {1, 7, 31, 33, 7},
                                        {1, 600, 3, 2, 600},
                                        {2, 64, 16, 8, 64},
                                        {1, 8200, 2, 1, 8200},
                                        {2, 20, 4, 3, 20},
                                        {9, 48, 17, 13, 16}},
                                       {{4, 16, 32, 32}, {8, 32, 16, 16}, {16, 64, 8, 8}}, {{16, 64, 8, 8}});
  const float factor = list.odd() ? 0.03f : 1.f;
  for (const ActivationShape& shape : shapes) {
    list.add(
        "margin_error/forward", shape_text(shape), [](auto& b) { return b.margin_error.forward; },
        MarginErrorForwardArgs{.shape = shape, .factor = factor}, margin_error_cost(shape, false), expect);
    list.add(
        "margin_error/backward", shape_text(shape), [](auto& b) { return b.margin_error.backward; },
        MarginErrorBackwardArgs{.shape = shape, .factor = factor}, margin_error_cost(shape, true), expect);
  }
}

}  // namespace engram::cases
