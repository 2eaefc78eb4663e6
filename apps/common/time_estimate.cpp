#include "apps/common/time_estimate.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "apps/common/progress.h"

namespace engram::apps {

TimeEstimate::TimeEstimate(std::int64_t total, std::function<double()> clock)
    : clock_(std::move(clock)), total_(total) {
  if (clock_) return;
  clock_ = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
}

std::optional<std::string> TimeEstimate::step() {
  ++done_;
  if (said_ || total_ < kFewest || done_ < kWarmUp) return std::nullopt;
  const double now = clock_();
  if (done_ == kWarmUp) {
    start_ = now;
    return std::nullopt;
  }
  if (now - start_ < kSeconds && done_ < std::max(total_ / 10, kWarmUp + 1)) return std::nullopt;
  said_ = true;
  const double each = (now - start_) / double(done_ - kWarmUp);
  char text[160];
  std::snprintf(text, sizeof text, "about %s for %lld iterations (%.3g s each)",
                format_duration(each * double(total_)).c_str(), static_cast<long long>(total_), each);
  return text;
}

}  // namespace engram::apps
