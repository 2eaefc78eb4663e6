#pragma once
/// A cuDNN convolution of one shape: descriptors and the algorithm. Internal to the convolution.

#if defined(ENGRAM_EMULATED)
#include "emulator/cudnn.h"
#else
#include <cudnn.h>
#endif

#include <string>

#include "kernels/conv2d/conv2d.h"

namespace engram::kernels {

/// "fprop", "dgrad", "wgrad".
const char* pass_name(ConvPass pass);
/// Extents for messages.
std::string describe_convolution(const Conv2dShape& shape);
/// Throws DeviceError that names the call.
void check_cudnn(cudnnStatus_t status, const char* call);

/// Everything that a plan depends on.
struct CudnnPlanKey {
  Conv2dShape shape;
  ConvPass pass;
  ConvPolicy policy;
  MathMode math;
  bool epilogue;
  auto operator<=>(const CudnnPlanKey&) const = default;
};

/// Read-only once made. Throws DeviceError when cuDNN has no algorithm that fits, UsageError for extents of 2^31 or
/// more.
class CudnnPlan {
 public:
  CudnnPlan(const CudnnPlanKey& key, cudnnHandle_t handle);
  ~CudnnPlan();
  CudnnPlan(const CudnnPlan&) = delete;

  cudnnTensorDescriptor_t x = nullptr, y = nullptr, bias = nullptr;
  cudnnFilterDescriptor_t w = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;
  cudnnActivationDescriptor_t relu = nullptr, identity = nullptr;
  int algorithm = 0;              ///< of the pass's enumeration
  std::size_t scratch_bytes = 0;  ///< of the algorithm
  bool planar = false;            ///< the library sees NCHW and OIHW: its Winograd transforms take nothing else

 private:
  void create();
  void destroy() noexcept;
  void describe();
  cudnnMathType_t math_type() const;
  bool is_transform(int algo) const;
  template <class Perf>
  void take_first(const Perf* results, int count);
  bool take_winograd(cudnnHandle_t handle);
  void choose(cudnnHandle_t handle);

  const CudnnPlanKey key_;
};

}  // namespace engram::kernels
