#include "engine/stop_scope.h"

#include <utility>

namespace engram {
namespace {

thread_local std::function<bool()> t_stop;

}  // namespace

StopScope::StopScope(std::function<bool()> stop) : outer_(std::exchange(t_stop, std::move(stop))) {}

StopScope::~StopScope() {
  t_stop = std::move(outer_);
}

void leave_if_stopped(const char* work) {
  if (t_stop && t_stop()) throw Stopped(work);
}

}  // namespace engram
