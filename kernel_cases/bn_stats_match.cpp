/// Matching of batch statistics with running ones, in one pass with the normalisation.

#include "kernels/bn_stats_match/bn_stats_match.h"

#include <algorithm>
#include <map>

#include "kernel_cases/channel_operands.h"
#include "kernel_cases/channel_shapes.h"
#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

template <class Args>
void describe_running(cases::Operands& o, Args& a) {
  o.in("running_mean", a.running_mean, a.shape.c).values(0, 0.6);
  o.in("running_var", a.running_var, a.shape.c).values(0.5, 2.5);
  o.scratch(a.workspace, o.kernels<BnStatsMatchKernels>().workspace_bytes(a.shape));
}

void describe(cases::Operands& o, BnStatsMatchArgs& a) {
  describe_channel_forward(o, a);
  describe_running(o, a);
  o.out("batch_mean", a.batch_mean, a.shape.c);
  o.out("batch_var", a.batch_var, a.shape.c);
  o.out("var_norm", a.var_norm, 1);
  o.out("mean_norm", a.mean_norm, 1);
}

void describe(cases::Operands& o, BnStatsMatchBackwardArgs& a) {
  describe_channel_backward(o, a);
  describe_running(o, a);
  o.in("batch_mean", a.batch_mean, a.shape.c);
  o.in("batch_var", a.batch_var, a.shape.c);
  o.in("var_norm", a.var_norm, 1);
  o.in("mean_norm", a.mean_norm, 1);
  o.in("grad_var_norm", a.grad_var_norm, 1).optional().values(30, 31);
  o.in("grad_mean_norm", a.grad_mean_norm, 1).optional().values(-20, -19);
}

/// A call in double, with its results.
struct Match {
  explicit Match(const ActivationShape& shape)
      : before(std::size_t(shape.count())), y(before), mean(std::size_t(shape.c)), var(mean), zeros(mean) {}

  reference::BnStatsMatch run(const cases::Expected& e, const ActivationShape& shape, float eps, Activation activation,
                              float slope) {
    reference::BnStatsMatch match = {shape,
                                     e.in("x"),
                                     e.in("residual"),
                                     e.in("gamma"),
                                     e.in("beta") ? e.in("beta") : zeros.data(),
                                     e.in("running_mean"),
                                     e.in("running_var"),
                                     eps,
                                     activation,
                                     slope,
                                     before.data(),
                                     y.data(),
                                     mean.data(),
                                     var.data()};
    reference::bn_stats_match(match);
    return match;
  }

  std::vector<double> before, y, mean, var, zeros;
};

void expect(const BnStatsMatchArgs& a, cases::Expected& e) {
  Match match(a.shape);
  const reference::BnStatsMatch result = match.run(e, a.shape, a.eps, a.activation, a.slope);
  std::copy(match.y.begin(), match.y.end(), e.out("y", {.of_largest = 1e-6, .least_scale = 1e-6}));
  std::copy(match.mean.begin(), match.mean.end(), e.out("batch_mean", kMeanTolerance));
  std::copy(match.var.begin(), match.var.end(), e.out("batch_var", kVarianceTolerance));
  *e.out("var_norm", {.of_value = 3e-6}) = result.var_norm;
  *e.out("mean_norm", {.of_value = 3e-6}) = result.mean_norm;
  expect_mask(a.shape, a.activation, a.mask, match.before, e);
}

void expect(const BnStatsMatchBackwardArgs& a, cases::Expected& e) {
  Match match(a.shape);
  const reference::BnStatsMatch forward = match.run(e, a.shape, a.eps, a.activation, a.slope);
  take_branches(a.activation, a.mask, match.before);
  const std::vector<double> total = total_gradient(a.shape, e);
  reference::bn_stats_match_backward(
      forward, a.grad_y ? total.data() : nullptr, a.grad_var_norm ? *e.in("grad_var_norm") : 0,
      a.grad_mean_norm ? *e.in("grad_mean_norm") : 0, e.out("grad_x", {.of_largest = 3e-6, .least_scale = 1e-6}),
      e.out("grad_residual", {.of_largest = 1e-6, .least_scale = 1e-6}));
}

namespace {

/// A forward call whose statistics are still to be finished, with its memory on the device.
struct Deferred {
  BnStatsMatchArgs args;
  cases::Operands operands{cases::staging_device().kernels};
  cases::Staging staging;
};

/// By the workspace that the caller named, which is the call's own until it is finished.
std::map<const void*, std::unique_ptr<Deferred>>& deferred() {
  static std::map<const void*, std::unique_ptr<Deferred>> calls;
  return calls;
}

void staged_forward(Stream stream, const BnStatsMatchArgs& args) {
  auto call = std::make_unique<Deferred>();
  call->args = args;
  describe(call->operands, call->args);
  call->staging.place(call->operands);
  cases::staging_device().kernels.bn_stats_match.forward(stream, call->args);
  if (args.defer_statistics) deferred()[args.workspace] = std::move(call);
}

void staged_finish(Stream stream, const BnStatsMatchFinishArgs& args) {
  std::vector<BnStatsMatchArgs> layers;
  for (int i = 0; i < args.num_layers; ++i) layers.push_back(deferred().at(args.layers[i].workspace)->args);
  cases::staging_device().kernels.bn_stats_match.finish(stream, {layers.data(), args.num_layers});
  for (int i = 0; i < args.num_layers; ++i) deferred().erase(args.layers[i].workspace);
}

}  // namespace

const BnStatsMatchKernels kStagedBnStatsMatch = {staged_forward, cases::staged<&BnStatsMatchKernels::backward>,
                                                 staged_finish, cases::staged<&BnStatsMatchKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

constexpr float kEps = 1e-5f;

/// Which operands the calls have.
struct MatchForm {
  Activation activation = Activation::kRelu;
  bool residual = false, first = true, second = false, norms = true;
};

/// The statistics alone, of a network whose later layers nobody asks for.
void add_statistics(CaseList& list, const ActivationShape& shape) {
  list.add(
          "bn_stats_match/forward", shape_text(shape) + ", statistics only",
          [](auto& b) { return b.bn_stats_match.forward; },
          BnStatsMatchArgs{.shape = shape,
                           .gamma = wanted<float>(),
                           .beta = wanted<float>(),
                           .eps = kEps,
                           .activation = Activation::kNone},
          bn_stats_match_cost(shape, false, false, false), expect)
      .allowed({1.06, 0.95, "each chunk of rows writes its sums, which are merged"});
}

void add_forms(CaseList& list, const ActivationShape& shape, const MatchForm& f) {
  const float slope = f.activation == Activation::kLeakyRelu ? 0.2f : 0.f;
  const std::string text = shape_text(shape) + ", activation " + std::to_string(int(f.activation)) +
                           (f.residual ? ", residual" : "") + (f.second ? ", two gradients" : "");
  const KernelCase forward = list.add(
                                     "bn_stats_match/forward", text, [](auto& b) { return b.bn_stats_match.forward; },
                                     BnStatsMatchArgs{.shape = shape,
                                                      .residual = wanted<float>(f.residual),
                                                      .gamma = wanted<float>(),
                                                      .beta = wanted<float>(),
                                                      .eps = kEps,
                                                      .activation = f.activation,
                                                      .slope = slope,
                                                      .y = wanted<float>(),
                                                      .mask = wanted<std::uint16_t>()},
                                     bn_stats_match_cost(shape, true, f.residual, true), expect)
                                 .allowed({1.06, 0.95, "each chunk of rows reads the channels' vectors again"});
  list.add(
          "bn_stats_match/backward", text, [](auto& b) { return b.bn_stats_match.backward; },
          BnStatsMatchBackwardArgs{.shape = shape,
                                   .grad_y = wanted<float>(f.first),
                                   .grad_y2 = wanted<float>(f.second),
                                   .activation = f.activation,
                                   .slope = slope,
                                   .gamma = wanted<float>(),
                                   .eps = kEps,
                                   .grad_var_norm = wanted<float>(f.norms),
                                   .grad_mean_norm = wanted<float>(f.norms),
                                   .grad_x = wanted<float>(),
                                   .grad_residual = wanted<float>(f.residual)},
          bn_stats_match_backward_cost(shape, f.norms, f.first + f.second, f.residual, true), expect)
      .following(forward);
}

}  // namespace

void add_bn_stats_match_cases(CaseList& list) {
  const auto forms =
      list.sizes<MatchForm>({{.activation = Activation::kNone, .second = true},
                             {.activation = Activation::kNone, .residual = true},
                             {.residual = false},
                             {.residual = true, .second = true},
                             {.residual = false, .first = false},
                             {.residual = true, .norms = false},
                             {.activation = Activation::kLeakyRelu, .second = true},
                             {.activation = Activation::kLeakyRelu, .residual = true, .second = true}},
                            {{.residual = false}, {.residual = true, .second = true}}, {{.residual = false}});
  for (const ActivationShape& shape : channel_shapes(list)) {
    for (const MatchForm& f : forms) add_forms(list, shape, f);
    if (!list.large()) add_statistics(list, shape);
  }
}

}  // namespace engram::cases
