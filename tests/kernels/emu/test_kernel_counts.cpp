/// What the streaming kernels ask of the memory system, counted on the emulator at the shapes of CIFAR networks (small
/// batches): bytes beside the declared cost, sectors, bank conflicts.

#include <gtest/gtest.h>

#include <functional>

#include "emulator/counters.h"
#include "emulator/emulator.h"
#include "kernels/attention_map/attention_map.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/common/error.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/factor_distance/factor_distance.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "kernels/image_batch/image_batch.h"
#include "kernels/image_prior/image_prior.h"
#include "kernels/margin_error/margin_error.h"
#include "kernels/optim_step/optim_step.h"
#include "kernels/pool/pool.h"
#include "kernels/random/random.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reorder/reorder.h"
#include "kernels/resample/resample.h"
#include "kernels/residual_cosine/residual_cosine.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "kernels/strided_copy/strided_copy.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/survival_screen_samples.h"

namespace engram::kernels {
namespace {

using ::engram::testing::random_values;

/// Bytes beyond the declared cost, sectors beyond the least, and bank conflicts that a call may have.
constexpr double kBytes = 1.05, kSectorEfficiency = 0.95;

/// Runs `call` and checks all its launches together.
void expect_streaming(const std::string& what, const Cost& cost, const std::function<void()>& call) {
  emu::take_counts();
  emu::options().count = true;
  call();
  emu::options().count = false;
  std::uint64_t bytes = 0, conflicts = 0;
  emu::RequestCounts requests;
  std::string lines;
  for (const emu::LaunchCounts& launch : emu::take_counts()) {
    bytes += launch.bytes_read + launch.bytes_written;
    requests += launch.reads;
    requests += launch.writes;
    conflicts += launch.shared.conflicts();
    lines += message("\n  ", launch.kernel, ": read ", launch.bytes_read, ", written ", launch.bytes_written,
                     ", sector efficiency ", launch.sector_efficiency(), ", conflicts ", launch.shared.conflicts());
  }
  const double declared = double(cost.bytes_read + cost.bytes_written);
  if (std::getenv("PRINT_COUNTS")) std::cout << what << " " << double(bytes) / declared << lines << "\n";
  EXPECT_GT(bytes, 0u) << what;
  EXPECT_LE(double(bytes), kBytes * declared) << what << ": " << double(bytes) / declared << lines;
  EXPECT_GE(double(requests.ideal_sectors), kSectorEfficiency * double(requests.sectors)) << what << lines;
  EXPECT_EQ(conflicts, 0u) << what << lines;
}

/// Channels-last activations of a ResNet: stem, middle and last stage. A batch of 8 to 64 gives whole chunks of rows.
const ActivationShape kActivations[] = {{8, 64, 32, 32, 64}, {8, 128, 16, 16, 128}, {64, 512, 4, 4, 512}};

/// Operands of a channel kernel, reused in several roles.
struct Channels {
  explicit Channels(const ActivationShape& s)
      : shape(s),
        x(random_values(s.count(), 1)),
        y(x),
        g(x),
        g2(x),
        vector(random_values(s.c, 2, 0.5f, 1.5f)),
        out_a(vector),
        out_b(vector),
        out_c(vector),
        out_d(vector),
        mask(std::size_t(activation_mask_words(s.count()))) {}

  ActivationShape shape;
  std::vector<float> x, y, g, g2, vector, out_a, out_b, out_c, out_d;
  std::vector<std::uint16_t> mask;
  float norms[2] = {1, 1}, one = 1;
};

TEST(KernelCounts, BnStatsMatch) {
  const auto& kernels = backend_under_test().bn_stats_match;
  for (const ActivationShape& shape : kActivations) {
    Channels c(shape);
    for (const bool residual : {false, true}) {
      expect_streaming("forward", bn_stats_match_cost(shape, true, residual, true), [&] {
        kernels.forward({}, {shape, c.x.data(), residual ? c.g.data() : nullptr, c.vector.data(), c.vector.data(),
                             c.vector.data(), c.vector.data(), 1e-5f, Activation::kRelu, 0, c.y.data(), c.mask.data(),
                             c.out_a.data(), c.out_b.data(), &c.norms[0], &c.norms[1], nullptr});
      });
      expect_streaming("backward", bn_stats_match_backward_cost(shape, true, 1 + residual, residual, true), [&] {
        kernels.backward({}, {shape,
                              c.x.data(),
                              c.g.data(),
                              residual ? c.g2.data() : nullptr,
                              c.mask.data(),
                              Activation::kRelu,
                              0,
                              c.vector.data(),
                              c.vector.data(),
                              c.vector.data(),
                              1e-5f,
                              c.out_a.data(),
                              c.out_b.data(),
                              &c.norms[0],
                              &c.norms[1],
                              &c.one,
                              &c.one,
                              c.y.data(),
                              residual ? c.g2.data() : nullptr,
                              nullptr});
      });
    }
  }
}

TEST(KernelCounts, BatchNorm) {
  const auto& kernels = backend_under_test().batch_norm;
  for (const ActivationShape& shape : kActivations) {
    Channels c(shape);
    expect_streaming("train", batch_norm_train_cost(shape, true, true), [&] {
      kernels.train(
          {}, {shape, c.x.data(), c.g.data(), c.vector.data(), c.vector.data(), c.out_a.data(), c.out_b.data(), 0.1f,
               1e-5f, Activation::kRelu, 0, c.y.data(), c.mask.data(), c.out_c.data(), c.out_d.data(), nullptr});
    });
    expect_streaming("train_backward", batch_norm_train_backward_cost(shape, 2, true, true), [&] {
      kernels.train_backward(
          {}, {shape, c.x.data(), c.g.data(), c.g2.data(), c.mask.data(), Activation::kRelu, 0, c.vector.data(),
               c.vector.data(), c.vector.data(), c.y.data(), c.g2.data(), c.out_a.data(), c.out_b.data(), nullptr});
    });
    expect_streaming("eval", batch_norm_eval_cost(shape, false, true), [&] {
      kernels.eval({}, {shape, c.x.data(), nullptr, c.vector.data(), c.vector.data(), c.vector.data(), c.vector.data(),
                        1e-5f, Activation::kRelu, 0, c.y.data(), c.mask.data(), nullptr});
    });
    expect_streaming("eval_backward", batch_norm_eval_backward_cost(shape, 1, false, true, true), [&] {
      kernels.eval_backward(
          {}, {shape, c.x.data(), c.g.data(), nullptr, c.mask.data(), Activation::kRelu, 0, c.vector.data(),
               c.vector.data(), 1e-5f, c.vector.data(), c.y.data(), nullptr, c.out_a.data(), c.out_b.data(), nullptr});
    });
  }
}

TEST(KernelCounts, ChannelScaleAndImagePrior) {
  const dim_t n = 16, c = 3, h = 32, w = 32, count = n * c * h * w;
  const auto p = random_values(count, 1), alpha = random_values(n * c, 2), g = random_values(count, 3);
  std::vector<float> y(std::size_t(count), 0.f), grad_alpha(alpha), norms(5);
  const auto& scale = backend_under_test().channel_scale;
  const auto& prior = backend_under_test().image_prior;
  for (const Jitter& jitter : {Jitter{0, 0, 0}, Jitter{2, -1, 1}}) {
    expect_streaming("forward", channel_scale_forward_cost(count), [&] {
      scale.forward({}, {p.data(), alpha.data(), &jitter, y.data(), n, c, h, w});
    });
    expect_streaming("backward", channel_scale_backward_cost(count), [&] {
      scale.backward({}, {p.data(), alpha.data(), &jitter, g.data(), y.data(), grad_alpha.data(), n, c, h, w});
    });
    expect_streaming("roll_flip", roll_flip_cost(count), [&] {
      scale.roll_flip({}, {p.data(), &jitter, y.data(), n * c, h, w, false});
    });
  }
  float tv, l2, one = 1;
  expect_streaming("image_prior", image_prior_forward_cost(count), [&] {
    prior.forward({}, {p.data(), n * c, h, w, nullptr, norms.data(), &tv, &l2});
  });
  expect_streaming("image_prior backward", image_prior_backward_cost(count), [&] {
    prior.backward({}, {p.data(), norms.data(), &one, &one, n * c, h, w, y.data()});
  });
}

TEST(KernelCounts, ResidualCosine) {
  const auto& kernels = backend_under_test().residual_cosine;
  const dim_t rows = 1024, c1 = 7, c2 = 3, width = 128;
  const auto values = random_values(rows * 2 * width, 1), grams = random_values(c1 * c1, 2, 0.5f, 1);
  std::vector<float> targets(std::size_t(rows * c1), 0.f), residual(targets), other(targets), gradient(targets),
      gradient2(targets), per_row(std::size_t(rows), 0.5f), norm1(per_row), norm2(per_row), own1(grams), own2(grams),
      cross(grams), out(std::size_t(rows * 2 * width), 0.f);
  for (const bool twice : {false, true}) {
    expect_streaming("head_residual", head_residual_cost(rows, c1), [&] {
      kernels.head_residual({}, {values.data(), targets.data(), rows, c1, twice, residual.data(), per_row.data()});
    });
    expect_streaming("head_residual_backward", head_residual_backward_cost(rows, c1, twice), [&] {
      kernels.head_residual_backward({},
                                     {residual.data(), targets.data(), norm1.data(), rows, c1, twice, gradient.data()});
    });
  }
  const ResidualPair pair = {
      residual.data(), other.data(), grams.data(), grams.data(), grams.data(), rows, c1, c2, 1e-8f};
  std::vector<double> workspace(kernels.workspace_bytes(rows, c1, c2) / sizeof(double) + 1);
  expect_streaming("forward", residual_cosine_forward_cost(pair), [&] {
    kernels.forward({}, {pair, per_row.data(), norm1.data(), norm2.data()});
  });
  expect_streaming("backward", residual_cosine_backward_cost(pair, false), [&] {
    kernels.backward({}, {pair, per_row.data(), norm1.data(), norm2.data(), norm1.data(), targets.data(),
                          targets.data(), own1.data(), own2.data(), cross.data(), nullptr, nullptr, workspace.data()});
  });
  expect_streaming("shifted_concat", shifted_concat_cost(rows, c2, width), [&] {
    kernels.shifted_concat({}, {values.data(), values.data() + rows * width, residual.data(), values.data(),
                                per_row.data(), rows, c2, width, false, 1, 1e-8f, out.data()});
  });
}

TEST(KernelCounts, ImageBatches) {
  // Rows of bytes start inside sectors where images are shifted, and every block reads the table of values, whose
  // places the bytes name: so more sectors than the least, and conflicts.
  const dim_t n = 16, c = 3, side = 32, count = n * c * side * side;
  std::vector<std::uint8_t> bytes(std::size_t(count), 0);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::uint8_t(i * 2654435761u >> 24);
  const auto values = random_values(c * 256, 1);
  std::vector<float> y(std::size_t(count), 0.f);
  const std::vector<std::int32_t> labels(std::size_t(n), 1);
  std::vector<std::int32_t> y_labels(labels);
  std::vector<ImageSource> sources;
  for (std::int32_t i = 0; i < n; ++i) sources.push_back({i, i % 9 - 4, i % 7 - 3, i & 1});
  for (const dim_t block : {dim_t(1), c}) {
    const GatherImagesArgs args = {{bytes.data(), labels.data(), n, c, side, side, 1, false},
                                   sources.data(),
                                   nullptr,
                                   0,
                                   values.data(),
                                   {n, c, side, side, block},
                                   y.data(),
                                   y_labels.data()};
    emu::take_counts();
    emu::options().count = true;
    backend_under_test().image_batch.gather({}, args);
    emu::options().count = false;
    const std::vector<emu::LaunchCounts> launches = emu::take_counts();
    ASSERT_EQ(launches.size(), 1u);
    const Cost cost = gather_images_cost(args);
    const double moved = double(launches[0].bytes_read + launches[0].bytes_written);
    if (std::getenv("PRINT_COUNTS"))
      std::cout << "gather " << moved / double(cost.bytes_read + cost.bytes_written) << " sectors "
                << launches[0].sector_efficiency() << "\n";
    EXPECT_LE(moved, 1.25 * double(cost.bytes_read + cost.bytes_written)) << block;
    // Each image's block writes its label, 4 bytes of a sector of 32.
    EXPECT_EQ(launches[0].bytes_written, std::uint64_t(cost.bytes_written + n * 28)) << block;
    EXPECT_GE(launches[0].sector_efficiency(), 0.6) << block;
  }
}

TEST(KernelCounts, GradCosine) {
  const auto& kernels = backend_under_test().grad_cosine;
  for (const auto& [rows, width] : {std::pair<dim_t, dim_t>{64, 512}, {16, 2048}, {4, 16384}}) {
    const dim_t count = rows * width;
    const auto a = random_values(count, 1), b = random_values(count, 2), g = random_values(rows, 3);
    std::vector<float> cos(g), stats(std::size_t(rows * kNumCosineStats)), grad_a(a), grad_b(a);
    expect_streaming("forward", grad_cosine_forward_cost(rows, width), [&] {
      kernels.forward({}, {a.data(), b.data(), rows, width, 1e-8f, cos.data(), stats.data()});
    });
    expect_streaming("backward", grad_cosine_backward_cost(rows, width, 2), [&] {
      kernels.backward({},
                       {a.data(), b.data(), stats.data(), g.data(), rows, width, 1e-8f, grad_a.data(), grad_b.data()});
    });
    const auto v_a = random_values(count, 4), v_b = random_values(count, 5);
    if (width > 4096) continue;  // longer rows do not fit a block's registers and are read twice
    expect_streaming("double_backward", grad_cosine_double_backward_cost(rows, width, 2), [&] {
      kernels.double_backward({}, {a.data(), b.data(), stats.data(), g.data(), v_a.data(), v_b.data(), rows, width,
                                   1e-8f, grad_a.data(), grad_b.data(), cos.data()});
    });
  }
}

TEST(KernelCounts, Distill) {
  const auto& kernels = backend_under_test().softmax_xent;
  for (const auto& [rows, classes] : {std::pair<dim_t, dim_t>{128, 10}, {512, 100}, {64, 1000}}) {
    const dim_t count = rows * classes;
    const auto student = random_values(count, 1), teacher = random_values(count, 2);
    const std::vector<std::int32_t> labels(std::size_t(rows), 3);
    std::vector<float> stats(std::size_t(rows * kNumDistillStats)), gradient(student);
    float losses[2], one = 1;
    std::int32_t invalid = 0;
    expect_streaming("forward", distill_cost(rows, classes, false), [&] {
      kernels.distill_forward({}, {student.data(), teacher.data(), labels.data(), rows, classes, 4, 16, stats.data(),
                                   &losses[0], &losses[1], &invalid, nullptr});
    });
    expect_streaming("backward", distill_cost(rows, classes, true), [&] {
      kernels.distill_backward({}, {student.data(), teacher.data(), labels.data(), stats.data(), &one, &one, rows,
                                    classes, 4, 16, gradient.data()});
    });
  }
}

TEST(KernelCounts, FactorDistance) {
  const auto& kernels = backend_under_test().factor_distance;
  for (const auto& [rows, width] : {std::pair<dim_t, dim_t>{64, 512}, {32, 2048}, {4, 16384}}) {
    const dim_t count = rows * width;
    const auto a = random_values(count, 1), b = random_values(count, 2);
    std::vector<float> stats(std::size_t(rows * kNumFactorStats)), gradient(a);
    float loss, one = 1;
    expect_streaming("forward", factor_distance_forward_cost(rows, width), [&] {
      kernels.forward({}, {a.data(), b.data(), rows, width, 1, 1e-12f, stats.data(), &loss, nullptr});
    });
    expect_streaming("backward", factor_distance_backward_cost(rows, width), [&] {
      kernels.backward({}, {a.data(), b.data(), stats.data(), &loss, &one, rows, width, 1, 1e-12f, gradient.data()});
    });
  }
}

TEST(KernelCounts, AttentionMapAndMarginError) {
  const auto& attention = backend_under_test().attention_map;
  const auto& margin_error = backend_under_test().margin_error;
  // The stages of a CIFAR ResNet, planar and channels-last.
  for (const ActivationShape& shape : {ActivationShape{4, 16, 32, 32, 1}, ActivationShape{8, 32, 16, 16, 32},
                                       ActivationShape{16, 64, 8, 8, 1}, ActivationShape{16, 64, 8, 8, 64}}) {
    const auto x = random_values(shape.count(), 1), teacher = random_values(shape.count(), 2);
    const auto grad_map = random_values(shape.n * shape.pixels(), 3), margin = random_values(shape.c, 4);
    std::vector<float> map(grad_map), norm(std::size_t(shape.n), 1.f), gradient(x);
    float loss, one = 1;
    expect_streaming("attention_map", attention_map_forward_cost(shape), [&] {
      attention.forward({}, {shape, x.data(), 2, 1e-12f, map.data(), norm.data()});
    });
    expect_streaming("attention_map backward", attention_map_backward_cost(shape), [&] {
      attention.backward({}, {shape, x.data(), map.data(), norm.data(), grad_map.data(), 2, 1e-12f, gradient.data()});
    });
    expect_streaming("margin_error", margin_error_cost(shape, false), [&] {
      margin_error.forward({}, {shape, x.data(), teacher.data(), margin.data(), 1, &loss, nullptr});
    });
    expect_streaming("margin_error backward", margin_error_cost(shape, true), [&] {
      margin_error.backward({}, {shape, x.data(), teacher.data(), margin.data(), &one, 1, gradient.data()});
    });
  }
}

TEST(KernelCounts, OptimStep) {
  const auto& kernels = backend_under_test().optim_step;
  // Convolution weights and vectors of a small network.
  const dim_t counts[] = {1728, 64, 64, 36864, 64, 73728, 128, 147456, 5120, 10};
  std::vector<std::vector<float>> arrays;
  dim_t total = 0;
  for (int k = 0; k < 4; ++k)
    for (dim_t count : counts) arrays.push_back(random_values(count, unsigned(k + 1)));
  std::vector<std::int32_t> steps(std::size(counts), 3);
  std::vector<SgdTensor> sgd;
  std::vector<AdamTensor> adam;
  std::vector<EmaTensor> ema;
  std::vector<GradTensor> grads;
  for (std::size_t i = 0; i < std::size(counts); ++i) {
    float* a[4];
    for (std::size_t k = 0; k < 4; ++k) a[k] = arrays[k * std::size(counts) + i].data();
    total += counts[i];
    sgd.push_back({a[0], a[1], a[2], counts[i], false});
    adam.push_back({a[0], a[1], a[2], a[3], counts[i], &steps[i]});
    ema.push_back({a[0], a[1], counts[i]});
    grads.push_back({a[1], counts[i]});
  }
  const int num = int(std::size(counts));
  const float lr = 1e-3f;
  float norm, factor;
  expect_streaming("sgd", sgd_cost(total, true), [&] { kernels.sgd({}, {sgd.data(), num, &lr, 0.9f, 5e-4f, true}); });
  expect_streaming("adam", adam_cost(total), [&] {
    kernels.adam({}, {adam.data(), num, &lr, 0.9, 0.999, 1e-8f, 0.1f, true});
  });
  expect_streaming("ema", ema_cost(total), [&] { kernels.ema({}, {ema.data(), num, 0.999}); });
  expect_streaming("grad_norm", grad_norm_cost(total), [&] {
    kernels.grad_norm({}, {grads.data(), num, 5, nullptr, &norm, &factor});
  });
}

TEST(KernelCounts, SoftmaxXent) {
  const auto& kernels = backend_under_test().softmax_xent;
  for (const auto& [rows, classes] : {std::pair<dim_t, dim_t>{256, 10}, {256, 100}, {1024, 100}}) {
    const dim_t count = rows * classes;
    const auto x = random_values(count, 1, -5, 5), t = random_values(count, 2, 0, 1);
    const std::vector<std::int32_t> labels(std::size_t(rows), 3);
    std::vector<float> stats(std::size_t(2 * rows)), stats2(stats), loss(std::size_t(rows), 0.f), grad(x), grad2(x);
    float mean, one = 1;
    std::int32_t invalid;
    for (const bool soft : {false, true}) {
      const std::int32_t* hard = soft ? nullptr : labels.data();
      const float* targets = soft ? t.data() : nullptr;
      expect_streaming(soft ? "forward, soft" : "forward", softmax_xent_forward_cost(rows, classes, soft), [&] {
        kernels.forward({}, {x.data(), hard, targets, rows, classes, 0.1f, stats.data(), loss.data(), &mean, &invalid});
      });
      expect_streaming(soft ? "backward, soft" : "backward", softmax_xent_backward_cost(rows, classes, soft), [&] {
        kernels.backward({}, {x.data(), hard, targets, stats.data(), &one, nullptr, rows, classes, 0.1f, grad.data()});
      });
    }
    expect_streaming("log_softmax", log_softmax_cost(rows, classes, false), [&] {
      kernels.log_softmax_forward({}, {x.data(), grad.data(), rows, classes});
    });
    expect_streaming("log_softmax backward", log_softmax_cost(rows, classes, true), [&] {
      kernels.log_softmax_backward({}, {grad.data(), x.data(), grad2.data(), rows, classes});
    });
    expect_streaming("kl", kl_cost(rows, classes, 0), [&] {
      kernels.kl_forward({},
                         {x.data(), t.data(), rows, classes, 4, 16, stats.data(), stats2.data(), loss.data(), &mean});
    });
    expect_streaming("kl backward", kl_cost(rows, classes, 2), [&] {
      kernels.kl_backward({}, {x.data(), t.data(), stats.data(), stats2.data(), loss.data(), &one, rows, classes, 4, 16,
                               grad.data(), grad2.data()});
    });
  }
}

TEST(KernelCounts, ElementwiseAndRandom) {
  const dim_t count = 100000;
  const auto x = random_values(count, 1), z = random_values(count, 2);
  std::vector<float> y(x);
  const auto& kernels = backend_under_test().elementwise;
  expect_streaming("unary", unary_cost(count), [&] { kernels.unary({}, {UnaryOp::kRelu, x.data(), y.data(), count}); });
  expect_streaming("binary", binary_cost(count), [&] {
    kernels.binary({}, {BinaryOp::kAdd, x.data(), z.data(), y.data(), count});
  });
  expect_streaming("normal", random_cost(count), [&] {
    backend_under_test().random.normal({}, {y.data(), count, {1, 0}});
  });
}

TEST(KernelCounts, LayoutsAndReductions) {
  const dim_t n = 4, c = 64, h = 32, w = 32, count = n * c * h * w;
  const auto x = random_values(count, 1);
  std::vector<float> y(x);
  const auto& copies = backend_under_test().strided_copy;
  const StridedCopyArgs to_last = {x.data(), y.data(), 4, 3, {n, h * w, c}, {c * h * w, 1, h * w}, {c * h * w, c, 1}};
  expect_streaming("planar to channels-last", strided_copy_cost(to_last), [&] { copies.copy({}, to_last); });
  for (const dim_t channels : {dim_t(3), c}) {
    const ReorderArgs reorder = {x.data(), y.data(), n, channels, h, w, channels};
    expect_streaming("reorder", reorder_cost(reorder), [&] { backend_under_test().reorder.to_blocked({}, reorder); });
    expect_streaming("reorder back", reorder_cost(reorder),
                     [&] { backend_under_test().reorder.to_planar({}, reorder); });
  }
  ReduceArgs rows = {ReduceOp::kSum, x.data(), y.data(), nullptr, 1, {n}, {c * h * w}, 1, {c * h * w}, {1}};
  expect_streaming("sum of rows", reduce_cost(rows), [&] { backend_under_test().reduce.reduce({}, rows); });
  ReduceArgs columns = {ReduceOp::kSum, x.data(), y.data(), nullptr, 1, {c}, {1}, 1, {n * h * w}, {c}};
  expect_streaming("sum of columns", reduce_cost(columns), [&] { backend_under_test().reduce.reduce({}, columns); });
}

TEST(KernelCounts, PoolAndResample) {
  const ActivationShape s = {8, 64, 16, 16, 64};
  const PoolGeometry g = {s, 2, 2, 2, 2};
  const auto x = random_values(s.count(), 1);
  std::vector<float> y(std::size_t(g.y().count())), dx(x), mean(std::size_t(s.n * s.c)), large(x.size() * 4);
  std::vector<std::int32_t> index(y.size());
  const auto& pool = backend_under_test().pool;
  expect_streaming("max_pool", max_pool_cost(g, true), [&] {
    pool.max_pool({}, {g, x.data(), y.data(), index.data()});
  });
  expect_streaming("max_pool backward", max_pool_backward_cost(g), [&] {
    pool.max_pool_backward({}, {g, y.data(), index.data(), dx.data()});
  });
  expect_streaming("avg_pool", avg_pool_cost(g), [&] { pool.avg_pool({}, {g, x.data(), y.data()}); });
  expect_streaming("avg_pool backward", avg_pool_cost(g), [&] {
    pool.avg_pool_backward({}, {g, y.data(), dx.data()});
  });
  expect_streaming("global_avg_pool", global_avg_pool_cost(s), [&] {
    pool.global_avg_pool({}, {s, x.data(), mean.data()});
  });
  expect_streaming("global_avg_pool backward", global_avg_pool_cost(s), [&] {
    pool.global_avg_pool_backward({}, {s, mean.data(), dx.data()});
  });
  expect_streaming("upsample", upsample_nearest_cost(s, 2), [&] {
    backend_under_test().resample.upsample_nearest({}, {s, 2, x.data(), large.data()});
  });
  expect_streaming("upsample backward", upsample_nearest_backward_cost(s, 2), [&] {
    backend_under_test().resample.upsample_nearest_backward({}, {s, 2, large.data(), dx.data()});
  });
}

TEST(KernelCounts, SurvivalScores) {
  // Rows of the panel are read whole; before that each lane reads three columns of a row of its own.
  for (const dim_t covariates : {dim_t(11), dim_t(27)}) {
    const testing::GeneSample s(2000, 8, covariates, false, false, 1);
    const RiskSets sets = s.risk(CoxTies::kEfron);
    const ScorePanel panel = make_cox_panel(sets, s.z.data(), s.q, s.offset.data(), s.treatment.data());
    std::vector<double> stats(std::size_t(s.p * kNumScoreStatistics));
    emu::take_counts();
    emu::options().count = true;
    testing::survival_kernels().score({}, panel.args(s.view(), stats.data()));
    emu::options().count = false;
    const std::vector<emu::LaunchCounts> launches = emu::take_counts();
    ASSERT_EQ(launches.size(), 1u);
    EXPECT_LE(double(launches[0].bytes_read), kBytes * double(score_screen_cost(s.view(), panel.width).bytes_read));
    EXPECT_GE(launches[0].sector_efficiency(), 0.65) << covariates;
    EXPECT_EQ(launches[0].shared.conflicts(), 0u);
  }
}

}  // namespace
}  // namespace engram::kernels
