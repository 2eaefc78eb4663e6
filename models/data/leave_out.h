#pragma once
/// Leave some environments out: train on the others, hold a part of these back for selection, test on those left out.

#include "models/data/environments.h"

namespace engram {

struct LeaveOutOptions {
  std::vector<std::string> held_out = {};  ///< names of environments that training never sees; at least one
  double validation = 0.2;  ///< share of each training environment that is held back; 0 holds nothing back
  /// Draw the part that is trained on and the part that is validated on independently, as DecAug's public loader does:
  /// most validation images are then among the training images. For comparison with its numbers only.
  bool leak = false;
  std::uint64_t seed = 1;  ///< of the split
};

/// Environments left out are tested on whole. Throws UsageError as take_environments and hold_out, and where none is
/// to be left out, DataError as check_ood_data and, of the training environments, check_every_class.
OodData leave_out(Environments environments, const std::string& name, const LeaveOutOptions& options);

}  // namespace engram
