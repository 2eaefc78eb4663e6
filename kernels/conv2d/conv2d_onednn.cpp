#include <omp.h>

#include <algorithm>
#include <list>
#include <unordered_map>

#include "kernels/common/error.h"
#include "kernels/conv2d/aligned_buffer.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/conv2d_plan.h"

namespace engram::kernels {
namespace {

struct KeyHash {
  std::size_t operator()(const ConvPlanKey& k) const {
    const Conv2dShape& s = k.shape;
    std::uint64_t hash = 14695981039346656037u;
    for (const dim_t v : {s.n,           s.ic,
                          s.ih,          s.iw,
                          s.oc,          s.kh,
                          s.kw,          s.stride_h,
                          s.stride_w,    s.pad_h,
                          s.pad_w,       s.groups,
                          s.x_block,     s.y_block,
                          dim_t(k.pass), dim_t(k.policy),
                          dim_t(k.bias), dim_t(k.residual),
                          dim_t(k.relu), dim_t(k.threads)})
      hash = (hash ^ std::uint64_t(v)) * 1099511628211u;
    return hash;
  }
};

/// A thread's plans made so far, at most kMaxPlans, and the scratch memory they share.
class Planner {
 public:
  /// The calling thread's: a plan holds the operands of the running call, and threads should not wait for each other.
  static Planner& instance() {
    static thread_local Planner planner;
    return planner;
  }

  void run(const ConvPlanKey& key, const ConvPointers& operands, const ConvWeight& weight) {
    ConvPlan& p = plan(key);
    p.run(operands, weight, scratch_.reserve(p.workspace_bytes()));
  }

  std::string info(const ConvPlanKey& key) { return plan(key).info(); }
  std::int64_t scratch_bytes() const { return std::int64_t(scratch_.bytes()); }

  void release() {
    by_key_.clear();
    plans_.clear();
    scratch_.release();
  }

 private:
  static constexpr std::size_t kMaxPlans = 512;

  ConvPlan& plan(const ConvPlanKey& key) {
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      plans_.splice(plans_.begin(), plans_, found->second);
      return *plans_.front().second;
    }
    plans_.emplace_front(key, make_conv_plan(key));
    by_key_[key] = plans_.begin();
    if (plans_.size() > kMaxPlans) {
      by_key_.erase(plans_.back().first);
      plans_.pop_back();
    }
    return *plans_.front().second;
  }

  using Plans = std::list<std::pair<ConvPlanKey, std::unique_ptr<ConvPlan>>>;  ///< last used first
  Plans plans_;
  std::unordered_map<ConvPlanKey, Plans::iterator, KeyHash> by_key_;
  AlignedBuffer scratch_;
};

void run(const ConvPlanKey& key, const ConvPointers& operands, const ConvWeight& weight) {
  Planner::instance().run(key, operands, weight);
}

void fprop(Stream, const Conv2dFpropArgs& a) {
  check_conv2d_shape(a.shape);
  if (a.shape.n == 0) return;
  run({.shape = a.shape,
       .pass = ConvPass::kFprop,
       .policy = a.policy,
       .bias = a.bias != nullptr,
       .residual = a.residual != nullptr,
       .relu = a.relu,
       .threads = omp_get_max_threads()},
      {.x = const_cast<float*>(a.x), .y = a.y, .bias = const_cast<float*>(a.bias), .residual = a.residual}, a.weight);
}

void dgrad(Stream, const Conv2dDgradArgs& a) {
  check_conv2d_shape(a.shape);
  if (a.shape.n == 0) return;
  run({.shape = a.shape, .pass = ConvPass::kDgrad, .policy = a.policy, .threads = omp_get_max_threads()},
      {.x = a.gx, .y = const_cast<float*>(a.gy)}, a.weight);
}

void wgrad(Stream, const Conv2dWgradArgs& a) {
  check_conv2d_shape(a.shape);
  if (a.shape.n == 0) {
    std::fill_n(a.gw, a.shape.weight_count(), 0.f);
    if (a.gbias) std::fill_n(a.gbias, a.shape.oc, 0.f);
    return;
  }
  run({.shape = a.shape,
       .pass = ConvPass::kWgrad,
       .policy = a.policy,
       .bias = a.gbias != nullptr,
       .threads = omp_get_max_threads()},
      {.x = const_cast<float*>(a.x), .y = const_cast<float*>(a.gy), .gw = a.gw, .bias = a.gbias}, {});
}

}  // namespace

const Conv2dKernels kCpuConv2d = {.fprop = fprop,
                                  .dgrad = dgrad,
                                  .wgrad = wgrad,
                                  .workspace_bytes = [](const ConvQuery&) { return std::size_t{0}; },
                                  .channels_last_weights = [](const ConvQuery&) { return false; }};

std::string conv2d_plan_info(const Conv2dShape& shape, ConvPass pass, ConvPolicy policy) {
  check_conv2d_shape(shape);
  return Planner::instance().info({.shape = shape, .pass = pass, .policy = policy, .threads = omp_get_max_threads()});
}

std::int64_t conv2d_scratch_bytes() {
  return Planner::instance().scratch_bytes();
}

void conv2d_release() {
  Planner::instance().release();
}

}  // namespace engram::kernels
