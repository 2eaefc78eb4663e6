#pragma once
/// A convolution prepared for one shape and pass. Internal to the convolution; free of vendor types.

#include <functional>
#include <memory>
#include <string>

#include "kernels/conv2d/conv2d.h"

namespace engram::kernels {

/// Everything that a plan depends on.
struct ConvPlanKey {
  Conv2dShape shape;
  ConvPass pass = ConvPass::kFprop;
  ConvPolicy policy = ConvPolicy::kFast;
  bool bias = false;
  bool residual = false;
  bool relu = false;
  int threads = 1;  ///< baked into the library's code
  bool operator==(const ConvPlanKey&) const = default;
};

/// The operands of a call; a pass reads and writes as its arguments say. Unused ones are null.
struct ConvPointers {
  float* x = nullptr;
  float* y = nullptr;
  float* gw = nullptr;  ///< the weight gradient
  float* bias = nullptr;
  const float* residual = nullptr;
};

/// Not thread-safe: holds the operands of the running call.
class ConvPlan {
 public:
  virtual ~ConvPlan() = default;
  /// Scratch that `run` needs, at 4096-byte alignment.
  virtual std::size_t workspace_bytes() const = 0;
  virtual void run(ConvPointers operands, const ConvWeight& weight, char* workspace) = 0;
  /// See conv2d_plan_info.
  virtual std::string info() const = 0;
};

/// The library's direct convolution. Throws Error when it has none.
std::unique_ptr<ConvPlan> make_library_plan(const ConvPlanKey& key);

/// Makes the library's plan of one image for one thread.
using LibraryPlanOfImage = std::function<std::unique_ptr<ConvPlan>(const ConvPlanKey&)>;

/// fprop or dgrad with whole images to each thread, so that bits do not depend on the number of threads: the library's
/// convolutions by matrix products (grouped ones without AVX-512) split an image's sums where threads are left over.
std::unique_ptr<ConvPlan> make_plan_by_images(const ConvPlanKey& key, const LibraryPlanOfImage& make);

/// Whether the library has direct kernels for blocks of 16 (AVX-512). Else they work in blocks of 8, between copies.
bool library_takes_blocks();

/// Whether Winograd is faster than the library's direct sums: 3x3 in blocks of 16, one group, at least 4x4 pixels of
/// output; stride 1 with padding at most 1, or, where the library does not take such blocks, stride 2 with padding 1
/// and at least 32 channels on both sides.
bool winograd_pays(const Conv2dShape& shape);

/// Our Winograd, for shapes where it pays.
std::unique_ptr<ConvPlan> make_winograd_plan(const ConvPlanKey& key);

/// The plan that the rule of conv2d.h names.
std::unique_ptr<ConvPlan> make_conv_plan(const ConvPlanKey& key);

}  // namespace engram::kernels
