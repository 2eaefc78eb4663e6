/// Tensors on the emulated device: transfers, layouts, operations, allocator, failures.

#include <functional>

#include "emulator/runtime_api.h"
#include "engine/allocator.h"
#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/compute_mode.h"
#include "engine/device_memory.h"
#include "engine/ops.h"
#include "engine/ops/noise_contrast.h"
#include "engine/random.h"
#include "models/nets/make_network.h"
#include "tests/cuda/emulated.h"
#include "tests/support/tensor_testing.h"

namespace engram {
namespace {

const Device kEmu{DeviceType::kEmu, 0};

class OnEmu : public testing::Emulated {
 protected:
  /// Without the blocks that another test of the process left in the cache.
  OnEmu() : device_(parse_device("emu")) { CachingAllocator::of(kEmu).release_cache(); }
  const Device device_;
};

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return normal(shape, generator);
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b, double tolerance, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << what << " element " << i;
}

TEST_F(OnEmu, ValuesMakeTheRoundTrip) {
  const Tensor x = random_tensor({3, 5, 7}, 1), y = x.to(kEmu);
  EXPECT_EQ(y.describe(), "[3,5,7] f32 emu");
  EXPECT_EQ(y.to_vector(), x.to_vector());
  EXPECT_EQ(y.to(Device{}).to_vector(), x.to_vector());
  EXPECT_EQ(y.clone().to_vector(), x.to_vector());
  EXPECT_EQ(transpose(y, 0, 2).to_vector(), transpose(x, 0, 2).to_vector());
  EXPECT_EQ(Tensor::scalar(2.5f, kEmu).item(), 2.5f);
  EXPECT_EQ(Tensor::from(std::vector<std::int32_t>{3, -4}, {2}, kEmu).to_int_vector(),
            (std::vector<std::int32_t>{3, -4}));
}

TEST_F(OnEmu, WithoutComputingWorkIsCountedAndLeavesMemoryAsItIs) {
  const std::vector<float> values = {1, 2, 3, 4};
  const Tensor x = Tensor::from(values, {2, 2}, kEmu);
  Generator generator(1);
  int library_runs = 0;
  const auto launches_of_work = [&](bool compute) {
    cudaDeviceSynchronize();
    emu::runtime_options().compute = compute;
    const std::int64_t before = emu::runtime_stats().launches;
    fill_uniform(x, generator, 5, 6);
    emu::queue_library_work(nullptr, "library", {}, [&] { ++library_runs; });
    cudaDeviceSynchronize();
    emu::runtime_options().compute = true;
    return emu::runtime_stats().launches - before;
  };
  EXPECT_EQ(launches_of_work(false), 1);
  EXPECT_EQ(x.to_vector(), values);
  EXPECT_EQ(library_runs, 0);
  EXPECT_EQ(launches_of_work(true), 1);
  EXPECT_GE(x.to_vector()[0], 5);
  EXPECT_EQ(library_runs, 1);
}

TEST_F(OnEmu, LargeCopiesGoThroughStagingInParts) {
  const dim_t count = dim_t(kStagingBytes) / 4 * 2 + 77;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i % 1000);
  EXPECT_EQ(Tensor::from(values, {count}, kEmu).to_vector(), values);
}

TEST_F(OnEmu, BlockedIsChannelsLast) {
  const Tensor x = random_tensor({2, 3, 4, 5}, 2), y = x.to(kEmu).blocked();
  EXPECT_EQ(y.activation().block, 3);
  EXPECT_EQ(y.to_vector(), x.to_vector());
  const Tensor flat = y.detach();
  flat.impl()->layout = Layout::kStrided;
  flat.impl()->shape = {2, 4, 5, 3};
  flat.impl()->strides = dense_strides(flat.impl()->shape);
  EXPECT_EQ(flat.to_vector(), permute(x, {0, 2, 3, 1}).to_vector());
  EXPECT_EQ(x.to(kEmu).blocked().to(Device{}).layout(), Layout::kStrided);
  EXPECT_EQ(random_tensor({1, 32, 2, 2}, 3).blocked().to(kEmu).activation().block, 32);
}

TEST_F(OnEmu, TransfersCarryGradients) {
  Tensor x = random_tensor({4}, 5);
  x.set_requires_grad();
  backward(sum(square(x.to(kEmu))));
  expect_near(x.grad().to_vector(), mul(x.detach(), 2.f).to_vector(), 1e-6, "gradient");
}

TEST_F(OnEmu, MixedDevicesAreRefused) {
  const Tensor x = random_tensor({2, 2}, 1), y = x.to(kEmu);
  EXPECT_THROW(add(x, y), DeviceError);
  EXPECT_THROW(matmul(x, y), DeviceError);
  EXPECT_THROW(concat({x, y}, 0), DeviceError);
  const Tensor image = random_tensor({1, 1, 3, 3}, 1);
  EXPECT_THROW(conv2d(image, image.to(kEmu)), DeviceError);
}

TEST_F(OnEmu, WrongLabelsAreReportedAtTheNextRead) {
  const Tensor logits = random_tensor({2, 3}, 1).to(kEmu);
  const Tensor loss = softmax_cross_entropy(logits, Tensor::from(std::vector<std::int32_t>{1, 7}, {2}, kEmu));
  EXPECT_THROW(loss.item(), DataError);
}

/// An operation of tensors of these shapes; all give one f32 tensor.
struct Case {
  const char* name;
  std::vector<Shape> shapes;
  std::function<Tensor(const std::vector<Tensor>&)> op;
};

/// x blocked where its device can.
Tensor blocked(const Tensor& x) {
  return can_block_channels(x.device(), x.dim(1)) ? x.blocked() : x;
}

std::vector<Case> cases() {
  return {
      {"add", {{3, 5}, {5}}, [](const auto& t) { return t[0] + t[1]; }},
      {"mul_square_tanh", {{7, 3}}, [](const auto& t) { return mul(tanh(t[0]), square(t[0])); }},
      {"concat_channels",
       {{2, 3, 2, 5}, {2, 4, 2, 5}},
       [](const auto& t) {
         return concat({blocked(t[0]), blocked(t[1])}, 1);
       }},
      {"concat_batch",
       {{2, 3, 2, 5}, {1, 3, 2, 5}},
       [](const auto& t) {
         return concat({blocked(t[0]), blocked(t[1])}, 0);
       }},
      {"sum_mean_norm", {{4, 6, 3}}, [](const auto& t) { return sum(t[0], {1}) + mean(t[0], {1}) + norm(t[0], {1}); }},
      {"matmul", {{5, 7}, {7, 3}}, [](const auto& t) { return matmul(t[0], t[1]); }},
      {"matmul_transposed", {{7, 5}, {3, 7}}, [](const auto& t) { return matmul(t[0], t[1], true, true); }},
      {"batched_matmul", {{2, 5, 7}, {2, 7, 3}}, [](const auto& t) { return batched_matmul(t[0], t[1]); }},
      {"linear", {{4, 6}, {3, 6}, {3}}, [](const auto& t) { return linear(t[0], t[1], t[2]); }},
      {"conv2d",
       {{2, 3, 6, 5}, {4, 3, 3, 3}, {4}},
       [](const auto& t) { return conv2d(t[0], t[1], t[2], {.padding = 1}); }},
      {"conv2d_stride",
       {{2, 4, 7, 7}, {6, 4, 3, 3}},
       [](const auto& t) { return conv2d(t[0], t[1], {}, {.stride = 2, .padding = 1}); }},
      {"conv2d_groups",
       {{1, 4, 5, 5}, {6, 2, 3, 3}},
       [](const auto& t) { return conv2d(t[0], t[1], {}, {.groups = 2}); }},
      {"conv2d_1x1", {{2, 5, 4, 4}, {3, 5, 1, 1}, {3}}, [](const auto& t) { return conv2d(t[0], t[1], t[2]); }},
      {"batch_norm",
       {{3, 4, 3, 3}, {4}, {4}},
       [](const auto& t) {
         return batch_norm(t[0], t[1], t[2], {}, {},
                           {.training = true, .activation = Activation::kLeakyRelu, .slope = 0.2f});
       }},
      {"max_pool", {{2, 5, 6, 6}}, [](const auto& t) { return max_pool2d(t[0], {.kernel = 2}); }},
      {"avg_pool", {{2, 5, 6, 6}}, [](const auto& t) { return avg_pool2d(blocked(t[0]), {.kernel = 2}); }},
      {"global_avg_pool", {{2, 5, 6, 6}}, [](const auto& t) { return global_avg_pool(blocked(t[0])); }},
      {"upsample", {{2, 5, 3, 3}}, [](const auto& t) { return upsample_nearest(blocked(t[0]), 2); }},
      {"log_softmax", {{5, 11}}, [](const auto& t) { return log_softmax(t[0]); }},
      {"kl", {{5, 11}, {5, 11}}, [](const auto& t) { return kl_divergence(t[0], t[1], 3, 9); }},
      {"image_prior",
       {{2, 3, 6, 7}},
       [](const auto& t) {
         const ImagePrior prior = image_prior(t[0]);
         return prior.tv + prior.l2;
       }},
      {"channel_scale",
       {{2, 3, 4, 5}, {2, 3}},
       [](const auto& t) { return channel_scale(t[0], t[1], make_jitter(1, -2, true, t[0].device())); }},
      {"grad_cosine", {{3, 8}, {3, 8}}, [](const auto& t) { return grad_cosine(t[0], t[1], 1e-8f); }},
      {"spatial_attention", {{3, 8, 5, 4}}, [](const auto& t) { return spatial_attention(t[0]); }},
      {"normalized_distance", {{3, 8}}, [](const auto& t) { return normalized_distance(t[0], tanh(t[0]), 2); }},
      {"margin_error",
       {{2, 3, 4, 5}},
       [](const auto& t) { return margin_error(t[0], neg(t[0]), Tensor::full({3}, -0.2f, t[0].device())); }},
      {"noise_contrast",
       {{3, 8}},
       [](const auto& t) {
         const Device device = t[0].device();
         const Tensor chosen = Tensor::from(std::vector<std::int32_t>{0, 1, 1, 2, 0, 1, 1, 2, 0}, {3, 3}, device);
         return noise_contrast(t[0], tanh(t[0]), chosen, Tensor::zeros({1}, device), 0.5).loss;
       }},
      {"pad_flip",
       {{2, 3, 4, 5}},
       [](const auto& t) {
         return flip(pad(t[0], {1, 2, 0, 1}), {3});
       }},
      {"slice_unslice",
       {{4, 6}},
       [](const auto& t) {
         return unslice(slice(t[0], 1, 1, 6, 2), {4, 9}, 1, 0, 6, 2);
       }},
  };
}

/// Values and gradients of a case on a device.
struct Result {
  std::vector<float> value;
  std::vector<std::vector<float>> gradients;
};

Result run_case(const Case& c, const Device& device) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < c.shapes.size(); ++i) {
    inputs.push_back(random_tensor(c.shapes[i], 10 + i).to(device));
    inputs.back().set_requires_grad();
  }
  const Tensor y = c.op(inputs), weights = random_tensor(y.shape(), 99).to(device);
  Result result{y.to_vector(), {}};
  for (const Tensor& g : grad({sum(mul(y, weights))}, inputs)) result.gradients.push_back(g.to_vector());
  return result;
}

TEST_F(OnEmu, OperationsAgreeWithTheCpuUnderEverySchedule) {
  for (const Case& c : cases()) {
    const Result expected = run_case(c, {});
    for (const auto schedule : {emu::Schedule::kLazy, emu::Schedule::kRandom}) {
      emu::runtime_options().schedule = schedule;
      const Result got = run_case(c, kEmu);
      expect_near(got.value, expected.value, 2e-5, c.name);
      for (std::size_t i = 0; i < expected.gradients.size(); ++i)
        expect_near(got.gradients[i], expected.gradients[i], 5e-5, std::string(c.name) + " gradient");
    }
  }
}

TEST_F(OnEmu, ConvolutionsInBf16AreNear) {
  const Case c = cases()[9];
  const Result expected = run_case(c, {});
  set_math_mode(kernels::MathMode::kBF16);
  const Result got = run_case(c, kEmu);
  set_math_mode(kernels::MathMode::kF32);
  expect_near(got.value, expected.value, 0.06, "bf16");
  EXPECT_NE(got.value, expected.value);
}

TEST_F(OnEmu, InferenceEpiloguesAgreeWithTheCpu) {
  for (const auto& [in, out] : {std::pair<dim_t, dim_t>{4, 6}, {32, 48}}) {  // the second as Winograd
    const Tensor x = random_tensor({2, in, 5, 5}, 1), w = mul(random_tensor({out, in, 3, 3}, 2), 0.2f);
    const Tensor b = random_tensor({out}, 3), r = random_tensor({2, out, 5, 5}, 4);
    for (const int flags : {0, 1, 2, 3, 4, 5, 6, 7}) {
      const bool relu = flags & 1, bias = flags & 2, residual = flags & 4;
      const auto run = [&](const Device& d) {
        return conv2d_inference(x.to(d), w.to(d), bias ? b.to(d) : Tensor(), residual ? r.to(d) : Tensor(), relu,
                                {.padding = 1})
            .to_vector();
      };
      expect_near(run(kEmu), run({}), in == 4 ? 2e-5 : 5e-5, "epilogue");
    }
  }
}

TEST_F(OnEmu, ACopiedWeightOrderFollowsTheWeight) {
  Tensor w = random_tensor({4, 3, 3, 3}, 2).to(kEmu);
  const Tensor x = random_tensor({1, 3, 5, 5}, 1).to(kEmu);
  const auto first = conv2d(x, w).to_vector();
  EXPECT_EQ(conv2d(x, w).to_vector(), first);
  add_in_place(w, w);
  const auto second = conv2d(x, w).to_vector();
  for (std::size_t i = 0; i < first.size(); ++i) ASSERT_NEAR(second[i], 2 * first[i], 1e-4);
}

TEST_F(OnEmu, TheAllocatorReusesLimitsAndReports) {
  auto& allocator = CachingAllocator::of(kEmu);
  void* const first = allocator.allocate(5 << 20);
  allocator.deallocate(first);
  void* const second = allocator.allocate(5 << 20);
  EXPECT_EQ(second, first);
  allocator.deallocate(second);
  allocator.release_cache();
  EXPECT_EQ(allocator.stats().cached_bytes, 0);
  const auto live = allocator.stats().live_bytes;
  allocator.set_limit(live + (1 << 20));
  try {
    allocator.allocate(2 << 20);
    ADD_FAILURE() << "expected OutOfMemory";
  } catch (const OutOfMemory& error) {
    EXPECT_NE(std::string(error.what()).find("expected 2097152 bytes of emu memory, got none: live"), std::string::npos)
        << error.what();
  }
  allocator.set_limit(0);
  EXPECT_EQ(allocator.stats().live_bytes, live);
}

TEST_F(OnEmu, ABlockUsedOnAnotherStreamIsNotReusedTooEarly) {
  const kernels::DeviceApi& api = device_api(kEmu);
  const kernels::Stream other = api.create_stream();
  auto& allocator = CachingAllocator::of(kEmu);
  void* const block = allocator.allocate(4096);
  api.fill_bytes(current_stream(kEmu), block, 1, 4096);
  const kernels::Event filled = api.create_event(false);
  api.record_event(filled, current_stream(kEmu));
  api.wait_event(other, filled);
  api.fill_bytes(other, block, 2, 4096);
  allocator.record_use(block, other);
  allocator.deallocate(block);
  void* const again = allocator.allocate(4096);
  ASSERT_EQ(again, block);
  api.fill_bytes(current_stream(kEmu), again, 3, 4096);  // a race, but for record_use
  synchronize(kEmu);
  allocator.deallocate(again);
  api.destroy_event(filled);
  api.destroy_stream(other);
}

TEST_F(OnEmu, WithoutRecordUseTheRaceIsFound) {
  const kernels::DeviceApi& api = device_api(kEmu);
  const kernels::Stream other = api.create_stream();
  auto& allocator = CachingAllocator::of(kEmu);
  void* const block = allocator.allocate(4096);
  synchronize(kEmu);
  api.fill_bytes(other, block, 2, 4096);
  allocator.deallocate(block);
  void* const again = allocator.allocate(4096);
  api.fill_bytes(current_stream(kEmu), again, 3, 4096);
  EXPECT_NE(reports().find("Stream race"), std::string::npos);
  api.synchronize_device();
  allocator.deallocate(again);
  api.destroy_stream(other);
}

/// One forward and backward pass of a small network with everything freed at the end.
void small_pass() {
  const Device device = kEmu;
  Tensor w = random_tensor({4, 3, 3, 3}, 2).to(device);
  w.set_requires_grad();
  const Tensor x = random_tensor({2, 3, 4, 4}, 1).to(device);
  const Tensor y = global_avg_pool(relu(conv2d(x, w, {}, {.padding = 1})));
  const Tensor loss = softmax_cross_entropy(y, Tensor::from(std::vector<std::int32_t>{1, 2}, {2}, device));
  loss.item();
  grad({loss}, {w})[0].to_vector();
}

TEST_F(OnEmu, AFailureOfAnyCallIsOneErrorAndLeaksNothing) {
  small_pass();
  auto& allocator = CachingAllocator::of(kEmu);
  const std::int64_t live = allocator.stats().live_bytes;
  for (const bool allocations_only : {true, false}) {
    int failures = 0;
    for (std::int64_t call = 1;; ++call) {
      allocator.release_cache();
      emu::fail_call(call, allocations_only);
      bool failed = false;
      std::string said;
      try {
        small_pass();
      } catch (const OutOfMemory& error) {
        failed = true;
        said = error.what();
        EXPECT_NE(std::string(error.what()).find("bytes"), std::string::npos);
      } catch (const DeviceError& error) {
        failed = true;
        said = error.what();
        EXPECT_NE(std::string(error.what()).find("got "), std::string::npos);
      }
      const std::string happened = emu::failed_call();
      forget_checks();
      emu::fail_call(0);
      // An allocation is tried again after the cache was given back; frees do not throw.
      const bool may_recover = happened == "cudaMalloc" || happened == "cudaFree";
      EXPECT_TRUE(failed || happened.empty() || may_recover)
          << "call " << call << ", " << happened << ", failed in silence";
      EXPECT_EQ(allocator.stats().live_bytes, live) << "call " << call;
      emu::take_reports();
      if (happened.empty()) {
        EXPECT_FALSE(failed) << "call " << call << ": " << said;
        break;
      }
      ++failures;
      ASSERT_LT(call, 2000);
    }
    EXPECT_GT(failures, allocations_only ? 3 : 30);
  }
  small_pass();
}

TEST_F(OnEmu, AnInjectedFailureOfTheAllocatorAtEveryRequest) {
  small_pass();
  auto& allocator = CachingAllocator::of(kEmu);
  const std::int64_t live = allocator.stats().live_bytes;
  int request = 1;
  for (;; ++request) {
    allocator.fail_request(request);
    try {
      small_pass();
      break;
    } catch (const OutOfMemory& error) {
      EXPECT_NE(std::string(error.what()).find("failure injected"), std::string::npos);
    }
    forget_checks();
    ASSERT_EQ(allocator.stats().live_bytes, live);
  }
  allocator.fail_request(0);
  EXPECT_GT(request, 10);
}

TEST_F(OnEmu, ModulesMoveWithTheirHandles) {
  auto network = make_network("resnet20", 10, {.seed = 3});
  network->eval();
  const Tensor image = random_tensor({1, 3, 32, 32}, 4);
  const auto before = network->logits_inference(image).to_vector();
  const std::vector<Tensor> handles = network->parameters();
  network->to(kEmu);
  EXPECT_EQ(handles[0].device(), kEmu);
  EXPECT_EQ(network->device(), kEmu);
  network->to(Device{});
  EXPECT_EQ(network->logits_inference(image).to_vector(), before);
}

}  // namespace
}  // namespace engram
