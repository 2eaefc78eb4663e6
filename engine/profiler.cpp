#include "engine/profiler.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>

namespace engram {
namespace {

// Set once a plug-in is open, while other threads may work.
std::atomic<void (*)(const char*) noexcept> push_range = nullptr;
std::atomic<void (*)() noexcept> pop_range = nullptr;
std::atomic<void (*)() noexcept> wait_for_device = nullptr;

thread_local bool collecting = false;
std::map<std::string, OpRecord>& collected() {
  static thread_local std::map<std::string, OpRecord> map;
  return map;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

namespace profiler {

void enable(bool on) {
  collecting = on;
}
bool enabled() {
  return collecting;
}
void reset() {
  collected().clear();
}

std::vector<OpRecord> records() {
  std::vector<OpRecord> all;
  for (const auto& [name, record] : collected()) all.push_back(record);
  std::stable_sort(all.begin(), all.end(), [](const OpRecord& a, const OpRecord& b) { return a.seconds > b.seconds; });
  return all;
}

std::string table(const Roofline& roofline) {
  std::string text = "operation                        calls      ms   GB moved    GFLOP   % of roofline\n";
  for (const OpRecord& r : records()) {
    const double bytes = double(r.cost.bytes_read + r.cost.bytes_written);
    const double least = std::max(bytes / roofline.bytes_per_s, double(r.cost.flops) / roofline.flops_per_s);
    char line[160];
    std::snprintf(line, sizeof line, "%-30s %7lld %9.2f %9.4f %9.3f %9.1f\n", r.name.c_str(), (long long)r.calls,
                  r.seconds * 1e3, bytes * 1e-9, double(r.cost.flops) * 1e-9,
                  r.seconds > 0 ? 100 * least / r.seconds : 0.0);
    text += line;
  }
  return text;
}

void set_range_functions(void (*push)(const char*) noexcept, void (*pop)() noexcept) {
  pop_range = pop;  // first: who finds the one finds the other
  push_range = push;
}
void set_wait_function(void (*wait)() noexcept) {
  wait_for_device = wait;
}

}  // namespace profiler

OpScope::OpScope(const char* name, const Cost& cost) {
  if (const auto push = push_range.load()) {
    push(name);
    pop_ = pop_range;
  }
  if (!collecting) return;
  name_ = name;
  cost_ = cost;
  start_ = std::chrono::steady_clock::now();
}

OpScope::~OpScope() {
  if (pop_) pop_();
  if (!name_) return;
  if (const auto wait = wait_for_device.load()) wait();
  const double seconds = seconds_since(start_);
  OpRecord& record = collected()[name_];
  record.name = name_;
  ++record.calls;
  record.seconds += seconds;
  record.cost += cost_;
}

}  // namespace engram
