#include "engine/ops/batch_norm.h"

#include "engine/autograd.h"
#include "engine/composite.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"

namespace engram {
namespace {

void check_channels(const char* what, const Tensor& v, const Tensor& x) {
  if (!v.defined() || v.shape() != Shape{x.dim(1)})
    throw ShapeError(message("[batch_norm] expected ", what, " of shape [", x.dim(1), "] for x ", x.describe(), ", got ",
                             v.describe()));
}

void check(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean, const Tensor& var, const Tensor& residual) {
  if (!x.defined() || x.rank() != 4) throw ShapeError(message("[batch_norm] expected x [N,C,H,W], got ", x.describe()));
  check_channels("gamma", gamma, x);
  check_channels("beta", beta, x);
  check_channels("running_mean", mean, x);
  check_channels("running_var", var, x);
  if (residual.defined() && residual.shape() != x.shape())
    throw ShapeError(message("[batch_norm] expected a residual of shape ", to_string(x.shape()), ", got ", residual.describe()));
}

/// The operation in differentiable primitives: the second-order path, and the oracle of the tests.
Tensor composite(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& residual, const Tensor& running_mean,
                 const Tensor& running_var, const BatchNormOptions& options) {
  const auto per_channel = [](const Tensor& v) { return reshape(v, {1, v.numel(), 1, 1}); };
  Tensor center, var;
  if (options.training) {
    center = sub(x, mean(x, {0, 2, 3}, true));
    var = mean(square(center), {0, 2, 3}, true);
  } else {
    center = sub(x, per_channel(running_mean));
    var = per_channel(running_var);
  }
  Tensor y = add(mul(center, mul(per_channel(gamma), pow(add(var, options.eps), -0.5f))), per_channel(beta));
  if (residual.defined()) y = add(y, residual);
  return apply_activation(y, options.activation, options.slope);
}

/// x in the layout of `like`, dense.
Tensor in_layout_of(const Tensor& x, const Tensor& like) { return like.layout() == Layout::kBlocked ? x.blocked() : x.contiguous(); }

Tensor bytes(std::size_t count, Device device) { return Tensor::empty({dim_t(count)}, DType::kU8, device); }

float* pointer(const Tensor& x) { return x.defined() ? x.data<float>() : nullptr; }

/// What the forward pass leaves for the backward pass.
struct Kept {
  Saved x, gamma, beta, residual;
  Tensor mask;                        // bits of the activation; undefined without one
  Tensor mean, invstd;                // of the batch, in training
  Tensor running_mean, running_var;   // else
  BatchNormOptions options;
};

std::vector<Tensor> fused_backward(BackwardContext& context, const Kept& kept) {
  const Tensor x = context.get(kept.x), gamma = context.get(kept.gamma);
  auto [g1, g2] = context.take_grad_pair();
  g1 = in_layout_of(g1, x);
  if (g2.defined()) g2 = in_layout_of(g2, x);
  const auto shape = x.activation();
  const BatchNormOptions& o = kept.options;
  Tensor gx, ggamma, gbeta, gres;
  // The gradient's memory is reused where nobody else sees it.
  if (context.needs(0)) gx = g1.owns_data_alone() ? g1 : Tensor::empty(x.shape(), DType::kF32, x.device(), x.layout());
  if (context.needs(1)) ggamma = Tensor::empty(gamma.shape(), DType::kF32, x.device());
  if (context.needs(2)) gbeta = Tensor::empty(gamma.shape(), DType::kF32, x.device());
  if (context.needs(3)) gres = Tensor::empty(x.shape(), DType::kF32, x.device(), x.layout());
  const Tensor workspace = bytes(kernels::batch_norm_workspace_bytes(shape), x.device());
  const auto* mask = kept.mask.defined() ? static_cast<const std::uint16_t*>(kept.mask.raw_data()) : nullptr;
  const int gradients = g2.defined() ? 2 : 1;
  const auto& kernels = backend(x.device()).batch_norm;
  const auto stream = current_stream(x.device());
  if (o.training) {
    OpScope scope("batch_norm_backward", kernels::batch_norm_train_backward_cost(shape, gradients, gres.defined(), mask != nullptr));
    kernels.train_backward(stream, {shape, x.data<float>(), pointer(g1), pointer(g2), mask, o.activation, o.slope, pointer(kept.mean),
                                    pointer(kept.invstd), pointer(gamma), pointer(gx), pointer(gres), pointer(ggamma), pointer(gbeta),
                                    workspace.raw_data()});
  } else {
    OpScope scope("batch_norm_eval_backward",
                  kernels::batch_norm_eval_backward_cost(shape, gradients, gres.defined(), mask != nullptr, ggamma.defined() || gbeta.defined()));
    kernels.eval_backward(stream, {shape, x.data<float>(), pointer(g1), pointer(g2), mask, o.activation, o.slope, pointer(kept.running_mean),
                                   pointer(kept.running_var), o.eps, pointer(gamma), pointer(gx), pointer(gres), pointer(ggamma),
                                   pointer(gbeta), workspace.raw_data()});
  }
  return {gx, ggamma, gbeta, gres};
}

std::vector<Tensor> backward_of(BackwardContext& context, const Kept& kept) {
  if (!context.create_graph()) return fused_backward(context, kept);
  return composite_gradients(context, {context.get(kept.x), context.get(kept.gamma), context.get(kept.beta), context.get(kept.residual)},
                             {context.grad()}, [&kept](const std::vector<Tensor>& in) -> std::vector<Tensor> {
                               return {composite(in[0], in[1], in[2], in[3], kept.running_mean, kept.running_var, kept.options)};
                             });
}

}  // namespace

Tensor apply_activation(const Tensor& x, Activation activation, float slope) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return relu(x);
    case Activation::kLeakyRelu:
      return leaky_relu(x, slope);
  }
  return x;
}

Tensor batch_norm(const Tensor& x_in, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options, const Tensor& residual_in) {
  check(x_in, gamma, beta, running_mean, running_var, residual_in);
  const Tensor x = x_in.is_dense() ? x_in : x_in.contiguous();
  const Tensor residual = residual_in.defined() ? in_layout_of(residual_in, x) : residual_in;
  const auto shape = x.activation();
  const auto stream = current_stream(x.device());
  const auto& kernels = backend(x.device()).batch_norm;
  const bool recorded = needs_record({x, gamma, beta, residual});

  Tensor y = Tensor::empty(x.shape(), DType::kF32, x.device(), x.layout());
  Tensor mask;
  if (recorded && options.activation != Activation::kNone)
    mask = bytes(std::size_t(kernels::activation_mask_words(x.numel())) * sizeof(std::uint16_t), x.device());
  auto* mask_words = mask.defined() ? static_cast<std::uint16_t*>(mask.raw_data()) : nullptr;
  const Tensor workspace = bytes(kernels::batch_norm_workspace_bytes(shape), x.device());
  Tensor batch_mean, invstd;
  if (options.training) {
    batch_mean = Tensor::empty({shape.c}, DType::kF32, x.device());
    invstd = Tensor::empty({shape.c}, DType::kF32, x.device());
    OpScope scope("batch_norm", kernels::batch_norm_train_cost(shape, residual.defined(), mask.defined()));
    kernels.train(stream, {shape, x.data<float>(), pointer(residual), pointer(gamma), pointer(beta), pointer(running_mean), pointer(running_var),
                           options.momentum, options.eps, options.activation, options.slope, y.data<float>(), mask_words,
                           pointer(batch_mean), pointer(invstd), workspace.raw_data()});
    running_mean.bump_version();
    running_var.bump_version();
  } else {
    OpScope scope("batch_norm_eval", kernels::batch_norm_eval_cost(shape, residual.defined(), mask.defined()));
    kernels.eval(stream, {shape, x.data<float>(), pointer(residual), pointer(gamma), pointer(beta), pointer(running_mean), pointer(running_var),
                          options.eps, options.activation, options.slope, y.data<float>(), mask_words, workspace.raw_data()});
  }
  if (recorded) {
    // Running statistics may be updated before the backward pass; evaluation mode keeps copies of what it used.
    Kept kept{x, gamma, beta, residual, mask, batch_mean, invstd, {}, {}, options};
    if (!options.training) {
      kept.running_mean = running_mean.clone();
      kept.running_var = running_var.clone();
    }
    record("batch_norm", {x, gamma, beta, residual}, {&y},
           [kept](BackwardContext& context) -> std::vector<Tensor> { return backward_of(context, kept); });
  }
  return y;
}

}  // namespace engram
