#include <algorithm>
#include <functional>

#include "emulator/emulator.h"
#include "emulator/runtime_control.h"
#include "emulator/vendor/convolution_reference.h"
#include "emulator/vendor/cudnn_state.h"
#include "emulator/vendor/elements.h"

namespace emu::dnn {
namespace {

enum class Pass { kForward, kData, kFilter };

/// A call as its checks see it.
struct Call {
  const char* function;
  cudnnHandle_t handle;
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t convolution;
};

/// Something wrong, and the status that says it; success: nothing.
struct Verdict {
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  std::string why;
  explicit operator bool() const { return status != CUDNN_STATUS_SUCCESS; }
};

int out_extent(int in, int pad, int kernel, int stride) {
  return (in + 2 * pad - kernel) / stride + 1;
}

Verdict check_descriptors(const Call& a) {
  if (!is_live(a.handle)) return {CUDNN_STATUS_BAD_PARAM, "not a live handle"};
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess || device != a.handle->device)
    return {CUDNN_STATUS_BAD_PARAM, "the handle belongs to another device than the current one"};
  if (!is_live(a.x) || !is_live(a.y) || !is_live(a.w) || !is_live(a.convolution))
    return {CUDNN_STATUS_BAD_PARAM, "not a live descriptor"};
  if (!a.x->set || !a.y->set || !a.w->set || !a.convolution->set)
    return {CUDNN_STATUS_BAD_PARAM, "a descriptor that was created and not set"};
  if (a.x->type != a.w->type || a.x->type != a.y->type)
    return {CUDNN_STATUS_BAD_PARAM, "x, w and y of different data types"};
  if (a.convolution->compute != (a.x->type == CUDNN_DATA_DOUBLE ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT))
    return {CUDNN_STATUS_NOT_SUPPORTED, "a compute type that the data type does not take"};
  if (a.x->format != a.y->format || a.x->format != a.w->format)
    return {CUDNN_STATUS_NOT_SUPPORTED_LAYOUT, "x, w and y of different formats"};
  const int groups = a.convolution->groups;
  if (a.x->c != a.w->c * groups || a.w->k % groups != 0)
    return {CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "channels of x and w do not fit the groups"};
  const auto& c = *a.convolution;
  if (a.y->n != a.x->n || a.y->c != a.w->k || a.y->h != out_extent(a.x->h, c.pad_h, a.w->h, c.stride_h) ||
      a.y->w != out_extent(a.x->w, c.pad_w, a.w->w, c.stride_w))
    return {CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "y does not have the extents of the convolution's result"};
  return {};
}

ConvolutionProblem problem_of(const Call& a) {
  const auto& c = *a.convolution;
  return {a.x->format, a.x->type, a.x->n, a.x->c,  a.x->h,  a.x->w,     a.w->k,     a.w->h,
          a.w->w,      a.y->h,    a.y->w, c.pad_h, c.pad_w, c.stride_h, c.stride_w, c.groups};
}

bool is_winograd(Pass pass, int algorithm) {
  return algorithm == (pass == Pass::kForward ? int(CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD_NONFUSED)
                       : pass == Pass::kData  ? int(CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD_NONFUSED)
                                              : int(CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED));
}

/// Channels-last data run as implicit GEMM only; planar ones also as Winograd, with kernels of 3x3 and 5x5 and
/// stride 1.
bool supports(Pass pass, int algorithm, const ConvolutionProblem& p) {
  if (is_winograd(pass, algorithm))
    return p.format == CUDNN_TENSOR_NCHW && p.type == CUDNN_DATA_FLOAT && p.r == p.s && (p.r == 3 || p.r == 5) &&
           p.stride_h == 1 && p.stride_w == 1 && p.groups == 1;
  return algorithm == 0 || algorithm == 1;
}

bool is_deterministic(Pass pass, int algorithm) {
  return pass == Pass::kForward || algorithm != 0;
}

/// Bytes of scratch memory; in the spirit of the real ones: index tables, or partial sums of the filter's gradient.
std::size_t workspace_bytes(Pass pass, int algorithm, const ConvolutionProblem& p) {
  if (algorithm == 0) return 0;
  if (is_winograd(pass, algorithm)) return 1024 + 2 * (p.x_count() + p.y_count()) * sizeof(float);  // transforms
  if (pass == Pass::kFilter) return 1024 + p.w_count() * sizeof(float);
  return 1024 + std::size_t(p.r) * p.s * p.q * sizeof(int);
}

Verdict check_algorithm(Pass pass, int algorithm, const ConvolutionProblem& p, const void* workspace,
                        std::size_t bytes) {
  if (!supports(pass, algorithm, p)) return {CUDNN_STATUS_NOT_SUPPORTED, "the algorithm does not take this problem"};
  const std::size_t needed = workspace_bytes(pass, algorithm, p);
  if (bytes < needed)
    return {CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT,
            "a workspace of " + std::to_string(needed) + " bytes needed, got " + std::to_string(bytes)};
  if (needed > 0 && !workspace) return {CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "a null workspace"};
  if (needed > 0 && bytes_from(workspace) < bytes)
    return {CUDNN_STATUS_EXECUTION_FAILED, "a workspace that is not live device memory of the stated size"};
  return {};
}

Verdict check_memory(const char* name, const void* p, std::size_t count, cudnnDataType_t type) {
  if (!p) return {CUDNN_STATUS_BAD_PARAM_NULL_POINTER, std::string("null ") + name};
  if (reinterpret_cast<std::uintptr_t>(p) % element_bytes(type) != 0)
    return {CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, std::string("misaligned ") + name};
  if (bytes_from(p) < count * element_bytes(type))
    return {CUDNN_STATUS_EXECUTION_FAILED, std::string(name) + " is not live device memory of " +
                                               std::to_string(count * element_bytes(type)) + " bytes"};
  return {};
}

bool overlap(const void* a, std::size_t a_bytes, const void* b, std::size_t b_bytes) {
  const auto* p = static_cast<const char*>(a);
  const auto* q = static_cast<const char*>(b);
  return p < q + b_bytes && q < p + a_bytes;
}

/// An operand in device memory.
struct Operand {
  const char* name;
  const void* memory;
  std::size_t count;
};

/// Checks a call of a pass with operands (the last one is written) and queues `compute`, which gives the new values
/// before scaling: out = alpha compute() + beta out.
cudnnStatus_t run_pass(const Call& call, Pass pass, int algorithm, const void* alpha, const void* beta, void* workspace,
                       std::size_t workspace_size, std::vector<Operand> operands,
                       std::function<std::vector<double>(const ConvolutionProblem&)> compute) {
  Verdict verdict = check_descriptors(call);
  if (verdict) return refuse(call.function, verdict.status, verdict.why);
  const ConvolutionProblem p = problem_of(call);
  verdict = check_algorithm(pass, algorithm, p, workspace, workspace_size);
  for (const Operand& o : operands)
    if (!verdict) verdict = check_memory(o.name, o.memory, o.count, p.type);
  const Operand out = operands.back();
  const std::size_t size = element_bytes(p.type), out_bytes = out.count * size;
  for (std::size_t i = 0; i + 1 < operands.size() && !verdict; ++i)
    if (overlap(operands[i].memory, operands[i].count * size, out.memory, out_bytes))
      verdict = {CUDNN_STATUS_BAD_PARAM, std::string(operands[i].name) + " and the result overlap"};
  if (!verdict && workspace && overlap(workspace, workspace_size, out.memory, out_bytes))
    verdict = {CUDNN_STATUS_BAD_PARAM, "the workspace and the result overlap"};
  if (!verdict && (!alpha || !beta)) verdict = {CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "null alpha or beta"};
  if (verdict) return refuse(call.function, verdict.status, verdict.why);

  const double a = double(*static_cast<const float*>(alpha)), b = double(*static_cast<const float*>(beta));
  std::vector<MemoryUse> uses;
  for (std::size_t i = 0; i + 1 < operands.size(); ++i)
    uses.push_back({operands[i].memory, operands[i].count * size, false});
  if (b != 0) uses.push_back({out.memory, out_bytes, false});
  if (workspace_size > 0 && workspace) uses.push_back({workspace, workspace_size, true});
  uses.push_back({out.memory, out_bytes, true});
  void* const target = const_cast<void*>(out.memory);
  const int error =
      queue_library_work(call.handle->stream, call.function, std::move(uses), [=, compute = std::move(compute)] {
        std::vector<double> values = compute(p);
        if (workspace && workspace_size > 0) std::fill_n(static_cast<char*>(workspace), workspace_size, char(0x5a));
        const std::vector<double> before = b != 0 ? read_elements(target, p.type, out.count) : std::vector<double>();
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = a * values[i] + (b != 0 ? b * before[i] : 0);
        write_elements(target, p.type, values);
      });
  return error == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

/// The list of algorithms for a problem, best first.
template <class Perf, class Algorithm>
cudnnStatus_t list_algorithms(const Call& call, Pass pass, int requested, int* returned, Perf* results) {
  if (const Verdict verdict = check_descriptors(call)) return refuse(call.function, verdict.status, verdict.why);
  if (requested < 1 || !returned || !results)
    return refuse(call.function, CUDNN_STATUS_BAD_PARAM, "no room for results");
  const ConvolutionProblem p = problem_of(call);
  *returned = 0;
  // As the real ones may: a nondeterministic algorithm first, which a caller that promised repeatable bits passes over.
  for (const int algorithm : pass == Pass::kForward ? std::vector<int>{1, 0, 6} : std::vector<int>{0, 1, 4}) {
    if (*returned == requested) break;
    Perf& perf = results[(*returned)++];
    perf = {};
    perf.algo = Algorithm(algorithm);
    perf.status = supports(pass, algorithm, p) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
    perf.memory = supports(pass, algorithm, p) ? workspace_bytes(pass, algorithm, p) : 0;
    perf.determinism = is_deterministic(pass, algorithm) ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
    perf.mathType = call.convolution->math;
    perf.time = -1;
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t workspace_size(const Call& call, Pass pass, int algorithm, std::size_t* bytes) {
  if (const Verdict verdict = check_descriptors(call)) return refuse(call.function, verdict.status, verdict.why);
  if (!bytes) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (!supports(pass, algorithm, problem_of(call)))
    return refuse(call.function, CUDNN_STATUS_NOT_SUPPORTED, "the algorithm does not take this problem");
  *bytes = workspace_bytes(pass, algorithm, problem_of(call));
  return CUDNN_STATUS_SUCCESS;
}

/// What follows a fused forward pass.
struct Epilogue {
  const void* z;
  double alpha2;
  const void* bias;
  bool relu;
};

Verdict check_epilogue(cudnnConvolutionFwdAlgo_t algorithm, cudnnTensorDescriptor_t z, cudnnTensorDescriptor_t bias,
                       cudnnActivationDescriptor_t activation, cudnnTensorDescriptor_t y) {
  if (!is_live(z) || !is_live(bias) || !is_live(activation) || !z->set || !bias->set || !activation->set)
    return {CUDNN_STATUS_BAD_PARAM, "a descriptor of z, bias or activation that is not live or not set"};
  if (z->n != y->n || z->c != y->c || z->h != y->h || z->w != y->w || z->format != y->format || z->type != y->type)
    return {CUDNN_STATUS_BAD_PARAM, "z differs from y"};
  if (bias->n != 1 || bias->c != y->c || bias->h != 1 || bias->w != 1 || bias->type != y->type)
    return {CUDNN_STATUS_BAD_PARAM, "the bias is not [1,C,1,1] of y's type"};
  if (activation->nan != CUDNN_NOT_PROPAGATE_NAN)
    return {CUDNN_STATUS_NOT_SUPPORTED, "the fused activation takes CUDNN_NOT_PROPAGATE_NAN only"};
  if (activation->mode == CUDNN_ACTIVATION_IDENTITY && algorithm != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM)
    return {CUDNN_STATUS_NOT_SUPPORTED, "identity activation needs CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM"};
  return {};
}

/// Position of y's channel in a flat index.
int channel_of(const ConvolutionProblem& p, std::size_t i) {
  return p.format == CUDNN_TENSOR_NHWC ? int(i % std::size_t(p.k))
                                       : int(i / (std::size_t(p.p) * p.q) % std::size_t(p.k));
}

}  // namespace
}  // namespace emu::dnn

using emu::dnn::Call;
using emu::dnn::ConvolutionProblem;
using emu::dnn::Operand;
using emu::dnn::Pass;

extern "C" {

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                     const cudnnFilterDescriptor_t w,
                                                     const cudnnConvolutionDescriptor_t convolution,
                                                     const cudnnTensorDescriptor_t y, const int requested,
                                                     int* returned, cudnnConvolutionFwdAlgoPerf_t* results) {
  return emu::dnn::list_algorithms<cudnnConvolutionFwdAlgoPerf_t, cudnnConvolutionFwdAlgo_t>(
      {"cudnnGetConvolutionForwardAlgorithm_v7", handle, x, y, w, convolution}, Pass::kForward, requested, returned,
      results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                      const cudnnFilterDescriptor_t w,
                                                      const cudnnConvolutionDescriptor_t convolution,
                                                      const cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t algorithm, size_t* bytes) {
  return emu::dnn::workspace_size({"cudnnGetConvolutionForwardWorkspaceSize", handle, x, y, w, convolution},
                                  Pass::kForward, algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, const cudnnTensorDescriptor_t xd,
                                      const void* x, const cudnnFilterDescriptor_t wd, const void* w,
                                      const cudnnConvolutionDescriptor_t convolution,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t workspace_bytes,
                                      const void* beta, const cudnnTensorDescriptor_t yd, void* y) {
  const Call call{"cudnnConvolutionForward", handle, xd, yd, wd, convolution};
  if (const auto verdict = emu::dnn::check_descriptors(call))
    return emu::dnn::refuse(call.function, verdict.status, verdict.why);
  const ConvolutionProblem p = emu::dnn::problem_of(call);
  return emu::dnn::run_pass(call, Pass::kForward, algorithm, alpha, beta, workspace, workspace_bytes,
                            {{"x", x, p.x_count()}, {"w", w, p.w_count()}, {"y", y, p.y_count()}},
                            [x, w](const ConvolutionProblem& a) {
                              return emu::dnn::forward(a, emu::dnn::read_elements(x, a.type, a.x_count()),
                                                       emu::dnn::read_elements(w, a.type, a.w_count()));
                            });
}

cudnnStatus_t cudnnConvolutionBiasActivationForward(
    cudnnHandle_t handle, const void* alpha1, const cudnnTensorDescriptor_t xd, const void* x,
    const cudnnFilterDescriptor_t wd, const void* w, const cudnnConvolutionDescriptor_t convolution,
    cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t workspace_bytes, const void* alpha2,
    const cudnnTensorDescriptor_t zd, const void* z, const cudnnTensorDescriptor_t bias_d, const void* bias,
    const cudnnActivationDescriptor_t activation, const cudnnTensorDescriptor_t yd, void* y) {
  const Call call{"cudnnConvolutionBiasActivationForward", handle, xd, yd, wd, convolution};
  auto verdict = emu::dnn::check_descriptors(call);
  if (!verdict) verdict = emu::dnn::check_epilogue(algorithm, zd, bias_d, activation, yd);
  if (!verdict && !alpha2) verdict = {CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "null alpha2"};
  if (verdict) return emu::dnn::refuse(call.function, verdict.status, verdict.why);
  const ConvolutionProblem p = emu::dnn::problem_of(call);
  const emu::dnn::Epilogue e{z, double(*static_cast<const float*>(alpha2)), bias,
                             activation->mode == CUDNN_ACTIVATION_RELU};
  std::vector<Operand> operands = {{"x", x, p.x_count()}, {"w", w, p.w_count()}, {"bias", bias, std::size_t(p.k)}};
  // z may be y itself; another place must not overlap it.
  if (e.alpha2 != 0 && z != y) operands.push_back({"z", z, p.y_count()});
  operands.push_back({"y", y, p.y_count()});
  if (!alpha1) return emu::dnn::refuse(call.function, CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "null alpha1");
  const double a1 = double(*static_cast<const float*>(alpha1));
  static const float one = 1, zero = 0;
  return emu::dnn::run_pass(
      call, Pass::kForward, algorithm, &one, &zero, workspace, workspace_bytes, std::move(operands),
      [=](const ConvolutionProblem& a) {
        std::vector<double> out = emu::dnn::forward(a, emu::dnn::read_elements(x, a.type, a.x_count()),
                                                    emu::dnn::read_elements(w, a.type, a.w_count()));
        const auto shift = emu::dnn::read_elements(e.bias, a.type, std::size_t(a.k));
        const auto added = e.alpha2 != 0 ? emu::dnn::read_elements(e.z, a.type, a.y_count()) : std::vector<double>();
        for (std::size_t i = 0; i < out.size(); ++i) {
          out[i] = a1 * out[i] + shift[std::size_t(emu::dnn::channel_of(a, i))];
          if (e.alpha2 != 0) out[i] += e.alpha2 * added[i];
          if (e.relu) out[i] = std::max(out[i], 0.0);
        }
        return out;
      });
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t handle, const cudnnFilterDescriptor_t w,
                                                          const cudnnTensorDescriptor_t dy,
                                                          const cudnnConvolutionDescriptor_t convolution,
                                                          const cudnnTensorDescriptor_t dx, const int requested,
                                                          int* returned, cudnnConvolutionBwdDataAlgoPerf_t* results) {
  return emu::dnn::list_algorithms<cudnnConvolutionBwdDataAlgoPerf_t, cudnnConvolutionBwdDataAlgo_t>(
      {"cudnnGetConvolutionBackwardDataAlgorithm_v7", handle, dx, dy, w, convolution}, Pass::kData, requested, returned,
      results);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t handle, const cudnnFilterDescriptor_t w,
                                                           const cudnnTensorDescriptor_t dy,
                                                           const cudnnConvolutionDescriptor_t convolution,
                                                           const cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm, size_t* bytes) {
  return emu::dnn::workspace_size({"cudnnGetConvolutionBackwardDataWorkspaceSize", handle, dx, dy, w, convolution},
                                  Pass::kData, algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha, const cudnnFilterDescriptor_t wd,
                                           const void* w, const cudnnTensorDescriptor_t dyd, const void* dy,
                                           const cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace,
                                           size_t workspace_bytes, const void* beta, const cudnnTensorDescriptor_t dxd,
                                           void* dx) {
  const Call call{"cudnnConvolutionBackwardData", handle, dxd, dyd, wd, convolution};
  if (const auto verdict = emu::dnn::check_descriptors(call))
    return emu::dnn::refuse(call.function, verdict.status, verdict.why);
  const ConvolutionProblem p = emu::dnn::problem_of(call);
  return emu::dnn::run_pass(call, Pass::kData, algorithm, alpha, beta, workspace, workspace_bytes,
                            {{"w", w, p.w_count()}, {"dy", dy, p.y_count()}, {"dx", dx, p.x_count()}},
                            [dy, w](const ConvolutionProblem& a) {
                              return emu::dnn::backward_data(a, emu::dnn::read_elements(dy, a.type, a.y_count()),
                                                             emu::dnn::read_elements(w, a.type, a.w_count()));
                            });
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                            const cudnnTensorDescriptor_t dy,
                                                            const cudnnConvolutionDescriptor_t convolution,
                                                            const cudnnFilterDescriptor_t dw, const int requested,
                                                            int* returned,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  return emu::dnn::list_algorithms<cudnnConvolutionBwdFilterAlgoPerf_t, cudnnConvolutionBwdFilterAlgo_t>(
      {"cudnnGetConvolutionBackwardFilterAlgorithm_v7", handle, x, dy, dw, convolution}, Pass::kFilter, requested,
      returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t handle, const cudnnTensorDescriptor_t x,
                                                             const cudnnTensorDescriptor_t dy,
                                                             const cudnnConvolutionDescriptor_t convolution,
                                                             const cudnnFilterDescriptor_t dw,
                                                             cudnnConvolutionBwdFilterAlgo_t algorithm, size_t* bytes) {
  return emu::dnn::workspace_size({"cudnnGetConvolutionBackwardFilterWorkspaceSize", handle, x, dy, dw, convolution},
                                  Pass::kFilter, algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha, const cudnnTensorDescriptor_t xd,
                                             const void* x, const cudnnTensorDescriptor_t dyd, const void* dy,
                                             const cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             size_t workspace_bytes, const void* beta,
                                             const cudnnFilterDescriptor_t dwd, void* dw) {
  const Call call{"cudnnConvolutionBackwardFilter", handle, xd, dyd, dwd, convolution};
  if (const auto verdict = emu::dnn::check_descriptors(call))
    return emu::dnn::refuse(call.function, verdict.status, verdict.why);
  const ConvolutionProblem p = emu::dnn::problem_of(call);
  return emu::dnn::run_pass(call, Pass::kFilter, algorithm, alpha, beta, workspace, workspace_bytes,
                            {{"x", x, p.x_count()}, {"dy", dy, p.y_count()}, {"dw", dw, p.w_count()}},
                            [x, dy](const ConvolutionProblem& a) {
                              return emu::dnn::backward_filter(a, emu::dnn::read_elements(x, a.type, a.x_count()),
                                                               emu::dnn::read_elements(dy, a.type, a.y_count()));
                            });
}

cudnnStatus_t cudnnConvolutionBackwardBias(cudnnHandle_t handle, const void* alpha, const cudnnTensorDescriptor_t dyd,
                                           const void* dy, const void* beta, const cudnnTensorDescriptor_t dbd,
                                           void* db) {
  constexpr const char* kName = "cudnnConvolutionBackwardBias";
  using emu::dnn::is_live;
  if (!is_live(handle) || !is_live(dyd) || !is_live(dbd) || !dyd->set || !dbd->set)
    return emu::dnn::refuse(kName, CUDNN_STATUS_BAD_PARAM, "not a live handle or descriptor, or one that is not set");
  if (dbd->n != 1 || dbd->h != 1 || dbd->w != 1 || dbd->c != dyd->c || dbd->type != dyd->type)
    return emu::dnn::refuse(kName, CUDNN_STATUS_BAD_PARAM, "db is not [1,C,1,1] of dy's type");
  const std::size_t count = std::size_t(dyd->n) * dyd->c * dyd->h * dyd->w;
  auto verdict = emu::dnn::check_memory("dy", dy, count, dyd->type);
  if (!verdict) verdict = emu::dnn::check_memory("db", db, std::size_t(dyd->c), dyd->type);
  if (!verdict && (!alpha || !beta)) verdict = {CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "null alpha or beta"};
  if (verdict) return emu::dnn::refuse(kName, verdict.status, verdict.why);
  const cudnnTensorStruct d = *dyd;
  const double a = double(*static_cast<const float*>(alpha)), b = double(*static_cast<const float*>(beta));
  const std::size_t size = emu::dnn::element_bytes(d.type);
  const int error = emu::queue_library_work(
      handle->stream, kName, {{dy, count * size, false}, {db, std::size_t(d.c) * size, true}}, [=] {
        const auto values = emu::dnn::read_elements(dy, d.type, count);
        std::vector<double> sums(std::size_t(d.c), 0.0);
        const std::size_t pixels = std::size_t(d.h) * d.w, channels = std::size_t(d.c);
        for (std::size_t i = 0; i < count; ++i)
          sums[d.format == CUDNN_TENSOR_NHWC ? i % channels : i / pixels % channels] += values[i];
        const auto before = b != 0 ? emu::dnn::read_elements(db, d.type, channels) : std::vector<double>(channels, 0.0);
        for (std::size_t c = 0; c < channels; ++c) sums[c] = a * sums[c] + b * before[c];
        emu::dnn::write_elements(db, d.type, sums);
      });
  return error == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
