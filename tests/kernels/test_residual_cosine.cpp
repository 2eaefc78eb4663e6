/// Residuals of two heads and the cosine of their gradients against the double-precision reference; gradients against
/// its central differences. Shifted features, odd extents: kernel_cases/residual_cosine.cpp.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/residual_cosine/residual_cosine.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;
using testing::random_values;
using testing::widen;

using Doubles = std::vector<double>;

/// One-hot rows.
std::vector<float> one_hot(dim_t rows, dim_t classes, dim_t step) {
  std::vector<float> t(std::size_t(rows * classes), 0.f);
  for (dim_t r = 0; r < rows; ++r) t[std::size_t(r * classes + r * step % classes)] = 1;
  return t;
}

/// Rows, classes of the two heads, width below them.
struct Extents {
  dim_t rows, c1, c2, width;
};
const Extents kExtents[] = {{1, 2, 2, 3},   {5, 3, 2, 4},    {64, 7, 3, 20},
                            {301, 2, 5, 9}, {9, 40, 33, 50}, {3, 70, 6, 80}};

/// Central difference of f along entry i of x.
double difference(const std::function<double(const Doubles&)>& f, const Doubles& x, std::size_t i) {
  constexpr double kStep = 1e-5;
  Doubles up = x, down = x;
  up[i] += kStep;
  down[i] -= kStep;
  return (f(up) - f(down)) / (2 * kStep);
}

double weighted(const Doubles& values, const std::vector<float>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * double(weights[i]);
  return sum;
}

struct Head {
  std::vector<float> residual, losses, gradient;
};

Head head_of(const std::vector<float>& logits, const std::vector<float>& targets, dim_t rows, dim_t classes, bool twice,
             const std::vector<float>& grad_rows) {
  const auto& kernels = backend_under_test().residual_cosine;
  Head h = {poisoned(rows * classes), poisoned(rows), poisoned(rows * classes)};
  kernels.head_residual({}, {logits.data(), targets.data(), rows, classes, twice, h.residual.data(), h.losses.data()});
  kernels.head_residual_backward(
      {}, {h.residual.data(), targets.data(), grad_rows.data(), rows, classes, twice, h.gradient.data()});
  return h;
}

TEST(ResidualCosine, HeadsMatchTheReference) {
  for (const auto& [rows, classes, unused, width] : kExtents)
    for (const bool twice : {false, true}) {
      SCOPED_TRACE(std::to_string(rows) + " rows, " + std::to_string(classes) + " classes" + (twice ? ", twice" : ""));
      const auto logits = random_values(rows * classes, 1, -3, 3), weights = random_values(rows, 2);
      const auto targets = one_hot(rows, classes, 1);
      const Head got = head_of(logits, targets, rows, classes, twice, weights);
      const Doubles t = widen(targets);
      const auto losses_of = [&](const Doubles& x, Doubles& residual) {
        Doubles losses(std::size_t(rows), 0.0);
        residual.resize(x.size());
        reference::head_residual(x.data(), t.data(), rows, classes, twice, residual.data(), losses.data());
        return losses;
      };
      Doubles residual;
      const Doubles losses = losses_of(widen(logits), residual);
      for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(got.losses[i], losses[i], 2e-6 * (1 + losses[i]));
      for (std::size_t i = 0; i < residual.size(); ++i) EXPECT_NEAR(got.residual[i], residual[i], 1e-6);
      for (std::size_t i = 0; i < logits.size(); i += 1 + logits.size() / 50) {
        const double expected = difference(
            [&](const Doubles& x) {
              Doubles scratch;
              return weighted(losses_of(x, scratch), weights);
            },
            widen(logits), i);
        EXPECT_NEAR(got.gradient[i], expected, 2e-6) << i;
      }
    }
}

TEST(ResidualCosine, AResidualKeepsItsDigitsWhereTheTargetIsNearlyCertain) {
  const Head got = head_of({20, 0, 1}, {1, 0, 0}, 1, 3, false, {1});
  const double others = std::exp(-20.0) + std::exp(-19.0);
  EXPECT_NEAR(got.residual[0], -others, 1e-5 * others);
}

struct Pair {
  Extents e;
  std::vector<float> residual1, residual2, targets1, targets2, m1, m2, gram11, gram22, gram12, weights;
  float eps = 1e-8f;

  explicit Pair(const Extents& extents, float size = 1) : e(extents) {
    const std::vector<float> zeros(std::size_t(e.rows), 0.f);
    targets1 = one_hot(e.rows, e.c1, 1);
    targets2 = one_hot(e.rows, e.c2, 2);
    residual1 = head_of(random_values(e.rows * e.c1, 1, -2, 2), targets1, e.rows, e.c1, false, zeros).residual;
    residual2 = head_of(random_values(e.rows * e.c2, 2, -2, 2), targets2, e.rows, e.c2, false, zeros).residual;
    for (float& v : residual1) v *= size;
    m1 = random_values(e.c1 * e.width, 3);
    m2 = random_values(e.c2 * e.width, 4);
    gram11 = gram(m1, e.c1, m1, e.c1);
    gram22 = gram(m2, e.c2, m2, e.c2);
    gram12 = gram(m1, e.c1, m2, e.c2);
    weights = random_values(e.rows, 5);
  }
  std::vector<float> gram(const std::vector<float>& a, dim_t rows, const std::vector<float>& b, dim_t columns) const {
    std::vector<float> g;
    for (dim_t i = 0; i < rows; ++i)
      for (dim_t j = 0; j < columns; ++j) {
        double sum = 0;
        for (dim_t k = 0; k < e.width; ++k)
          sum += double(a[std::size_t(i * e.width + k)]) * double(b[std::size_t(j * e.width + k)]);
        g.push_back(float(sum));
      }
    return g;
  }
  ResidualPair args() const {
    return {residual1.data(), residual2.data(), gram11.data(), gram22.data(), gram12.data(), e.rows, e.c1, e.c2, eps};
  }
};

struct Cosine {
  std::vector<float> cos, norm1, norm2, grad11, grad22, grad12, logits1, logits2;

  std::vector<float> all() const {
    std::vector<float> values;
    for (const auto* part : {&cos, &norm1, &norm2, &grad11, &grad22, &grad12, &logits1, &logits2})
      values.insert(values.end(), part->begin(), part->end());
    return values;
  }
};

Cosine cosine_of(const Pair& p, bool to_logits = true) {
  const auto& kernels = backend_under_test().residual_cosine;
  const auto& [rows, c1, c2, width] = p.e;
  Cosine c = {poisoned(rows),    poisoned(rows),    poisoned(rows),      poisoned(c1 * c1),
              poisoned(c2 * c2), poisoned(c1 * c2), poisoned(rows * c1), poisoned(rows * c2)};
  kernels.forward({}, {p.args(), c.cos.data(), c.norm1.data(), c.norm2.data()});
  std::vector<double> workspace(kernels.workspace_bytes(rows, c1, c2) / sizeof(double) + 1);
  kernels.backward(
      {}, {p.args(), c.cos.data(), c.norm1.data(), c.norm2.data(), p.weights.data(), p.targets1.data(),
           p.targets2.data(), c.grad11.data(), c.grad22.data(), c.grad12.data(), to_logits ? c.logits1.data() : nullptr,
           to_logits ? c.logits2.data() : nullptr, workspace.data()});
  return c;
}

/// The reference's cosines from residuals and maps.
Doubles reference_cosines(const Pair& p, const Doubles& r1, const Doubles& r2, const Doubles& m1, const Doubles& m2) {
  Doubles cos(std::size_t(p.e.rows), 0.0), norm1 = cos, norm2 = cos;
  reference::residual_cosine(r1.data(), r2.data(), m1.data(), m2.data(), p.e.rows, p.e.c1, p.e.c2, p.e.width, p.eps,
                             cos.data(), norm1.data(), norm2.data());
  return cos;
}

TEST(ResidualCosine, CosinesAndNormsMatchTheReference) {
  for (const Extents& e : kExtents)
    for (const float size : {1.f, 1e-5f}) {
      Pair p(e, size);
      p.eps = size == 1 ? 0.1f : 1e-8f;
      const Cosine got = cosine_of(p);
      Doubles cos(std::size_t(e.rows), 0.0), norm1 = cos, norm2 = cos;
      const Doubles r1 = widen(p.residual1), r2 = widen(p.residual2), m1 = widen(p.m1), m2 = widen(p.m2);
      reference::residual_cosine(r1.data(), r2.data(), m1.data(), m2.data(), e.rows, e.c1, e.c2, e.width, p.eps,
                                 cos.data(), norm1.data(), norm2.data());
      for (std::size_t r = 0; r < cos.size(); ++r) {
        EXPECT_NEAR(got.cos[r], cos[r], 5e-6) << e.rows << " " << r;
        EXPECT_NEAR(got.norm1[r], norm1[r], 5e-6 * norm1[r]) << e.rows << " " << r;
        EXPECT_NEAR(got.norm2[r], norm2[r], 5e-6 * norm2[r]) << e.rows << " " << r;
      }
    }
}

/// The Gram matrices' gradients reach the maps as dM1 = (G + G^T) M1 + C M2, with G and C those of G11 and G12.
TEST(ResidualCosine, GramGradientsMatchDifferences) {
  for (const Extents& e : kExtents) {
    Pair p(e);
    p.eps = 0.05f;
    const Cosine got = cosine_of(p, false);
    const Doubles r1 = widen(p.residual1), r2 = widen(p.residual2), m1 = widen(p.m1), m2 = widen(p.m2);
    for (std::size_t i = 0; i < m1.size(); i += 1 + m1.size() / 20) {
      const dim_t c = dim_t(i) / e.width, k = dim_t(i) % e.width;
      double sum = 0, scale = 1;
      const auto add = [&](double term) { sum += term, scale += std::abs(term); };
      for (dim_t j = 0; j < e.c1; ++j)
        add((double(got.grad11[std::size_t(c * e.c1 + j)]) + double(got.grad11[std::size_t(j * e.c1 + c)])) *
            m1[std::size_t(j * e.width + k)]);
      for (dim_t j = 0; j < e.c2; ++j)
        add(double(got.grad12[std::size_t(c * e.c2 + j)]) * m2[std::size_t(j * e.width + k)]);
      const double expected =
          difference([&](const Doubles& x) { return weighted(reference_cosines(p, r1, r2, x, m2), p.weights); }, m1, i);
      EXPECT_NEAR(sum, expected, 1e-5 * scale) << e.rows << " " << i;
    }
    for (std::size_t i = 0; i < m2.size(); i += 1 + m2.size() / 20) {
      const dim_t c = dim_t(i) / e.width, k = dim_t(i) % e.width;
      double sum = 0, scale = 1;
      const auto add = [&](double term) { sum += term, scale += std::abs(term); };
      for (dim_t j = 0; j < e.c2; ++j)
        add((double(got.grad22[std::size_t(c * e.c2 + j)]) + double(got.grad22[std::size_t(j * e.c2 + c)])) *
            m2[std::size_t(j * e.width + k)]);
      for (dim_t j = 0; j < e.c1; ++j)
        add(double(got.grad12[std::size_t(j * e.c2 + c)]) * m1[std::size_t(j * e.width + k)]);
      const double expected =
          difference([&](const Doubles& x) { return weighted(reference_cosines(p, r1, r2, m1, x), p.weights); }, m2, i);
      EXPECT_NEAR(sum, expected, 1e-5 * scale) << e.rows << " " << i;
    }
  }
}

/// Differences in the logits: with p = residual + target known, logits log p give these residuals.
TEST(ResidualCosine, LogitGradientsMatchDifferences) {
  for (const Extents& e : kExtents) {
    const Pair p(e);
    const Cosine got = cosine_of(p);
    const Doubles m1 = widen(p.m1), m2 = widen(p.m2);
    const auto logits_of = [](const std::vector<float>& residual, const std::vector<float>& targets) {
      Doubles o;
      for (std::size_t i = 0; i < residual.size(); ++i) o.push_back(std::log(double(residual[i]) + double(targets[i])));
      return o;
    };
    const auto residual_of = [&](const Doubles& o, const std::vector<float>& targets, dim_t classes) {
      Doubles residual(o.size(), 0.0), losses(std::size_t(e.rows), 0.0);
      const Doubles t = widen(targets);
      reference::head_residual(o.data(), t.data(), e.rows, classes, false, residual.data(), losses.data());
      return residual;
    };
    const Doubles o1 = logits_of(p.residual1, p.targets1), o2 = logits_of(p.residual2, p.targets2);
    const Doubles r1 = residual_of(o1, p.targets1, e.c1), r2 = residual_of(o2, p.targets2, e.c2);
    for (std::size_t i = 0; i < o1.size(); i += 1 + o1.size() / 20)
      EXPECT_NEAR(got.logits1[i],
                  difference(
                      [&](const Doubles& x) {
                        return weighted(reference_cosines(p, residual_of(x, p.targets1, e.c1), r2, m1, m2), p.weights);
                      },
                      o1, i),
                  1e-5)
          << e.rows << " " << i;
    for (std::size_t i = 0; i < o2.size(); i += 1 + o2.size() / 20)
      EXPECT_NEAR(got.logits2[i],
                  difference(
                      [&](const Doubles& x) {
                        return weighted(reference_cosines(p, r1, residual_of(x, p.targets2, e.c2), m1, m2), p.weights);
                      },
                      o2, i),
                  1e-5)
          << e.rows << " " << i;
  }
}

TEST(ResidualCosine, TwoWayHeadsHaveOneCosineAndGiveTheirLogitsNothing) {
  Pair p({33, 2, 2, 6});
  p.eps = 0;
  const Cosine got = cosine_of(p);
  for (const float cos : got.cos) EXPECT_NEAR(std::abs(cos), std::abs(got.cos[0]), 1e-6);
  for (const float g : got.logits1) EXPECT_NEAR(g, 0, 1e-6);
  for (const float g : got.logits2) EXPECT_NEAR(g, 0, 1e-6);
}

TEST(ResidualCosine, ResidualsOfZeroGiveZero) {
  Pair p({4, 3, 2, 5}, 0);
  p.eps = 0;
  const Cosine got = cosine_of(p);
  for (const float value : got.cos) EXPECT_EQ(value, 0);
  for (const float value : got.all()) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace engram::kernels
