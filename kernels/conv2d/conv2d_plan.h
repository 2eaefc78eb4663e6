#pragma once
/// A convolution prepared for one shape and pass. Internal to the convolution; free of vendor types.

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
  /// Throws Error when the library has no implementation at all.
  explicit ConvPlan(const ConvPlanKey& key);
  ~ConvPlan();

  /// Scratch that `run` needs, at 4096-byte alignment.
  std::size_t workspace_bytes() const;
  void run(const ConvPointers& operands, const ConvWeight& weight, char* workspace);
  /// See conv2d_plan_info.
  std::string info() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace engram::kernels
