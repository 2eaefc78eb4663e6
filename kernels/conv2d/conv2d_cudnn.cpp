/// Convolutions by cuDNN. cuDNN 9 carries these functions on beside its graph interface; they choose by fixed rules,
/// without timing, and the choice is kept for each shape. Activations are channels-last; where the library's Winograd
/// transforms run, which take planar ones only, they are reordered on the way in and out.

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "kernels/common/error.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/conv2d_plan_cudnn.h"
#include "kernels/conv2d/planar_result.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/plugin/cuda/check.h"
#include "kernels/plugin/cuda/libraries.h"
#include "kernels/reorder/reorder.h"

namespace engram::kernels {
namespace {

/// The calling thread's handle of the current device, on a stream.
cudnnHandle_t handle_for(Stream stream) {
  struct Key {
    int device;
    std::thread::id thread;
    auto operator<=>(const Key&) const = default;
  };
  static std::mutex mutex;
  static auto& handles = *new std::map<Key, cudnnHandle_t>;
  Key key{0, std::this_thread::get_id()};
  cuda::check(cudaGetDevice(&key.device), "cudaGetDevice");
  const std::lock_guard lock(mutex);
  cudnnHandle_t& handle = handles[key];
  if (!handle) check_cudnn(cudnnCreate(&handle), "cudnnCreate");
  check_cudnn(cudnnSetStream(handle, static_cast<cudaStream_t>(stream.handle)), "cudnnSetStream");
  return handle;
}

/// The plans made so far; a plan is read-only, so threads share it. Few shapes occur in a run, so none is dropped.
std::shared_ptr<const CudnnPlan> plan_for(const CudnnPlanKey& key, cudnnHandle_t handle) {
  int device = 0;
  cuda::check(cudaGetDevice(&device), "cudaGetDevice");
  static std::mutex mutex;
  static auto& plans = *new std::map<std::pair<int, CudnnPlanKey>, std::shared_ptr<const CudnnPlan>>;
  const std::lock_guard lock(mutex);
  std::shared_ptr<const CudnnPlan>& plan = plans[{device, key}];
  if (!plan) plan = std::make_shared<const CudnnPlan>(key, handle);
  return plan;
}

/// The parts of a call's workspace, each 256-byte aligned.
class Parts {
 public:
  explicit Parts(void* begin) : next_(static_cast<char*>(begin)) {}

  void* take(std::size_t bytes) {
    char* const part = next_;
    const std::size_t size = (bytes + 255) / 256 * 256;
    total_ += size;
    if (next_) next_ += size;
    return part;
  }
  std::size_t total() const { return total_; }

 private:
  char* next_;
  std::size_t total_ = 0;
};

/// What a call takes of its workspace; made with a null begin to count.
struct Workspace {
  void *scratch, *x, *w, *y, *zeros;
  std::size_t bytes;

  Workspace(void* begin, const CudnnPlanKey& key, const CudnnPlan& plan) {
    Parts parts(begin);
    const Conv2dShape& s = key.shape;
    const bool half = key.math == MathMode::kBF16;
    const std::size_t element = half ? 2 : plan.planar ? sizeof(float) : 0;
    scratch = parts.take(plan.scratch_bytes);
    x = parts.take(std::size_t(s.x().count()) * element);
    w = parts.take(half ? std::size_t(s.weight_count()) * element : 0);
    y = parts.take(std::size_t(s.y().count()) * element);
    zeros = parts.take(key.epilogue && element == 0 ? std::size_t(s.oc) * sizeof(float) : 0);
    bytes = parts.total();
  }
};

void to_bf16(Stream stream, const float* from, void* to, dim_t count) {
  kCudaElementwise.convert(stream, {from, DType::kF32, to, DType::kBF16, count});
}
void from_bf16(Stream stream, const void* from, float* to, dim_t count) {
  kCudaElementwise.convert(stream, {from, DType::kBF16, to, DType::kF32, count});
}

/// A call ready to go: its plan, handle, and operands where cuDNN reads them.
struct Prepared {
  std::shared_ptr<const CudnnPlan> plan;
  cudnnHandle_t handle;
  Workspace workspace;
};

Prepared prepare(Stream stream, const CudnnPlanKey& key, void* workspace) {
  const cudnnHandle_t handle = handle_for(stream);
  const auto plan = plan_for(key, handle);
  return {plan, handle, Workspace(workspace, key, *plan)};
}

constexpr float kOne = 1, kZero = 0;

/// Brings an activation to where the library reads it: converted, reordered, or as it is.
const void* prepared(Stream stream, const CudnnPlan& plan, bool half, const float* from, void* to,
                     const ActivationShape& shape) {
  if (half) {
    to_bf16(stream, from, to, shape.count());
  } else if (plan.planar) {
    kCudaReorder.to_planar(stream, {from, static_cast<float*>(to), shape.n, shape.c, shape.h, shape.w, shape.c});
  } else {
    return from;
  }
  return to;
}

/// Brings the library's result to its place.
void deliver(Stream stream, const CudnnPlan& plan, bool half, const void* from, float* to,
             const ActivationShape& shape) {
  if (half) {
    from_bf16(stream, from, to, shape.count());
  } else if (plan.planar) {
    finish_planar_result(stream, {shape, static_cast<const float*>(from), nullptr, nullptr, false, to});
  }
}

void expect_success(cudnnStatus_t status, ConvPass pass, const Conv2dShape& shape) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  cudaGetLastError();  // as in check_cudnn
  throw DeviceError(message("[conv2d] expected cuDNN to run the ", pass_name(pass), " of ", describe_convolution(shape),
                            ", got ", cudnnGetErrorString(status)));
}

/// y = relu(y + bias + residual) in passes of their own.
void separate_epilogue(Stream stream, const Conv2dFpropArgs& a) {
  const dim_t count = a.shape.y().count();
  if (a.bias) {
    BinaryBroadcastArgs add{.op = BinaryOp::kAdd,
                            .x0 = a.y,
                            .x1 = a.bias,
                            .y = a.y,
                            .rank = 2,
                            .shape = {count / a.shape.oc, a.shape.oc},
                            .stride0 = {a.shape.oc, 1},
                            .stride1 = {0, 1},
                            .a = 0};
    kCudaElementwise.binary_broadcast(stream, add);
  }
  if (a.residual) kCudaElementwise.binary(stream, {BinaryOp::kAdd, a.y, a.residual, a.y, count});
  if (a.relu) kCudaElementwise.unary(stream, {UnaryOp::kRelu, a.y, a.y, count});
}

/// y = relu(conv + bias + residual) in one call of the library.
cudnnStatus_t run_fused(Stream stream, const Conv2dFpropArgs& a, const Prepared& p) {
  const CudnnPlan& plan = *p.plan;
  const float* bias = a.bias;
  if (!bias) {
    cuda::check(cudaMemsetAsync(p.workspace.zeros, 0, std::size_t(a.shape.oc) * sizeof(float),
                                static_cast<cudaStream_t>(stream.handle)),
                "cudaMemsetAsync");
    bias = static_cast<const float*>(p.workspace.zeros);
  }
  return cudnnConvolutionBiasActivationForward(
      p.handle, &kOne, plan.x, a.x, plan.w, a.weight.data, plan.convolution, cudnnConvolutionFwdAlgo_t(plan.algorithm),
      p.workspace.scratch, plan.scratch_bytes, a.residual ? &kOne : &kZero, plan.y, a.residual ? a.residual : a.y,
      plan.bias, bias, a.relu ? plan.relu : plan.identity, plan.y, a.y);
}

void fprop(Stream stream, const Conv2dFpropArgs& a) {
  check_conv2d_shape(a.shape, true);
  if (a.shape.n == 0) return;
  const bool half = a.math == MathMode::kBF16, epilogue = a.bias || a.residual || a.relu;
  const Prepared p = prepare(stream, {a.shape, ConvPass::kFprop, a.policy, a.math, epilogue}, a.workspace);
  const CudnnPlan& plan = *p.plan;
  const bool in_place = !half && !plan.planar;
  if (epilogue && in_place) return expect_success(run_fused(stream, a, p), ConvPass::kFprop, a.shape);
  // There the residual is added after y was made, so it needs a place of its own.
  if (half && a.residual == a.y && a.residual)
    throw UsageError("[conv2d] expected a residual beside y under bf16, got one in its place");
  const void* const x = prepared(stream, plan, half, a.x, p.workspace.x, a.shape.x());
  if (half) to_bf16(stream, a.weight.data, p.workspace.w, a.shape.weight_count());
  void* const y = in_place ? a.y : p.workspace.y;
  expect_success(cudnnConvolutionForward(p.handle, &kOne, plan.x, x, plan.w, half ? p.workspace.w : a.weight.data,
                                         plan.convolution, cudnnConvolutionFwdAlgo_t(plan.algorithm),
                                         p.workspace.scratch, plan.scratch_bytes, &kZero, plan.y, y),
                 ConvPass::kFprop, a.shape);
  if (plan.planar)
    return finish_planar_result(stream, {a.shape.y(), static_cast<const float*>(y), a.bias, a.residual, a.relu, a.y});
  deliver(stream, plan, half, y, a.y, a.shape.y());
  if (epilogue) separate_epilogue(stream, a);
}

void dgrad(Stream stream, const Conv2dDgradArgs& a) {
  check_conv2d_shape(a.shape, true);
  if (a.shape.n == 0) return;
  const bool half = a.math == MathMode::kBF16;
  const Prepared p = prepare(stream, {a.shape, ConvPass::kDgrad, a.policy, a.math, false}, a.workspace);
  const CudnnPlan& plan = *p.plan;
  const void* const gy = prepared(stream, plan, half, a.gy, p.workspace.y, a.shape.y());
  if (half) to_bf16(stream, a.weight.data, p.workspace.w, a.shape.weight_count());
  void* const gx = half || plan.planar ? p.workspace.x : a.gx;
  expect_success(cudnnConvolutionBackwardData(p.handle, &kOne, plan.w, half ? p.workspace.w : a.weight.data, plan.y, gy,
                                              plan.convolution, cudnnConvolutionBwdDataAlgo_t(plan.algorithm),
                                              p.workspace.scratch, plan.scratch_bytes, &kZero, plan.x, gx),
                 ConvPass::kDgrad, a.shape);
  deliver(stream, plan, half, gx, a.gx, a.shape.x());
}

void fill_zeros(Stream stream, float* values, dim_t count) {
  kCudaElementwise.fill(stream, {values, count, 0.f});
}

void wgrad(Stream stream, const Conv2dWgradArgs& a) {
  check_conv2d_shape(a.shape, true);
  if (a.shape.n == 0) {
    fill_zeros(stream, a.gw, a.shape.weight_count());
    if (a.gbias) fill_zeros(stream, a.gbias, a.shape.oc);
    return;
  }
  const bool half = a.math == MathMode::kBF16;
  const Prepared p = prepare(stream, {a.shape, ConvPass::kWgrad, a.policy, a.math, false}, a.workspace);
  const void* const x = prepared(stream, *p.plan, half, a.x, p.workspace.x, a.shape.x());
  const void* const gy = prepared(stream, *p.plan, half, a.gy, p.workspace.y, a.shape.y());
  void* const gw = half ? p.workspace.w : a.gw;
  expect_success(cudnnConvolutionBackwardFilter(p.handle, &kOne, p.plan->x, x, p.plan->y, gy, p.plan->convolution,
                                                cudnnConvolutionBwdFilterAlgo_t(p.plan->algorithm), p.workspace.scratch,
                                                p.plan->scratch_bytes, &kZero, p.plan->w, gw),
                 ConvPass::kWgrad, a.shape);
  if (half) from_bf16(stream, gw, a.gw, a.shape.weight_count());
  if (!a.gbias) return;
  // The bias's gradient is summed from the channels-last f32 values under every math mode.
  const auto f32 = plan_for({a.shape, ConvPass::kWgrad, ConvPolicy::kExact, MathMode::kF32, false}, p.handle);
  expect_success(cudnnConvolutionBackwardBias(p.handle, &kOne, f32->y, a.gy, &kZero, f32->bias, a.gbias),
                 ConvPass::kWgrad, a.shape);
}

std::size_t workspace_bytes(const ConvQuery& q) {
  check_conv2d_shape(q.shape, true);
  if (q.shape.n == 0) return 0;
  const CudnnPlanKey key{q.shape, q.pass, q.policy, q.math, q.epilogue};
  return Workspace(nullptr, key, *plan_for(key, handle_for({}))).bytes;
}

bool channels_last_weights(const ConvQuery& q) {
  check_conv2d_shape(q.shape, true);
  if (q.shape.n == 0) return true;
  return !plan_for({q.shape, q.pass, q.policy, q.math, q.epilogue}, handle_for({}))->planar;
}

}  // namespace

const Conv2dKernels kCudaConv2d = {.fprop = fprop,
                                   .dgrad = dgrad,
                                   .wgrad = wgrad,
                                   .workspace_bytes = workspace_bytes,
                                   .channels_last_weights = channels_last_weights};

namespace cuda {

std::string cudnn_version() {
  const std::size_t v = cudnnGetVersion();
  return message("cuDNN ", v / 10000, ".", v / 100 % 100, ".", v % 100);
}

}  // namespace cuda
}  // namespace engram::kernels
