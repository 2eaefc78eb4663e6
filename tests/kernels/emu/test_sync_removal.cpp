/// Removes each barrier of the CUDA kernels in turn: the checker or a changed result must notice.

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "emulator/emulator.h"
#include "emulator/mutation.h"
#include "kernels/attention_map/attention_map.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/factor_distance/factor_distance.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "kernels/image_batch/image_batch.h"
#include "kernels/image_prior/image_prior.h"
#include "kernels/margin_error/margin_error.h"
#include "kernels/optim_step/optim_step.h"
#include "kernels/pool/pool.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reorder/reorder.h"
#include "kernels/residual_cosine/residual_cosine.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "kernels/spatial/spatial.h"
#include "kernels/strided_copy/strided_copy.h"
#include "kernels/survival_screen/survival_screen.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/survival_screen_samples.h"

namespace engram::kernels {
namespace {

using ::engram::testing::random_values;

/// Results of calls, one after another.
using Results = std::vector<std::vector<float>>;

std::vector<float> zeros(dim_t count) {
  return std::vector<float>(std::size_t(count), 0.f);
}

void channel_kernels(Results& results) {
  const auto& b = backend_under_test();
  // Whole packs with several chunks, and single values.
  for (const ActivationShape& s :
       {ActivationShape{2, 16, 32, 36, 16}, ActivationShape{2, 5, 4, 9, 1}, ActivationShape{2, 64, 4, 9, 64}}) {
    const auto x = random_values(s.count(), 1), vector = random_values(s.c, 2, 0.5f, 1.5f);
    auto y = zeros(s.count()), gx = y, gr = y, mean = zeros(s.c), invstd = mean, gamma = mean, beta = mean;
    auto norms = zeros(2);
    std::vector<std::uint16_t> mask(std::size_t(activation_mask_words(s.count())));
    b.batch_norm.train({}, {s, x.data(), nullptr, vector.data(), vector.data(), nullptr, nullptr, 0.1f, 1e-5f,
                            Activation::kRelu, 0, y.data(), mask.data(), mean.data(), invstd.data(), nullptr});
    b.batch_norm.train_backward(
        {}, {s, x.data(), y.data(), nullptr, mask.data(), Activation::kRelu, 0, mean.data(), invstd.data(),
             vector.data(), gx.data(), gr.data(), gamma.data(), beta.data(), nullptr});
    results.insert(results.end(), {y, mean, invstd, gx, gr, gamma, beta});
    b.bn_stats_match.forward(
        {}, {s, x.data(), nullptr, vector.data(), vector.data(), vector.data(), vector.data(), 1e-5f, Activation::kRelu,
             0, y.data(), mask.data(), mean.data(), invstd.data(), &norms[0], &norms[1], nullptr});
    results.insert(results.end(), {y, mean, invstd, norms});
  }
}

void image_kernels(Results& results) {
  const auto& b = backend_under_test();
  const dim_t n = 2, c = 3, h = 9, w = 20, count = n * c * h * w;
  const auto p = random_values(count, 1), alpha = random_values(n * c, 2), g = random_values(count, 3);
  const Jitter jitter = {1, -2, 1};
  auto y = zeros(count), gp = y, ga = zeros(n * c), norms = zeros(7), back = y;
  const float one = 1;
  b.channel_scale.forward({}, {p.data(), alpha.data(), &jitter, y.data(), n, c, h, w});
  b.channel_scale.backward({}, {p.data(), alpha.data(), &jitter, g.data(), gp.data(), ga.data(), n, c, h, w});
  results.insert(results.end(), {y, gp, ga});
  for (const dim_t width : {w, dim_t(1560)}) {  // staged rows, and rows that are too wide for it
    const dim_t planes = width == w ? n * c : 1, height = width == w ? h : 5;
    const auto x = random_values(planes * height * width, 4);
    auto grad = zeros(planes * height * width);
    b.image_prior.forward({}, {x.data(), planes, height, width, nullptr, norms.data(), &norms[5], &norms[6]});
    b.image_prior.backward({}, {x.data(), norms.data(), &one, &one, planes, height, width, grad.data()});
    results.insert(results.end(), {norms, grad});
  }
  for (const dim_t block : {dim_t(3), dim_t(16)}) {
    auto blocked = zeros(n * padded_channels(c, block) * h * w);
    b.reorder.to_blocked({}, {p.data(), blocked.data(), n, c, h, w, block});
    b.reorder.to_planar({}, {blocked.data(), back.data(), n, c, h, w, block});
    results.insert(results.end(), {blocked, back});
  }
  const ActivationShape s = {n, 8, 5, 7, 8};
  const auto x = random_values(s.count(), 5);
  auto mean = zeros(s.n * s.c);
  b.pool.global_avg_pool({}, {s, x.data(), mean.data()});
  results.push_back(mean);
}

void batch_kernels(Results& results) {
  const auto& b = backend_under_test();
  const dim_t n = 2, c = 3, h = 20, w = 30, count = n * c * h * w;
  std::vector<std::uint8_t> bytes(std::size_t(count), 0);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::uint8_t(i * 31);
  const auto values = random_values(c * 256, 1), mean = random_values(c, 2), deviation = random_values(c, 3, 0.2f, 1);
  const std::vector<ImageSource> sources = {{0, 1, 2, 0}, {1, 0, -1, 1}};
  std::vector<ImageStyle> styles(2);
  for (ImageStyle& style : styles) {
    style.height = 15;
    style.width = 22;
    style.contrast = 0.5f;
  }
  const ImageSetView set = {bytes.data(), nullptr, n, c, h, w, 0, true};
  auto y = zeros(count), styled = y;
  b.image_batch.gather({}, {set, sources.data(), nullptr, 0, values.data(), {n, c, h, w, 1}, y.data(), nullptr});
  b.image_batch.style({}, {set,
                           sources.data(),
                           styles.data(),
                           nullptr,
                           0,
                           true,
                           mean.data(),
                           deviation.data(),
                           {n, c, h, w, 1},
                           styled.data(),
                           nullptr});
  results.insert(results.end(), {y, styled});
}

void loss_kernels(Results& results) {
  const auto& softmax = backend_under_test().softmax_xent;
  const dim_t rows = 70, classes = 10, count = rows * classes;
  const auto x = random_values(count, 1, -4, 4), t = random_values(count, 2, 0, 1);
  std::vector<std::int32_t> labels(std::size_t(rows), 3);
  labels[5] = -1;
  auto stats = zeros(2 * rows), stats2 = stats, loss = zeros(rows), grad = zeros(count), grad2 = grad, mean = zeros(1);
  const float one = 1;
  for (const bool soft : {false, true}) {
    std::int32_t invalid = 0;
    softmax.forward({}, {x.data(), soft ? nullptr : labels.data(), soft ? t.data() : nullptr, rows, classes, 0.1f,
                         stats.data(), loss.data(), mean.data(), &invalid});
    softmax.backward({}, {x.data(), soft ? nullptr : labels.data(), soft ? t.data() : nullptr, stats.data(), &one,
                          nullptr, rows, classes, 0.1f, grad.data()});
    results.insert(results.end(), {stats, loss, mean, grad, {float(invalid)}});
  }
  softmax.log_softmax_forward({}, {x.data(), grad.data(), rows, classes});
  softmax.log_softmax_backward({}, {grad.data(), t.data(), grad2.data(), rows, classes});
  results.insert(results.end(), {grad, grad2});
  softmax.kl_forward({},
                     {x.data(), t.data(), rows, classes, 4, 16, stats.data(), stats2.data(), loss.data(), mean.data()});
  softmax.kl_backward({}, {x.data(), t.data(), stats.data(), stats2.data(), loss.data(), &one, rows, classes, 4, 16,
                           grad.data(), grad2.data()});
  results.insert(results.end(), {stats, stats2, loss, mean, grad, grad2});
}

void distillation_kernels(Results& results) {
  const auto& b = backend_under_test();
  const float one = 1;
  for (const dim_t rows : {dim_t(70), dim_t(220)}) {  // one tile, and two
    const dim_t classes = 10, count = rows * classes;
    const auto x = random_values(count, 1, -4, 4), t = random_values(count, 2, -4, 4);
    const std::vector<std::int32_t> labels(std::size_t(rows), 3);
    auto stats = zeros(kNumDistillStats * rows), losses = zeros(2), grad = zeros(count);
    std::int32_t invalid = 0;
    b.softmax_xent.distill_forward({}, {x.data(), t.data(), labels.data(), rows, classes, 4, 16, stats.data(),
                                        &losses[0], &losses[1], &invalid, nullptr});
    b.softmax_xent.distill_backward(
        {}, {x.data(), t.data(), labels.data(), stats.data(), &one, &one, rows, classes, 4, 16, grad.data()});
    results.insert(results.end(), {stats, losses, grad});
  }
  for (const dim_t width : {dim_t(70), dim_t(17000)}) {  // a row in registers, and one that is read twice
    const auto x = random_values(2 * width, 3), t = random_values(2 * width, 4);
    auto stats = zeros(2 * kNumFactorStats), loss = zeros(1), grad = zeros(2 * width);
    b.factor_distance.forward({}, {x.data(), t.data(), 2, width, 1, 1e-12f, stats.data(), loss.data(), nullptr});
    b.factor_distance.backward({},
                               {x.data(), t.data(), stats.data(), loss.data(), &one, 2, width, 1, 1e-12f, grad.data()});
    results.insert(results.end(), {stats, loss, grad});
  }
  for (const ActivationShape& s : {ActivationShape{2, 16, 6, 6, 1}, ActivationShape{2, 16, 6, 6, 16}}) {
    const auto x = random_values(s.count(), 5), t = random_values(s.count(), 6), margin = random_values(s.c, 7);
    const auto g = random_values(s.n * s.pixels(), 8);
    auto map = zeros(s.n * s.pixels()), norm = zeros(s.n), grad = zeros(s.count()), loss = zeros(1);
    b.attention_map.forward({}, {s, x.data(), 2, 1e-12f, map.data(), norm.data()});
    b.attention_map.backward({}, {s, x.data(), map.data(), norm.data(), g.data(), 2, 1e-12f, grad.data()});
    results.insert(results.end(), {map, norm, grad});
    b.margin_error.forward({}, {s, x.data(), t.data(), margin.data(), 1, loss.data(), nullptr});
    b.margin_error.backward({}, {s, x.data(), t.data(), margin.data(), &one, 1, grad.data()});
    results.insert(results.end(), {loss, grad});
  }
}

void residual_kernels(Results& results) {
  const auto& b = backend_under_test().residual_cosine;
  const dim_t rows = 450, c1 = 7, c2 = 3, width = 40;  // two tiles
  auto logits = random_values(rows * c1, 1, -2, 2), targets = zeros(rows * c1), targets2 = zeros(rows * c2);
  for (dim_t r = 0; r < rows; ++r) targets[std::size_t(r * c1 + r % c1)] = targets2[std::size_t(r * c2 + r % c2)] = 1;
  auto r1 = zeros(rows * c1), r2 = zeros(rows * c2), losses = zeros(rows), grad = r1, grad2 = r2;
  b.head_residual({}, {logits.data(), targets.data(), rows, c1, true, r1.data(), losses.data()});
  b.head_residual_backward({}, {r1.data(), targets.data(), losses.data(), rows, c1, true, grad.data()});
  results.insert(results.end(), {r1, losses, grad});
  b.head_residual({}, {logits.data(), targets2.data(), rows, c2, false, r2.data(), losses.data()});
  const auto g11 = random_values(c1 * c1, 2, 0.5f, 1), g22 = random_values(c2 * c2, 3, 0.5f, 1),
             g12 = random_values(c1 * c2, 4);
  auto cos = zeros(rows), norm1 = cos, norm2 = cos, d11 = zeros(c1 * c1), d22 = zeros(c2 * c2), d12 = zeros(c1 * c2);
  const ResidualPair pair = {r1.data(), r2.data(), g11.data(), g22.data(), g12.data(), rows, c1, c2, 0.1f};
  b.forward({}, {pair, cos.data(), norm1.data(), norm2.data()});
  b.backward({}, {pair, cos.data(), norm1.data(), norm2.data(), losses.data(), targets.data(), targets2.data(),
                  d11.data(), d22.data(), d12.data(), grad.data(), grad2.data(), nullptr});
  results.insert(results.end(), {cos, norm1, norm2, d11, d22, d12, grad, grad2});
  const auto a = random_values(rows * width, 5), w = random_values(c1 * width, 6);
  auto out = zeros(rows * 2 * width);
  b.shifted_concat(
      {}, {a.data(), a.data(), r1.data(), w.data(), losses.data(), rows, c1, width, true, 1, 0.1f, out.data()});
  results.push_back(out);
}

void vector_kernels(Results& results) {
  const auto& b = backend_under_test();
  for (const dim_t width : {dim_t(700), dim_t(5000)}) {
    const auto v = random_values(4 * width, 1), g = random_values(1, 2);
    const float *a = v.data(), *bb = a + width, *va = bb + width, *vb = va + width;
    auto cos = zeros(1), stats = zeros(3), ga = zeros(width), gb = ga;
    b.grad_cosine.forward({}, {a, bb, 1, width, 1e-8f, cos.data(), stats.data()});
    b.grad_cosine.backward({}, {a, bb, stats.data(), g.data(), 1, width, 1e-8f, ga.data(), gb.data()});
    results.insert(results.end(), {cos, stats, ga, gb});
    b.grad_cosine.double_backward(
        {}, {a, bb, stats.data(), g.data(), va, vb, 1, width, 1e-8f, ga.data(), gb.data(), cos.data()});
    results.insert(results.end(), {cos, ga, gb});
  }
  const auto x = random_values(40000, 3);
  auto y = zeros(40000), m = zeros(600), v = m, norm = zeros(2);
  std::int32_t step = 0, first = 0;
  const float lr = 0.1f;
  for (const ReduceArgs& args :
       {ReduceArgs{ReduceOp::kSum, x.data(), y.data(), nullptr, 0, {}, {}, 1, {40000}, {1}},
        ReduceArgs{ReduceOp::kSum, x.data(), y.data(), nullptr, 1, {8}, {1}, 1, {5000}, {8}}}) {
    b.reduce.reduce({}, args);
    results.push_back({y.begin(), y.begin() + 8});
  }
  b.strided_copy.copy({}, {x.data(), y.data(), 4, 2, {50, 70}, {1, 50}, {70, 1}});
  results.push_back({y.begin(), y.begin() + 3500});
  y.assign(x.begin(), x.begin() + 600);
  const AdamTensor tensor = {y.data(), x.data(), m.data(), v.data(), 600, &step};
  b.optim_step.adam({}, {&tensor, 1, &lr, 0.9, 0.999, 1e-8f, 0, false});
  const GradTensor grad = {x.data(), 9000};
  b.optim_step.grad_norm({}, {&grad, 1, 5, nullptr, &norm[0], &norm[1]});
  std::vector<std::int32_t> index(300, 0);
  index[100] = 7;
  b.spatial.first_out_of_range({}, {index.data(), 300, 5, &first});
  results.insert(results.end(), {y, m, v, norm, {float(first)}});
}

/// The bytes of double results, for comparison.
std::vector<float> bytes_of(const std::vector<double>& values) {
  std::vector<float> bytes(values.size() * sizeof(double) / sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size() * sizeof(float));
  return bytes;
}

void survival_kernels(Results& results) {
  const testing::GeneSample s(130, 1, 2, true, true, 1);
  const RiskSets sets = s.risk(CoxTies::kEfron);
  std::vector<double> cells;
  for (const CellFit& f : testing::cell_fits(s, sets, 7, 1e-6))
    cells.insert(cells.end(), {f.coef[0], f.coef[1], f.coef[2], f.se[0], f.se[1], f.se[2], f.loglik, f.score});
  results.push_back(bytes_of(cells));
  const testing::FullResult full = testing::full_fits(s, sets, 2, {0}, 1e-6);
  results.insert(results.end(), {bytes_of(full.coef), bytes_of(full.se)});
}

bool same_bits(const Results& a, const Results& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(float)) != 0) return false;
  return true;
}

TEST(SyncRemoval, EveryBarrierOfTheKernelsIsNeeded) {
  Results expected;
  std::set<std::string> tried;
  for (void (*cases)(Results&) : {channel_kernels, image_kernels, batch_kernels, loss_kernels, distillation_kernels,
                                  residual_kernels, vector_kernels, survival_kernels}) {
    expected.clear();
    cases(expected);
    for (const emu::SyncRemoval& removal : emu::remove_each_sync([&] {
           Results results;
           cases(results);
           return same_bits(results, expected);
         })) {
      const std::string place = std::string(removal.sync.file) + ":" + std::to_string(removal.sync.line);
      tried.insert(place);
      EXPECT_NE(removal.caught_by, "") << place << ": nothing noticed that this barrier was missing";
    }
  }
  EXPECT_GE(tried.size(), 45u);
}

}  // namespace
}  // namespace engram::kernels
