#include "engine/ops/depthwise.h"

#include <algorithm>

#include "engine/backend.h"
#include "engine/ops/channel_op.h"
#include "engine/ops/optional_data.h"
#include "engine/profiler.h"
#include "kernels/depthwise_conv/depthwise_conv.h"

namespace engram {
namespace {

Layout layout_for(const Device& device, dim_t channels) {
  return can_block_channels(device, channels) ? Layout::kBlocked : Layout::kStrided;
}

/// The tensor in conv2d's layout, without history.
Tensor placed(const Tensor& x) {
  const Tensor plain = x.detach();
  return layout_for(x.device(), x.dim(1)) == Layout::kBlocked ? plain.blocked() : plain.contiguous();
}

/// An empty tensor in that layout.
Tensor empty_placed(const Shape& shape, const Device& device) {
  return Tensor::empty(shape, DType::kF32, device, layout_for(device, shape[1]));
}

/// Of a convolution that reads or makes `x`.
kernels::WindowGeometry geometry_of(const Tensor& x, const Shape& weight, const Conv2dOptions& o) {
  return {x.activation(), weight[2], weight[3], o.stride, o.stride, o.padding, o.padding};
}

}  // namespace

bool takes_depthwise_kernels(const Shape& x, const Shape& weight, const Conv2dOptions& o) {
  return o.groups > 1 && o.groups == x[1] && o.groups == weight[0] &&
         weight[2] * weight[3] <= kernels::kMaxDepthwiseTaps && o.padding < std::min(weight[2], weight[3]);
}

Tensor depthwise_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, bool relu,
                         const Conv2dOptions& options) {
  const Tensor source = placed(x), w = weight.detach().contiguous();
  const Tensor b = bias.defined() ? bias.detach().contiguous() : Tensor();
  const kernels::WindowGeometry g = geometry_of(source, weight.shape(), options);
  Tensor y = empty_placed({g.x.n, g.x.c, g.out_h(), g.out_w()}, x.device());
  if (y.numel() == 0) return y;
  OpScope scope("depthwise_conv2d", kernels::depthwise_forward_cost(g));
  backend(x.device())
      .depthwise_conv.forward(current_stream(x.device()),
                              {g, source.data<float>(), w.data<float>(), data_or_null(b), relu, y.data<float>()});
  return y;
}

Tensor depthwise_data_gradient(const Tensor& gy, const Tensor& weight, const Shape& x_shape,
                               const Conv2dOptions& options) {
  const Tensor source = placed(gy), w = weight.detach().contiguous();
  Tensor gx = empty_placed(x_shape, gy.device());
  if (gx.numel() == 0) return gx;
  const kernels::WindowGeometry g = geometry_of(gx, weight.shape(), options);
  OpScope scope("depthwise_conv2d_data_gradient", kernels::depthwise_data_gradient_cost(g));
  backend(gy.device())
      .depthwise_conv.data_gradient(current_stream(gy.device()),
                                    {g, source.data<float>(), w.data<float>(), gx.data<float>()});
  return gx;
}

Tensor depthwise_weight_gradient(const Tensor& x, const Tensor& gy, const Shape& weight_shape,
                                 const Conv2dOptions& options) {
  const Tensor source = placed(x), gradient = placed(gy);
  Tensor gw = Tensor::empty(weight_shape, DType::kF32, x.device());
  const kernels::WindowGeometry g = geometry_of(source, weight_shape, options);
  const auto& kernels = backend(x.device()).depthwise_conv;
  const Tensor workspace = workspace_tensor(kernels.workspace_bytes(g), x.device());
  OpScope scope("depthwise_conv2d_weight_gradient", kernels::depthwise_weight_gradient_cost(g));
  kernels.weight_gradient(current_stream(x.device()),
                          {g, source.data<float>(), gradient.data<float>(), gw.data<float>(), workspace.raw_data()});
  return gw;
}

}  // namespace engram
