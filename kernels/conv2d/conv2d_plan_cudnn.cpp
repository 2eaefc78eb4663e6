#include "kernels/conv2d/conv2d_plan_cudnn.h"

#include <limits>

#include "kernels/common/error.h"

namespace engram::kernels {
namespace {

int checked_int(dim_t value) {
  if (value > std::numeric_limits<int>::max())
    throw UsageError(message("[conv2d] expected extents below 2^31 on CUDA, got ", value));
  return int(value);
}

void set_tensor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type, dim_t n, dim_t c, dim_t h,
                dim_t w) {
  check_cudnn(
      cudnnSetTensor4dDescriptor(d, format, type, checked_int(n), checked_int(c), checked_int(h), checked_int(w)),
      "cudnnSetTensor4dDescriptor");
}

/// 3x3, stride 1, padding at most 1, one group, at least 32 channels on both sides and multiples of 16, and at least
/// 4x4 pixels of output.
bool winograd_pays_on_cuda(const Conv2dShape& s) {
  constexpr dim_t kMultiple = 16, kLeast = 32;
  return s.groups == 1 && s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h <= 1 &&
         s.pad_w <= 1 && s.ic >= kLeast && s.oc >= kLeast && s.ic % kMultiple == 0 && s.oc % kMultiple == 0 &&
         s.oh() >= 4 && s.ow() >= 4;
}

}  // namespace

const char* pass_name(ConvPass pass) {
  return pass == ConvPass::kFprop ? "fprop" : pass == ConvPass::kDgrad ? "dgrad" : "wgrad";
}

std::string describe_convolution(const Conv2dShape& s) {
  return message("x [", s.n, ",", s.ic, ",", s.ih, ",", s.iw, "] w [", s.oc, ",", s.ic / s.groups, ",", s.kh, ",", s.kw,
                 "] stride ", s.stride_h, "x", s.stride_w, " padding ", s.pad_h, "x", s.pad_w, " groups ", s.groups);
}

void check_cudnn(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  cudaGetLastError();  // an error of the runtime inside cuDNN is not to be blamed on the next launch
  throw DeviceError(message("[conv2d] expected ", call, " to succeed, got ", cudnnGetErrorString(status)));
}

CudnnPlan::CudnnPlan(const CudnnPlanKey& key, cudnnHandle_t handle) : key_(key) {
  try {
    create();
    planar = key.math == MathMode::kF32 && key.policy == ConvPolicy::kFast && winograd_pays_on_cuda(key.shape);
    describe();
    if (planar && take_winograd(handle)) return;
    if (planar) {
      planar = false;
      describe();
    }
    choose(handle);
  } catch (...) {
    destroy();
    throw;
  }
}

CudnnPlan::~CudnnPlan() {
  destroy();
}

void CudnnPlan::create() {
  check_cudnn(cudnnCreateTensorDescriptor(&x), "cudnnCreateTensorDescriptor");
  check_cudnn(cudnnCreateTensorDescriptor(&y), "cudnnCreateTensorDescriptor");
  check_cudnn(cudnnCreateTensorDescriptor(&bias), "cudnnCreateTensorDescriptor");
  check_cudnn(cudnnCreateFilterDescriptor(&w), "cudnnCreateFilterDescriptor");
  check_cudnn(cudnnCreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor");
  check_cudnn(cudnnCreateActivationDescriptor(&relu), "cudnnCreateActivationDescriptor");
  check_cudnn(cudnnCreateActivationDescriptor(&identity), "cudnnCreateActivationDescriptor");
}

void CudnnPlan::destroy() noexcept {
  if (x) cudnnDestroyTensorDescriptor(x);
  if (y) cudnnDestroyTensorDescriptor(y);
  if (bias) cudnnDestroyTensorDescriptor(bias);
  if (w) cudnnDestroyFilterDescriptor(w);
  if (convolution) cudnnDestroyConvolutionDescriptor(convolution);
  if (relu) cudnnDestroyActivationDescriptor(relu);
  if (identity) cudnnDestroyActivationDescriptor(identity);
}

void CudnnPlan::describe() {
  const Conv2dShape& s = key_.shape;
  const cudnnDataType_t type = key_.math == MathMode::kBF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  const cudnnTensorFormat_t format = planar ? CUDNN_TENSOR_NCHW : CUDNN_TENSOR_NHWC;
  set_tensor(x, format, type, s.n, s.ic, s.ih, s.iw);
  set_tensor(y, format, type, s.n, s.oc, s.oh(), s.ow());
  set_tensor(bias, format, CUDNN_DATA_FLOAT, 1, s.oc, 1, 1);
  check_cudnn(cudnnSetFilter4dDescriptor(w, type, format, checked_int(s.oc), checked_int(s.ic / s.groups),
                                         checked_int(s.kh), checked_int(s.kw)),
              "cudnnSetFilter4dDescriptor");
  check_cudnn(
      cudnnSetConvolution2dDescriptor(convolution, checked_int(s.pad_h), checked_int(s.pad_w), checked_int(s.stride_h),
                                      checked_int(s.stride_w), 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
      "cudnnSetConvolution2dDescriptor");
  check_cudnn(cudnnSetConvolutionGroupCount(convolution, checked_int(s.groups)), "cudnnSetConvolutionGroupCount");
  check_cudnn(cudnnSetConvolutionMathType(convolution, math_type()), "cudnnSetConvolutionMathType");
  check_cudnn(cudnnSetActivationDescriptor(relu, CUDNN_ACTIVATION_RELU, CUDNN_NOT_PROPAGATE_NAN, 0),
              "cudnnSetActivationDescriptor");
  check_cudnn(cudnnSetActivationDescriptor(identity, CUDNN_ACTIVATION_IDENTITY, CUDNN_NOT_PROPAGATE_NAN, 0),
              "cudnnSetActivationDescriptor");
}

cudnnMathType_t CudnnPlan::math_type() const {
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

bool CudnnPlan::is_transform(int algo) const {
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
void CudnnPlan::take_first(const Perf* results, int count) {
  for (int i = 0; i < count; ++i) {
    const Perf& r = results[i];
    if (r.status != CUDNN_STATUS_SUCCESS || r.determinism != CUDNN_DETERMINISTIC || r.memory > kConvWorkspaceLimit)
      continue;
    if (key_.math == MathMode::kF32 && r.mathType != CUDNN_FMA_MATH && r.mathType != CUDNN_DEFAULT_MATH) continue;
    if (key_.policy == ConvPolicy::kExact && is_transform(int(r.algo))) continue;
    algorithm = int(r.algo);
    scratch_bytes = r.memory;
    return;
  }
  throw DeviceError(message("[conv2d] expected a deterministic algorithm of cuDNN within ", kConvWorkspaceLimit,
                            " bytes of workspace for the ", pass_name(key_.pass), " of ",
                            describe_convolution(key_.shape), ", got none"));
}

/// The Winograd algorithm of the pass, if the library has it for this shape within the limit of scratch memory. Its own
/// heuristics list it behind slower ones (measured: docs/gpu.md).
bool CudnnPlan::take_winograd(cudnnHandle_t handle) {
  cudnnStatus_t status;
  if (key_.pass == ConvPass::kFprop) {
    algorithm = CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED;
    status = cudnnGetConvolutionForwardWorkspaceSize(handle, x, w, convolution, y, cudnnConvolutionFwdAlgo_t(algorithm),
                                                     &scratch_bytes);
  } else if (key_.pass == ConvPass::kDgrad) {
    algorithm = CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED;
    status = cudnnGetConvolutionBackwardDataWorkspaceSize(handle, w, y, convolution, x,
                                                          cudnnConvolutionBwdDataAlgo_t(algorithm), &scratch_bytes);
  } else {
    algorithm = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED;
    status = cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, x, y, convolution, w,
                                                            cudnnConvolutionBwdFilterAlgo_t(algorithm), &scratch_bytes);
  }
  return status == CUDNN_STATUS_SUCCESS && scratch_bytes <= kConvWorkspaceLimit;
}

void CudnnPlan::choose(cudnnHandle_t handle) {
  int count = 0;
  if (key_.pass == ConvPass::kFprop) {
    // The fused epilogue with identity activation is this algorithm's only, so all epilogues take it.
    if (key_.epilogue && key_.math != MathMode::kBF16) {
      algorithm = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
      check_cudnn(cudnnGetConvolutionForwardWorkspaceSize(handle, x, w, convolution, y,
                                                          cudnnConvolutionFwdAlgo_t(algorithm), &scratch_bytes),
                  "cudnnGetConvolutionForwardWorkspaceSize");
      return;
    }
    cudnnConvolutionFwdAlgoPerf_t results[CUDNN_CONVOLUTION_FWD_ALGO_COUNT];
    check_cudnn(cudnnGetConvolutionForwardAlgorithm_v7(handle, x, w, convolution, y, CUDNN_CONVOLUTION_FWD_ALGO_COUNT,
                                                       &count, results),
                "cudnnGetConvolutionForwardAlgorithm_v7");
    take_first(results, count);
  } else if (key_.pass == ConvPass::kDgrad) {
    cudnnConvolutionBwdDataAlgoPerf_t results[CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT];
    check_cudnn(cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, w, y, convolution, x,
                                                            CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT, &count, results),
                "cudnnGetConvolutionBackwardDataAlgorithm_v7");
    take_first(results, count);
  } else {
    cudnnConvolutionBwdFilterAlgoPerf_t results[CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT];
    check_cudnn(cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, x, y, convolution, w,
                                                              CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT, &count, results),
                "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
    take_first(results, count);
  }
}

}  // namespace engram::kernels
