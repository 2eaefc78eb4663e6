#pragma once
/// oneDNN primitives of one convolution pass with the reorders between the caller's layouts and theirs. Internal to conv2d.

#include <memory>
#include <string>

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/conv2d/conv2d.h"

namespace engram::kernels {

/// What distinguishes one plan from another. Thread counts are baked into oneDNN primitives.
struct ConvPlanKey {
  Conv2dShape shape;
  ConvPass pass;
  ConvPolicy policy;
  bool bias = false, add_residual = false, relu = false;
  int threads = 1;
  auto operator<=>(const ConvPlanKey&) const = default;
};

/// One operand as the caller stores it and as the primitive wants it.
struct ConvOperand {
  dnnl::memory::desc user, wanted;
  bool same() const { return user == wanted; }
};

/// A primitive ready to run. For dgrad, x is the result; for wgrad, w.
struct ConvPlan {
  std::uint64_t id;
  ConvPlanKey key;
  dnnl::primitive primitive;
  ConvOperand x, w, y;
  dnnl::memory::desc bias, scratchpad;
  std::string info;
  bool fused_epilogue = false;  ///< residual and ReLU run inside the primitive
};

/// The engine of the CPU, its stream, and the plan of `key` from the process-wide cache. Not for concurrent callers.
dnnl::engine& onednn_engine();
dnnl::stream& onednn_stream();
std::shared_ptr<const ConvPlan> conv_plan(const ConvPlanKey& key);

}  // namespace engram::kernels
