#pragma once
/// What the back ends of this build find on this machine, for reports.

#include <string>

namespace engram::kernels {

/// One back end on this machine.
struct BackendInfo {
  std::string name;  ///< "cpu"
  std::string
      kernel_isa;       ///< instruction set that ENGRAM_MULTIVERSION functions run with: "AVX-512", "AVX2", "baseline"
  std::string library;  ///< library of convolutions and matrix products, with its version: "oneDNN 2.6.0"
  std::string library_isa;  ///< instruction set that the library uses: "AVX-512", "AVX2", ...
  int threads = 1;          ///< threads that the kernels use
};

/// The CPU back end.
BackendInfo cpu_backend_info();

}  // namespace engram::kernels
