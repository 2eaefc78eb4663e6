/// Cross entropy, log-softmax, Kullback-Leibler divergence, and the fused loss of distillation.

#include "kernels/softmax_xent/softmax_xent.h"

#include <algorithm>
#include <cmath>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// One label a row, in turn.
void describe_labels(cases::Operands& o, const std::int32_t*& labels, dim_t rows, dim_t classes) {
  o.in("labels", labels, rows).optional().filled([rows, classes](void* to) {
    for (dim_t i = 0; i < rows; ++i) static_cast<std::int32_t*>(to)[i] = std::int32_t(i % classes);
  });
}

/// Labels or targets, of which a call has one.
template <class Args>
void describe_targets(cases::Operands& o, Args& a) {
  describe_labels(o, a.labels, a.rows, a.classes);
  o.in("soft_targets", a.soft_targets, a.rows * a.classes).optional().values(0, 2.0 / double(a.classes));
}

template <class Args>
void describe_pair(cases::Operands& o, Args& a) {
  o.in("student", a.student, a.rows * a.classes).values(-5, 5);
  o.in("teacher", a.teacher, a.rows * a.classes).values(-5, 5);
}

void describe(cases::Operands& o, SoftmaxXentForwardArgs& a) {
  o.in("logits", a.logits, a.rows * a.classes).values(-8, 8);
  describe_targets(o, a);
  o.out("row_stats", a.row_stats, 2 * a.rows);
  o.out("row_loss", a.row_loss, a.rows);
  o.out("mean_loss", a.mean_loss, 1);
  o.out("num_invalid", a.num_invalid, 1);
}

void describe(cases::Operands& o, SoftmaxXentBackwardArgs& a) {
  o.in("logits", a.logits, a.rows * a.classes);
  describe_targets(o, a);
  o.in("row_stats", a.row_stats, 2 * a.rows);
  o.in("grad_mean", a.grad_mean, 1).values(1.7, 1.8);
  o.in("grad_rows", a.grad_rows, a.rows).optional();
  o.out("grad_logits", a.grad_logits, a.rows * a.classes);
}

void describe(cases::Operands& o, LogSoftmaxForwardArgs& a) {
  o.in("x", a.x, a.rows * a.classes).values(-9, 9);
  o.out("y", a.y, a.rows * a.classes);
}

void describe(cases::Operands& o, LogSoftmaxBackwardArgs& a) {
  o.in("y", a.y, a.rows * a.classes);
  o.in("grad_y", a.grad_y, a.rows * a.classes);
  o.out("grad_x", a.grad_x, a.rows * a.classes);
}

void describe(cases::Operands& o, KlForwardArgs& a) {
  describe_pair(o, a);
  o.out("student_stats", a.student_stats, 2 * a.rows);
  o.out("teacher_stats", a.teacher_stats, 2 * a.rows);
  o.out("row_kl", a.row_kl, a.rows);
  o.out("loss", a.loss, 1);
}

void describe(cases::Operands& o, KlBackwardArgs& a) {
  describe_pair(o, a);
  o.in("student_stats", a.student_stats, 2 * a.rows);
  o.in("teacher_stats", a.teacher_stats, 2 * a.rows);
  o.in("row_kl", a.row_kl, a.rows);
  o.in("grad", a.grad, 1).values(0.7, 0.8);
  o.out("grad_student", a.grad_student, a.rows * a.classes);
  o.out("grad_teacher", a.grad_teacher, a.rows * a.classes).optional();
}

void describe(cases::Operands& o, DistillForwardArgs& a) {
  describe_pair(o, a);
  describe_labels(o, a.labels, a.rows, a.classes);
  o.out("row_stats", a.row_stats, kNumDistillStats * a.rows);
  o.out("mean_xent", a.mean_xent, 1);
  o.out("mean_kl", a.mean_kl, 1);
  o.out("num_invalid", a.num_invalid, 1);
  o.scratch(a.workspace, o.kernels<SoftmaxXentKernels>().distill_workspace_bytes(a.rows, a.classes));
}

void describe(cases::Operands& o, DistillBackwardArgs& a) {
  describe_pair(o, a);
  o.in("labels", a.labels, a.rows);
  o.in("row_stats", a.row_stats, kNumDistillStats * a.rows);
  o.in("grad_xent", a.grad_xent, 1).optional().values(0.7, 0.8);
  o.in("grad_kl", a.grad_kl, 1).optional().values(1.3, 1.4);
  o.out("grad_student", a.grad_student, a.rows * a.classes);
}

using Doubles = std::vector<double>;

template <class Args>
Doubles targets_of(const Args& a, const double* soft, double smoothing) {
  Doubles targets(std::size_t(a.rows * a.classes));
  reference::smoothed_targets(a.labels, soft, a.rows, a.classes, smoothing, targets.data());
  return targets;
}

double mean_of(const double* rows, dim_t count) {
  double sum = 0;
  for (dim_t r = 0; r < count; ++r) sum += rows[r] / double(count);
  return sum;
}

void expect(const SoftmaxXentForwardArgs& a, cases::Expected& e) {
  double* row_loss = e.out("row_loss", {.absolute = 2e-6, .of_value = 2e-6});
  reference::softmax_xent(e.in("logits"), targets_of(a, e.in("soft_targets"), a.label_smoothing).data(), a.rows,
                          a.classes, row_loss);
  *e.out("mean_loss", {.absolute = 2e-6, .of_value = 2e-6}) = mean_of(row_loss, a.rows);
  e.out("num_invalid", {});
}

void expect(const SoftmaxXentBackwardArgs& a, cases::Expected& e) {
  Doubles row_grads(std::size_t(a.rows), *e.in("grad_mean") / double(a.rows));
  double largest = 1;
  for (dim_t r = 0; a.grad_rows && r < a.rows; ++r) row_grads[std::size_t(r)] += e.in("grad_rows")[r];
  for (const double g : row_grads) largest = std::max(largest, std::abs(g));
  reference::softmax_xent_backward(e.in("logits"), targets_of(a, e.in("soft_targets"), a.label_smoothing).data(),
                                   row_grads.data(), a.rows, a.classes,
                                   e.out("grad_logits", {.absolute = 3e-6 * largest}));
}

void expect(const LogSoftmaxForwardArgs& a, cases::Expected& e) {
  reference::log_softmax(e.in("x"), e.out("y", {.absolute = 2e-6, .of_value = 2e-6}), a.rows, a.classes);
}

void expect(const LogSoftmaxBackwardArgs& a, cases::Expected& e) {
  reference::log_softmax_backward(e.in("y"), e.in("grad_y"), e.out("grad_x", {.absolute = 1e-5}), a.rows, a.classes);
}

void expect(const KlForwardArgs& a, cases::Expected& e) {
  *e.out("loss", {.absolute = 1e-5, .of_value = 1e-5}) =
      reference::kl(e.in("student"), e.in("teacher"), a.rows, a.classes, a.temperature, a.factor);
}

void expect(const KlBackwardArgs& a, cases::Expected& e) {
  reference::kl_backward(e.in("student"), e.in("teacher"), *e.in("grad"), a.rows, a.classes, a.temperature, a.factor,
                         e.out("grad_student", {.absolute = 2e-6}), e.out("grad_teacher", {.absolute = 1e-5}));
}

void expect(const DistillForwardArgs& a, cases::Expected& e) {
  Doubles row_loss(std::size_t(a.rows));
  reference::softmax_xent(e.in("student"), targets_of(a, nullptr, 0).data(), a.rows, a.classes, row_loss.data());
  *e.out("mean_xent", {.absolute = 2e-6, .of_value = 2e-6}) = mean_of(row_loss.data(), a.rows);
  *e.out("mean_kl", {.absolute = 3e-7 * a.factor, .of_value = 4e-6}) =
      reference::kl(e.in("student"), e.in("teacher"), a.rows, a.classes, a.temperature, a.factor);
  e.out("num_invalid", {});
}

void expect(const DistillBackwardArgs& a, cases::Expected& e) {
  double* grad = e.out("grad_student", {.absolute = 4e-6});
  Doubles of_kl(std::size_t(a.rows * a.classes)), of_teacher(of_kl);
  if (a.grad_xent) {
    const Doubles row_grads(std::size_t(a.rows), *e.in("grad_xent") / double(a.rows));
    reference::softmax_xent_backward(e.in("student"), targets_of(a, nullptr, 0).data(), row_grads.data(), a.rows,
                                     a.classes, grad);
  }
  if (a.grad_kl)
    reference::kl_backward(e.in("student"), e.in("teacher"), *e.in("grad_kl"), a.rows, a.classes, a.temperature,
                           a.factor, of_kl.data(), of_teacher.data());
  for (std::size_t i = 0; i < of_kl.size(); ++i) grad[i] += of_kl[i];
}

const SoftmaxXentKernels kStagedSoftmaxXent = {
    cases::staged<&SoftmaxXentKernels::forward>,
    cases::staged<&SoftmaxXentKernels::backward>,
    cases::staged<&SoftmaxXentKernels::log_softmax_forward>,
    cases::staged<&SoftmaxXentKernels::log_softmax_backward>,
    cases::staged<&SoftmaxXentKernels::kl_forward>,
    cases::staged<&SoftmaxXentKernels::kl_backward>,
    cases::staged<&SoftmaxXentKernels::distill_forward>,
    cases::staged<&SoftmaxXentKernels::distill_backward>,
    cases::staged<&SoftmaxXentKernels::distill_workspace_bytes>,
};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

void add_cross_entropy(CaseList& list, dim_t rows, dim_t classes, bool soft, float smoothing) {
  const std::string text =
      shape_text({rows, classes}) + (soft ? ", targets" : ", labels") + (smoothing > 0 ? ", smoothed" : "");
  const auto* labels = soft ? nullptr : wanted<std::int32_t>();
  const auto* targets = wanted<float>(soft);
  const KernelCase forward = list.add(
      "softmax_xent/forward", text, [](auto& b) { return b.softmax_xent.forward; },
      SoftmaxXentForwardArgs{
          .labels = labels, .soft_targets = targets, .rows = rows, .classes = classes, .label_smoothing = smoothing},
      softmax_xent_forward_cost(rows, classes, soft), expect);
  list.add(
          "softmax_xent/backward", text, [](auto& b) { return b.softmax_xent.backward; },
          SoftmaxXentBackwardArgs{.labels = labels,
                                  .soft_targets = targets,
                                  .grad_rows = wanted<float>(list.odd()),
                                  .rows = rows,
                                  .classes = classes,
                                  .label_smoothing = smoothing},
          softmax_xent_backward_cost(rows, classes, soft), expect)
      .following(forward);
}

void add_log_softmax(CaseList& list, dim_t rows, dim_t classes) {
  const std::string text = shape_text({rows, classes});
  const KernelCase forward = list.add(
      "softmax_xent/log_softmax", text, [](auto& b) { return b.softmax_xent.log_softmax_forward; },
      LogSoftmaxForwardArgs{.rows = rows, .classes = classes}, log_softmax_cost(rows, classes, false), expect);
  list.add(
          "softmax_xent/log_softmax_backward", text, [](auto& b) { return b.softmax_xent.log_softmax_backward; },
          LogSoftmaxBackwardArgs{.rows = rows, .classes = classes}, log_softmax_cost(rows, classes, true), expect)
      .following(forward);
}

std::string tempered(dim_t rows, dim_t classes, float temperature) {
  return shape_text({rows, classes}) + ", temperature " + std::to_string(temperature);
}

void add_kl(CaseList& list, dim_t rows, dim_t classes, float temperature) {
  const std::string text = tempered(rows, classes, temperature);
  const float factor = temperature * temperature;
  const KernelCase kl = list.add(
      "softmax_xent/kl", text, [](auto& b) { return b.softmax_xent.kl_forward; },
      KlForwardArgs{.rows = rows, .classes = classes, .temperature = temperature, .factor = factor},
      kl_cost(rows, classes, 0), expect);
  for (const bool to_teacher : list.large() ? std::vector{true} : std::vector{true, false})
    list.add(
            "softmax_xent/kl_backward", text + (to_teacher ? "" : ", to the student"),
            [](auto& b) { return b.softmax_xent.kl_backward; },
            KlBackwardArgs{.rows = rows,
                           .classes = classes,
                           .temperature = temperature,
                           .factor = factor,
                           .grad_teacher = wanted<float>(to_teacher)},
            kl_cost(rows, classes, 1 + to_teacher), expect)
        .following(kl);
}

void add_distill(CaseList& list, dim_t rows, dim_t classes, float temperature) {
  const std::string text = tempered(rows, classes, temperature);
  const float factor = temperature * temperature;
  const KernelCase distill = list.add(
      "softmax_xent/distill", text, [](auto& b) { return b.softmax_xent.distill_forward; },
      DistillForwardArgs{.labels = wanted<std::int32_t>(),
                         .rows = rows,
                         .classes = classes,
                         .temperature = temperature,
                         .factor = factor},
      distill_cost(rows, classes, false), expect);
  list.add(
          "softmax_xent/distill_backward", text, [](auto& b) { return b.softmax_xent.distill_backward; },
          DistillBackwardArgs{.grad_xent = wanted<float>(),
                              .grad_kl = wanted<float>(),
                              .rows = rows,
                              .classes = classes,
                              .temperature = temperature,
                              .factor = factor},
          distill_cost(rows, classes, true), expect)
      .following(distill);
}

}  // namespace

void add_softmax_xent_cases(CaseList& list) {
  // One tile of rows and several, rows in registers and longer ones.
  const auto extents = list.sizes<Matrix>(
      {{1, 1}, {3, 2}, {7, 10}, {5, 16}, {4, 17}, {33, 100}, {2, 1003}, {220, 10}, {60, 300}, {1027, 10}},
      {{128 * list.scale(), 10}, {512 * list.scale(), 100}, {64 * list.scale(), 1000}}, {{512 * list.scale(), 100}});
  for (const auto& [rows, classes] : extents) {
    for (const bool soft : list.large() ? std::vector{false} : std::vector{false, true})
      for (const float smoothing : !list.large() ? std::vector{0.f, 0.1f} : std::vector{0.f})
        add_cross_entropy(list, rows, classes, soft, smoothing);
    add_log_softmax(list, rows, classes);
    for (const float temperature : list.odd() ? std::vector{1.f, 4.f, 0.5f} : std::vector{4.f})
      add_kl(list, rows, classes, temperature);
    for (const float temperature : list.odd() ? std::vector{1.f, 4.f, 20.f} : std::vector{4.f})
      add_distill(list, rows, classes, temperature);
  }
}

}  // namespace engram::cases
