#pragma once
/// The screens' kernels on any device, for operands in host memory.

#include "engine/device.h"
#include "kernels/survival_screen/survival_screen.h"

namespace engram::genes {

/// Runs the kernels of one device. Pointers of the arguments are host memory; on another device than the CPU operands
/// are copied there and results back, and the call returns when they are there. Workspaces are made here: those of the
/// arguments are not used. Sums are added in another order on other devices, so last digits differ.
class ScreenDevice {
 public:
  /// A device that parse_device() made ready.
  explicit ScreenDevice(const Device& device) : device_(device) {}

  /// Throws OutOfMemory, as the others.
  void score(const kernels::ScoreScreenArgs& args) const;
  void cells(const kernels::CellScreenArgs& args) const;
  void full(const kernels::FullScreenArgs& args) const;

 private:
  Device device_;
};

}  // namespace engram::genes
