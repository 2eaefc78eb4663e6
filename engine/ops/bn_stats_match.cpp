#include "engine/ops/bn_stats_match.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/batch_norm.h"
#include "engine/ops/channel_op.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/optional_data.h"
#include "engine/ops/reduce.h"
#include "engine/ops/statistics.h"
#include "engine/profiler.h"
#include "kernels/backend.h"
#include "kernels/bn_stats_match/bn_stats_match.h"

namespace engram {
namespace {

constexpr const char* kBnStatsMatch = "bn_stats_match";

/// What the backward pass keeps. Inputs of the node: x, residual.
struct BnStatsMatchKept {
  Saved x;
  BnStatsMatchOptions options;
  Tensor mask;
  Tensor gamma;  ///< or undefined
  Tensor running_mean, running_var, batch_mean, batch_var, var_norm, mean_norm;
  Layout layout;
};

/// {var_norm, mean_norm} in recorded operations.
std::vector<Tensor> recorded_norms(const Tensor& x, const Tensor& running_mean, const Tensor& running_var) {
  const std::vector<int> axes = {0, 2, 3};
  return {norm(sub(running_var, var(x, axes))), norm(sub(running_mean, mean(x, axes)))};
}

std::vector<Tensor> fused_gradients(BackwardContext& context, const BnStatsMatchKept& kept) {
  const BnStatsMatchOptions& o = kept.options;
  GradientPair in = take_gradients(context, kept.layout);
  const Tensor x = context.get(kept.x), grad_var_norm = context.grad(1), grad_mean_norm = context.grad(2);
  const kernels::ActivationShape shape = x.activation();
  const int gradients = int(in.first.defined()) + int(in.second.defined());
  const bool statistics = grad_var_norm.defined() || grad_mean_norm.defined(),
             masked = o.activation != Activation::kNone;
  const bool passes_through =
      context.needs(1) && !masked && gradients == 1;  // the residual's gradient is the incoming one

  Tensor grad_x, grad_residual;
  if (passes_through) in.first_free = false;
  if (context.needs(1) && gradients > 0) grad_residual = passes_through ? in.first : in.reuse();
  if (context.needs(0))
    grad_x = gradients > 0 ? in.reuse() : Tensor::empty(x.shape(), DType::kF32, x.device(), x.layout());
  float* const residual_out = passes_through ? nullptr : data_or_null(grad_residual);
  const Tensor workspace = workspace_tensor(backend(x.device()).bn_stats_match.workspace_bytes(shape), x.device());

  OpScope scope("bn_stats_match_backward", kernels::bn_stats_match_backward_cost(
                                               shape, statistics, gradients, residual_out, masked && gradients > 0));
  backend(x.device())
      .bn_stats_match.backward(current_stream(x.device()), {.shape = shape,
                                                            .x = x.data<float>(),
                                                            .grad_y = data_or_null(in.first),
                                                            .grad_y2 = data_or_null(in.second),
                                                            .mask = mask_words(kept.mask),
                                                            .activation = o.activation,
                                                            .slope = o.slope,
                                                            .gamma = data_or_null(kept.gamma),
                                                            .running_mean = kept.running_mean.data<float>(),
                                                            .running_var = kept.running_var.data<float>(),
                                                            .eps = o.eps,
                                                            .batch_mean = kept.batch_mean.data<float>(),
                                                            .batch_var = kept.batch_var.data<float>(),
                                                            .var_norm = kept.var_norm.data<float>(),
                                                            .mean_norm = kept.mean_norm.data<float>(),
                                                            .grad_var_norm = data_or_null(grad_var_norm),
                                                            .grad_mean_norm = data_or_null(grad_mean_norm),
                                                            .grad_x = data_or_null(grad_x),
                                                            .grad_residual = residual_out,
                                                            .workspace = workspace.raw_data()});
  return {grad_x, grad_residual};
}

/// The same gradients in recorded operations: the norms' by their composite, that of y as in batch_norm.cpp.
std::vector<Tensor> recorded_gradients(BackwardContext& context, const BnStatsMatchKept& kept) {
  const BnStatsMatchOptions& o = kept.options;
  const Tensor g = context.grad(0), x = context.get(kept.x);
  Tensor grad_x, grad_residual;
  if (context.needs(0)) {
    grad_x =
        composite_gradients(context, {x}, {context.grad(1), context.grad(2)}, [&kept](const std::vector<Tensor>& in) {
          return recorded_norms(in[0], kept.running_mean, kept.running_var);
        })[0];
  }
  if (g.defined()) {
    const Tensor d = through_activation(g, kept.mask, kept.layout, o.activation, o.slope);
    Tensor scale = pow(add(kept.running_var, o.eps), -0.5f);
    if (kept.gamma.defined()) scale = mul(scale, kept.gamma);
    const Tensor part = mul(d, as_channels(scale));
    if (context.needs(0)) grad_x = grad_x.defined() ? add(grad_x, part) : part;
    if (context.needs(1)) grad_residual = d;
  }
  return {grad_x, grad_residual};
}

/// {sum of terms}, one node. `values` holds the terms side by side, or is undefined.
Tensor sum_of_terms(const std::vector<Tensor>& terms, const Tensor& values) {
  Tensor total;
  {
    const NoGradGuard no_grad;
    if (values.defined()) {
      total = sum(values);
    } else {
      for (const Tensor& term : terms) total = total.defined() ? add(total, term) : term.clone();
    }
  }
  if (needs_record(terms))
    record("bn_stats_match_sum", terms, {&total},
           [count = terms.size()](BackwardContext& context) { return std::vector<Tensor>(count, context.grad()); });
  return total;
}

}  // namespace

/// Deferred calls with all that their pointers name, and the norms: those of variances in row 0, of means in row 1.
struct BnStatsMatchGroup::State {
  Device device;
  Tensor norms;
  dim_t slots = 0;
  std::vector<kernels::BnStatsMatchArgs> calls;
  std::vector<Tensor> alive;
  std::vector<Tensor> var_norms, mean_norms;

  /// The next free place of a row, as a scalar.
  Tensor slot(dim_t row) const {
    const NoGradGuard no_grad;
    const dim_t at = row * norms.dim(1) + slots;
    return reshape(slice(reshape(norms, {norms.numel()}), 0, at, at + 1), {});
  }
  /// The values of a row that is full of this group's norms; undefined when some are elsewhere.
  Tensor filled(dim_t row) const {
    const NoGradGuard no_grad;
    if (slots != dim_t(var_norms.size())) return {};
    return slice(reshape(slice(norms, 0, row, row + 1), {norms.dim(1)}), 0, 0, slots);
  }
};

BnStatsMatchGroup::BnStatsMatchGroup(dim_t most_calls, const Device& device) : state_(std::make_unique<State>()) {
  state_->device = device;
  state_->norms = Tensor::empty({2, most_calls}, DType::kF32, device);
}

BnStatsMatchGroup::~BnStatsMatchGroup() = default;

BnStatsMatchGroup::Sums BnStatsMatchGroup::finish() {
  State& s = *state_;
  if (!s.calls.empty()) {
    OpScope scope("bn_stats_match_finish", {});
    backend(s.device).bn_stats_match.finish(current_stream(s.device), {s.calls.data(), int(s.calls.size())});
  }
  return {sum_of_terms(s.var_norms, s.filled(0)), sum_of_terms(s.mean_norms, s.filled(1))};
}

BnStatsMatch bn_stats_match(const Tensor& input, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                            const Tensor& running_var, const BnStatsMatchOptions& options, const Tensor& added) {
  if (!input.defined() || !running_mean.defined() || !running_var.defined())
    throw UsageError("[bn_stats_match] expected x, running_mean and running_var, got an empty handle");
  const Tensor x = channel_layout(kBnStatsMatch, input);
  if (x.numel() == 0)
    throw ShapeError(message("[bn_stats_match] expected at least one value a channel, got x ", x.describe()));
  check_residual(kBnStatsMatch, added, x);
  const Tensor residual = channel_layout(kBnStatsMatch, added);
  const Tensor scale = channel_vector(kBnStatsMatch, "gamma", gamma, x),
               shift = channel_vector(kBnStatsMatch, "beta", beta, x);
  const Tensor target_mean = channel_vector(kBnStatsMatch, "running_mean", running_mean, x);
  const Tensor target_var = channel_vector(kBnStatsMatch, "running_var", running_var, x);
  if (needs_record({gamma, beta})) {
    const BatchNormOptions plain = {.eps = options.eps, .activation = options.activation, .slope = options.slope};
    const std::vector<Tensor> norms = recorded_norms(x, target_mean, target_var);
    if (options.group) {
      options.group->state_->var_norms.push_back(norms[0]);
      options.group->state_->mean_norms.push_back(norms[1]);
    }
    return {batch_norm(x, gamma, beta, target_mean, target_var, plain, residual), norms[0], norms[1]};
  }

  const bool recording = needs_record({x, residual});
  const kernels::ActivationShape shape = x.activation();
  const auto vector = [&] { return Tensor::empty({shape.c}, DType::kF32, x.device()); };
  const auto scalar = [&] { return Tensor::empty({}, DType::kF32, x.device()); };
  BnStatsMatchGroup::State* const group = options.group ? options.group->state_.get() : nullptr;
  if (group && (group->slots == group->norms.dim(1) || group->device != x.device()))
    throw UsageError(message("[bn_stats_match] expected a group on ", to_string(x.device()), " with a free place, got ",
                             group->slots, " of ", group->norms.dim(1), " taken on ", to_string(group->device)));
  BnStatsMatch out = {Tensor::empty(x.shape(), DType::kF32, x.device(), x.layout()), group ? group->slot(0) : scalar(),
                      group ? group->slot(1) : scalar()};
  const Tensor mask = mask_like(x, recording && options.activation != Activation::kNone);
  const Tensor batch_mean = vector(), batch_var = vector();
  const Tensor workspace = workspace_tensor(backend(x.device()).bn_stats_match.workspace_bytes(shape), x.device());
  {
    OpScope scope(kBnStatsMatch, kernels::bn_stats_match_cost(shape, true, residual.defined(), mask.defined()));
    const kernels::BnStatsMatchArgs args = {.shape = shape,
                                            .x = x.data<float>(),
                                            .residual = data_or_null(residual),
                                            .gamma = data_or_null(scale),
                                            .beta = data_or_null(shift),
                                            .running_mean = target_mean.data<float>(),
                                            .running_var = target_var.data<float>(),
                                            .eps = options.eps,
                                            .activation = options.activation,
                                            .slope = options.slope,
                                            .y = out.y.data<float>(),
                                            .mask = mask_words(mask),
                                            .batch_mean = batch_mean.data<float>(),
                                            .batch_var = batch_var.data<float>(),
                                            .var_norm = out.var_norm.data<float>(),
                                            .mean_norm = out.mean_norm.data<float>(),
                                            .workspace = workspace.raw_data(),
                                            .defer_statistics = group && !x.device().is_cpu()};
    backend(x.device()).bn_stats_match.forward(current_stream(x.device()), args);
    if (args.defer_statistics) {
      group->calls.push_back(args);
      for (const Tensor& tensor :
           {x, residual, scale, shift, target_mean, target_var, out.y.detach(), mask, batch_mean, batch_var, workspace})
        group->alive.push_back(tensor);
    }
  }
  if (recording) {
    const BnStatsMatchKept kept = {.x = Saved(x),
                                   .options = options,
                                   .mask = mask,
                                   .gamma = scale,
                                   .running_mean = target_mean,
                                   .running_var = target_var,
                                   .batch_mean = batch_mean,
                                   .batch_var = batch_var,
                                   .var_norm = out.var_norm.detach(),
                                   .mean_norm = out.mean_norm.detach(),
                                   .layout = x.layout()};
    record(kBnStatsMatch, {x, residual}, {&out.y, &out.var_norm, &out.mean_norm}, [kept](BackwardContext& context) {
      return context.create_graph() ? recorded_gradients(context, kept) : fused_gradients(context, kept);
    });
  }
  if (group) {
    ++group->slots;
    group->var_norms.push_back(out.var_norm);
    group->mean_norms.push_back(out.mean_norm);
  }
  return out;
}

}  // namespace engram
