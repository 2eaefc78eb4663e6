#include "emulator/cublas.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "emulator/emulator.h"
#include "emulator/runtime_control.h"

struct cublasContext {
  int device;
  cudaStream_t stream;
  void* workspace;  ///< the caller's; null: the library's own
  std::size_t workspace_bytes;
};

namespace {

struct Live {
  std::mutex mutex;
  std::set<cublasHandle_t> handles;
};
Live& live() {
  static Live& instance = *new Live;
  return instance;
}

bool is_live(cublasHandle_t handle) {
  const std::lock_guard lock(live().mutex);
  return live().handles.count(handle) > 0;
}

cublasStatus_t refuse(const char* function, cublasStatus_t status, const std::string& why) {
  emu::add_report(emu::Tool::kMemcheck,
                  std::string("cuBLAS call ") + function + " returned " + cublasGetStatusString(status), "host code",
                  {why});
  return status;
}

/// One operand of a batch of column-major matrices.
struct Matrices {
  const char* name;
  const float* data;
  int rows, columns, ld;
  long long stride;

  /// Elements from the first to the last of the batch.
  std::size_t count(int batch) const {
    if (rows == 0 || columns == 0) return 0;
    return std::size_t(stride) * std::size_t(batch - 1) + std::size_t(ld) * std::size_t(columns - 1) +
           std::size_t(rows);
  }
};

std::string problem_with(const Matrices& m, int batch) {
  if (m.ld < std::max(1, m.rows)) return std::string("leading dimension of ") + m.name + " below its rows";
  if (m.stride < 0) return std::string("negative stride of ") + m.name;
  if (m.count(batch) == 0) return "";
  if (reinterpret_cast<std::uintptr_t>(m.data) % alignof(float) != 0) return std::string("misaligned ") + m.name;
  if (emu::bytes_from(m.data) < m.count(batch) * sizeof(float))
    return std::string(m.name) + " is not live device memory of " + std::to_string(m.count(batch) * sizeof(float)) +
           " bytes";
  return "";
}

float at(const Matrices& m, bool transposed, int batch, int row, int column) {
  const std::int64_t i = transposed ? column : row, j = transposed ? row : column;
  return m.data[batch * m.stride + i + j * std::int64_t(m.ld)];
}

}  // namespace

extern "C" {

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
      return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR:
      return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR:
      return "CUBLAS_STATUS_LICENSE_ERROR";
  }
  return "unknown status";
}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  int device = 0;
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  if (cudaGetDevice(&device) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext{device, nullptr, nullptr, 0};
  const std::lock_guard lock(live().mutex);
  live().handles.insert(*handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  const std::lock_guard lock(live().mutex);
  if (live().handles.erase(handle) == 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  if (!value) return CUBLAS_STATUS_INVALID_VALUE;
  *value = type == MAJOR_VERSION ? 13 : 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  if (!is_live(handle)) return refuse("cublasSetStream", CUBLAS_STATUS_NOT_INITIALIZED, "not a live handle");
  handle->stream = stream;
  handle->workspace = nullptr;  // documented: back to the library's own pool
  handle->workspace_bytes = 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  if (!is_live(handle)) return refuse("cublasSetWorkspace", CUBLAS_STATUS_NOT_INITIALIZED, "not a live handle");
  if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0)
    return refuse("cublasSetWorkspace", CUBLAS_STATUS_INVALID_VALUE, "a workspace aligned to 256 bytes expected");
  if (emu::bytes_from(workspace) < bytes)
    return refuse("cublasSetWorkspace", CUBLAS_STATUS_INVALID_VALUE, "not live device memory of the stated size");
  handle->workspace = workspace;
  handle->workspace_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                                          int m, int n, int k, const void* alpha, const void* A, cudaDataType Atype,
                                          int lda, long long int strideA, const void* B, cudaDataType Btype, int ldb,
                                          long long int strideB, const void* beta, void* C, cudaDataType Ctype, int ldc,
                                          long long int strideC, int batch, cublasComputeType_t, cublasGemmAlgo_t) {
  constexpr const char* kName = "cublasGemmStridedBatchedEx";
  if (!is_live(handle)) return refuse(kName, CUBLAS_STATUS_NOT_INITIALIZED, "not a live handle");
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess || device != handle->device)
    return refuse(kName, CUBLAS_STATUS_INVALID_VALUE, "the handle belongs to another device than the current one");
  if (m < 0 || n < 0 || k < 0 || batch < 0 || !alpha || !beta)
    return refuse(kName, CUBLAS_STATUS_INVALID_VALUE, "extents of at least 0 and scalars expected");
  if (Atype != CUDA_R_32F || Btype != CUDA_R_32F || Ctype != CUDA_R_32F)
    return refuse(kName, CUBLAS_STATUS_NOT_SUPPORTED, "this stand-in multiplies f32");
  if (m == 0 || n == 0 || batch == 0) return CUBLAS_STATUS_SUCCESS;
  cudaStreamCaptureStatus capture;
  if (cudaStreamIsCapturing(handle->stream, &capture) != cudaSuccess)
    return refuse(kName, CUBLAS_STATUS_EXECUTION_FAILED, "the handle's stream is not live");
  if (capture != cudaStreamCaptureStatusNone && !handle->workspace)
    return refuse(kName, CUBLAS_STATUS_NOT_SUPPORTED,
                  "a captured product without a workspace of the caller's allocates");
  const bool ta = transa == CUBLAS_OP_T, tb = transb == CUBLAS_OP_T;
  const Matrices a{"A", static_cast<const float*>(A), ta ? k : m, ta ? m : k, lda, strideA};
  const Matrices b{"B", static_cast<const float*>(B), tb ? n : k, tb ? k : n, ldb, strideB};
  const Matrices c{"C", static_cast<const float*>(C), m, n, ldc, strideC};
  for (const Matrices* operand : {&a, &b, &c})
    if (const std::string why = problem_with(*operand, batch); !why.empty())
      return refuse(kName, CUBLAS_STATUS_INVALID_VALUE, why);
  if (batch > 1 && strideC < c.ld * static_cast<long long>(n - 1) + m)
    return refuse(kName, CUBLAS_STATUS_INVALID_VALUE, "results of the batch overlap");

  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  std::vector<emu::MemoryUse> uses = {{A, a.count(batch) * sizeof(float), false},
                                      {B, b.count(batch) * sizeof(float), false}};
  std::erase_if(uses, [](const emu::MemoryUse& use) { return use.bytes == 0; });
  if (keep != 0) uses.push_back({C, c.count(batch) * sizeof(float), false});
  uses.push_back({C, c.count(batch) * sizeof(float), true});
  if (handle->workspace) uses.push_back({handle->workspace, handle->workspace_bytes, true});
  const int error = emu::queue_library_work(handle->stream, kName, std::move(uses), [=] {
    for (int i = 0; i < batch; ++i)
      for (int column = 0; column < n; ++column)
        for (int row = 0; row < m; ++row) {
          double total = 0;
          for (int p = 0; p < k; ++p) total += double(at(a, ta, i, row, p)) * double(at(b, tb, i, p, column));
          float& out = static_cast<float*>(C)[i * strideC + row + column * std::int64_t(ldc)];
          out = float(double(scale) * total + (keep != 0 ? double(keep) * double(out) : 0.0));
        }
  });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
