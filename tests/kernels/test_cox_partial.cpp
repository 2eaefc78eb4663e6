/// The Cox partial likelihood's kernels against the definition, risk set by risk set.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/common/error.h"
#include "kernels/cox_partial/cox_partial.h"
#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/survival_design.h"
#include "tests/support/random_survival.h"

namespace engram::kernels {
namespace {

using ::engram::testing::random_survival;
using ::engram::testing::RandomSurvivalOptions;
using ::engram::testing::survival_arrangements;
using survival::SurvivalDesign;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Every output of the kernels at some eta, poisoned before the run.
struct KernelRun {
  double size;  ///< of eta
  dim_t rows, columns, stride;
  std::vector<double> panel, eta, theta, residual, exposure, curvature, information, magnitude, score, residuals,
      risk_mean, hazard;
  std::vector<CoxGroupSums> groups;
  double loglik = kNan;

  KernelRun(const SurvivalDesign& design, CoxTies ties, double size) : size(size) {
    const CoxRiskSets& sets = design.risk_sets();
    rows = design.rows();
    columns = design.columns();
    stride = panel_stride(columns);
    std::vector<const double*> sources;
    for (dim_t j = 0; j < columns; ++j) sources.push_back(design.standardized(j));
    const auto poison = [&](std::vector<double>& v, dim_t count) { v.assign(std::size_t(count), kNan); };
    poison(panel, rows * stride);
    for (auto* v : {&theta, &residual, &exposure, &curvature, &hazard}) poison(*v, rows);
    poison(information, stride * stride);
    for (auto* v : {&magnitude, &score}) poison(*v, stride);
    poison(residuals, rows * stride);
    poison(risk_mean, sets.num_groups * stride);
    groups.resize(std::size_t(sets.num_groups));
    kCpuWeightedGram.pack_columns({}, {sources.data(), columns, rows, stride, panel.data()});
    eta = design.offset();
    for (dim_t i = 0; i < rows; ++i)
      for (dim_t j = 0; j < columns; ++j) eta[i] += size * (j % 3 - 0.7) * panel[i * stride + j];
    kCpuCoxPartial.likelihood(
        {}, {sets, ties, eta.data(), theta.data(), groups.data(), residual.data(), exposure.data(), &loglik});
    kCpuCoxPartial.curvature({}, {sets, ties, theta.data(), exposure.data(), groups.data(), curvature.data()});
    std::vector<double> workspace(std::size_t(cox_information_workspace(stride)), kNan);
    kCpuCoxPartial.information({}, {sets, ties, panel.data(), stride, theta.data(), exposure.data(), groups.data(),
                                    information.data(), magnitude.data(), workspace.data()});
    kCpuWeightedGram.transpose_product({}, {panel.data(), rows, stride, residual.data(), score.data()});
    std::vector<double> memory(std::size_t(cox_score_residual_workspace(sets.num_groups, stride)), kNan);
    kCpuCoxPartial.score_residuals({}, {sets, ties, panel.data(), stride, eta.data(), theta.data(), groups.data(),
                                        residuals.data(), risk_mean.data(), hazard.data(), memory.data()});
  }
};

/// Rounding of sums over risk sets, relative to their terms. With entry times patients leave the running sums, whose
/// error stays that of the largest sum so far: at size 3 one patient outweighs those who stay by a factor of 1e8.
double rounding(const SurvivalDesign& design, double size) {
  return !design.has_entry() ? 1e-12 : size < 1 ? 1e-11 : 1e-6;
}

template <class Check>
void for_all(const Check& check) {
  for (const RandomSurvivalOptions& options : survival_arrangements()) {
    const auto data = random_survival(options);
    const SurvivalDesign design(data.outcome, data.covariates);
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      for (double size : {0., 0.3, 3.}) {
        SCOPED_TRACE(message("seed ", options.seed, ties == CoxTies::kEfron ? " efron" : " breslow", " size ", size));
        check(design, ties, KernelRun(design, ties, size));
      }
    }
  }
}

TEST(CoxPartial, ValueScoreAndInformationMatchTheDefinition) {
  for_all([](const SurvivalDesign& design, CoxTies ties, const KernelRun& run) {
    std::vector<double> score(run.columns), information(run.columns * run.columns);
    const double loglik = reference::cox_partial(design.risk_sets(), ties, run.eta.data(), run.panel.data(),
                                                 run.columns, run.stride, score.data(), information.data());
    EXPECT_NEAR(run.loglik, loglik, rounding(design, run.size) * (1 + std::abs(loglik)));
    for (dim_t a = 0; a < run.columns; ++a) {
      EXPECT_NEAR(run.score[a], score[a], 10 * rounding(design, run.size) * (1 + run.magnitude[a]));
      for (dim_t b = 0; b < run.columns; ++b) {
        const double scale = std::sqrt(run.magnitude[a] * run.magnitude[b]);
        ASSERT_NEAR(run.information[a * run.stride + b], information[a * run.columns + b],
                    rounding(design, run.size) * (1 + scale));
        ASSERT_EQ(run.information[a * run.stride + b], run.information[b * run.stride + a]);
      }
    }
  });
}

TEST(CoxPartial, ValueAloneIsTheSame) {
  for_all([](const SurvivalDesign& design, CoxTies ties, KernelRun run) {
    double loglik = kNan;
    kCpuCoxPartial.likelihood(
        {}, {design.risk_sets(), ties, run.eta.data(), run.theta.data(), run.groups.data(), nullptr, nullptr, &loglik});
    EXPECT_EQ(loglik, run.loglik);
  });
}

TEST(CoxPartial, CurvatureIsTheDiagonalOfTheHessianByEta) {
  for_all([](const SurvivalDesign& design, CoxTies ties, KernelRun run) {
    // With the unit vectors as columns the information is the Hessian by eta.
    std::vector<double> unit(run.rows * run.rows, 0.), score(run.rows), hessian(run.rows * run.rows);
    for (dim_t i = 0; i < run.rows; ++i) unit[i * run.rows + i] = 1;
    reference::cox_partial(design.risk_sets(), ties, run.eta.data(), unit.data(), run.rows, run.rows, score.data(),
                           hessian.data());
    for (dim_t i = 0; i < run.rows; ++i) {
      ASSERT_NEAR(run.curvature[i], hessian[i * run.rows + i], rounding(design, run.size) * (1 + run.exposure[i])) << i;
      ASSERT_NEAR(run.residual[i], score[i], rounding(design, run.size) * (1 + run.exposure[i])) << i;
    }
  });
}

TEST(CoxPartial, ScoreResidualsMatchTheDefinitionAndSumToTheScore) {
  for_all([](const SurvivalDesign& design, CoxTies ties, const KernelRun& run) {
    std::vector<double> expected(run.rows * run.columns), sum(run.columns, 0.);
    reference::cox_score_residuals(design.risk_sets(), ties, run.eta.data(), run.panel.data(), run.columns, run.stride,
                                   expected.data());
    for (dim_t i = 0; i < run.rows; ++i) {
      for (dim_t j = 0; j < run.columns; ++j) {
        const double residual = run.residuals[i * run.stride + j];
        ASSERT_NEAR(residual, expected[i * run.columns + j], 10 * rounding(design, run.size) * (1 + run.exposure[i]))
            << i << " " << j;
        sum[j] += design.weight()[i] * residual;
      }
    }
    for (dim_t j = 0; j < run.columns; ++j)
      EXPECT_NEAR(sum[j], run.score[j], 100 * rounding(design, run.size) * (1 + run.magnitude[j]));
  });
}

TEST(CoxPartial, SpreadWithoutBoundIsNotFinite) {
  const auto data = random_survival({.rows = 20});
  const SurvivalDesign design(data.outcome, data.covariates);
  KernelRun run(design, CoxTies::kEfron, 0);
  run.eta[run.rows - 1] = 1e5;  // the earliest time: every later risk set's sum vanishes beside it
  double loglik = 0;
  kCpuCoxPartial.likelihood({}, {design.risk_sets(), CoxTies::kEfron, run.eta.data(), run.theta.data(),
                                 run.groups.data(), run.residual.data(), run.exposure.data(), &loglik});
  EXPECT_FALSE(std::isfinite(loglik));
}

TEST(CoxPartial, FirthGradientIsTheDerivativeOfTheLogDeterminant) {
  // For one column log det I is log I, whose derivative differences of I give.
  for (const RandomSurvivalOptions& options : survival_arrangements()) {
    auto one = options;
    one.columns = 1;
    const auto data = random_survival(one);
    const SurvivalDesign design(data.outcome, data.covariates);
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      SCOPED_TRACE(options.seed);
      // KernelRun's eta moves along the column by -0.7 a unit of size.
      const KernelRun run(design, ties, -0.5 / 0.7), above(design, ties, -(0.5 + 1e-5) / 0.7),
          below(design, ties, -(0.5 - 1e-5) / 0.7);
      std::vector<double> inverse(run.stride * run.stride, 0.), gradient(1, kNan),
          workspace(std::size_t(cox_firth_workspace(1)), kNan);
      inverse[0] = 1 / run.information[0];
      kCpuCoxPartial.firth({}, {design.risk_sets(), ties, run.panel.data(), 1, run.stride, run.theta.data(),
                                run.groups.data(), inverse.data(), gradient.data(), workspace.data()});
      const double expected = (std::log(above.information[0]) - std::log(below.information[0])) / 2e-5 / 2;
      EXPECT_NEAR(gradient[0], expected, 1e-7 * (1 + std::abs(expected)));
    }
  }
}

TEST(CoxPartial, CostsCountOperandsOnce) {
  EXPECT_EQ(cox_information_cost(1000, 800, 20).flops, 1000 * (20 * 21 + 40) + 800 * (20 * 21 + 20));
  EXPECT_EQ(cox_likelihood_cost(1000, 800).bytes_read, 17 * 1000 + 800 * dim_t(sizeof(CoxTieGroup)));
}

}  // namespace
}  // namespace engram::kernels
