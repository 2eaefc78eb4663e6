#pragma once
/// Stopping work of which nothing would be kept: images that are read and resized, evaluations before a run begins.
/// Work that saves (a training) asks for itself and ends in order.

#include <functional>
#include <string>

#include "kernels/common/error.h"

namespace engram {

/// What leave_if_stopped() throws: somebody asked for a stop, and there was nothing to save. Exit code 130.
class Stopped : public Error {
 public:
  explicit Stopped(const char* work) : Error(message("stopped while ", work)), where_(message("while ", work)) {}
  /// "while images were read"
  const std::string& where() const { return where_; }

 private:
  std::string where_;
};

/// Says, for the calling thread and as long as it lives, who knows whether to stop. Scopes nest; the inner one counts.
/// Threads: belongs to the thread that made it; other threads are never stopped by it.
class StopScope {
 public:
  /// An empty function never stops.
  explicit StopScope(std::function<bool()> stop);
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  std::function<bool()> outer_;
};

/// Throws Stopped with "stopped while WORK" where the calling thread's scope says so; outside any it does nothing.
/// Costs as much as asking: call it once an image or a batch.
void leave_if_stopped(const char* work);

}  // namespace engram
