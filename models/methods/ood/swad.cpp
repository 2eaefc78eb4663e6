#include "models/methods/ood/swad.h"

#include <algorithm>
#include <numeric>

namespace engram {

Swad::Swad(std::vector<Tensor> tensors, const WeightAverageOptions& options)
    : options_(options), tensors_(std::move(tensors)), segment_(tensors_), average_(tensors_), result_(tensors_) {
  for (int i = 0; i < std::max(options.converge, options.tolerance); ++i)
    ring_.push_back(RunningAverage(tensors_).values());
}

void Swad::update(dim_t) {
  if (!is_final()) segment_.add(tensors_);
}

std::int64_t Swad::window_begin(int length) const {
  return std::max<std::int64_t>(0, segments() - length);
}

double Swad::lowest_loss(std::int64_t from) const {
  return *std::min_element(losses_.begin() + from, losses_.end());
}

void Swad::validated(dim_t, double loss, double) {
  if (is_final()) return;
  ema_step(ring_[std::size_t(segments()) % ring_.size()], segment_.values(), 0);
  segment_.restart();
  losses_.push_back(loss);
  entered_.push_back(0);
  if (converged_at() >= 0)
    go_on();
  else
    begin_valley();
}

void Swad::take(std::int64_t segment) {
  average_.add(stored(segment));
  ++entered_[std::size_t(segment)];
}

void Swad::begin_valley() {
  if (segments() < options_.converge) return;
  const std::int64_t begin = window_begin(options_.converge);
  if (losses_[std::size_t(begin)] > lowest_loss(begin)) return;
  valley_[kBegin] = valley_[kNext] = begin;
  const double mean = std::accumulate(losses_.begin() + begin, losses_.end(), 0.0) / double(options_.converge);
  threshold_[0] = (1 + options_.tolerance_ratio) * mean;
  average_.hold(stored(begin));
  if (options_.released)
    begin_as_released();
  else
    go_on();
}

// The released program forgets the segment that began the valley as soon as another one enters (the average starts as a
// copy that does not count). With a tolerance above `converge` it looks back from there, to behind the last segment
// above the threshold and one more; with one below, it adds the segments that the tolerance's window has passed.
void Swad::begin_as_released() {
  const std::int64_t begin = converged_at(), oldest = window_begin(options_.tolerance);
  if (options_.tolerance < options_.converge) {
    for (int i = 0; i < options_.converge - options_.tolerance; ++i) take(begin + 1 + i);
    return;
  }
  if (options_.tolerance == options_.converge) return;
  const std::int64_t end = std::min(segments(), oldest + options_.tolerance - options_.converge + 1);
  std::int64_t first = end;
  while (first > oldest && losses_[std::size_t(first - 1)] <= threshold()) --first;
  for (std::int64_t s = first + 1; s < end; ++s) take(s);
}

void Swad::go_on() {
  const std::int64_t front = window_begin(options_.tolerance);
  if (front < converged_at()) return;
  if (lowest_loss(front) > threshold()) {
    valley_[kDead] = 1;
    return;
  }
  if (options_.released) {
    take(front);
    return;
  }
  if (segments() < options_.tolerance) return;  // the window is not full
  for (; valley_[kNext] <= front; ++valley_[kNext]) take(valley_[kNext]);
}

std::vector<std::int64_t> Swad::closing() const {
  std::vector<std::int64_t> taken;
  if (converged_at() < 0 || is_final()) return taken;
  std::int64_t next = options_.released ? window_begin(options_.tolerance) + 1 : valley_[kNext];
  for (; next < segments() && lowest_loss(next) <= threshold(); ++next) taken.push_back(next);
  return taken;
}

std::vector<std::int64_t> Swad::counts() const {
  std::vector<std::int64_t> counts = entered_;
  for (const std::int64_t segment : closing()) ++counts[std::size_t(segment)];
  if (converged_at() < 0 && !counts.empty()) counts.back() = 1;
  return counts;
}

std::vector<Tensor> Swad::values() {
  if (losses_.empty()) return tensors_;
  if (converged_at() < 0) return stored(segments() - 1);
  const std::vector<std::int64_t> rest = closing();
  std::int64_t count = std::accumulate(entered_.begin(), entered_.end(), std::int64_t(0));
  result_.hold(average_.values());
  for (const std::int64_t segment : rest) {
    ++count;
    result_.blend(stored(segment), 1 - 1 / double(count));
  }
  return result_.values();
}

void Swad::visit_state(const std::string& name, StateVisitor& visitor) {
  segment_.visit_state(name + ".segment", visitor);
  average_.visit_state(name + ".average", visitor);
  for (std::size_t i = 0; i < ring_.size(); ++i) visitor.visit(name + ".ring." + std::to_string(i), ring_[i]);
  visitor.visit(name + ".losses", losses_);
  visitor.visit(name + ".entered", entered_);
  visitor.visit(name + ".valley", valley_);
  visitor.visit(name + ".threshold", threshold_);
}

}  // namespace engram
