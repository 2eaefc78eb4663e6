/// Several threads in one process: what they may share, and what belongs to each. Also built and run alone under
/// ThreadSanitizer (preset tsan).

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "engine/allocator.h"
#include "engine/autograd.h"
#include "engine/compute_mode.h"
#include "engine/ops.h"
#include "engine/profiler.h"
#include "kernels/common/parallel.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

constexpr int kThreads = 4;

/// Runs `body(t)` on so many threads at the same time.
void on_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back([&body, t] { body(t); });
  for (std::thread& thread : threads) thread.join();
}

/// Values in [-2, 2], other ones for each seed.
Tensor values(const Shape& shape, int seed) {
  std::vector<float> v(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = float((i * 7919 + std::size_t(seed) * 104729) % 401) / 100.f - 2.f;
  return Tensor::from(v, shape);
}

TEST(Threads, GradientsOfGraphsThatShareALeafAllArrive) {
  constexpr int kPasses = 25;
  Tensor leaf = Tensor::ones({64});
  leaf.set_requires_grad();
  on_threads(kThreads, [&leaf](int t) {
    for (int pass = 0; pass < kPasses; ++pass) backward(sum(mul(leaf, Tensor::full({64}, float(t + 1)))));
  });
  // Small integers: exact in any order.
  EXPECT_EQ(leaf.grad().to_vector(), std::vector<float>(64, float(kPasses * (1 + 2 + 3 + 4))));
}

TEST(Threads, GradientsCanBeReadAndClearedMeanwhile) {
  Tensor leaf = Tensor::ones({16});
  leaf.set_requires_grad();
  on_threads(2, [&leaf](int t) {
    for (int i = 0; i < 50; ++i) {
      if (t == 0) {
        backward(sum(leaf));
      } else if (const Tensor seen = leaf.grad(); seen.defined()) {
        EXPECT_EQ(seen.to_vector().size(), 16u);
        Tensor(leaf).set_grad({});
      }
    }
  });
}

TEST(Threads, PassesThroughOneFrozenNetworkGiveTheBitsOfOneThread) {
  // 3x3 runs as our Winograd, 1x1 in the library: both keep packed forms of the weights with them.
  Tensor wide = values({32, 32, 3, 3}, 1), narrow = values({32, 32, 1, 1}, 2);
  const auto pass = [&](int seed) {
    Tensor x = values({2, 32, 8, 8}, 10 + seed);
    x.set_requires_grad();
    backward(sum(square(conv2d(relu(conv2d(x, wide, {}, {.padding = 1})), narrow))));
    return x.grad().to_vector();
  };
  std::vector<std::vector<float>> alone, together(kThreads);
  for (int t = 0; t < kThreads; ++t) alone.push_back(pass(t));
  wide = wide.clone();  // nothing of the copies is packed yet
  narrow = narrow.clone();
  on_threads(kThreads, [&](int t) {
    for (int i = 0; i < 3; ++i) together[std::size_t(t)] = pass(t);
  });
  EXPECT_EQ(together, alone);
}

TEST(Threads, EachHasItsComputeMode) {
  set_compute_mode({.policy = kernels::ConvPolicy::kExact, .math = kernels::MathMode::kTF32});
  ComputeMode seen{}, left{};
  std::thread other([&] {
    seen = compute_mode();
    set_conv_policy(kernels::ConvPolicy::kFast);
    set_math_mode(kernels::MathMode::kBF16);
    left = compute_mode();
  });
  other.join();
  EXPECT_EQ(seen, ComputeMode{}) << "a thread begins with the defaults";
  EXPECT_EQ(left, (ComputeMode{kernels::ConvPolicy::kFast, kernels::MathMode::kBF16}));
  EXPECT_EQ(compute_mode(), (ComputeMode{kernels::ConvPolicy::kExact, kernels::MathMode::kTF32}));
  set_compute_mode({});
}

TEST(ComputeMode, BackwardPassKeepsTheModeOfTheForwardPass) {
  const Tensor weight = values({32, 32, 3, 3}, 1);
  const auto gradient = [&weight](kernels::ConvPolicy forward, kernels::ConvPolicy after, bool twice) {
    Tensor x = values({1, 32, 8, 8}, 2);
    x.set_requires_grad();
    Tensor loss;
    {
      const ComputeModeGuard mode({.policy = forward});
      loss = sum(square(conv2d(x, weight, {}, {.padding = 1})));
    }
    const ComputeModeGuard mode({.policy = after});
    Tensor g = grad({loss}, {x}, {.create_graph = twice})[0];
    if (twice) g = grad({sum(square(g))}, {x})[0];
    return g.to_vector();
  };
  using enum kernels::ConvPolicy;
  for (const bool twice : {false, true}) {
    EXPECT_EQ(gradient(kExact, kFast, twice), gradient(kExact, kExact, twice)) << twice;
    EXPECT_EQ(gradient(kFast, kExact, twice), gradient(kFast, kFast, twice)) << twice;
    EXPECT_NE(gradient(kFast, kFast, twice), gradient(kExact, kExact, twice)) << "the modes must differ here";
  }
  EXPECT_EQ(compute_mode(), ComputeMode{});
}

TEST(Threads, EachHasItsProfilerSession) {
  std::vector<std::vector<OpRecord>> records(2);
  on_threads(2, [&records](int t) {
    if (t == 0) profiler::enable(true);
    const Tensor x = Tensor::ones({8});
    for (int i = 0; i < 5; ++i) t == 0 ? exp(x) : tanh(x);
    records[std::size_t(t)] = profiler::records();
  });
  ASSERT_EQ(records[0].size(), 1u);
  EXPECT_EQ(records[0][0].name, "exp");
  EXPECT_EQ(records[0][0].calls, 5);
  EXPECT_TRUE(records[1].empty());
  EXPECT_FALSE(profiler::enabled());
}

TEST(Threads, EachCountsItsMemory) {
  AllocatorStats stats[2];
  on_threads(2, [&stats](int t) {
    MemoryScope scope{Device{}};
    for (int i = 0; i < 10; ++i) {
      const Tensor a = Tensor::empty({1024 << t}), b = Tensor::empty({1024 << t});
    }
    stats[t] = scope.stats();
  });
  for (int t = 0; t < 2; ++t) {
    EXPECT_EQ(stats[t].peak_live_bytes, 2 * 4096 << t);
    EXPECT_EQ(stats[t].live_bytes, 0);
    EXPECT_EQ(stats[t].num_requests, 20);
  }
}

TEST(MemoryScope, CountsNestedScopesAndWhatIsFreedLater) {
  Tensor kept;
  const MemoryScope outer{Device{}};
  const Tensor before = Tensor::empty({1024});
  {
    MemoryScope inner{Device{}};
    kept = Tensor::empty({2048});
    EXPECT_EQ(inner.stats().live_bytes, 8192);
    std::thread([&kept] { kept = {}; }).join();
    EXPECT_EQ(inner.stats().live_bytes, 0);
    EXPECT_EQ(inner.stats().peak_live_bytes, 8192);
    inner.reset_peak();
    EXPECT_EQ(inner.stats().peak_live_bytes, 0);
    kept = Tensor::empty({2048});
  }
  EXPECT_EQ(outer.stats().live_bytes, 4096 + 8192);
  kept = {};  // of a scope that is gone
  EXPECT_EQ(outer.stats().live_bytes, 4096);
  EXPECT_EQ(outer.stats().peak_live_bytes, 4096 + 8192);
}

TEST(MemoryScope, LimitsWhatItsThreadHoldsAndNothingElse) {
  const Tensor of_others = Tensor::empty({1 << 16});
  const MemoryScope outer(Device{}, 16384);
  Tensor kept = Tensor::empty({2048});
  {
    const MemoryScope inner(Device{}, 1 << 20);
    const Tensor second = Tensor::empty({1024});
    EXPECT_ERROR((Tensor::empty({2048})), OutOfMemory, "live 12288 bytes");  // the outer scope's limit
    std::thread([] { Tensor::empty({1 << 16}); }).join();                    // another thread's memory is its own
  }
  kept = {};
  EXPECT_NO_THROW(Tensor::empty({4096}));
  EXPECT_ERROR((Tensor::empty({4097})), OutOfMemory, "limit 16384");
}

TEST(Threads, EachHasItsNumberOfThreads) {
  const int before = kernels::num_threads();
  on_threads(2, [](int t) {
    kernels::set_num_threads(t + 1);
    EXPECT_EQ(kernels::num_threads(), t + 1);
  });
  EXPECT_EQ(kernels::num_threads(), before);
}

}  // namespace
}  // namespace engram
