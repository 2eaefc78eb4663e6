#pragma once
/// Two-dimensional convolution (cross-correlation), f32: forward (fprop) and the gradients to data (dgrad) and weights
/// (wgrad).
///
/// On the CPU (Winograd of our own, else oneDNN): x and y are planar (block 1) or blocked (block 16, channels a
/// multiple of 16); the kernels copy internally where the library wants another layout. Weights are plain [oc, ic /
/// groups, kh, kw] (OIHW).
///
/// On CUDA (cuDNN): everything is channels-last. x and y have blocks of all their channels, weights and their gradients
/// are [oc, kh, kw, ic / groups]. Scratch memory comes from the caller, at most kConvWorkspaceLimit plus, under
/// MathMode::kBF16, copies of the operands in bf16. Algorithms are cuDNN's first choice among the deterministic ones
/// that fit and keep to the math mode, chosen once a shape; kExact leaves out Winograd and Fourier transforms. Bits
/// repeat on one kind of GPU with one version of cuDNN.
///
/// Algorithm: a fixed rule, never a timing, so that runs repeat to the bit. See ConvPolicy.
///
/// Determinism on the CPU: the same call at the same thread count gives the same bits. Winograd in all passes and
/// direct fprop and dgrad do not depend on the thread count either (tested). The direct weight gradient does, in its
/// last bits: oneDNN splits its sums by the thread count.
///
/// Accuracy on the CPU (tested): with |x|, |w| <= 1 and sums of K products, direct results and those of stride 2 are
/// within 1e-6 sqrt(K) of the double reference, those of Winograd F(4x4, 3x3) within 3e-5 sqrt(K); relative L2 errors
/// are below 5e-7 and 2e-6.
///
/// Several threads may call at the same time, each with an OpenMP team, plans and scratch memory of its own; they may
/// share weights and caches. Do not call from inside an OpenMP region.

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/common/activation.h"
#include "kernels/common/cost.h"
#include "kernels/common/math_mode.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// Extents of one convolution. x is [n,ic,ih,iw], w [oc,ic/groups,kh,kw], y [n,oc,oh,ow]. `x_block` and `y_block` give
/// the physical layout of x and y as in ActivationShape: 1 or 16. Zeros pad all four sides.
struct Conv2dShape {
  dim_t n, ic, ih, iw, oc, kh, kw;
  dim_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0;
  dim_t groups = 1;
  dim_t x_block = 1, y_block = 1;

  dim_t oh() const { return (ih + 2 * pad_h - kh) / stride_h + 1; }
  dim_t ow() const { return (iw + 2 * pad_w - kw) / stride_w + 1; }
  ActivationShape x() const { return {n, ic, ih, iw, x_block}; }
  ActivationShape y() const { return {n, oc, oh(), ow(), y_block}; }
  dim_t weight_count() const { return oc * (ic / groups) * kh * kw; }
  auto operator<=>(const Conv2dShape&) const = default;
};

/// Packed forms of one weight tensor, kept between calls. Held by the owner of the weight. Thread-safe.
class WeightPackCache;

/// An empty cache.
std::shared_ptr<WeightPackCache> make_weight_pack_cache();

/// A dense OIHW weight. With a cache, the packed form of `version` is made once and reused until a call brings another
/// version; without one, weights are packed in scratch memory in every call. A cache suits weights that stay the same
/// over many calls. Winograd transforms them anew in every call: kept transforms would take four times their memory.
struct ConvWeight {
  const float* data = nullptr;
  std::uint64_t version = 0;
  WeightPackCache* cache = nullptr;
};

/// y = act(conv(x, w) + bias + residual). `bias` [oc] and `residual` (layout of y) may be null. residual == y adds in
/// place; in the library another pointer costs a copy.
struct Conv2dFpropArgs {
  Conv2dShape shape;
  ConvPolicy policy = ConvPolicy::kFast;
  const float* x;
  ConvWeight weight;
  const float* bias = nullptr;
  const float* residual = nullptr;
  bool relu = false;
  float* y;
  MathMode math = MathMode::kF32;
  void* workspace = nullptr;
};

/// gx = gradient to x from gy.
struct Conv2dDgradArgs {
  Conv2dShape shape;
  ConvPolicy policy = ConvPolicy::kFast;
  const float* gy;
  ConvWeight weight;
  float* gx;
  MathMode math = MathMode::kF32;
  void* workspace = nullptr;
};

/// gw = gradient to w (dense, in the back end's layout of weights, overwritten) from x and gy; gbias [oc] too unless
/// null.
struct Conv2dWgradArgs {
  Conv2dShape shape;
  ConvPolicy policy = ConvPolicy::kFast;
  const float* x;
  const float* gy;
  float* gw;
  float* gbias = nullptr;
  MathMode math = MathMode::kF32;
  void* workspace = nullptr;
};

/// The pass of a convolution.
enum class ConvPass { kFprop, kDgrad, kWgrad };

/// Most scratch memory that an algorithm may take on CUDA.
inline constexpr std::size_t kConvWorkspaceLimit = std::size_t{1} << 30;

/// What the scratch memory of a call and the order of its weights depend on.
struct ConvQuery {
  Conv2dShape shape;
  ConvPass pass;
  ConvPolicy policy = ConvPolicy::kFast;
  MathMode math = MathMode::kF32;
  bool epilogue = false;  ///< fprop with a bias, residual or ReLU
};

/// Entry points of one back end. All throw UsageError for extents that make no convolution or blocks that do not fit.
struct Conv2dKernels {
  void (*fprop)(Stream, const Conv2dFpropArgs&);
  void (*dgrad)(Stream, const Conv2dDgradArgs&);
  void (*wgrad)(Stream, const Conv2dWgradArgs&);
  /// Bytes of `workspace` in the arguments, 256-byte aligned; 0 on the CPU, which keeps its own.
  std::size_t (*workspace_bytes)(const ConvQuery&);
  /// Whether the weights of this call and their gradients are [oc, kh, kw, ic / groups], else OIHW.
  bool (*channels_last_weights)(const ConvQuery&);
};

/// Throws UsageError unless `shape` is a convolution: blocks of 1 or 16, or channels-last ones.
void check_conv2d_shape(const Conv2dShape& shape, bool channels_last = false);

/// Operands read and result written once; 2 n oc oh ow (ic/groups) kh kw operations for each pass, whatever algorithm
/// runs.
Cost conv2d_cost(const Conv2dShape& shape, ConvPass pass);

/// What the CPU back end runs, for tests and reports: the library's name of the implementation, the layouts it works
/// in, its scratch bytes. A name that starts with "ref" is a slow fallback.
std::string conv2d_plan_info(const Conv2dShape& shape, ConvPass pass, ConvPolicy policy);

/// Bytes that the CPU back end holds for the calling thread's scratch memory and layout changes: the largest need of
/// any of its calls so far.
std::int64_t conv2d_scratch_bytes();
/// Bytes of packed weights in all caches.
std::int64_t conv2d_packed_weight_bytes();
/// Forgets all plans of the calling thread and gives their scratch memory back to the system; later calls make them
/// anew. A thread that ends does so too.
void conv2d_release();

/// The CPU back end: Winograd of our own, and oneDNN.
extern const Conv2dKernels kCpuConv2d;

/// The CUDA back end (cuDNN), in the plug-in.
extern const Conv2dKernels kCudaConv2d;

/// Plain loops in double on planar data: the oracle of the tests. `bias` and `gbias` may be null.
namespace reference {
void conv2d_fprop(const Conv2dShape& shape, const double* x, const double* w, const double* bias, double* y);
void conv2d_dgrad(const Conv2dShape& shape, const double* gy, const double* w, double* gx);
void conv2d_wgrad(const Conv2dShape& shape, const double* x, const double* gy, double* gw, double* gbias);
}  // namespace reference

}  // namespace engram::kernels
