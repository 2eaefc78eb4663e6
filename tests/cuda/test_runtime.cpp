/// The emulated CUDA runtime: late work, events, capture, errors.

#include <vector>

#include "emulator/runtime_api.h"
#include "tests/cuda/emulated.h"

namespace engram {
namespace {

using Runtime = testing::Emulated;
constexpr std::size_t kCount = 1000, kBytes = kCount * sizeof(float);

/// Device memory and pinned host memory for one test.
struct Buffers {
  float *device = nullptr, *other = nullptr, *pinned = nullptr;
  cudaStream_t a = nullptr, b = nullptr;

  Buffers() {
    EXPECT_EQ(cudaMalloc(&device, kBytes), cudaSuccess);
    EXPECT_EQ(cudaMalloc(&other, kBytes), cudaSuccess);
    EXPECT_EQ(cudaMallocHost(reinterpret_cast<void**>(&pinned), kBytes), cudaSuccess);
    EXPECT_EQ(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking), cudaSuccess);
    for (std::size_t i = 0; i < kCount; ++i) pinned[i] = 1;
  }
  ~Buffers() {
    cudaStreamDestroy(a);
    cudaStreamDestroy(b);
    cudaFree(device);
    cudaFree(other);
    cudaFreeHost(pinned);
  }
};

TEST_F(Runtime, QueuedWorkRunsWhenTheHostWaits) {
  emu::runtime_options().schedule = emu::Schedule::kLazy;
  Buffers m;
  ASSERT_EQ(cudaMemcpyAsync(m.device, m.pinned, kBytes, cudaMemcpyHostToDevice, m.a), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(m.a), cudaErrorNotReady);
  m.pinned[0] = 7;  // too early: the copy has not run
  ASSERT_EQ(cudaMemcpyAsync(m.pinned + 1, m.device, sizeof(float), cudaMemcpyDeviceToHost, m.a), cudaSuccess);
  EXPECT_EQ(m.pinned[1], 1);
  ASSERT_EQ(cudaStreamSynchronize(m.a), cudaSuccess);
  EXPECT_EQ(m.pinned[1], 7);
  EXPECT_EQ(cudaStreamQuery(m.a), cudaSuccess);
}

TEST_F(Runtime, PageableCopiesTakeTheirSourceAtOnce) {
  emu::runtime_options().schedule = emu::Schedule::kLazy;
  Buffers m;
  std::vector<float> values(kCount, 3), back(kCount);
  ASSERT_EQ(cudaMemcpyAsync(m.device, values.data(), kBytes, cudaMemcpyHostToDevice, m.a), cudaSuccess);
  values.assign(kCount, 4);
  ASSERT_EQ(cudaMemcpyAsync(back.data(), m.device, kBytes, cudaMemcpyDeviceToHost, m.a), cudaSuccess);
  EXPECT_EQ(back, std::vector<float>(kCount, 3));
}

TEST_F(Runtime, EveryScheduleKeepsTheOrderOfAStreamAndOfEvents) {
  for (const auto schedule : {emu::Schedule::kEager, emu::Schedule::kLazy, emu::Schedule::kRandom})
    for (int seed = 1; seed <= 20; ++seed) {
      emu::runtime_options().schedule = schedule;
      emu::runtime_options().seed = std::uint64_t(seed);
      emu::reset_runtime();
      Buffers m;
      cudaEvent_t copied;
      ASSERT_EQ(cudaEventCreateWithFlags(&copied, cudaEventDisableTiming), cudaSuccess);
      cudaMemsetAsync(m.device, 0, kBytes, m.a);
      cudaMemcpyAsync(m.device, m.pinned, kBytes, cudaMemcpyHostToDevice, m.a);
      cudaEventRecord(copied, m.a);
      cudaStreamWaitEvent(m.b, copied, 0);
      cudaMemcpyAsync(m.other, m.device, kBytes, cudaMemcpyDeviceToDevice, m.b);
      std::vector<float> back(kCount);
      cudaMemcpyAsync(back.data(), m.other, kBytes, cudaMemcpyDeviceToHost, m.b);
      EXPECT_EQ(back, std::vector<float>(kCount, 1));
      cudaEventDestroy(copied);
    }
}

TEST_F(Runtime, AMissingEventIsAStreamRaceUnderEverySchedule) {
  for (const auto schedule : {emu::Schedule::kEager, emu::Schedule::kLazy, emu::Schedule::kRandom}) {
    emu::runtime_options().schedule = schedule;
    Buffers m;
    cudaMemcpyAsync(m.device, m.pinned, kBytes, cudaMemcpyHostToDevice, m.a);
    cudaMemcpyAsync(m.other, m.device, kBytes, cudaMemcpyDeviceToDevice, m.b);  // nothing orders b after a
    EXPECT_NE(reports().find("Stream race: cudaMemcpyAsync"), std::string::npos) << int(schedule);
  }
}

TEST_F(Runtime, ALazyScheduleShowsAMissingEventInTheResult) {
  emu::runtime_options().schedule = emu::Schedule::kLazy;
  emu::runtime_options().find_races = false;
  Buffers m;
  cudaMemset(m.device, 0, kBytes);
  cudaDeviceSynchronize();
  cudaMemcpyAsync(m.device, m.pinned, kBytes, cudaMemcpyHostToDevice, m.a);
  std::vector<float> back(kCount);
  cudaMemcpyAsync(back.data(), m.device, kBytes, cudaMemcpyDeviceToHost, m.b);
  EXPECT_EQ(back[0], 0);  // the copy on stream a had not run
}

TEST_F(Runtime, ReadsOnTwoStreamsAreNoRace) {
  Buffers m;
  cudaMemset(m.device, 0, kBytes);
  cudaDeviceSynchronize();
  float* third;
  ASSERT_EQ(cudaMalloc(&third, kBytes), cudaSuccess);
  cudaMemcpyAsync(m.other, m.device, kBytes, cudaMemcpyDeviceToDevice, m.a);
  cudaMemcpyAsync(third, m.device, kBytes, cudaMemcpyDeviceToDevice, m.b);
  cudaDeviceSynchronize();
  cudaFree(third);
}

TEST_F(Runtime, FreeingOnOneStreamWhatAnotherUsesIsFound) {
  Buffers m;
  float* shared;
  ASSERT_EQ(cudaMallocAsync(reinterpret_cast<void**>(&shared), kBytes, m.a), cudaSuccess);
  cudaMemsetAsync(shared, 0, kBytes, m.a);
  cudaFreeAsync(shared, m.a);
  cudaMemsetAsync(shared, 1, kBytes, m.b);
  EXPECT_NE(reports().find("Stream race"), std::string::npos);
  emu::reset_runtime();
}

TEST_F(Runtime, UseAfterFreeIsRefused) {
  Buffers m;
  float* gone;
  ASSERT_EQ(cudaMalloc(&gone, kBytes), cudaSuccess);
  ASSERT_EQ(cudaFree(gone), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(gone, 0, kBytes, m.a), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(gone), cudaErrorInvalidValue);
  EXPECT_NE(reports().find("cudaFree"), std::string::npos);
}

TEST_F(Runtime, CopiesBeyondAnAllocationOrToTheWrongSideAreRefused) {
  Buffers m;
  EXPECT_EQ(cudaMemcpyAsync(m.device + 1, m.pinned, kBytes, cudaMemcpyHostToDevice, m.a), cudaErrorInvalidValue);
  EXPECT_NE(reports().find("ends beyond its allocation"), std::string::npos);
  EXPECT_EQ(cudaMemcpyAsync(m.pinned, m.device, kBytes, cudaMemcpyHostToDevice, m.a), cudaErrorInvalidValue);
  EXPECT_NE(reports().find("sides"), std::string::npos);
}

TEST_F(Runtime, MemoryHasALimit) {
  emu::runtime_options().memory_bytes = emu::runtime_stats().device_bytes + (1 << 20);
  void *first = nullptr, *second = nullptr;
  EXPECT_EQ(cudaMalloc(&first, 900 << 10), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&second, 200 << 10), cudaErrorMemoryAllocation);
  EXPECT_EQ(second, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
}

TEST_F(Runtime, CapturedWorkRunsAtEachLaunchAndNotBefore) {
  Buffers m;
  cudaMemset(m.device, 0, kBytes);
  cudaDeviceSynchronize();
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  ASSERT_EQ(cudaStreamBeginCapture(m.a, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  cudaMemcpyAsync(m.device, m.pinned, kBytes, cudaMemcpyHostToDevice, m.a);
  cudaMemcpyAsync(m.other, m.device, kBytes, cudaMemcpyDeviceToDevice, m.a);
  ASSERT_EQ(cudaStreamEndCapture(m.a, &graph), cudaSuccess);
  std::size_t nodes = 0;
  EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &nodes), cudaSuccess);
  EXPECT_EQ(nodes, 2u);
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  std::vector<float> back(kCount);
  for (float value : {5.f, 6.f}) {
    m.pinned[3] = value;
    ASSERT_EQ(cudaGraphLaunch(exec, m.a), cudaSuccess);
    cudaMemcpyAsync(back.data(), m.other, kBytes, cudaMemcpyDeviceToHost, m.a);
    EXPECT_EQ(back[3], value);
  }
  cudaGraphExecDestroy(exec);
  cudaGraphDestroy(graph);
}

TEST_F(Runtime, WaitingAndAllocatingDuringACaptureAreErrorsAndBreakIt) {
  struct Case {
    const char* name;
    std::function<cudaError_t(Buffers&)> call;
  };
  const std::vector<Case> cases = {
      {"cudaStreamSynchronize", [](Buffers& m) { return cudaStreamSynchronize(m.a); }},
      {"cudaDeviceSynchronize", [](Buffers&) { return cudaDeviceSynchronize(); }},
      {"cudaMalloc",
       [](Buffers&) {
         void* p;
         return cudaMalloc(&p, 4);
       }},
      {"cudaMemcpy", [](Buffers& m) { return cudaMemcpy(m.device, m.pinned, 4, cudaMemcpyHostToDevice); }},
      {"cudaStreamQuery", [](Buffers& m) { return cudaStreamQuery(m.a); }},
      {"pageable", [](Buffers& m) {
         float on_stack = 1;
         return cudaMemcpyAsync(m.device, &on_stack, 4, cudaMemcpyHostToDevice, m.a);
       }}};
  for (const Case& c : cases) {
    Buffers m;
    ASSERT_EQ(cudaStreamBeginCapture(m.a, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(c.call(m), cudaErrorStreamCaptureUnsupported) << c.name;
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(m.a, &graph), cudaErrorStreamCaptureInvalidated) << c.name;
    EXPECT_EQ(graph, nullptr);
    EXPECT_NE(reports(), "") << c.name;
    cudaGetLastError();
  }
}

TEST_F(Runtime, ABranchThatDoesNotComeBackIsUnjoined) {
  Buffers m;
  cudaEvent_t fork;
  cudaEventCreateWithFlags(&fork, cudaEventDisableTiming);
  ASSERT_EQ(cudaStreamBeginCapture(m.a, cudaStreamCaptureModeGlobal), cudaSuccess);
  cudaMemsetAsync(m.device, 0, kBytes, m.a);
  cudaEventRecord(fork, m.a);
  cudaStreamWaitEvent(m.b, fork, 0);
  cudaMemsetAsync(m.other, 0, kBytes, m.b);
  cudaGraph_t graph;
  EXPECT_EQ(cudaStreamEndCapture(m.a, &graph), cudaErrorStreamCaptureUnjoined);
  EXPECT_NE(reports(), "");
  cudaEventDestroy(fork);
}

TEST_F(Runtime, EventsWithTimingMeasure) {
  Buffers m;
  cudaEvent_t start, end;
  cudaEventCreate(&start);
  cudaEventCreate(&end);
  cudaEventRecord(start, m.a);
  cudaMemsetAsync(m.device, 0, kBytes, m.a);
  cudaEventRecord(end, m.a);
  float ms = -1;
  emu::runtime_options().schedule = emu::Schedule::kLazy;
  cudaEventSynchronize(end);
  EXPECT_EQ(cudaEventElapsedTime(&ms, start, end), cudaSuccess);
  EXPECT_GE(ms, 0);
  cudaEventDestroy(start);
  cudaEventDestroy(end);
}

TEST_F(Runtime, WithoutADriverEveryCallSaysSo) {
  for (const int driver : {0, 12080}) {
    emu::runtime_options().driver_version = driver;
    int count = -1;
    void* p = nullptr;
    EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
    EXPECT_EQ(count, -1);
    EXPECT_EQ(cudaMalloc(&p, 4), cudaErrorInsufficientDriver);
    int version = -1;
    EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
    EXPECT_EQ(version, driver);
    cudaGetLastError();
  }
}

TEST_F(Runtime, StaleHandlesAreRefused) {
  cudaStream_t stream;
  cudaEvent_t event;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  cudaStreamDestroy(stream);
  cudaEventDestroy(event);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventSynchronize(event), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaSetDevice(99), cudaErrorInvalidDevice);
  cudaGetLastError();
}

}  // namespace
}  // namespace engram
