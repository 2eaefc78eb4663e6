#pragma once
/// Two-dimensional convolution (cross-correlation), f32: forward (fprop) and the gradients to data (dgrad) and weights (wgrad).

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Which algorithms may be used.
enum class ConvPolicy {
  kFast,   ///< Winograd F(4x4,3x3) where the fixed rule of `uses_winograd` says
  kExact,  ///< direct sums only
};

/// Extents of one convolution. x is [n,ic,ih,iw], w [oc,ic/groups,kh,kw], y [n,oc,oh,ow]. `x_block` and `y_block` give the physical
/// layout of x and y as in ActivationShape: 1 or 16.
struct Conv2dShape {
  dim_t n, ic, ih, iw, oc, kh, kw;
  dim_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;
  dim_t groups = 1;
  dim_t x_block = 1, y_block = 1;

  dim_t oh() const { return (ih + 2 * pad_h - kh) / stride_h + 1; }
  dim_t ow() const { return (iw + 2 * pad_w - kw) / stride_w + 1; }
  auto operator<=>(const Conv2dShape&) const = default;
};

/// Packed forms of one weight tensor, kept between calls. Held by the owner of the weight.
class WeightPackCache {
 public:
  WeightPackCache();
  ~WeightPackCache();
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// A dense OIHW weight. Packs in `cache` are valid for `version`; without a cache it is packed in every call.
struct ConvWeight {
  const float* data;
  std::uint64_t version = 0;
  WeightPackCache* cache = nullptr;
};

/// y = act(conv(x, w) + bias + residual). `bias` [oc] and `residual` (layout of y; y itself is allowed) may be null.
struct Conv2dFpropArgs {
  Conv2dShape shape;
  ConvPolicy policy;
  const float* x;
  ConvWeight weight;
  const float* bias;
  const float* residual;
  bool relu;
  float* y;
};

/// gx = gradient to x from gy.
struct Conv2dDgradArgs {
  Conv2dShape shape;
  ConvPolicy policy;
  const float* gy;
  ConvWeight weight;
  float* gx;
};

/// gw = gradient to w (dense OIHW, overwritten) from x and gy; gbias [oc] too unless null.
struct Conv2dWgradArgs {
  Conv2dShape shape;
  ConvPolicy policy;
  const float* x;
  const float* gy;
  float* gw;
  float* gbias;
};

/// Entry points of one back end. On the CPU, fprop and dgrad do not depend on the number of threads; oneDNN's wgrad splits its sums by
/// threads, so its last bits do.
struct Conv2dKernels {
  void (*fprop)(Stream, const Conv2dFpropArgs&);
  void (*dgrad)(Stream, const Conv2dDgradArgs&);
  void (*wgrad)(Stream, const Conv2dWgradArgs&);
};

/// Whether a pass of this shape runs as Winograd under kFast: 3x3, stride 1, padding 1, one group, blocked, at least 32 channels on both
/// sides and at least 4x4 pixels. Its relative L2 error against double sums is below 2e-6 for unit-scale data (direct: below 5e-7).
bool uses_winograd(const Conv2dShape& shape);

/// The pass of a plan.
enum class ConvPass { kFprop, kDgrad, kWgrad };

/// Name of the implementation that the CPU back end runs, for tests and reports.
std::string conv2d_plan_info(const Conv2dShape& shape, ConvPass pass, ConvPolicy policy);

/// Bytes that the CPU back end holds for scratch memory and layout changes, in all.
std::int64_t conv2d_scratch_bytes();

/// Operands read and result written once; 2 n oc oh ow (ic/groups) kh kw operations for each pass.
Cost conv2d_cost(const Conv2dShape& shape, ConvPass pass);

/// The CPU back end (oneDNN).
extern const Conv2dKernels kCpuConv2d;

/// Plain loops in double on planar data: the oracle of the tests.
namespace reference {
void conv2d_fprop(const Conv2dShape& shape, const double* x, const double* w, const double* bias, double* y);
void conv2d_dgrad(const Conv2dShape& shape, const double* gy, const double* w, double* gx);
void conv2d_wgrad(const Conv2dShape& shape, const double* x, const double* gy, double* gw, double* gbias);
}  // namespace reference

}  // namespace engram::kernels
