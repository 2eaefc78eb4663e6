/// Convolutions by cuDNN, channels-last. cuDNN 9 carries these functions on beside its graph interface; they choose by
/// fixed heuristics, without timing, and the choice is kept for each shape.

#if defined(ENGRAM_EMULATED)
#include "emulator/vendor/cudnn.h"
#else
#include <cudnn.h>
#endif

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "kernels/common/error.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/plugin/cuda/check.h"
#include "kernels/plugin/cuda/libraries.h"

namespace engram::kernels {
namespace {

const char* pass_name(ConvPass pass) {
  return pass == ConvPass::kFprop ? "fprop" : pass == ConvPass::kDgrad ? "dgrad" : "wgrad";
}

std::string describe(const Conv2dShape& s) {
  return message("x [", s.n, ",", s.ic, ",", s.ih, ",", s.iw, "] w [", s.oc, ",", s.ic / s.groups, ",", s.kh, ",", s.kw,
                 "] stride ", s.stride_h, "x", s.stride_w, " padding ", s.pad_h, "x", s.pad_w, " groups ", s.groups);
}

void check_status(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError(message("[conv2d] expected ", call, " to succeed, got ", cudnnGetErrorString(status)));
}

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
  if (!handle) check_status(cudnnCreate(&handle), "cudnnCreate");
  check_status(cudnnSetStream(handle, static_cast<cudaStream_t>(stream.handle)), "cudnnSetStream");
  return handle;
}

int checked_int(dim_t value) {
  if (value > std::numeric_limits<int>::max())
    throw UsageError(message("[conv2d] expected extents below 2^31 on CUDA, got ", value));
  return int(value);
}

/// Everything that a plan depends on.
struct PlanKey {
  Conv2dShape shape;
  ConvPass pass;
  ConvPolicy policy;
  MathMode math;
  bool epilogue;
  auto operator<=>(const PlanKey&) const = default;
};

/// Descriptors of one shape, and the algorithm chosen for it.
class Plan {
 public:
  Plan(const PlanKey& key, cudnnHandle_t handle) : key_(key) {
    const Conv2dShape& s = key.shape;
    const cudnnDataType_t type = key.math == MathMode::kBF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    check_status(cudnnCreateTensorDescriptor(&x), "cudnnCreateTensorDescriptor");
    check_status(cudnnCreateTensorDescriptor(&y), "cudnnCreateTensorDescriptor");
    check_status(cudnnCreateTensorDescriptor(&bias), "cudnnCreateTensorDescriptor");
    check_status(cudnnCreateFilterDescriptor(&w), "cudnnCreateFilterDescriptor");
    check_status(cudnnCreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor");
    check_status(cudnnCreateActivationDescriptor(&relu), "cudnnCreateActivationDescriptor");
    check_status(cudnnCreateActivationDescriptor(&identity), "cudnnCreateActivationDescriptor");
    set_tensor(x, type, s.n, s.ic, s.ih, s.iw);
    set_tensor(y, type, s.n, s.oc, s.oh(), s.ow());
    set_tensor(bias, CUDNN_DATA_FLOAT, 1, s.oc, 1, 1);
    check_status(cudnnSetFilter4dDescriptor(w, type, CUDNN_TENSOR_NHWC, checked_int(s.oc), checked_int(s.ic / s.groups),
                                            checked_int(s.kh), checked_int(s.kw)),
                 "cudnnSetFilter4dDescriptor");
    check_status(cudnnSetConvolution2dDescriptor(convolution, checked_int(s.pad_h), checked_int(s.pad_w),
                                                 checked_int(s.stride_h), checked_int(s.stride_w), 1, 1,
                                                 CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                 "cudnnSetConvolution2dDescriptor");
    check_status(cudnnSetConvolutionGroupCount(convolution, checked_int(s.groups)), "cudnnSetConvolutionGroupCount");
    check_status(cudnnSetConvolutionMathType(convolution, math_type()), "cudnnSetConvolutionMathType");
    check_status(cudnnSetActivationDescriptor(relu, CUDNN_ACTIVATION_RELU, CUDNN_NOT_PROPAGATE_NAN, 0),
                 "cudnnSetActivationDescriptor");
    check_status(cudnnSetActivationDescriptor(identity, CUDNN_ACTIVATION_IDENTITY, CUDNN_NOT_PROPAGATE_NAN, 0),
                 "cudnnSetActivationDescriptor");
    choose(handle);
  }
  ~Plan() {
    cudnnDestroyTensorDescriptor(x);
    cudnnDestroyTensorDescriptor(y);
    cudnnDestroyTensorDescriptor(bias);
    cudnnDestroyFilterDescriptor(w);
    cudnnDestroyConvolutionDescriptor(convolution);
    cudnnDestroyActivationDescriptor(relu);
    cudnnDestroyActivationDescriptor(identity);
  }
  Plan(const Plan&) = delete;

  cudnnTensorDescriptor_t x = nullptr, y = nullptr, bias = nullptr;
  cudnnFilterDescriptor_t w = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;
  cudnnActivationDescriptor_t relu = nullptr, identity = nullptr;
  int algorithm = 0;
  std::size_t scratch_bytes = 0;  ///< of the algorithm

 private:
  static void set_tensor(cudnnTensorDescriptor_t d, cudnnDataType_t type, dim_t n, dim_t c, dim_t h, dim_t w) {
    check_status(cudnnSetTensor4dDescriptor(d, CUDNN_TENSOR_NHWC, type, checked_int(n), checked_int(c), checked_int(h),
                                            checked_int(w)),
                 "cudnnSetTensor4dDescriptor");
  }

  cudnnMathType_t math_type() const {
    switch (key_.math) {
      case MathMode::kF32:
        return CUDNN_FMA_MATH;
      case MathMode::kTF32:
        return CUDNN_DEFAULT_MATH;  // lets f32 convolutions use TF32
      case MathMode::kBF16:
        return CUDNN_TENSOR_OP_MATH;
    }
    return CUDNN_FMA_MATH;
  }

  bool transforms(int algo) const {
    if (key_.pass == ConvPass::kFprop)
      return algo == CUDNN_CONVOLUTION_FWD_ALGO_FFT || algo == CUDNN_CONVOLUTION_FWD_ALGO_FFT_TILING ||
             algo == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD || algo == CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED;
    if (key_.pass == ConvPass::kDgrad)
      return algo == CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT || algo == CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING ||
             algo == CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD ||
             algo == CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED;
    return algo == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT || algo == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT_TILING ||
           algo == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD ||
           algo == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED;
  }

  /// The first algorithm of the list that works, repeats to the bit, fits and keeps to the math mode.
  template <class Perf>
  void take_first(const Perf* results, int count) {
    for (int i = 0; i < count; ++i) {
      const Perf& r = results[i];
      if (r.status != CUDNN_STATUS_SUCCESS || r.determinism != CUDNN_DETERMINISTIC || r.memory > kConvWorkspaceLimit)
        continue;
      if (key_.math == MathMode::kF32 && r.mathType != CUDNN_FMA_MATH && r.mathType != CUDNN_DEFAULT_MATH) continue;
      if (key_.policy == ConvPolicy::kExact && transforms(int(r.algo))) continue;
      algorithm = int(r.algo);
      scratch_bytes = r.memory;
      return;
    }
    throw DeviceError(message("[conv2d] expected a deterministic algorithm of cuDNN within ", kConvWorkspaceLimit,
                              " bytes of workspace for the ", pass_name(key_.pass), " of ", describe(key_.shape),
                              ", got none"));
  }

  void choose(cudnnHandle_t handle) {
    int count = 0;
    if (key_.pass == ConvPass::kFprop) {
      // The fused epilogue with identity activation is this algorithm's only, so all epilogues take it.
      if (key_.epilogue && key_.math != MathMode::kBF16) {
        algorithm = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
        check_status(cudnnGetConvolutionForwardWorkspaceSize(handle, x, w, convolution, y,
                                                             cudnnConvolutionFwdAlgo_t(algorithm), &scratch_bytes),
                     "cudnnGetConvolutionForwardWorkspaceSize");
        return;
      }
      cudnnConvolutionFwdAlgoPerf_t results[CUDNN_CONVOLUTION_FWD_ALGO_COUNT];
      check_status(cudnnGetConvolutionForwardAlgorithm_v7(handle, x, w, convolution, y,
                                                          CUDNN_CONVOLUTION_FWD_ALGO_COUNT, &count, results),
                   "cudnnGetConvolutionForwardAlgorithm_v7");
      take_first(results, count);
    } else if (key_.pass == ConvPass::kDgrad) {
      cudnnConvolutionBwdDataAlgoPerf_t results[CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT];
      check_status(cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, w, y, convolution, x,
                                                               CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, &count, results),
                   "cudnnGetConvolutionBackwardDataAlgorithm_v7");
      take_first(results, count);
    } else {
      cudnnConvolutionBwdFilterAlgoPerf_t results[CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT];
      check_status(cudnnGetConvolutionBackwardFilterAlgorithm_v7(
                       handle, x, y, convolution, w, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT, &count, results),
                   "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
      take_first(results, count);
    }
  }

  const PlanKey key_;
};

/// The plans made so far; a plan is read-only, so threads share it. Few shapes occur in a run, so none is dropped.
std::shared_ptr<const Plan> plan_for(const PlanKey& key, cudnnHandle_t handle) {
  int device = 0;
  cuda::check(cudaGetDevice(&device), "cudaGetDevice");
  static std::mutex mutex;
  static auto& plans = *new std::map<std::pair<int, PlanKey>, std::shared_ptr<const Plan>>;
  const std::lock_guard lock(mutex);
  std::shared_ptr<const Plan>& plan = plans[{device, key}];
  if (!plan) plan = std::make_shared<const Plan>(key, handle);
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

  Workspace(void* begin, const PlanKey& key, std::size_t scratch_bytes) {
    Parts parts(begin);
    const Conv2dShape& s = key.shape;
    const bool half = key.math == MathMode::kBF16;
    scratch = parts.take(scratch_bytes);
    x = parts.take(half ? std::size_t(s.x().count()) * 2 : 0);
    w = parts.take(half ? std::size_t(s.weight_count()) * 2 : 0);
    y = parts.take(half ? std::size_t(s.y().count()) * 2 : 0);
    zeros = parts.take(key.epilogue && !half ? std::size_t(s.oc) * sizeof(float) : 0);
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
  std::shared_ptr<const Plan> plan;
  cudnnHandle_t handle;
  Workspace workspace;
};

Prepared prepare(Stream stream, const PlanKey& key, void* workspace) {
  const cudnnHandle_t handle = handle_for(stream);
  const auto plan = plan_for(key, handle);
  return {plan, handle, Workspace(workspace, key, plan->scratch_bytes)};
}

constexpr float kOne = 1, kZero = 0;

void expect_success(cudnnStatus_t status, ConvPass pass, const Conv2dShape& shape) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError(message("[conv2d] expected cuDNN to run the ", pass_name(pass), " of ", describe(shape), ", got ",
                            cudnnGetErrorString(status)));
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

void fprop(Stream stream, const Conv2dFpropArgs& a) {
  check_conv2d_shape(a.shape, true);
  if (a.shape.n == 0) return;
  const bool half = a.math == MathMode::kBF16, epilogue = a.bias || a.residual || a.relu;
  const Prepared p = prepare(stream, {a.shape, ConvPass::kFprop, a.policy, a.math, epilogue}, a.workspace);
  const Plan& plan = *p.plan;
  const auto algorithm = cudnnConvolutionFwdAlgo_t(plan.algorithm);
  if (half) {
    // The residual may be y itself: it is added after y was made, so it needs a place of its own.
    if (a.residual == a.y && a.residual)
      throw UsageError("[conv2d] expected a residual beside y under bf16, got one in its place");
    to_bf16(stream, a.x, p.workspace.x, a.shape.x().count());
    to_bf16(stream, a.weight.data, p.workspace.w, a.shape.weight_count());
  }
  const void* const x = half ? p.workspace.x : a.x;
  const void* const w = half ? p.workspace.w : a.weight.data;
  void* const y = half ? p.workspace.y : a.y;
  cudnnStatus_t status;
  if (epilogue && !half) {
    const float* bias = a.bias;
    if (!bias) {
      cuda::check(cudaMemsetAsync(p.workspace.zeros, 0, std::size_t(a.shape.oc) * sizeof(float),
                                  static_cast<cudaStream_t>(stream.handle)),
                  "cudaMemsetAsync");
      bias = static_cast<const float*>(p.workspace.zeros);
    }
    status = cudnnConvolutionBiasActivationForward(p.handle, &kOne, plan.x, x, plan.w, w, plan.convolution, algorithm,
                                                   p.workspace.scratch, plan.scratch_bytes, a.residual ? &kOne : &kZero,
                                                   plan.y, a.residual ? a.residual : y, plan.bias, bias,
                                                   a.relu ? plan.relu : plan.identity, plan.y, y);
  } else {
    status = cudnnConvolutionForward(p.handle, &kOne, plan.x, x, plan.w, w, plan.convolution, algorithm,
                                     p.workspace.scratch, plan.scratch_bytes, &kZero, plan.y, y);
  }
  expect_success(status, ConvPass::kFprop, a.shape);
  if (!half) return;
  from_bf16(stream, y, a.y, a.shape.y().count());
  separate_epilogue(stream, a);
}

void dgrad(Stream stream, const Conv2dDgradArgs& a) {
  check_conv2d_shape(a.shape, true);
  if (a.shape.n == 0) return;
  const bool half = a.math == MathMode::kBF16;
  const Prepared p = prepare(stream, {a.shape, ConvPass::kDgrad, a.policy, a.math, false}, a.workspace);
  if (half) {
    to_bf16(stream, a.gy, p.workspace.y, a.shape.y().count());
    to_bf16(stream, a.weight.data, p.workspace.w, a.shape.weight_count());
  }
  void* const gx = half ? p.workspace.x : a.gx;
  expect_success(cudnnConvolutionBackwardData(p.handle, &kOne, p.plan->w, half ? p.workspace.w : a.weight.data,
                                              p.plan->y, half ? p.workspace.y : a.gy, p.plan->convolution,
                                              cudnnConvolutionBwdDataAlgo_t(p.plan->algorithm), p.workspace.scratch,
                                              p.plan->scratch_bytes, &kZero, p.plan->x, gx),
                 ConvPass::kDgrad, a.shape);
  if (half) from_bf16(stream, gx, a.gx, a.shape.x().count());
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
  if (half) {
    to_bf16(stream, a.x, p.workspace.x, a.shape.x().count());
    to_bf16(stream, a.gy, p.workspace.y, a.shape.y().count());
  }
  void* const gw = half ? p.workspace.w : a.gw;
  expect_success(cudnnConvolutionBackwardFilter(p.handle, &kOne, p.plan->x, half ? p.workspace.x : a.x, p.plan->y,
                                                half ? p.workspace.y : a.gy, p.plan->convolution,
                                                cudnnConvolutionBwdFilterAlgo_t(p.plan->algorithm), p.workspace.scratch,
                                                p.plan->scratch_bytes, &kZero, p.plan->w, gw),
                 ConvPass::kWgrad, a.shape);
  if (half) from_bf16(stream, gw, a.gw, a.shape.weight_count());
  if (!a.gbias) return;
  // The bias's gradient is summed from the f32 values under every math mode.
  const auto f32 = plan_for({a.shape, ConvPass::kWgrad, a.policy, MathMode::kF32, false}, p.handle);
  expect_success(cudnnConvolutionBackwardBias(p.handle, &kOne, f32->y, a.gy, &kZero, f32->bias, a.gbias),
                 ConvPass::kWgrad, a.shape);
}

std::size_t workspace_bytes(const ConvWorkspaceQuery& q) {
  check_conv2d_shape(q.shape, true);
  if (q.shape.n == 0) return 0;
  const PlanKey key{q.shape, q.pass, q.policy, q.math, q.epilogue};
  return Workspace(nullptr, key, plan_for(key, handle_for({}))->scratch_bytes).bytes;
}

}  // namespace

const Conv2dKernels kCudaConv2d = {
    .fprop = fprop, .dgrad = dgrad, .wgrad = wgrad, .workspace_bytes = workspace_bytes, .channels_last_weights = true};

namespace cuda {

std::string cudnn_version() {
  const std::size_t v = cudnnGetVersion();
  return message("cuDNN ", v / 10000, ".", v / 100 % 100, ".", v % 100);
}

}  // namespace cuda
}  // namespace engram::kernels
