/// Memory, streams, events and graphs by the CUDA runtime.

#include "kernels/plugin/cuda/device_api.h"

#if defined(ENGRAM_EMULATED)
#include "emulator/runtime_api.h"
#else
#include <cuda_runtime_api.h>
#include <nvtx3/nvToolsExt.h>
#endif

#include <memory>

#include "kernels/common/error.h"
#include "kernels/plugin/cuda/check.h"
#include "kernels/plugin/cuda/libraries.h"

namespace engram::kernels::cuda {
namespace {

cudaStream_t raw(Stream stream) {
  return static_cast<cudaStream_t>(stream.handle);
}
cudaEvent_t raw(Event event) {
  return static_cast<cudaEvent_t>(event.handle);
}

/// For calls that must not throw. The runtime remembers the last error until it is asked: left there, the next launch
/// would be blamed for it.
void tolerate(cudaError_t error) noexcept {
  if (error != cudaSuccess) cudaGetLastError();
}

/// What a Graph points to.
struct CapturedGraph {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  std::size_t num_nodes = 0;

  ~CapturedGraph() {
    if (exec) tolerate(cudaGraphExecDestroy(exec));
    if (graph) tolerate(cudaGraphDestroy(graph));
  }
};

std::string version_text(int version) {
  return message(version / 1000, ".", version % 1000 / 10);
}

/// Whether an error comes from work that was queued earlier.
bool is_asynchronous(cudaError_t error) {
  return error == cudaErrorIllegalAddress || error == cudaErrorLaunchFailure || error == cudaErrorUnknown;
}

int num_devices(std::string& why) {
  int driver = 0, runtime = 0, count = 0;  // the calls leave them as they are where they fail
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) {
    why = "no NVIDIA driver";
    return 0;
  }
  // Within a major version a toolkit runs on every driver (NVIDIA's minor version compatibility).
  if (driver / 1000 < runtime / 1000) {
    why = message("expected an NVIDIA driver for CUDA ", version_text(runtime), ", got one for CUDA ",
                  version_text(driver), ": update the driver");
    return 0;
  }
  const cudaError_t error = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (error != cudaSuccess || count == 0) {
    why = message("no CUDA device", error == cudaSuccess
                                        ? ""
                                        : message(" (", cudaGetErrorName(error), ": ", cudaGetErrorString(error), ")"));
    return 0;
  }
  watch_launches();
  return count;
}

DeviceProperties properties(int device) {
  cudaDeviceProp p;
  int runtime = 0;
  check(cudaGetDeviceProperties(&p, device), "cudaGetDeviceProperties");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  return {.name = p.name,
          .major = p.major,
          .minor = p.minor,
          .memory_bytes = p.totalGlobalMem,
          .num_multiprocessors = p.multiProcessorCount,
          .libraries = message("CUDA ", version_text(runtime), ", ", cudnn_version(), ", ", cublas_version())};
}

void set_device(int device) {
  check(cudaSetDevice(device), "cudaSetDevice");
}

void synchronize_device() {
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

void* allocate(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // not sticky; or the next check of a launch would find it
    return nullptr;
  }
  check(error, "cudaMalloc");
  return memory;
}

void deallocate(void* memory) noexcept {
  tolerate(cudaFree(memory));
}

void memory_info(std::size_t& free_bytes, std::size_t& total_bytes) {
  check(cudaMemGetInfo(&free_bytes, &total_bytes), "cudaMemGetInfo");
}

void* allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t error = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(error, "cudaHostAlloc");
  return memory;
}

void deallocate_pinned(void* memory) noexcept {
  tolerate(cudaFreeHost(memory));
}

void copy(Stream stream, void* target, const void* source, std::size_t bytes, CopyKind kind) {
  const cudaMemcpyKind direction = kind == CopyKind::kHostToDevice   ? cudaMemcpyHostToDevice
                                   : kind == CopyKind::kDeviceToHost ? cudaMemcpyDeviceToHost
                                                                     : cudaMemcpyDeviceToDevice;
  check(cudaMemcpyAsync(target, source, bytes, direction, raw(stream)), "cudaMemcpyAsync");
}

void fill_bytes(Stream stream, void* target, int value, std::size_t bytes) {
  check(cudaMemsetAsync(target, value, bytes, raw(stream)), "cudaMemsetAsync");
}

Stream create_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return {stream};
}

void destroy_stream(Stream stream) noexcept {
  forget_stream(stream);
  tolerate(cudaStreamDestroy(raw(stream)));
}

void synchronize_stream(Stream stream) {
  check(cudaStreamSynchronize(raw(stream)), "cudaStreamSynchronize");
}

Event create_event(bool timing) {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, timing ? cudaEventDefault : cudaEventDisableTiming),
        "cudaEventCreateWithFlags");
  return {event};
}

void destroy_event(Event event) noexcept {
  tolerate(cudaEventDestroy(raw(event)));
}

void record_event(Event event, Stream stream) {
  check(cudaEventRecord(raw(event), raw(stream)), "cudaEventRecord");
}

void wait_event(Stream stream, Event event) {
  check(cudaStreamWaitEvent(raw(stream), raw(event), 0), "cudaStreamWaitEvent");
}

void synchronize_event(Event event) {
  check(cudaEventSynchronize(raw(event)), "cudaEventSynchronize");
}

float elapsed_ms(Event start, Event end) {
  float ms = 0;
  check(cudaEventElapsedTime(&ms, raw(start), raw(end)), "cudaEventElapsedTime");
  return ms;
}

void begin_capture(Stream stream) {
  // Of this thread only: the loader's thread may allocate meanwhile.
  check(cudaStreamBeginCapture(raw(stream), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
}

Graph end_capture(Stream stream) {
  auto captured = std::make_unique<CapturedGraph>();
  check(cudaStreamEndCapture(raw(stream), &captured->graph), "cudaStreamEndCapture");
  check(cudaGraphGetNodes(captured->graph, nullptr, &captured->num_nodes), "cudaGraphGetNodes");
  check(cudaGraphInstantiate(&captured->exec, captured->graph, 0), "cudaGraphInstantiate");
  return {captured.release()};
}

void launch_graph(Graph graph, Stream stream) {
  check(cudaGraphLaunch(static_cast<CapturedGraph*>(graph.handle)->exec, raw(stream)), "cudaGraphLaunch");
}

std::size_t num_graph_nodes(Graph graph) {
  return static_cast<CapturedGraph*>(graph.handle)->num_nodes;
}

void destroy_graph(Graph graph) noexcept {
  delete static_cast<CapturedGraph*>(graph.handle);
}

void push_range(const char* name) noexcept {
  push_operation(name);
#if !defined(ENGRAM_EMULATED)
  nvtxRangePushA(name);
#endif
}

void pop_range() noexcept {
#if !defined(ENGRAM_EMULATED)
  nvtxRangePop();
#endif
  pop_operation();
}

}  // namespace

void check(int error, const char* call) {
  if (error == 0) return;
  const auto code = cudaError_t(error);
  cudaGetLastError();
  const std::string launches = is_asynchronous(code) ? last_launches() : std::string();
  throw DeviceError(message("[", call, "] expected success, got ", cudaGetErrorName(code), ": ",
                            cudaGetErrorString(code), launches.empty() ? "" : "; last launches: ", launches));
}

const DeviceApi& device_api() {
  static const DeviceApi api = {
      .num_devices = num_devices,
      .properties = properties,
      .set_device = set_device,
      .synchronize_device = synchronize_device,
      .allocate = allocate,
      .deallocate = deallocate,
      .memory_info = memory_info,
      .allocate_pinned = allocate_pinned,
      .deallocate_pinned = deallocate_pinned,
      .copy = copy,
      .fill_bytes = fill_bytes,
      .create_stream = create_stream,
      .destroy_stream = destroy_stream,
      .synchronize_stream = synchronize_stream,
      .create_event = create_event,
      .destroy_event = destroy_event,
      .record_event = record_event,
      .wait_event = wait_event,
      .synchronize_event = synchronize_event,
      .elapsed_ms = elapsed_ms,
      .begin_capture = begin_capture,
      .end_capture = end_capture,
      .launch_graph = launch_graph,
      .num_graph_nodes = num_graph_nodes,
      .destroy_graph = destroy_graph,
      .push_range = push_range,
      .pop_range = pop_range,
  };
  return api;
}

}  // namespace engram::kernels::cuda
