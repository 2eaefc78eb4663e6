/// Residuals of two heads, the cosine of their gradients from Gram matrices, and shifted features.

#include "kernels/residual_cosine/residual_cosine.h"

#include <algorithm>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// One-hot rows.
cases::Operand& describe_targets(cases::Operands& o, const char* name, const float*& slot, dim_t rows, dim_t classes) {
  return o.in(name, slot, rows * classes).filled([=](void* to) {
    std::fill_n(static_cast<float*>(to), rows * classes, 0.f);
    for (dim_t r = 0; r < rows; ++r) static_cast<float*>(to)[r * classes + r % classes] = 1;
  });
}

void describe(cases::Operands& o, HeadResidualArgs& a) {
  o.in("logits", a.logits, a.rows * a.classes).values(-3, 3);
  describe_targets(o, "targets", a.targets, a.rows, a.classes);
  o.out("residual", a.residual, a.rows * a.classes);
  o.out("row_loss", a.row_loss, a.rows);
}

void describe(cases::Operands& o, HeadResidualBackwardArgs& a) {
  o.in("residual", a.residual, a.rows * a.classes);
  describe_targets(o, "targets", a.targets, a.rows, a.classes);
  o.in("grad_rows", a.grad_rows, a.rows);
  o.out("grad_logits", a.grad_logits, a.rows * a.classes);
}

/// A matrix as maps of full rank have: its forms are positive.
void describe_gram(cases::Operands& o, const char* name, const float*& slot, dim_t classes) {
  o.in(name, slot, classes * classes).filled([classes](void* to) {
    for (dim_t i = 0; i < classes * classes; ++i) static_cast<float*>(to)[i] = i % (classes + 1) == 0 ? 2.f : 0.5f;
  });
}

void describe_pair(cases::Operands& o, ResidualPair& p) {
  o.in("residual1", p.residual1, p.rows * p.classes1);
  o.in("residual2", p.residual2, p.rows * p.classes2);
  describe_gram(o, "gram11", p.gram11, p.classes1);
  describe_gram(o, "gram22", p.gram22, p.classes2);
  o.in("gram12", p.gram12, p.classes1 * p.classes2).values(-0.5, 0.5);
}

void describe(cases::Operands& o, ResidualCosineForwardArgs& a) {
  describe_pair(o, a.pair);
  o.out("cos", a.cos, a.pair.rows);
  o.out("norm1", a.norm1, a.pair.rows);
  o.out("norm2", a.norm2, a.pair.rows);
}

void describe(cases::Operands& o, ResidualCosineBackwardArgs& a) {
  const ResidualPair& p = a.pair;
  describe_pair(o, a.pair);
  o.in("cos", a.cos, p.rows);
  o.in("norm1", a.norm1, p.rows);
  o.in("norm2", a.norm2, p.rows);
  o.in("grad_cos", a.grad_cos, p.rows);
  describe_targets(o, "targets1", a.targets1, p.rows, p.classes1).optional();
  describe_targets(o, "targets2", a.targets2, p.rows, p.classes2).optional();
  o.out("grad_gram11", a.grad_gram11, p.classes1 * p.classes1);
  o.out("grad_gram22", a.grad_gram22, p.classes2 * p.classes2);
  o.out("grad_gram12", a.grad_gram12, p.classes1 * p.classes2);
  o.out("grad_logits1", a.grad_logits1, p.rows * p.classes1).optional();
  o.out("grad_logits2", a.grad_logits2, p.rows * p.classes2).optional();
  o.scratch(a.workspace, o.kernels<ResidualCosineKernels>().workspace_bytes(p.rows, p.classes1, p.classes2));
}

void describe(cases::Operands& o, ShiftedConcatArgs& a) {
  o.in("a1", a.a1, a.rows * a.width);
  o.in("a2", a.a2, a.rows * a.width);
  o.in("residual", a.residual, a.rows * a.classes);
  o.in("weight", a.weight, a.classes * a.width);
  o.in("alpha", a.alpha, a.alpha_per_row ? a.rows : 1).values(0, 1);
  o.out("out", a.out, a.rows * 2 * a.width);
}

void expect(const HeadResidualArgs& a, cases::Expected& e) {
  reference::head_residual(e.in("logits"), e.in("targets"), a.rows, a.classes, a.twice,
                           e.out("residual", {.absolute = 1e-6}),
                           e.out("row_loss", {.absolute = 2e-6, .of_value = 2e-6}));
}

void expect(const ShiftedConcatArgs& a, cases::Expected& e) {
  std::vector<double> alpha(std::size_t(a.rows), *e.in("alpha"));
  if (a.alpha_per_row) std::copy(e.in("alpha"), e.in("alpha") + a.rows, alpha.begin());
  reference::shifted_concat(e.in("a1"), e.in("a2"), e.in("residual"), e.in("weight"), alpha.data(), a.rows, a.classes,
                            a.width, a.length, a.eps, e.out("out", {.absolute = 5e-6}));
}

const ResidualCosineKernels kStagedResidualCosine = {
    cases::staged<&ResidualCosineKernels::head_residual>,
    cases::staged<&ResidualCosineKernels::head_residual_backward>,
    cases::staged<&ResidualCosineKernels::forward>,
    cases::staged<&ResidualCosineKernels::backward>,
    cases::staged<&ResidualCosineKernels::shifted_concat>,
    cases::staged<&ResidualCosineKernels::workspace_bytes>,
};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

/// Rows, classes of the two heads, width below them.
struct Heads {
  dim_t rows, classes1, classes2, width;
};

void add_heads(CaseList& list, const Heads& h, const std::string& text) {
  for (const bool twice : list.large() ? std::vector{true} : std::vector{false, true}) {
    const KernelCase head = list.add(
        "residual_cosine/head_residual", text + (twice ? ", twice" : ""),
        [](auto& b) { return b.residual_cosine.head_residual; },
        HeadResidualArgs{.rows = h.rows, .classes = h.classes1, .twice = twice}, head_residual_cost(h.rows, h.classes1),
        expect);
    list.add(
            "residual_cosine/head_residual_backward", text + (twice ? ", twice" : ""),
            [](auto& b) { return b.residual_cosine.head_residual_backward; },
            HeadResidualBackwardArgs{.rows = h.rows, .classes = h.classes1, .twice = twice},
            head_residual_backward_cost(h.rows, h.classes1, twice))
        .following(head);
  }
}

void add_cosines(CaseList& list, const Heads& h, const std::string& text) {
  const ResidualPair pair = {.rows = h.rows, .classes1 = h.classes1, .classes2 = h.classes2, .eps = 1e-8f};
  const KernelCase forward = list.add(
      "residual_cosine/forward", text, [](auto& b) { return b.residual_cosine.forward; },
      ResidualCosineForwardArgs{.pair = pair}, residual_cosine_forward_cost(pair));
  for (const bool to_logits : list.odd() ? std::vector{true, false} : std::vector{false})
    list.add(
            "residual_cosine/backward", text + (to_logits ? ", to the logits" : ""),
            [](auto& b) { return b.residual_cosine.backward; },
            ResidualCosineBackwardArgs{.pair = pair,
                                       .targets1 = wanted<float>(to_logits),
                                       .targets2 = wanted<float>(to_logits),
                                       .grad_logits1 = wanted<float>(to_logits),
                                       .grad_logits2 = wanted<float>(to_logits)},
            residual_cosine_backward_cost(pair, to_logits))
        .following(forward);
}

}  // namespace

void add_residual_cosine_cases(CaseList& list) {
  // One tile of rows and two, few classes and many.
  const auto heads = list.sizes<Heads>(
      {{1, 2, 2, 3}, {5, 3, 2, 4}, {64, 7, 3, 20}, {301, 2, 5, 9}, {450, 7, 3, 40}, {9, 40, 33, 50}, {3, 70, 6, 80}},
      {{1024 * list.scale(), 7, 3, 128}, {64 * list.scale(), 7, 3, 512}, {256 * list.scale(), 2, 2, 512}},
      {{2048 * list.scale(), 7, 3, 512}});
  for (const Heads& h : heads) {
    const std::string text = shape_text({h.rows, h.classes1, h.classes2, h.width});
    add_heads(list, h, text);
    add_cosines(list, h, text);
    for (const bool per_row : list.odd() ? std::vector{true, false} : std::vector{false})
      list.add(
          "residual_cosine/shifted_concat", text + (per_row ? ", a share a row" : ""),
          [](auto& b) { return b.residual_cosine.shifted_concat; },
          ShiftedConcatArgs{.rows = h.rows,
                            .classes = h.classes2,
                            .width = h.width,
                            .alpha_per_row = per_row,
                            .length = list.odd() ? 3.f : 1.f,
                            .eps = list.odd() ? 0.01f : 1e-8f},
          shifted_concat_cost(h.rows, h.classes2, h.width), expect);
  }
}

}  // namespace engram::cases
