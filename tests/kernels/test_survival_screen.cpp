/// Survival screens: likelihood, gradient and information of every model against plain loops over the risk sets, at
/// ties, weights and odd extents; same bits under any schedule.

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/survival_screen/survival_screen.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/survival_screen_samples.h"

namespace engram::kernels {
namespace {

using testing::at_schedules;
using testing::cell_fits;
using testing::full_fits;
using testing::FullResult;
using testing::GeneSample;
using testing::survival_kernels;
using Doubles = std::vector<double>;

/// A small dense matrix, row-major.
struct Matrix {
  Matrix(dim_t rows, dim_t cols) : rows(rows), cols(cols), values(rows * cols) {}
  double& operator()(dim_t i, dim_t j) { return values[i * cols + j]; }
  double operator()(dim_t i, dim_t j) const { return values[i * cols + j]; }

  /// Rows and columns [begin, end).
  Matrix block(dim_t begin, dim_t end) const {
    Matrix out(end - begin, end - begin);
    for (dim_t i = begin; i < end; ++i) {
      for (dim_t j = begin; j < end; ++j) out(i - begin, j - begin) = (*this)(i, j);
    }
    return out;
  }

  Doubles times(const Doubles& x) const {
    Doubles out(rows);
    for (dim_t i = 0; i < rows; ++i) {
      for (dim_t j = 0; j < cols; ++j) out[i] += (*this)(i, j) * x[j];
    }
    return out;
  }

  /// By Gauss and Jordan; the matrix is positive definite.
  Matrix inverse() const {
    Matrix a = *this, out(rows, rows);
    for (dim_t i = 0; i < rows; ++i) out(i, i) = 1;
    for (dim_t k = 0; k < rows; ++k) {
      const double pivot = a(k, k);
      for (dim_t j = 0; j < rows; ++j) a(k, j) /= pivot, out(k, j) /= pivot;
      for (dim_t i = 0; i < rows; ++i) {
        const double factor = a(i, k);
        if (i == k) continue;
        for (dim_t j = 0; j < rows; ++j) a(i, j) -= factor * a(k, j), out(i, j) -= factor * out(k, j);
      }
    }
    return out;
  }

  dim_t rows, cols;
  Doubles values;
};

double dot(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// The information of the first two parameters that the others leave: I_BB - I_BZ I_ZZ^-1 I_ZB.
Matrix efficient_information(const Matrix& information) {
  const Matrix inverse = information.block(2, information.rows).inverse();
  Matrix out = information.block(0, 2);
  for (dim_t a = 0; a < 2; ++a) {
    for (dim_t b = 0; b < 2; ++b) {
      for (dim_t i = 0; i < inverse.rows; ++i) {
        for (dim_t j = 0; j < inverse.rows; ++j)
          out(a, b) -= information(a, 2 + i) * inverse(i, j) * information(2 + j, b);
      }
    }
  }
  return out;
}

/// A sample with the design matrices of its genes.
struct Sample : GeneSample {
  using GeneSample::GeneSample;

  /// Row-major design: the gene and its product first (gene_terms of them), then `covariates` of z; or `last`: behind.
  Matrix design(dim_t gene, dim_t gene_terms, dim_t covariates, bool last = false) const {
    Matrix x(n, gene_terms + covariates);
    for (dim_t i = 0; i < n; ++i) {
      const dim_t first_gene = last ? covariates : 0, first_covariate = last ? 0 : gene_terms;
      if (gene_terms > 0) x(i, first_gene) = carries(i, gene);
      if (gene_terms > 1) x(i, first_gene + 1) = carries(i, gene) && treatment[i];
      for (dim_t k = 0; k < covariates; ++k) x(i, first_covariate + k) = z[k * n + i];
    }
    return x;
  }
};

struct Derivatives {
  double loglik;
  Doubles gradient;
  Matrix information;
};

Derivatives derivatives(const RiskSetView& risk, const Matrix& x, const double* offset, const Doubles& beta) {
  Derivatives d = {0, Doubles(x.cols), Matrix(x.cols, x.cols)};
  d.loglik = reference::cox_loglik(risk, x.values.data(), x.cols, offset, beta.data(),
                                   {d.gradient.data(), d.information.values.data()});
  return d;
}

struct ScreenCase {
  dim_t patients, genes, covariates;
  bool ties, weighted;
};
const ScreenCase kScreenCases[] = {{9, 3, 1, false, false},
                                   {61, 9, 3, true, true},
                                   {130, 20, 4, false, true},
                                   {200, 11, 11, true, false},
                                   {300, 6, 2, true, true}};

class SurvivalScreen : public ::testing::TestWithParam<CoxTies> {};
INSTANTIATE_TEST_SUITE_P(Ties, SurvivalScreen, ::testing::Values(CoxTies::kBreslow, CoxTies::kEfron),
                         [](const auto& info) { return info.param == CoxTies::kEfron ? "Efron" : "Breslow"; });

TEST_P(SurvivalScreen, ReferenceDerivativesAreThoseOfTheLikelihood) {
  const Sample s(61, 3, 2, true, true, 1);
  const RiskSets sets = s.risk(GetParam());
  const Matrix x = s.design(0, 2, 2);
  const Doubles beta = {0.3, -0.2, 0.1, 0.4};
  const Derivatives at = derivatives(sets.view(), x, s.offset.data(), beta);
  for (int a = 0; a < 4; ++a) {
    const double h = 1e-5;
    Doubles plus = beta, minus = beta;
    plus[a] += h;
    minus[a] -= h;
    const Derivatives up = derivatives(sets.view(), x, s.offset.data(), plus),
                      down = derivatives(sets.view(), x, s.offset.data(), minus);
    EXPECT_NEAR(at.gradient[a], (up.loglik - down.loglik) / (2 * h), 1e-7);
    for (int b = 0; b < 4; ++b) EXPECT_NEAR(at.information(a, b), -(up.gradient[b] - down.gradient[b]) / (2 * h), 1e-7);
  }
}

TEST_P(SurvivalScreen, ScoresAreThoseOfTheFullModelAtTheNullModel) {
  unsigned seed = 10;
  for (const ScreenCase& c : kScreenCases) {
    const Sample s(c.patients, c.genes, c.covariates, c.ties, c.weighted, seed++);
    const RiskSets sets = s.risk(GetParam());
    std::mt19937 random(seed);
    Doubles beta(2 + s.q);
    for (dim_t k = 0; k < s.q; ++k) beta[2 + k] = std::uniform_real_distribution<double>(-1, 1)(random);
    std::vector<double> eta(s.n);
    for (dim_t i = 0; i < s.n; ++i) {
      for (dim_t k = 0; k < s.q; ++k) eta[i] += beta[2 + k] * s.z[k * s.n + i];
    }
    const ScorePanel panel = make_cox_panel(sets, s.z.data(), s.q, eta.data(), s.treatment.data());
    std::vector<double> stats(s.p * kNumScoreStatistics, std::nan(""));
    survival_kernels().score({}, panel.args(s.view(), stats.data()));
    for (dim_t j = 0; j < s.p; ++j) {
      const Derivatives d = derivatives(sets.view(), s.design(j, 2, s.q), nullptr, beta);
      const Matrix efficient = efficient_information(d.information);
      const double* got = stats.data() + j * kNumScoreStatistics;
      EXPECT_NEAR(got[kScoreG], d.gradient[0], 1e-11 * double(s.n));
      EXPECT_NEAR(got[kScoreGt], d.gradient[1], 1e-11 * double(s.n));
      EXPECT_NEAR(got[kInformationG], efficient(0, 0), 1e-11 * double(s.n));
      EXPECT_NEAR(got[kInformationGGt], efficient(1, 0), 1e-11 * double(s.n));
      EXPECT_NEAR(got[kInformationGt], efficient(1, 1), 1e-11 * double(s.n));
    }
  }
}

TEST_P(SurvivalScreen, WidePanelsGiveTheSameScores) {
  struct Width {
    dim_t covariates, columns;
  };
  for (const Width& w : {Width{20, 32}, Width{30, 40}, Width{70, 80}}) {
    const Sample s(250, 4, w.covariates, true, false, 3);
    const RiskSets sets = s.risk(GetParam());
    const std::vector<double> eta(s.n, 0.0);
    const ScorePanel panel = make_cox_panel(sets, s.z.data(), s.q, eta.data(), s.treatment.data());
    EXPECT_EQ(panel.width, w.columns);
    std::vector<double> stats(s.p * kNumScoreStatistics, std::nan(""));
    survival_kernels().score({}, panel.args(s.view(), stats.data()));
    for (const dim_t j : {0, 3}) {
      const Derivatives d = derivatives(sets.view(), s.design(j, 2, s.q), nullptr, Doubles(2 + s.q));
      const Matrix efficient = efficient_information(d.information);
      EXPECT_NEAR(stats[j * kNumScoreStatistics + kScoreGt], d.gradient[1], 1e-9);
      EXPECT_NEAR(stats[j * kNumScoreStatistics + kInformationGGt], efficient(1, 0), 1e-9);
    }
  }
}

TEST(SurvivalScreenPanel, ACovariateThatOthersExplainIsLeftOut) {
  Sample s(80, 5, 3, false, false, 4);
  const RiskSets sets = s.risk(CoxTies::kEfron);
  const std::vector<double> eta(s.n, 0.0);
  std::vector<double> stats(s.p * kNumScoreStatistics), expected = stats;
  survival_kernels().score(
      {}, make_cox_panel(sets, s.z.data(), 2, eta.data(), s.treatment.data()).args(s.view(), expected.data()));
  for (dim_t i = 0; i < s.n; ++i) s.z[2 * s.n + i] = 3 * s.z[i] - s.z[s.n + i];
  survival_kernels().score(
      {}, make_cox_panel(sets, s.z.data(), 3, eta.data(), s.treatment.data()).args(s.view(), stats.data()));
  for (std::size_t k = 0; k < stats.size(); ++k) EXPECT_NEAR(stats[k], expected[k], 1e-10);
}

TEST(SurvivalScreenPanel, ParametricScoresAreWeightedLeastSquares) {
  const Sample s(70, 7, 3, false, false, 5);
  const ScorePanel panel =
      make_parametric_panel(s.offset.data(), s.weight.data(), s.z.data(), s.q, s.treatment.data(), s.n);
  std::vector<double> stats(s.p * kNumScoreStatistics, std::nan(""));
  survival_kernels().score({}, panel.args(s.view(), stats.data()));
  for (dim_t j = 0; j < s.p; ++j) {
    const Matrix x = s.design(j, 2, s.q);
    Matrix information(x.cols, x.cols);
    double score = 0;
    for (dim_t i = 0; i < s.n; ++i) {
      score += x(i, 1) * s.offset[i];
      for (dim_t a = 0; a < x.cols; ++a) {
        for (dim_t b = 0; b < x.cols; ++b) information(a, b) += s.weight[i] * x(i, a) * x(i, b);
      }
    }
    const Matrix efficient = efficient_information(information);
    EXPECT_NEAR(stats[j * kNumScoreStatistics + kScoreGt], score, 1e-12);
    EXPECT_NEAR(stats[j * kNumScoreStatistics + kInformationG], efficient(0, 0), 1e-11);
    EXPECT_NEAR(stats[j * kNumScoreStatistics + kInformationGGt], efficient(1, 0), 1e-11);
    EXPECT_NEAR(stats[j * kNumScoreStatistics + kInformationGt], efficient(1, 1), 1e-11);
  }
}

/// Expects the fit to be at the maximum of the plain likelihood, with its standard errors. `columns` of x are the free
/// parameters in order.
void expect_maximum(const RiskSetView& risk, const Matrix& x, const double* offset, const Doubles& coef,
                    const Doubles& se, double loglik, double start_loglik, double score) {
  const Derivatives at = derivatives(risk, x, offset, coef), start = derivatives(risk, x, offset, Doubles(x.cols));
  EXPECT_NEAR(loglik, at.loglik, 1e-10 * (1 + std::abs(at.loglik)));
  EXPECT_NEAR(start_loglik, start.loglik, 1e-10 * (1 + std::abs(start.loglik)));
  EXPECT_NEAR(score, dot(start.gradient, start.information.inverse().times(start.gradient)), 1e-8);
  const Matrix inverse = at.information.inverse();
  const Doubles step = inverse.times(at.gradient);
  for (dim_t a = 0; a < x.cols; ++a) {
    EXPECT_NEAR(step[a], 0, 1e-7 * se[a]);
    EXPECT_NEAR(se[a], std::sqrt(inverse(a, a)), 1e-7 * se[a]);
  }
}

TEST_P(SurvivalScreen, FourCellFitsMaximiseTheLikelihood) {
  const Sample s(300, 12, 0, true, true, 6);
  const RiskSets sets = s.risk(GetParam());
  for (const unsigned free : {unsigned{kCellGene}, unsigned{kCellGene | kCellTreatment}, 7u}) {
    const std::vector<CellFit> fits = cell_fits(s, sets, free);
    for (const dim_t j : {0, 4, 7, 11}) {
      const dim_t columns = free == 7 ? 3 : free == 3 ? 2 : 1;
      Matrix x(s.n, columns);
      for (dim_t i = 0; i < s.n; ++i) {
        const double row[] = {double(s.carries(i, j)), double(s.treatment[i]),
                              double(s.carries(i, j) && s.treatment[i])};
        for (dim_t a = 0; a < columns; ++a) x(i, a) = row[a];
      }
      const CellFit& f = fits[j];
      EXPECT_EQ(f.status, NewtonStatus::kConverged);
      EXPECT_EQ(f.estimable, free);
      expect_maximum(sets.view(), x, s.offset.data(), Doubles(f.coef, f.coef + columns), Doubles(f.se, f.se + columns),
                     f.loglik, f.start_loglik, f.score);
    }
  }
}

TEST_P(SurvivalScreen, GenesWithoutVariationAreNotEstimable) {
  const Sample s(61, 3, 2, true, false, 7);
  const RiskSets sets = s.risk(GetParam());
  const CellFit nobody = cell_fits(s, sets, 7)[1];
  EXPECT_EQ(nobody.estimable, unsigned{kCellTreatment});
  EXPECT_EQ(nobody.coef[0], 0);
  EXPECT_EQ(nobody.se[0], 0);
  EXPECT_EQ(nobody.coef[2], 0);
  EXPECT_EQ(nobody.status, NewtonStatus::kConverged);
  // One carrier: the product is 0 or the gene itself.
  EXPECT_EQ(cell_fits(s, sets, 7)[2].estimable & kCellProduct, 0u);
}

TEST_P(SurvivalScreen, FullFitsMaximiseTheLikelihood) {
  unsigned seed = 20;
  for (const ScreenCase& c : {ScreenCase{150, 11, 1, true, true}, ScreenCase{240, 9, 4, false, false},
                              ScreenCase{300, 17, 11, true, false}}) {
    const Sample s(c.patients, c.genes, c.covariates, c.ties, c.weighted, seed++);
    const RiskSets sets = s.risk(GetParam());
    for (const int gene_terms : {0, 1, 2}) {
      std::vector<std::int32_t> listed = {0};
      for (dim_t j = 4; j < s.p && gene_terms > 0; j += 4) listed.push_back(std::int32_t(j));
      const FullResult r = full_fits(s, sets, gene_terms, listed);
      const dim_t columns = gene_terms + s.q;
      for (std::size_t k = 0; k < listed.size(); ++k) {
        if (r.fits[k].status != NewtonStatus::kConverged) continue;  // separation is a test of its own
        const Matrix x = s.design(listed[k], gene_terms, s.q, true);
        expect_maximum(sets.view(), x, s.offset.data(), Doubles(&r.coef[k * columns], &r.coef[k * columns] + columns),
                       Doubles(&r.se[k * columns], &r.se[k * columns] + columns), r.fits[k].loglik,
                       r.fits[k].start_loglik, r.fits[k].score);
      }
      EXPECT_EQ(r.fits[0].status, NewtonStatus::kConverged);
    }
  }
}

TEST_P(SurvivalScreen, FullFitsWithManyCovariatesMaximiseTheLikelihood) {
  for (const dim_t covariates : {dim_t(30), kMaxFullCovariates}) {
    const Sample s(300, 1, covariates, true, false, 30);
    const RiskSets sets = s.risk(GetParam());
    const FullResult r = full_fits(s, sets, 2, {0});
    ASSERT_EQ(r.fits[0].status, NewtonStatus::kConverged);
    expect_maximum(sets.view(), s.design(0, 2, s.q, true), s.offset.data(), r.coef, r.se, r.fits[0].loglik,
                   r.fits[0].start_loglik, r.fits[0].score);
  }
}

TEST_P(SurvivalScreen, FullFitsEqualFourCellFitsWithTreatmentAlone) {
  const Sample s(200, 10, 1, true, true, 8);
  const RiskSets sets = s.risk(GetParam());
  const FullResult full = full_fits(s, sets, 2, s.listed);
  const std::vector<CellFit> cells = cell_fits(s, sets, 7);
  for (const dim_t j : {0, 3, 5, 9}) {
    EXPECT_NEAR(full.coef[j * 3], cells[j].coef[1], 1e-7);
    EXPECT_NEAR(full.coef[j * 3 + 1], cells[j].coef[0], 1e-7);
    EXPECT_NEAR(full.coef[j * 3 + 2], cells[j].coef[2], 1e-7);
    EXPECT_NEAR(full.se[j * 3 + 2], cells[j].se[2], 1e-7);
  }
  EXPECT_EQ(full.se[1 * 3 + 1], 0);  // nobody carries gene 1
  EXPECT_EQ(full.coef[1 * 3 + 2], 0);
}

TEST_P(SurvivalScreen, FitsBeginWhereTheyAreTold) {
  const Sample s(120, 3, 2, true, true, 11);
  const RiskSets sets = s.risk(GetParam());
  const std::vector<CellFit> cells = cell_fits(s, sets, 7);
  std::vector<double> fixed_start;
  for (dim_t j = 0; j < s.p; ++j) fixed_start.insert(fixed_start.end(), {0.1, 0.4, -0.3});
  const CellFit fixed = cell_fits(s, sets, kCellGene, 1e-16, fixed_start.data())[0];
  EXPECT_EQ(fixed.coef[1], 0.4);  // not free
  EXPECT_EQ(fixed.coef[2], -0.3);
  EXPECT_EQ(fixed.estimable, unsigned{kCellGene});
  const FullResult full = full_fits(s, sets, 2, {0});
  std::vector<double> start;
  for (const CellFit& f : cells) start.insert(start.end(), f.coef, f.coef + 3);
  const CellFit again = cell_fits(s, sets, 7, 1e-16, start.data())[0];
  EXPECT_NEAR(again.start_loglik, cells[0].loglik, 1e-10);
  EXPECT_NEAR(again.score, 0, 1e-12);
  EXPECT_NEAR(again.coef[0], cells[0].coef[0], 1e-9);
  const FullResult full_again = full_fits(s, sets, 2, {0}, 1e-16, full.coef.data());
  EXPECT_NEAR(full_again.fits[0].start_loglik, full.fits[0].loglik, 1e-10);
  EXPECT_NEAR(full_again.fits[0].score, 0, 1e-12);
  for (int a = 0; a < 4; ++a) EXPECT_NEAR(full_again.coef[a], full.coef[a], 1e-9);
}

TEST_P(SurvivalScreen, AGeneThatEverybodyCarriesIsNotEstimable) {
  Sample s(61, 3, 2, true, false, 7);
  for (dim_t i = 0; i < s.n; ++i) s.bits[i / 64] |= std::uint64_t{1} << (i % 64);
  s.counts[0] = s.n;
  const RiskSets sets = s.risk(GetParam());
  const CellFit cell = cell_fits(s, sets, 7)[0];
  EXPECT_EQ(cell.estimable, unsigned{kCellTreatment});
  EXPECT_EQ(cell.coef[0], 0);
  EXPECT_EQ(cell.coef[2], 0);
  const FullResult full = full_fits(s, sets, 2, {0});
  EXPECT_GT(full.se[0], 0);
  EXPECT_EQ(full.se[2], 0);
  EXPECT_EQ(full.coef[2], 0);
  EXPECT_EQ(full.se[3], 0);  // the product is treatment
  EXPECT_EQ(full.fits[0].status, NewtonStatus::kConverged);
}

TEST_P(SurvivalScreen, SeparationEndsAndIsReported) {
  // Carriers die first of all: the gene's hazard ratio is infinite.
  Sample s(40, 3, 1, false, false, 9);
  std::fill(s.event.begin(), s.event.end(), 1);
  s.bits[2] = std::uint64_t{0xF} << 36;  // the last four in risk order
  s.counts[2] = 4;
  s.list_offsets[3] = s.list_offsets[2];  // read from the bits
  const RiskSets sets = s.risk(GetParam());
  // Also where the tolerance would let the estimate walk until its information is lost in rounding.
  EXPECT_EQ(cell_fits(s, sets, kCellGene, 1e-30)[2].status, NewtonStatus::kSeparated);
  const CellFit cell = cell_fits(s, sets, kCellGene, 1e-9)[2];
  EXPECT_EQ(cell.status, NewtonStatus::kSeparated);
  EXPECT_GT(cell.coef[0], 3);
  EXPECT_TRUE(std::isfinite(cell.coef[0]) && std::isfinite(cell.se[0]) && std::isfinite(cell.loglik));
  const FullResult full = full_fits(s, sets, 1, {2}, 1e-9);
  EXPECT_EQ(full.fits[0].status, NewtonStatus::kSeparated);
  EXPECT_GT(full.coef[1], 3);
  EXPECT_TRUE(std::isfinite(full.coef[1]) && std::isfinite(full.se[1]));
}

TEST(SurvivalScreenRepeat, BitsDoNotDependOnScheduleOrNeighbours) {
  const Sample s(400, 19, 4, true, true, 10);
  const RiskSets sets = s.risk(CoxTies::kEfron);
  const ScorePanel panel = make_cox_panel(sets, s.z.data(), s.q, s.offset.data(), s.treatment.data());
  const auto bytes = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  };
  const auto runs = at_schedules([&] {
    std::vector<double> stats(s.p * kNumScoreStatistics, std::nan(""));
    survival_kernels().score({}, panel.args(s.view(), stats.data()));
    const FullResult full = full_fits(s, sets, 2, s.listed, 1e-9);
    std::string cells;
    for (const CellFit& f : cell_fits(s, sets, 7, 1e-9))
      cells += bytes(std::vector<double>{f.coef[0], f.coef[1], f.coef[2], f.se[2], f.loglik, f.score});
    return bytes(stats) + bytes(full.coef) + bytes(full.se) + cells;
  });
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
  const FullResult all = full_fits(s, sets, 2, s.listed, 1e-9), some = full_fits(s, sets, 2, {11, 5, 18}, 1e-9);
  for (const auto& [place, gene] : {std::pair{0, 11}, {1, 5}, {2, 18}}) {
    for (dim_t a = 0; a < 6; ++a) EXPECT_EQ(some.coef[place * 6 + a], all.coef[gene * 6 + a]);
    EXPECT_EQ(some.fits[place].loglik, all.fits[gene].loglik);
  }
}

}  // namespace
}  // namespace engram::kernels
