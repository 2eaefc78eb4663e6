#pragma once
/// Groups the lanes' accesses into warp requests and counts them (the model: README.md).

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/checker/sites.h"
#include "emulator/counters.h"
#include "emulator/counters/sector_cache.h"
#include "emulator/counters/touched_bytes.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/worker.h"

namespace emu {

/// One warp instruction: what its lanes access. Offsets are into the emulated address space.
struct WarpRequest {
  SiteId site = 0;
  AccessKind kind = AccessKind::kRead;
  bool shared = false;
  std::uint8_t bytes = 0;  ///< of each lane
  std::uint32_t lanes = 0;
  std::array<std::uint32_t, 32> offset{};
};

class Collector {
 public:
  void begin_launch(const Launch& launch);
  void begin_block(const Worker& worker);
  /// An access of at most 16 bytes by the running thread.
  void add(const Thread& thread, SiteId site, AccessKind kind, bool shared, std::uint32_t offset, std::uint8_t bytes);
  /// The whole warp is together: each program point's executions are counted anew.
  void warp_together(unsigned warp);
  void count_warp_operation(WarpOp op);
  /// All warps are together, or the block has ended: counts the requests so far.
  void barrier_passed();
  void end_block(const Worker& worker);
  LaunchCounts end_launch();

 private:
  // A program point in a warp: how often each lane has come, and the request of each occurrence.
  struct Cursor {
    std::uint32_t epoch = 0;
    std::array<std::uint32_t, 32> times{};
    std::vector<std::uint32_t> requests;
  };
  struct WarpRequests {
    std::uint32_t epoch = 1;
    std::vector<Cursor> cursors;  // by 2 * site + shared
    std::vector<WarpRequest> pending;
  };

  void drain();
  void count(const WarpRequest& request);
  void count_global(const WarpRequest& request, SiteCounts& site);
  void count_shared(const WarpRequest& request, SiteCounts& site);
  bool copy_fetches(const WarpRequest& request, std::uint32_t sector);
  SiteCounts& site_counts(SiteId site);

  std::vector<WarpRequests> warps_;
  SectorCache cache_{kModelCacheBytes};
  TouchedBytes read_, written_;
  LaunchCounts counts_;
  std::vector<std::uint32_t> site_index_;  // into counts_.sites, one more than the index
};

}  // namespace emu
