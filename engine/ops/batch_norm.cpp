#include "engine/ops/batch_norm.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/channel_op.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/optional_data.h"
#include "engine/ops/reduce.h"
#include "engine/ops/statistics.h"
#include "engine/profiler.h"
#include "kernels/backend.h"
#include "kernels/batch_norm/batch_norm.h"

namespace engram {
namespace {

constexpr const char* kBatchNorm = "batch_norm";

const std::vector<int> kAxes = {0, 2, 3};

/// What the backward pass keeps. Inputs of the node: x, gamma, beta, residual.
struct BatchNormKept {
  Saved x, gamma;
  BatchNormOptions options;
  Tensor mask;
  Tensor mean;    ///< of the batch, or running
  Tensor spread;  ///< 1 / sqrt(var + eps) of the batch in training, else the running variance
  Layout layout;
};

Tensor vector_if(bool wanted, const Tensor& like) {
  return wanted ? Tensor::empty(like.shape(), DType::kF32, like.device()) : Tensor();
}

std::vector<Tensor> fused_gradients(BackwardContext& context, const BatchNormKept& kept) {
  const BatchNormOptions& o = kept.options;
  GradientPair in = take_gradients(context, kept.layout);
  const kernels::ActivationShape shape = in.first.activation();
  const bool masked = o.activation != Activation::kNone, one = !in.second.defined();
  const Tensor x = context.get(kept.x), kept_gamma = context.get(kept.gamma);
  const Tensor gamma = kept_gamma.defined() ? kept_gamma.detach().contiguous() : Tensor();
  const Tensor workspace =
      workspace_tensor(backend(in.first.device()).batch_norm.workspace_bytes(shape), in.first.device());
  const float *g = in.first.data<float>(), *g2 = data_or_null(in.second);

  Tensor grad_x, grad_residual;
  const bool passes_through = context.needs(3) && !masked && one;  // the residual's gradient is the incoming one
  if (passes_through) in.first_free = false;
  if (context.needs(3)) grad_residual = passes_through ? in.first : in.reuse();
  if (context.needs(0)) grad_x = in.reuse();
  const Tensor grad_gamma = vector_if(context.needs(1), kept.mean), grad_beta = vector_if(context.needs(2), kept.mean);
  float* const residual_out = passes_through ? nullptr : data_or_null(grad_residual);

  OpScope scope("batch_norm_backward",
                o.training ? kernels::batch_norm_train_backward_cost(shape, one ? 1 : 2, residual_out, masked)
                           : kernels::batch_norm_eval_backward_cost(shape, one ? 1 : 2, residual_out, masked,
                                                                    context.needs(1) || context.needs(2)));
  const auto& kernels = backend(in.first.device()).batch_norm;
  const auto stream = current_stream(in.first.device());
  if (o.training) {
    kernels.train_backward(stream, {.shape = shape,
                                    .x = data_or_null(x),
                                    .grad_y = g,
                                    .grad_y2 = g2,
                                    .mask = mask_words(kept.mask),
                                    .activation = o.activation,
                                    .slope = o.slope,
                                    .mean = kept.mean.data<float>(),
                                    .invstd = kept.spread.data<float>(),
                                    .gamma = data_or_null(gamma),
                                    .grad_x = data_or_null(grad_x),
                                    .grad_residual = residual_out,
                                    .grad_gamma = data_or_null(grad_gamma),
                                    .grad_beta = data_or_null(grad_beta),
                                    .workspace = workspace.raw_data()});
  } else {
    kernels.eval_backward(stream, {.shape = shape,
                                   .x = data_or_null(x),
                                   .grad_y = g,
                                   .grad_y2 = g2,
                                   .mask = mask_words(kept.mask),
                                   .activation = o.activation,
                                   .slope = o.slope,
                                   .mean = kept.mean.data<float>(),
                                   .var = kept.spread.data<float>(),
                                   .eps = o.eps,
                                   .gamma = data_or_null(gamma),
                                   .grad_x = data_or_null(grad_x),
                                   .grad_residual = residual_out,
                                   .grad_gamma = data_or_null(grad_gamma),
                                   .grad_beta = data_or_null(grad_beta),
                                   .workspace = workspace.raw_data()});
  }
  return {grad_x, grad_gamma, grad_beta, grad_residual};
}

/// The same gradients in recorded operations. By hand and not by `record_fused`: a composite would need the inputs, of
/// which a frozen network keeps none, and would find the activation's signs anew where the kernel kept them as a mask.
std::vector<Tensor> recorded_gradients(BackwardContext& context, const BatchNormKept& kept) {
  const BatchNormOptions& o = kept.options;
  const Tensor g = context.grad(), x = context.get(kept.x), gamma = context.get(kept.gamma);
  const Tensor d = through_activation(g, kept.mask, kept.layout, o.activation, o.slope);
  const Tensor scaled = gamma.defined() ? mul(d, as_channels(gamma)) : d;
  Tensor grad_x, grad_gamma, grad_beta;
  if (context.needs(2)) grad_beta = sum(d, kAxes);
  if (o.training && (context.needs(0) || context.needs(1))) {
    const Tensor invstd = pow(add(var(x, kAxes, true), o.eps), -0.5f);
    const Tensor normalised = mul(sub(x, mean(x, kAxes, true)), invstd);
    if (context.needs(1)) grad_gamma = sum(mul(d, normalised), kAxes);
    if (context.needs(0)) {
      const Tensor along = mul(normalised, mean(mul(scaled, normalised), kAxes, true));
      grad_x = mul(invstd, sub(sub(scaled, mean(scaled, kAxes, true)), along));
    }
  }
  if (!o.training) {
    const Tensor invstd = as_channels(pow(add(kept.spread, o.eps), -0.5f));
    if (context.needs(1)) grad_gamma = sum(mul(d, mul(sub(x, as_channels(kept.mean)), invstd)), kAxes);
    if (context.needs(0)) grad_x = mul(scaled, invstd);
  }
  return {grad_x, grad_gamma, grad_beta, context.needs(3) ? d : Tensor()};
}

void check_statistics(const Tensor& x, const Tensor& mean, const Tensor& var, bool training) {
  if (mean.defined() != var.defined() || (!training && !mean.defined()))
    throw UsageError(message("[batch_norm] expected running_mean and running_var",
                             training ? " or neither" : " in evaluation", ", got ",
                             mean.defined() || var.defined() ? "one of them" : "none"));
  if (training && x.activation().per_channel() < 2)
    throw ShapeError(message("[batch_norm] expected more than one value a channel in training, got x ", x.describe()));
  for (const Tensor& statistics : {mean, var})
    if (training && statistics.defined() && (statistics.requires_grad() || !statistics.is_contiguous()))
      throw UsageError("[batch_norm] expected dense running statistics that do not require a gradient in training");
}

}  // namespace

Tensor apply_activation(const Tensor& x, Activation activation, float slope) {
  if (activation == Activation::kNone) return x;
  return activation == Activation::kRelu ? relu(x) : leaky_relu(x, slope);
}

Tensor batch_norm(const Tensor& input, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options, const Tensor& added) {
  if (!input.defined()) throw UsageError("[batch_norm] expected x, got an empty handle");
  const Tensor x = channel_layout(kBatchNorm, input);
  check_residual(kBatchNorm, added, x);
  const Tensor residual = channel_layout(kBatchNorm, added);
  const Tensor scale = channel_vector(kBatchNorm, "gamma", gamma, x),
               shift = channel_vector(kBatchNorm, "beta", beta, x);
  const Tensor old_mean = channel_vector(kBatchNorm, "running_mean", running_mean, x);
  const Tensor old_var = channel_vector(kBatchNorm, "running_var", running_var, x);
  check_statistics(x, running_mean, running_var, options.training);

  const bool recording = needs_record({x, gamma, beta, residual}), masked = options.activation != Activation::kNone;
  const kernels::ActivationShape shape = x.activation();
  Tensor y = Tensor::empty(x.shape(), DType::kF32, x.device(), x.layout());
  const Tensor mask = mask_like(x, recording && masked);
  const Tensor workspace = workspace_tensor(backend(x.device()).batch_norm.workspace_bytes(shape), x.device());
  Tensor used_mean = old_mean, spread = old_var;
  if (options.training) {
    used_mean = Tensor::empty({shape.c}, DType::kF32, x.device());
    spread = Tensor::empty({shape.c}, DType::kF32, x.device());
    OpScope scope(kBatchNorm, kernels::batch_norm_train_cost(shape, residual.defined(), mask.defined()));
    backend(x.device())
        .batch_norm.train(current_stream(x.device()), {.shape = shape,
                                                       .x = x.data<float>(),
                                                       .residual = data_or_null(residual),
                                                       .gamma = data_or_null(scale),
                                                       .beta = data_or_null(shift),
                                                       .running_mean = data_or_null(old_mean),
                                                       .running_var = data_or_null(old_var),
                                                       .momentum = options.momentum,
                                                       .eps = options.eps,
                                                       .activation = options.activation,
                                                       .slope = options.slope,
                                                       .y = y.data<float>(),
                                                       .mask = mask_words(mask),
                                                       .mean = used_mean.data<float>(),
                                                       .invstd = spread.data<float>(),
                                                       .workspace = workspace.raw_data()});
    for (const Tensor& statistics : {running_mean, running_var})
      if (statistics.defined()) statistics.bump_version();
  } else {
    OpScope scope(kBatchNorm, kernels::batch_norm_eval_cost(shape, residual.defined(), mask.defined()));
    backend(x.device())
        .batch_norm.eval(current_stream(x.device()), {.shape = shape,
                                                      .x = x.data<float>(),
                                                      .residual = data_or_null(residual),
                                                      .gamma = data_or_null(scale),
                                                      .beta = data_or_null(shift),
                                                      .mean = old_mean.data<float>(),
                                                      .var = old_var.data<float>(),
                                                      .eps = options.eps,
                                                      .activation = options.activation,
                                                      .slope = options.slope,
                                                      .y = y.data<float>(),
                                                      .mask = mask_words(mask),
                                                      .workspace = workspace.raw_data()});
  }
  if (recording) {
    const bool needs_x = gamma.requires_grad() || (options.training && x.requires_grad());
    BatchNormKept kept = {.x = needs_x ? Saved(x) : Saved(),
                          .gamma = x.requires_grad() && gamma.defined() ? Saved(gamma) : Saved(),
                          .options = options,
                          .mask = mask,
                          .mean = used_mean,
                          .spread = spread,
                          .layout = x.layout()};
    if (!options.training) {  // later updates of the running statistics must not reach this node
      kept.mean = used_mean.clone();
      kept.spread = spread.clone();
    }
    record(kBatchNorm, {x, gamma, beta, residual}, {&y}, [kept](BackwardContext& context) {
      return context.create_graph() ? recorded_gradients(context, kept) : fused_gradients(context, kept);
    });
  }
  return y;
}

}  // namespace engram
