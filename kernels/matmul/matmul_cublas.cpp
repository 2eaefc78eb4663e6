/// Matrix products by cuBLAS. Every product is one call of cublasGemmStridedBatchedEx.

#if defined(ENGRAM_EMULATED)
#include "emulator/cublas.h"
#else
#include <cublas_v2.h>
#endif

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "kernels/common/error.h"
#include "kernels/matmul/matmul.h"
#include "kernels/plugin/cuda/check.h"
#include "kernels/plugin/cuda/libraries.h"

namespace engram::kernels {
namespace {

/// cuBLAS's scratch memory for one stream: what NVIDIA recommends for compute capability 9.0, and enough for others.
/// Given by us, so that captured products do not allocate and repeat to the bit.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

void check_status(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  cudaGetLastError();  // an error of the runtime inside cuBLAS is not to be blamed on the next launch
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemory(message("[matmul] ", call, " found no memory"));
  throw DeviceError(message("[matmul] expected ", call, " to succeed, got ", cublasGetStatusString(status)));
}

/// One for each device, host thread and stream; cuBLAS handles are not to be shared by threads.
struct Handle {
  cublasHandle_t cublas = nullptr;
  void* workspace = nullptr;
};
struct HandleKey {
  int device;
  std::thread::id thread;
  void* stream;
  auto operator<=>(const HandleKey&) const = default;
};
struct Handles {
  std::mutex mutex;
  std::map<HandleKey, Handle> all;
};
Handles& handles() {
  static Handles& instance = *new Handles;
  return instance;
}

Handle make_handle(cudaStream_t stream) {
  Handle handle;
  check_status(cublasCreate(&handle.cublas), "cublasCreate");
  const cudaError_t error = cudaMalloc(&handle.workspace, kWorkspaceBytes);
  if (error != cudaSuccess) {
    cublasDestroy(handle.cublas);
    cudaGetLastError();
    if (error == cudaErrorMemoryAllocation)
      throw OutOfMemory(message("[matmul] expected ", kWorkspaceBytes, " bytes for cuBLAS, got none"));
    cuda::check(error, "cudaMalloc");
  }
  check_status(cublasSetStream(handle.cublas, stream), "cublasSetStream");
  // After the stream: setting a stream drops the workspace.
  check_status(cublasSetWorkspace(handle.cublas, handle.workspace, kWorkspaceBytes), "cublasSetWorkspace");
  return handle;
}

cublasHandle_t handle_for(cudaStream_t stream) {
  int device = 0;
  cuda::check(cudaGetDevice(&device), "cudaGetDevice");
  const std::lock_guard lock(handles().mutex);
  const HandleKey key{device, std::this_thread::get_id(), stream};
  const auto found = handles().all.find(key);
  if (found != handles().all.end()) return found->second.cublas;
  return handles().all.emplace(key, make_handle(stream)).first->second.cublas;
}

int checked_int(dim_t value) {
  if (value > std::numeric_limits<int>::max())
    throw UsageError(message("[matmul] expected extents and row pitches below 2^31 on CUDA, got ", value));
  return int(value);
}

cublasComputeType_t compute_type(MathMode math) {
  switch (math) {
    case MathMode::kF32:
      return CUBLAS_COMPUTE_32F;
    case MathMode::kTF32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case MathMode::kBF16:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
  }
  return CUBLAS_COMPUTE_32F;
}

void matmul(Stream stream, const MatmulArgs& s) {
  check_matmul(s);
  if (s.m == 0 || s.n == 0 || s.batch == 0) return;
  const auto ld = [](dim_t pitch) { return std::max(1, checked_int(pitch)); };
  const auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  // A row-major product C = A B is the column-major product C' = B' A'.
  const cublasStatus_t status = cublasGemmStridedBatchedEx(
      handle_for(static_cast<cudaStream_t>(stream.handle)), op(s.transpose_b), op(s.transpose_a), checked_int(s.n),
      checked_int(s.m), checked_int(s.k), &s.alpha, s.b, CUDA_R_32F, ld(s.ldb), s.stride_b, s.a, CUDA_R_32F, ld(s.lda),
      s.stride_a, &s.beta, s.c, CUDA_R_32F, ld(s.ldc), s.stride_c, checked_int(s.batch), compute_type(s.math),
      CUBLAS_GEMM_DEFAULT);
  if (status == CUBLAS_STATUS_SUCCESS) return;
  cudaGetLastError();
  throw DeviceError(message("[matmul] expected cuBLAS to multiply [", s.m, ",", s.k, "] by [", s.k, ",", s.n,
                            "], batch ", s.batch, ", got ", cublasGetStatusString(status)));
}

}  // namespace

const MatmulKernels kCudaMatmul = {.matmul = matmul};

namespace cuda {

std::string cublas_version() {
  int major = 0, minor = 0, patch = 0;
  for (const auto& [type, value] : {std::pair(MAJOR_VERSION, &major), {MINOR_VERSION, &minor}, {PATCH_LEVEL, &patch}})
    cublasGetProperty(type, value);
  return message("cuBLAS ", major, ".", minor, ".", patch);
}

void forget_stream(Stream stream) noexcept {
  const std::lock_guard lock(handles().mutex);
  std::erase_if(handles().all, [&](const auto& entry) {
    if (entry.first.stream != stream.handle) return false;
    cublasDestroy(entry.second.cublas);
    if (cudaFree(entry.second.workspace) != cudaSuccess) cudaGetLastError();  // not to be blamed on the next launch
    return true;
  });
}

}  // namespace cuda
}  // namespace engram::kernels
