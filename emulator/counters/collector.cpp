#include "emulator/counters/collector.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "emulator/counters/bank_model.h"

namespace emu {

void Collector::begin_launch(const Launch& launch) {
  counts_ = {};
  counts_.kernel = launch.kernel;
  counts_.function = launch.function;
  counts_.grid = launch.grid;
  counts_.block = launch.block;
  counts_.dynamic_shared_bytes = launch.dynamic_shared_bytes;
  site_index_.clear();
  read_.clear();
  written_.clear();
}

void Collector::begin_block(const Worker& worker) {
  if (warps_.size() < (worker.launch().block.count() + 31) / 32)
    warps_.resize((worker.launch().block.count() + 31) / 32);
  for (auto& warp : warps_) {
    ++warp.epoch;
    warp.pending.clear();
  }
  cache_.clear();
}

void Collector::add(const Thread& thread, SiteId site, AccessKind kind, bool shared, std::uint32_t offset,
                    std::uint8_t bytes) {
  WarpRequests& warp = warps_[thread.warp];
  const std::size_t index = std::size_t{site} * 2 + shared;
  if (index >= warp.cursors.size()) warp.cursors.resize(std::size_t{site_limit()} * 2);
  Cursor& cursor = warp.cursors[index];
  if (cursor.epoch != warp.epoch) {
    cursor.epoch = warp.epoch;
    cursor.times.fill(0);
    cursor.requests.clear();
  }
  const std::uint32_t occurrence = cursor.times[thread.lane]++;
  if (occurrence == cursor.requests.size()) {
    cursor.requests.push_back(std::uint32_t(warp.pending.size()));
    warp.pending.push_back({site, kind, shared, bytes, 0, {}});
  }
  WarpRequest& request = warp.pending[cursor.requests[occurrence]];
  request.lanes |= 1u << thread.lane;
  request.offset[thread.lane] = offset;
}

void Collector::warp_together(unsigned warp) {
  ++warps_[warp].epoch;
}

void Collector::count_warp_operation(WarpOp op) {
  TensorCounts& tensor = counts_.tensor;
  if (op == WarpOp::kMmaTf32) ++tensor.mma_tf32;
  if (op == WarpOp::kMmaTf32K4) ++tensor.mma_tf32_k4;
  if (op == WarpOp::kMmaBf16) ++tensor.mma_bf16;
  if (op == WarpOp::kMmaF16) ++tensor.mma_f16;
  if (!is_tensor_operation(op)) ++counts_.warp_operations;
}

void Collector::barrier_passed() {
  ++counts_.barriers;
  drain();
}

void Collector::end_block(const Worker& worker) {
  drain();
  std::uint64_t bytes = 0;
  for (const auto& array : worker.shared_arrays()) bytes += array.tag ? array.bytes : 0;
  counts_.static_shared_bytes = std::max(counts_.static_shared_bytes, bytes);
}

LaunchCounts Collector::end_launch() {
  return std::exchange(counts_, {});
}

// The warps take turns, one request each, as they would side by side on a multiprocessor.
void Collector::drain() {
  std::size_t longest = 0;
  for (const auto& warp : warps_) longest = std::max(longest, warp.pending.size());
  for (std::size_t i = 0; i < longest; ++i) {
    for (const auto& warp : warps_) {
      if (i < warp.pending.size()) count(warp.pending[i]);
    }
  }
  for (auto& warp : warps_) {
    ++warp.epoch;
    warp.pending.clear();
  }
}

SiteCounts& Collector::site_counts(SiteId site) {
  if (site >= site_index_.size()) site_index_.resize(site_limit());
  if (site_index_[site] == 0) {
    counts_.sites.push_back({site, {}, {}});
    site_index_[site] = std::uint32_t(counts_.sites.size());
  }
  return counts_.sites[site_index_[site] - 1];
}

void Collector::count(const WarpRequest& request) {
  SiteCounts& site = site_counts(request.site);
  if (request.shared) {
    count_shared(request, site);
  } else {
    count_global(request, site);
  }
}

void Collector::count_global(const WarpRequest& request, SiteCounts& site) {
  std::array<std::uint32_t, 32> begin;
  std::size_t lanes = 0;
  for (std::uint32_t rest = request.lanes; rest != 0; rest &= rest - 1) {
    begin[lanes++] = request.offset[std::size_t(std::countr_zero(rest))];
  }
  std::sort(begin.begin(), begin.begin() + std::ptrdiff_t(lanes));
  RequestCounts one{1, lanes, 0, 0, lanes * request.bytes};
  std::uint64_t distinct = 0;
  std::uint32_t covered = 0;      // end of what the lanes so far cover
  std::uint32_t next_sector = 0;  // one past the last sector counted
  for (std::size_t i = 0; i < lanes; ++i) {
    const std::uint32_t end = begin[i] + request.bytes, first = std::max(begin[i], covered);
    if (end > first) {
      distinct += end - first;
      if (request.kind != AccessKind::kWrite) counts_.distinct_read += read_.add(first, end - first);
      if (is_write(request.kind)) counts_.distinct_written += written_.add(first, end - first);
      covered = end;
    }
    for (std::uint32_t sector = std::max(begin[i] / kSectorBytes, next_sector); sector <= (end - 1) / kSectorBytes;
         ++sector) {
      ++one.sectors;
      next_sector = sector + 1;
      if (request.kind == AccessKind::kRead && cache_.read_misses(sector)) counts_.bytes_read += kSectorBytes;
      if (request.kind == AccessKind::kCopyRead && copy_fetches(request, sector)) counts_.bytes_read += kSectorBytes;
      if (request.kind == AccessKind::kWrite && cache_.write_is_new(sector)) counts_.bytes_written += kSectorBytes;
      if (request.kind == AccessKind::kAtomic) counts_.bytes_written += kSectorBytes;  // done in L2, never merged
    }
  }
  one.ideal_sectors = (distinct + kSectorBytes - 1) / kSectorBytes;
  if (request.kind == AccessKind::kCopyRead) counts_.tensor.bytes_copied += one.bytes;
  auto& total = request.kind == AccessKind::kAtomic ? counts_.atomics
                : is_write(request.kind)            ? counts_.writes
                                                    : counts_.reads;
  total += one;
  site.global += one;
}

// Copies of 16 bytes go past the first-level cache.
bool Collector::copy_fetches(const WarpRequest& request, std::uint32_t sector) {
  return request.bytes == 16 || cache_.read_misses(sector);
}

void Collector::count_shared(const WarpRequest& request, SiteCounts& site) {
  const BankPasses passes = bank_passes(request);
  const SharedCounts one{1, std::uint64_t(std::popcount(request.lanes)), passes.passes, passes.ideal};
  counts_.shared += one;
  if (request.kind == AccessKind::kMatrixRead) counts_.tensor.ldmatrix += one;
  site.shared += one;
}

}  // namespace emu
