#include "engine/ops/conv2d.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/depthwise.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/conv2d/conv2d.h"

namespace engram {
namespace {

dim_t preferred_block(const Device& device, dim_t channels) {
  return can_block_channels(device, channels) ? channel_block(device, channels) : 1;
}

kernels::Conv2dShape conv_shape(const char* name, const Device& device, const Shape& x, const Shape& w,
                                const Conv2dOptions& o) {
  constexpr dim_t kMost = 1 << 30;  // of a number that is no extent
  const bool fits = x.size() == 4 && w.size() == 4 && numel(x) >= 0 && numel(w) >= 0 && o.stride >= 1 &&
                    o.stride <= kMost && o.padding >= 0 && o.padding <= kMost && o.groups >= 1 && o.groups <= kMost &&
                    x[1] == w[1] * o.groups && w[0] % o.groups == 0 && x[2] + 2 * o.padding >= w[2] &&
                    x[3] + 2 * o.padding >= w[3];
  if (!fits)
    throw ShapeError(message("[", name, "] expected x [n,ic,h,w] and weight [oc,ic/groups,kh,kw] that fit, got ",
                             to_string(x), " and ", to_string(w), " with stride ", o.stride, " padding ", o.padding,
                             " groups ", o.groups));
  return {.n = x[0],
          .ic = x[1],
          .ih = x[2],
          .iw = x[3],
          .oc = w[0],
          .kh = w[2],
          .kw = w[3],
          .stride_h = o.stride,
          .stride_w = o.stride,
          .pad_h = o.padding,
          .pad_w = o.padding,
          .groups = o.groups,
          .x_block = preferred_block(device, x[1]),
          .y_block = preferred_block(device, w[0])};
}

/// Throws ShapeError unless gy has the shape of the convolution's result.
void check_result_gradient(const char* name, const Tensor& gy, const kernels::Conv2dShape& s) {
  const Shape expected = {s.n, s.oc, s.oh(), s.ow()};
  if (gy.shape() != expected)
    throw ShapeError(message("[", name, "] expected gy of shape ", to_string(expected), ", got ", gy.describe()));
}

/// The tensor in the layout with this block, without history.
Tensor in_block(const Tensor& x, dim_t block) {
  return block == 1 ? x.detach().contiguous() : x.detach().blocked();
}

Tensor empty_in_block(const Shape& shape, Device device, dim_t block) {
  return Tensor::empty(shape, DType::kF32, device, block == 1 ? Layout::kStrided : Layout::kBlocked);
}

/// The weight [oc,ic,kh,kw] as [oc,kh,kw,ic].
Tensor channels_last(const Tensor& weight) {
  const NoGradGuard no_grad;
  return permute(weight.detach(), {0, 2, 3, 1}).contiguous();
}

/// The same from the copy that the weight's storage keeps; it is made when there is none of this version.
Tensor kept_channels_last(const Tensor& weight) {
  const Shape& s = weight.shape();
  // Kernels of 1x1 and of one input channel are in that order already.
  if (weight.is_contiguous() && (s[1] == 1 || (s[2] == 1 && s[3] == 1))) return channels_last(weight);
  Tensor kept = weight.detach();
  kept.impl()->storage = weight.storage().channels_last_copy(
      weight.raw_data(), [&weight] { return channels_last(weight).impl()->storage; });
  kept.impl()->offset = 0;
  kept.impl()->shape = {s[0], s[2], s[3], s[1]};
  kept.impl()->strides = dense_strides(kept.impl()->shape);
  return kept;
}

kernels::ConvQuery query_of(const kernels::Conv2dShape& shape, kernels::ConvPass pass, bool epilogue = false) {
  return {shape, pass, compute_mode().policy, compute_mode().math, epilogue};
}

/// The dense weight in the order that the call takes; `holder` keeps a copy alive where one was needed. Frozen weights
/// come with the cache of their storage; those that are trained change before packed forms could be used again.
kernels::ConvWeight packed(const Tensor& weight, const kernels::ConvQuery& query, Tensor& holder) {
  if (backend(weight.device()).conv2d.channels_last_weights(query)) {
    holder = weight.requires_grad() ? channels_last(weight) : kept_channels_last(weight);
    return {holder.data<float>()};
  }
  holder = weight.detach().contiguous();
  if (weight.requires_grad() || !weight.device().is_cpu()) return {holder.data<float>()};
  Storage& storage = holder.storage();
  return {holder.data<float>(), storage.version(), storage.weight_packs(kernels::make_weight_pack_cache)};
}

/// Scratch memory for a pass; undefined where the back end keeps its own.
Tensor workspace_for(const Device& device, const kernels::ConvQuery& query) {
  const std::size_t bytes = backend(device).conv2d.workspace_bytes(query);
  return bytes == 0 ? Tensor() : Tensor::empty({dim_t(bytes)}, DType::kU8, device);
}

void* address_of(const Tensor& workspace) {
  return workspace.defined() ? workspace.raw_data() : nullptr;
}

Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual, bool relu,
               const Conv2dOptions& options) {
  check_one_device("conv2d", {x, weight, bias, residual});
  const auto shape = conv_shape("conv2d", x.device(), x.shape(), weight.shape(), options);
  const Shape y_shape = {shape.n, shape.oc, shape.oh(), shape.ow()};
  if (bias.defined() && bias.shape() != Shape{shape.oc})
    throw ShapeError(message("[conv2d] expected a bias of shape [", shape.oc, "], got ", bias.describe()));
  if (residual.defined() && residual.shape() != y_shape)
    throw ShapeError(
        message("[conv2d] expected a residual of shape ", to_string(y_shape), ", got ", residual.describe()));
  if (takes_depthwise_kernels(x.shape(), weight.shape(), options)) {
    const NoGradGuard no_grad;
    if (!residual.defined()) return depthwise_forward(x, weight, bias, relu, options);
    const Tensor sum = depthwise_forward(x, weight, bias, false, options) + residual;
    return relu ? engram::relu(sum) : sum;
  }
  const Tensor source = in_block(x, shape.x_block);
  Tensor dense_weight, dense_bias, dense_residual;
  const kernels::ConvQuery query =
      query_of(shape, kernels::ConvPass::kFprop, bias.defined() || residual.defined() || relu);
  const kernels::ConvWeight w = packed(weight, query, dense_weight);
  if (bias.defined()) dense_bias = bias.detach().contiguous();
  if (residual.defined()) dense_residual = in_block(residual, shape.y_block);
  Tensor y = empty_in_block(y_shape, x.device(), shape.y_block);
  if (y.numel() == 0) return y;
  const Tensor workspace = workspace_for(x.device(), query);
  OpScope scope("conv2d", kernels::conv2d_cost(shape, kernels::ConvPass::kFprop));
  backend(x.device())
      .conv2d.fprop(current_stream(x.device()),
                    {shape, query.policy, source.data<float>(), w, bias.defined() ? dense_bias.data<float>() : nullptr,
                     residual.defined() ? dense_residual.data<float>() : nullptr, relu, y.data<float>(), query.math,
                     address_of(workspace)});
  return y;
}

/// The data gradient by the convolution family, without history.
Tensor library_data_gradient(const Tensor& gy, const Tensor& weight, const kernels::Conv2dShape& shape) {
  const Tensor source = in_block(gy, shape.y_block);
  Tensor dense_weight;
  const kernels::ConvQuery query = query_of(shape, kernels::ConvPass::kDgrad);
  const kernels::ConvWeight w = packed(weight, query, dense_weight);
  Tensor gx = empty_in_block({shape.n, shape.ic, shape.ih, shape.iw}, gy.device(), shape.x_block);
  if (gx.numel() > 0) {
    const Tensor workspace = workspace_for(gy.device(), query);
    OpScope scope("conv2d_data_gradient", kernels::conv2d_cost(shape, kernels::ConvPass::kDgrad));
    backend(gy.device())
        .conv2d.dgrad(current_stream(gy.device()), {shape, query.policy, source.data<float>(), w, gx.data<float>(),
                                                    query.math, address_of(workspace)});
  }
  return gx;
}

/// The weight gradient by the convolution family, without history.
Tensor library_weight_gradient(const Tensor& x, const Tensor& gy, const kernels::Conv2dShape& shape,
                               const Shape& weight_shape) {
  const Tensor source = in_block(x, shape.x_block), gradient = in_block(gy, shape.y_block);
  const kernels::ConvQuery query = query_of(shape, kernels::ConvPass::kWgrad);
  const bool last = backend(x.device()).conv2d.channels_last_weights(query);
  const Shape& s = weight_shape;
  Tensor gw = Tensor::empty(last ? Shape{s[0], s[2], s[3], s[1]} : s, DType::kF32, x.device());
  {
    const Tensor workspace = workspace_for(x.device(), query);
    OpScope scope("conv2d_weight_gradient", kernels::conv2d_cost(shape, kernels::ConvPass::kWgrad));
    backend(x.device())
        .conv2d.wgrad(current_stream(x.device()), {shape, query.policy, source.data<float>(), gradient.data<float>(),
                                                   gw.data<float>(), nullptr, query.math, address_of(workspace)});
  }
  if (last) {
    const NoGradGuard no_grad;
    gw = permute(gw, {0, 3, 1, 2}).contiguous();
  }
  return gw;
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options) {
  Tensor y = forward(x, weight, bias, {}, false, options);
  if (needs_record({x, weight, bias})) {
    // Without a weight gradient the input is not needed again: it is not kept.
    const Saved kept = weight.requires_grad() || x.requires_grad() ? Saved(weight) : Saved();
    const Saved input = weight.requires_grad() ? Saved(x) : Saved();
    record("conv2d", {x, weight, bias}, {&y},
           [kept, input, x_shape = x.shape(), w_shape = weight.shape(),
            options](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor g = context.grad();
             Tensor gx, gw, gb;
             if (context.needs(0)) gx = conv2d_data_gradient(g, context.get(kept), x_shape, options);
             if (context.needs(1)) gw = conv2d_weight_gradient(context.get(input), g, w_shape, options);
             if (context.needs(2)) gb = sum(g, {0, 2, 3});
             return {gx, gw, gb};
           });
  }
  return y;
}

Tensor conv2d_data_gradient(const Tensor& gy, const Tensor& weight, const Shape& x_shape,
                            const Conv2dOptions& options) {
  check_one_device("conv2d_data_gradient", {gy, weight});
  const auto shape = conv_shape("conv2d_data_gradient", gy.device(), x_shape, weight.shape(), options);
  check_result_gradient("conv2d_data_gradient", gy, shape);
  Tensor gx = takes_depthwise_kernels(x_shape, weight.shape(), options)
                  ? depthwise_data_gradient(gy, weight, x_shape, options)
                  : library_data_gradient(gy, weight, shape);
  if (needs_record({gy, weight}))
    record("conv2d_data_gradient", {gy, weight}, {&gx},
           [gy = Saved(gy), weight = Saved(weight), w_shape = weight.shape(),
            options](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor g = context.grad();
             Tensor ggy, gw;
             if (context.needs(0)) ggy = conv2d(g, context.get(weight), {}, options);
             if (context.needs(1)) gw = conv2d_weight_gradient(g, context.get(gy), w_shape, options);
             return {ggy, gw};
           });
  return gx;
}

Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& gy, const Shape& weight_shape,
                              const Conv2dOptions& options) {
  check_one_device("conv2d_weight_gradient", {x, gy});
  const auto shape = conv_shape("conv2d_weight_gradient", x.device(), x.shape(), weight_shape, options);
  check_result_gradient("conv2d_weight_gradient", gy, shape);
  Tensor gw = takes_depthwise_kernels(x.shape(), weight_shape, options)
                  ? depthwise_weight_gradient(x, gy, weight_shape, options)
                  : library_weight_gradient(x, gy, shape, weight_shape);
  if (needs_record({x, gy}))
    record(
        "conv2d_weight_gradient", {x, gy}, {&gw},
        [x = Saved(x), gy = Saved(gy), x_shape = x.shape(), options](BackwardContext& context) -> std::vector<Tensor> {
          const Tensor g = context.grad();
          Tensor gx, ggy;
          if (context.needs(0)) gx = conv2d_data_gradient(context.get(gy), g, x_shape, options);
          if (context.needs(1)) ggy = conv2d(context.get(x), g, {}, options);
          return {gx, ggy};
        });
  return gw;
}

Tensor conv2d_inference(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual, bool relu,
                        const Conv2dOptions& options) {
  return forward(x, weight, bias, residual, relu, options);
}

}  // namespace engram
