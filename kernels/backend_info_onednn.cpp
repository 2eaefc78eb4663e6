#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/backend_info.h"
#include "kernels/common/instruction_set.h"

namespace engram::kernels {
namespace {

std::string isa_of_kernels() {
  const InstructionSet set = instruction_set();
  return set == InstructionSet::kAvx512 ? "AVX-512" : set == InstructionSet::kAvx2 ? "AVX2" : "baseline";
}

std::string isa_of_library() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "SSE4.1";
    case dnnl::cpu_isa::avx:
      return "AVX";
    case dnnl::cpu_isa::avx2:
      return "AVX2";
    case dnnl::cpu_isa::avx512_core:
      return "AVX-512";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "AVX-512 with VNNI";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "AVX-512 with BF16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "AVX-512 with AMX";
    default:
      return "other";
  }
}

}  // namespace

BackendInfo cpu_backend_info() {
  BackendInfo info;
  info.name = "cpu";
  info.kernel_isa = isa_of_kernels();
  const dnnl_version_t& version = *dnnl::version();
  info.library = "oneDNN " + std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                 std::to_string(version.patch);
  info.library_isa = isa_of_library();
  info.threads = omp_get_max_threads();
  return info;
}

}  // namespace engram::kernels
