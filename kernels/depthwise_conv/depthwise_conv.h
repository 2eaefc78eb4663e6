#pragma once
/// Depthwise convolution (cross-correlation): each channel with a window of its own, forward and its gradients to data
/// and weights, f32 in every math mode.
/// All kernels take any channel block; 16 and 1 are the fast paths of the CPU. Results do not depend on the number of
/// threads. Sums run in f32 over a window and over at most a row of an image, beyond that in double on the CPU and in
/// fixed trees on CUDA.

#include <cstddef>

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/windows.h"

namespace engram::kernels {

/// Most taps a window may have (11 x 11).
inline constexpr dim_t kMaxDepthwiseTaps = 121;

/// Weights of all channels. Zeros pad all four sides of the input; each padding is below the kernel's extent.
inline dim_t depthwise_weight_count(const WindowGeometry& g) {
  return g.x.c * g.taps();
}

/// y = relu?(sum over the window of weight x + bias). weight: [C, kernel_h, kernel_w]; bias: [C], or null for 0.
struct DepthwiseForwardArgs {
  WindowGeometry geometry;
  const float* x;
  const float* weight;
  const float* bias;
  bool relu = false;
  float* y;
};

/// gx = gradient to x from gy: the adjoint of DepthwiseForwardArgs in x.
struct DepthwiseDataGradientArgs {
  WindowGeometry geometry;
  const float* gy;
  const float* weight;
  float* gx;
};

/// gw [C, kernel_h, kernel_w] = gradient to the weight from x and gy.
struct DepthwiseWeightGradientArgs {
  WindowGeometry geometry;
  const float* x;
  const float* gy;
  float* gw;
  void* workspace;  ///< workspace_bytes, aligned to 64
};

/// Entry points of one back end.
struct DepthwiseConvKernels {
  void (*forward)(Stream, const DepthwiseForwardArgs&);
  void (*data_gradient)(Stream, const DepthwiseDataGradientArgs&);
  void (*weight_gradient)(Stream, const DepthwiseWeightGradientArgs&);
  /// Bytes of workspace of a weight gradient.
  std::size_t (*workspace_bytes)(const WindowGeometry&);
};

/// x and weights read, y written; two operations a tap and output element.
Cost depthwise_forward_cost(const WindowGeometry& geometry);
/// gy and weights read, gx written, likewise.
Cost depthwise_data_gradient_cost(const WindowGeometry& geometry);
/// x and gy read, weight gradients written, likewise.
Cost depthwise_weight_gradient_cost(const WindowGeometry& geometry);

/// The CPU back end.
extern const DepthwiseConvKernels kCpuDepthwiseConv;
/// The CUDA back end; defined where its kernels are linked.
extern const DepthwiseConvKernels kCudaDepthwiseConv;

/// Plain loops in double over planar tensors (geometry.x.block is ignored): the oracle of the tests. `bias` may be
/// null.
namespace reference {
void depthwise_forward(const WindowGeometry& geometry, const double* x, const double* weight, const double* bias,
                       double* y);
void depthwise_data_gradient(const WindowGeometry& geometry, const double* gy, const double* weight, double* gx);
void depthwise_weight_gradient(const WindowGeometry& geometry, const double* x, const double* gy, double* gw);
}  // namespace reference

}  // namespace engram::kernels
