#pragma once
/// Exact counts of what a kernel asks of the memory system. Linked with emu_checker; filled for instrumented kernels
/// while options().count is on. The model is defined in README.md.

#include <cstdint>
#include <string>
#include <vector>

#include "emulator/launch.h"

namespace emu {

/// Warp requests of one kind.
struct RequestCounts {
  std::uint64_t requests = 0;       ///< warp instructions
  std::uint64_t active_lanes = 0;   ///< lanes that took part, over all requests
  std::uint64_t sectors = 0;        ///< 32-byte sectors touched, request by request
  std::uint64_t ideal_sectors = 0;  ///< the least that the requests' distinct bytes fit in
  std::uint64_t bytes = 0;          ///< asked for by lanes

  RequestCounts& operator+=(const RequestCounts& other);
};

/// Shared-memory requests.
struct SharedCounts {
  std::uint64_t requests = 0;
  std::uint64_t active_lanes = 0;
  std::uint64_t passes = 0;        ///< cycles of the banks
  std::uint64_t ideal_passes = 0;  ///< without bank conflicts
  std::uint64_t conflicts() const { return passes - ideal_passes; }

  SharedCounts& operator+=(const SharedCounts& other);
};

/// Tensor cores and asynchronous copies.
struct TensorCounts {
  std::uint64_t mma_tf32 = 0;      ///< m16n8k8, warp instructions
  std::uint64_t mma_tf32_k4 = 0;   ///< m16n8k4
  std::uint64_t mma_bf16 = 0;      ///< m16n8k16
  std::uint64_t mma_f16 = 0;       ///< m16n8k16
  SharedCounts ldmatrix;           ///< part of LaunchCounts::shared; ideal: one pass a matrix
  std::uint64_t bytes_copied = 0;  ///< asynchronously, from global memory

  /// Two for each product.
  std::uint64_t flops() const { return 2 * 16 * 8 * (4 * mma_tf32_k4 + 8 * mma_tf32 + 16 * (mma_bf16 + mma_f16)); }
};

/// A program point's share, to find the line that costs.
struct SiteCounts {
  std::uint32_t site = 0;  ///< for describe_site()
  RequestCounts global;
  SharedCounts shared;
};

/// Counts of one launch.
struct LaunchCounts {
  std::string kernel;              ///< as written in the launch
  const void* function = nullptr;  ///< for kernel_name()
  Extent grid, block;
  std::uint64_t static_shared_bytes = 0, dynamic_shared_bytes = 0;
  RequestCounts reads, writes, atomics;  ///< global memory
  SharedCounts shared;
  TensorCounts tensor;
  std::uint64_t bytes_read = 0;     ///< fetched into a block, after the cache model: what L2 delivers
  std::uint64_t bytes_written = 0;  ///< sent from a block, sectors merged by the cache model
  std::uint64_t distinct_read = 0;  ///< different bytes read: the least that memory must deliver
  std::uint64_t distinct_written = 0;
  std::uint64_t barriers = 0;         ///< block barriers, over all blocks
  std::uint64_t warp_operations = 0;  ///< shuffles, votes, reductions, __syncwarp, over all warps
  std::vector<SiteCounts> sites;      ///< in order of the first request

  /// ideal_sectors / sectors of all global requests; 1 without any.
  double sector_efficiency() const;
  /// Mean active lanes of all requests, of 32.
  double active_lanes() const;
};

/// Counts of the launches since the last call, in order; forgets them.
std::vector<LaunchCounts> take_counts();

/// "file.cu:12" of a program point.
std::string describe_site(std::uint32_t site);
/// Demangled name of a kernel with its template arguments and without parameters: "ns::reduce<256>"; `fallback` if its
/// module has no symbol for it.
std::string kernel_name(const void* function, const std::string& fallback);

/// The cache model's capacity for each block, in bytes (README.md).
inline constexpr std::size_t kModelCacheBytes = 16384;

}  // namespace emu
