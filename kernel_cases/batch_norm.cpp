/// Batch normalisation with residual and activation, training and evaluation, and gradients.

#include "kernels/batch_norm/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "kernel_cases/channel_operands.h"
#include "kernel_cases/channel_shapes.h"
#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

template <class Args>
void describe_workspace(cases::Operands& o, Args& a) {
  o.scratch(a.workspace, o.kernels<BatchNormKernels>().workspace_bytes(a.shape));
}

void describe(cases::Operands& o, BatchNormTrainArgs& a) {
  describe_channel_forward(o, a);
  o.inout("running_mean", a.running_mean, a.shape.c).optional();
  o.inout("running_var", a.running_var, a.shape.c).optional().values(0.5, 1.5);
  o.out("mean", a.mean, a.shape.c);
  o.out("invstd", a.invstd, a.shape.c);
  describe_workspace(o, a);
}

void describe(cases::Operands& o, BatchNormTrainBackwardArgs& a) {
  describe_channel_backward(o, a);
  o.in("mean", a.mean, a.shape.c);
  o.in("invstd", a.invstd, a.shape.c);
  o.out("grad_gamma", a.grad_gamma, a.shape.c).optional();
  o.out("grad_beta", a.grad_beta, a.shape.c).optional();
  describe_workspace(o, a);
}

void describe(cases::Operands& o, BatchNormEvalArgs& a) {
  describe_channel_forward(o, a);
  o.in("mean", a.mean, a.shape.c).values(0, 0.6);
  o.in("var", a.var, a.shape.c).values(0.5, 1.5);
  describe_workspace(o, a);
}

void describe(cases::Operands& o, BatchNormEvalBackwardArgs& a) {
  describe_channel_backward(o, a);
  o.in("mean", a.mean, a.shape.c);
  o.in("var", a.var, a.shape.c);
  o.out("grad_gamma", a.grad_gamma, a.shape.c).optional();
  o.out("grad_beta", a.grad_beta, a.shape.c).optional();
  describe_workspace(o, a);
}

using Doubles = std::vector<double>;

void expect(const BatchNormTrainArgs& a, cases::Expected& e) {
  const std::size_t channels = std::size_t(a.shape.c);
  Doubles var(channels), before(std::size_t(a.shape.count()));
  double* mean = e.out("mean", kMeanTolerance);
  reference::batch_norm_train({a.shape, e.in("x"), e.in("residual"), e.in("gamma"), e.in("beta"), a.eps, a.activation,
                               a.slope, mean, var.data(), before.data(),
                               e.out("y", {.absolute = 3e-9, .of_largest = 3e-6})});
  double* invstd = e.out("invstd", {.of_value = 3e-6});
  double* running_mean = e.out("running_mean", {.absolute = 1e-6});
  double* running_var = e.out("running_var", {.absolute = 3e-6});
  const double m = double(a.shape.per_channel()), rate = a.momentum;
  for (std::size_t c = 0; c < channels; ++c) {
    invstd[c] = 1 / std::sqrt(var[c] + a.eps);
    if (!a.running_mean) continue;
    running_mean[c] = (1 - rate) * e.in("running_mean")[c] + rate * mean[c];
    running_var[c] = (1 - rate) * e.in("running_var")[c] + rate * var[c] * m / (m - 1);
  }
  expect_mask(a.shape, a.activation, a.mask, before, e);
}

void expect(const BatchNormEvalArgs& a, cases::Expected& e) {
  const std::size_t channels = std::size_t(a.shape.c);
  Doubles mean(e.in("mean"), e.in("mean") + channels), var(e.in("var"), e.in("var") + channels),
      before(std::size_t(a.shape.count()));
  reference::batch_norm_eval({a.shape, e.in("x"), e.in("residual"), e.in("gamma"), e.in("beta"), a.eps, a.activation,
                              a.slope, mean.data(), var.data(), before.data(),
                              e.out("y", {.absolute = 1e-9, .of_largest = 1e-6})});
  expect_mask(a.shape, a.activation, a.mask, before, e);
}

template <class Args>
void expect_gradients(const Args& a, cases::Expected& e, void (*backward)(const reference::BatchNormBackward&),
                      float eps, const Doubles& mean, const Doubles& var, const cases::Tolerance& of_x) {
  Doubles branches(std::size_t(a.shape.count()), 1.0);
  take_branches(a.activation, a.mask, branches);
  const Doubles total = total_gradient(a.shape, e);
  backward({a.shape, e.in("x"), total.data(), branches.data(), e.in("gamma"), eps, a.activation, a.slope, mean.data(),
            var.data(), e.out("grad_x", of_x), e.out("grad_residual", {.absolute = 1e-9, .of_largest = 1e-6}),
            e.out("grad_gamma", {.absolute = 1e-8, .of_largest = 1e-5}),
            e.out("grad_beta", {.absolute = 3e-9, .of_largest = 3e-6})});
}

constexpr float kEps = 1e-5f;

void expect(const BatchNormTrainBackwardArgs& a, cases::Expected& e) {
  Doubles mean(std::size_t(a.shape.c)), var(mean), y(std::size_t(a.shape.count()));
  reference::batch_norm_train({a.shape, e.in("x"), nullptr, nullptr, nullptr, kEps, Activation::kNone, 0, mean.data(),
                               var.data(), nullptr, y.data()});
  double terms = 0;  // with two values a channel grad_x is a small difference of these
  for (std::size_t c = 0; c < mean.size(); ++c)
    terms = std::max(terms, 2 * (a.gamma ? std::abs(e.in("gamma")[c]) : 1) * e.in("invstd")[c]);
  expect_gradients(a, e, reference::batch_norm_train_backward, kEps, mean, var,
                   {.absolute = 1e-8, .of_largest = 1e-5, .least_scale = terms});
}

void expect(const BatchNormEvalBackwardArgs& a, cases::Expected& e) {
  const std::size_t channels = std::size_t(a.shape.c);
  expect_gradients(a, e, reference::batch_norm_eval_backward, a.eps, {e.in("mean"), e.in("mean") + channels},
                   {e.in("var"), e.in("var") + channels}, {.absolute = 1e-9, .of_largest = 1e-6});
}

const BatchNormKernels kStagedBatchNorm = {
    cases::staged<&BatchNormKernels::train>, cases::staged<&BatchNormKernels::train_backward>,
    cases::staged<&BatchNormKernels::eval>, cases::staged<&BatchNormKernels::eval_backward>,
    cases::staged<&BatchNormKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

/// `doubled`: two gradients come in.
struct NormForm {
  Activation activation;
  bool residual, doubled;
};

void add_training(CaseList& list, const ActivationShape& shape, const NormForm& f, const std::string& text) {
  const float slope = f.activation == Activation::kLeakyRelu ? 0.2f : 0.f;
  const KernelCase train = list.add(
      "batch_norm/train", text, [](auto& b) { return b.batch_norm.train; },
      BatchNormTrainArgs{.shape = shape,
                         .residual = wanted<float>(f.residual),
                         .gamma = wanted<float>(),
                         .beta = wanted<float>(),
                         .running_mean = wanted<float>(),
                         .running_var = wanted<float>(),
                         .momentum = 0.1f,
                         .eps = kEps,
                         .activation = f.activation,
                         .slope = slope,
                         .y = wanted<float>(),
                         .mask = wanted<std::uint16_t>()},
      batch_norm_train_cost(shape, f.residual, true), expect);
  list.add(
          "batch_norm/train_backward", text, [](auto& b) { return b.batch_norm.train_backward; },
          BatchNormTrainBackwardArgs{.shape = shape,
                                     .grad_y = wanted<float>(),
                                     .grad_y2 = wanted<float>(f.doubled),
                                     .activation = f.activation,
                                     .slope = slope,
                                     .gamma = wanted<float>(),
                                     .grad_x = wanted<float>(),
                                     .grad_residual = wanted<float>(f.residual),
                                     .grad_gamma = wanted<float>(),
                                     .grad_beta = wanted<float>()},
          batch_norm_train_backward_cost(shape, 1 + f.doubled, f.residual, true), expect)
      .following(train);
}

void add_evaluation(CaseList& list, const ActivationShape& shape, const NormForm& f, const std::string& text) {
  const float slope = f.activation == Activation::kLeakyRelu ? 0.2f : 0.f;
  const KernelCase eval = list.add(
      "batch_norm/eval", text, [](auto& b) { return b.batch_norm.eval; },
      BatchNormEvalArgs{.shape = shape,
                        .residual = wanted<float>(f.residual),
                        .gamma = wanted<float>(),
                        .beta = wanted<float>(),
                        .eps = kEps,
                        .activation = f.activation,
                        .slope = slope,
                        .y = wanted<float>(),
                        .mask = wanted<std::uint16_t>()},
      batch_norm_eval_cost(shape, f.residual, true), expect);
  if (list.large()) return;
  list.add(
          "batch_norm/eval_backward", text, [](auto& b) { return b.batch_norm.eval_backward; },
          BatchNormEvalBackwardArgs{.shape = shape,
                                    .grad_y = wanted<float>(),
                                    .grad_y2 = wanted<float>(f.doubled),
                                    .activation = f.activation,
                                    .slope = slope,
                                    .eps = kEps,
                                    .gamma = wanted<float>(),
                                    .grad_x = wanted<float>(),
                                    .grad_residual = wanted<float>(f.residual),
                                    .grad_gamma = wanted<float>(),
                                    .grad_beta = wanted<float>()},
          batch_norm_eval_backward_cost(shape, 1 + f.doubled, f.residual, true, true), expect)
      .following(eval);
}

}  // namespace

void add_batch_norm_cases(CaseList& list) {
  const auto forms = list.sizes<NormForm>({{Activation::kNone, false, true},
                                           {Activation::kNone, true, true},
                                           {Activation::kRelu, false, true},
                                           {Activation::kRelu, true, true},
                                           {Activation::kLeakyRelu, false, true},
                                           {Activation::kLeakyRelu, true, true}},
                                          {{Activation::kRelu, true, true}, {Activation::kRelu, false, false}},
                                          {{Activation::kRelu, false, false}});
  for (const ActivationShape& shape : channel_shapes(list))
    for (const NormForm& f : forms) {
      const std::string text =
          shape_text(shape) + ", activation " + std::to_string(int(f.activation)) + (f.residual ? ", residual" : "");
      add_training(list, shape, f, text);
      add_evaluation(list, shape, f, text);
    }
}

}  // namespace engram::cases
