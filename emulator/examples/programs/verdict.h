#pragma once
/// How the programs end: on the emulator with what its checker and counters say, on a GPU with the result alone.

#include <cstdio>
#include <cstdlib>
#include <vector>

#if EMU_HOST
#include "emulator/counters.h"
#include "emulator/emulator.h"
#endif

/// First statement of main: counters on.
inline void begin() {
#if EMU_HOST
  emu::options().count = true;
#endif
}

/// Stops the program where the CUDA runtime reports an error.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::printf("%s: error %d\n", what, int(status));
  std::exit(1);
}

/// Device memory with a copy of the values; the programs keep it to their end.
inline float* to_device(const std::vector<float>& values) {
  float* p = nullptr;
  check(cudaMalloc(&p, values.size() * sizeof(float)), "cudaMalloc");
  check(cudaMemcpy(p, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice), "cudaMemcpy");
  return p;
}
inline std::vector<float> to_host(const float* p, std::size_t count) {
  std::vector<float> values(count);
  check(cudaDeviceSynchronize(), "kernel");
  check(cudaMemcpy(values.data(), p, count * sizeof(float), cudaMemcpyDeviceToHost), "cudaMemcpy");
  return values;
}

/// Prints it and returns the exit code: 0 where the result is right and the checker found nothing.
inline int verdict(bool right) {
  std::printf("%s\n", right ? "right" : "wrong");
#if EMU_HOST
  for (const auto& launch : emu::take_counts()) {
    std::printf(
        "%s: %llu bytes read, %llu written, sector efficiency %.2f, %llu bank conflicts, %llu warp operations\n",
        emu::kernel_name(launch.function, launch.kernel).c_str(), static_cast<unsigned long long>(launch.bytes_read),
        static_cast<unsigned long long>(launch.bytes_written), launch.sector_efficiency(),
        static_cast<unsigned long long>(launch.shared.conflicts()),
        static_cast<unsigned long long>(launch.warp_operations));
  }
  const auto reports = emu::take_reports();
  std::printf("%s", emu::describe(reports).c_str());
  right &= reports.empty();
#endif
  return right ? 0 : 1;
}
