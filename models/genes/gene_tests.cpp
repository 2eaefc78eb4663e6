#include "models/genes/gene_tests.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/survival_screen/survival_screen.h"
#include "models/survival/probability.h"

namespace engram::genes {
namespace {

/// Less information than this, and a share of it that the other column leaves, means that the column does not vary.
constexpr double kLeastInformation = 1e-8;

GeneTests make_tests(const std::string& screen, std::size_t genes) {
  GeneTests tests;
  tests.screen = screen;
  for (auto* values : {&tests.effect, &tests.se, &tests.z, &tests.log10_p}) values->assign(genes, 0.0);
  tests.status.assign(genes, FitStatus::kOk);
  return tests;
}

std::vector<double> powers_of_ten(const std::vector<double>& exponents) {
  std::vector<double> out;
  for (const double exponent : exponents) out.push_back(std::pow(10.0, exponent));
  return out;
}

GeneTests adjust(GeneTests tests) {
  adjust_for_multiplicity(tests);
  return tests;
}

void set_estimate(GeneTests& tests, std::size_t j, double effect, double variance) {
  tests.effect[j] = effect;
  tests.se[j] = std::sqrt(variance);
  tests.z[j] = effect / tests.se[j];
  tests.log10_p[j] = survival::log10_p_normal(tests.z[j]);
}

const double* statistics(const std::vector<double>& stats, std::size_t j) {
  return stats.data() + j * kernels::kNumScoreStatistics;
}

std::size_t num_genes(const std::vector<double>& stats) {
  return stats.size() / kernels::kNumScoreStatistics;
}

/// Determinant of the information of (g, g x treatment); 0 if they are collinear.
double determinant(const double* s) {
  const double g = s[kernels::kInformationG], ggt = s[kernels::kInformationGGt], gt = s[kernels::kInformationGt];
  const double value = g * gt - ggt * ggt;
  return std::min(g, gt) > kLeastInformation && value > kLeastInformation * g * gt ? value : 0;
}

}  // namespace

const char* status_name(FitStatus status) {
  switch (status) {
    case FitStatus::kOk:
      return "ok";
    case FitStatus::kNotEstimable:
      return "not_estimable";
    case FitStatus::kSeparated:
      return "separated";
    case FitStatus::kNotConverged:
      return "not_converged";
    case FitStatus::kFewCarriers:
      return "few_carriers";
  }
  return "?";
}

void adjust_for_multiplicity(GeneTests& tests) {
  std::vector<double> log10_p = tests.log10_p;
  for (std::size_t j = 0; j < log10_p.size(); ++j)
    if (tests.status[j] == FitStatus::kFewCarriers) log10_p[j] = std::numeric_limits<double>::quiet_NaN();
  tests.bh = powers_of_ten(survival::benjamini_hochberg(log10_p));
  tests.bonferroni = powers_of_ten(survival::bonferroni(log10_p));
  for (std::size_t j = 0; j < log10_p.size(); ++j)
    if (tests.status[j] == FitStatus::kFewCarriers) tests.bh[j] = tests.bonferroni[j] = 1;
}

GeneTests product_score_tests(const std::vector<double>& stats, const std::string& screen) {
  GeneTests tests = make_tests(screen, num_genes(stats));
  for (std::size_t j = 0; j < num_genes(stats); ++j) {
    const double *s = statistics(stats, j), information = s[kernels::kInformationGt];
    if (information > kLeastInformation) {
      set_estimate(tests, j, s[kernels::kScoreGt] / information, 1 / information);
    } else {
      tests.status[j] = FitStatus::kNotEstimable;
    }
  }
  return adjust(std::move(tests));
}

GeneTests joint_score_tests(const std::vector<double>& stats) {
  GeneTests tests = make_tests("S2", num_genes(stats));
  for (std::size_t j = 0; j < num_genes(stats); ++j) {
    const double *s = statistics(stats, j), det = determinant(s);
    if (det == 0) {
      tests.status[j] = FitStatus::kNotEstimable;
      continue;
    }
    const double u_g = s[kernels::kScoreG], u_gt = s[kernels::kScoreGt];
    const double chi_square = (s[kernels::kInformationGt] * u_g * u_g - 2 * s[kernels::kInformationGGt] * u_g * u_gt +
                               s[kernels::kInformationG] * u_gt * u_gt) /
                              det;
    tests.z[j] = std::sqrt(std::max(0.0, chi_square));
    tests.log10_p[j] = survival::log10_p_chi_square(chi_square, 2);
  }
  return adjust(std::move(tests));
}

GeneTests one_step_tests(const std::vector<double>& stats) {
  GeneTests tests = make_tests("OS", num_genes(stats));
  for (std::size_t j = 0; j < num_genes(stats); ++j) {
    const double *s = statistics(stats, j), det = determinant(s);
    if (det == 0) {
      tests.status[j] = FitStatus::kNotEstimable;
      continue;
    }
    const double g = s[kernels::kInformationG];
    set_estimate(tests, j, (g * s[kernels::kScoreGt] - s[kernels::kInformationGGt] * s[kernels::kScoreG]) / det,
                 g / det);
  }
  return adjust(std::move(tests));
}

GeneTests tests_of(const GeneFits& fits, const std::string& screen) {
  const bool of_gene = screen == "A" || screen == "TA";
  const auto &coef = of_gene ? fits.coef_g : fits.coef_gt, &se = of_gene ? fits.se_g : fits.se_gt;
  GeneTests tests = make_tests(screen, fits.status.size());
  tests.status = fits.status;
  for (std::size_t j = 0; j < fits.status.size(); ++j) {
    if (fits.status[j] == FitStatus::kNotEstimable) continue;
    // The likelihood ratio of an infinite estimate is finite, but far from its law; the score test stays at the null.
    const double chi_square = fits.status[j] == FitStatus::kSeparated ? fits.score_gt[j] : fits.lrt_gt[j];
    tests.effect[j] = coef[j];
    tests.se[j] = se[j];
    tests.z[j] = std::copysign(std::sqrt(std::max(0.0, chi_square)), coef[j]);
    tests.log10_p[j] = survival::log10_p_normal(tests.z[j]);
  }
  return adjust(std::move(tests));
}

}  // namespace engram::genes
