#include "models/genes/screens.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/survival_screen/survival_screen.h"
#include "models/genes/cohort_checks.h"
#include "models/genes/gene_tests.h"
#include "models/genes/null_model.h"
#include "models/genes/screen_device.h"

namespace engram::genes {
namespace {

using kernels::CellFit;
using kernels::NewtonStatus;

/// So small a Newton decrement leaves coefficients and standard errors exact to about eight digits.
constexpr kernels::NewtonRule kExactRule = {.tolerance = 1e-14, .max_iterations = 30};

FitStatus fit_status(NewtonStatus status, bool estimable) {
  if (!estimable) return FitStatus::kNotEstimable;
  switch (status) {
    case NewtonStatus::kConverged:
      return FitStatus::kOk;
    case NewtonStatus::kSeparated:
      return FitStatus::kSeparated;
    case NewtonStatus::kNotConverged:
      return FitStatus::kNotConverged;
  }
  return FitStatus::kNotConverged;
}

void resize_fits(GeneFits& fits, std::size_t count) {
  for (auto* values : {&fits.coef_g, &fits.se_g, &fits.coef_t, &fits.se_t, &fits.coef_gt, &fits.se_gt, &fits.loglik,
                       &fits.lrt_gt, &fits.score_gt}) {
    values->assign(count, 0.0);
  }
  fits.status.assign(count, FitStatus::kOk);
}

/// Twice the gain of likelihood; rounding may make it a little less than 0.
double likelihood_ratio(double loglik, double null_loglik) {
  return std::max(0.0, 2 * (loglik - null_loglik));
}

std::vector<double> run_score_screen(const kernels::ScorePanel& panel, const GeneColumns& genes, const Device& device) {
  std::vector<double> stats(static_cast<std::size_t>(genes.num_genes() * kernels::kNumScoreStatistics));
  ScreenDevice(device).score(panel.args(genes.view(), stats.data()));
  return stats;
}

/// Four-cell fits of all genes.
class CellScreen {
 public:
  CellScreen(const Cohort& cohort, TieMethod ties, const std::vector<double>* offset, const Device& device)
      : cohort_(cohort),
        device_(device),
        risk_(kernels::make_risk_sets(cohort.time.data(), cohort.event.data(), nullptr, cohort.num_patients(), ties)),
        theta_(cohort.time.size(), 1.0) {
    if (!offset) return;
    const double largest = *std::max_element(offset->begin(), offset->end());
    for (std::size_t i = 0; i < theta_.size(); ++i) {
      theta_[i] = std::exp((*offset)[i] - largest);
      if (cohort.event[i]) offset_sum_ += (*offset)[i] - largest;
    }
  }

  std::vector<CellFit> fit(unsigned free, const std::vector<double>& start) {
    std::vector<CellFit> fits(static_cast<std::size_t>(cohort_.num_genes()));
    device_.cells({.genes = cohort_.genes.view(),
                   .risk = risk_.view(),
                   .theta = theta_.data(),
                   .offset_sum = offset_sum_,
                   .treatment = cohort_.treatment.data(),
                   .free = free,
                   .start = start.empty() ? nullptr : start.data(),
                   .rule = kExactRule,
                   .workspace = nullptr,
                   .fits = fits.data()});
    return fits;
  }

 private:
  const Cohort& cohort_;
  ScreenDevice device_;
  kernels::RiskSets risk_;
  std::vector<double> theta_;
  double offset_sum_ = 0;
};

/// Fits of the full model of some genes.
struct FullFits {
  std::vector<double> coef, se;
  std::vector<kernels::FullFit> fits;
};

FullFits run_full_screen(const Cohort& cohort, const CoxNullModel& null, int gene_terms,
                         const std::vector<std::int32_t>& listed, const std::vector<double>& start,
                         const Device& device) {
  const dim_t columns = gene_terms + null.columns();
  FullFits out;
  out.coef.resize(listed.size() * static_cast<std::size_t>(columns));
  out.se.resize(out.coef.size());
  out.fits.resize(listed.size());
  ScreenDevice(device).full({.genes = cohort.genes.view(),
                             .risk = null.risk.view(),
                             .covariates = null.covariates.data(),
                             .num_covariates = null.columns(),
                             .offset = nullptr,
                             .treatment = cohort.treatment.data(),
                             .gene_terms = gene_terms,
                             .listed = listed.data(),
                             .num_listed = static_cast<dim_t>(listed.size()),
                             .start = start.data(),
                             .rule = kExactRule,
                             .workspace = nullptr,
                             .coef = out.coef.data(),
                             .se = out.se.data(),
                             .fits = out.fits.data()});
  return out;
}

/// Start of the model with one gene term: the null model's coefficients, and no effect.
std::vector<double> null_start(const CoxNullModel& null, std::size_t count) {
  std::vector<double> start;
  for (std::size_t j = 0; j < count; ++j) {
    start.insert(start.end(), null.coefficient.begin(), null.coefficient.end());
    start.push_back(0);
  }
  return start;
}

/// Start of the model with the product from the fit without it.
std::vector<double> product_start(const FullFits& without, std::size_t count) {
  const std::size_t columns = without.coef.size() / std::max<std::size_t>(count, 1);
  std::vector<double> start;
  for (std::size_t j = 0; j < count; ++j) {
    const double* row = without.coef.data() + j * columns;
    start.insert(start.end(), row, row + columns);
    start.push_back(0);
  }
  return start;
}

std::vector<std::int32_t> gene_list(const Cohort& cohort, const std::vector<dim_t>& only) {
  if (!only.empty()) return {only.begin(), only.end()};
  std::vector<std::int32_t> all(static_cast<std::size_t>(cohort.num_genes()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Score statistics of all genes at the log-logistic null model.
std::vector<double> aft_statistics(const Cohort& cohort, const Device& device) {
  const std::vector<dim_t> positive = positive_times(cohort);
  if (static_cast<dim_t>(positive.size()) < cohort.num_patients())
    return aft_statistics(select_patients(cohort, positive), device);
  const AftNullModel null = fit_aft_null(cohort);
  const dim_t columns = static_cast<dim_t>(null.covariates.size()) / cohort.num_patients();
  const kernels::ScorePanel panel = kernels::make_parametric_panel(
      null.u.data(), null.w.data(), null.covariates.data(), columns, cohort.treatment.data(), cohort.num_patients());
  return run_score_screen(panel, cohort.genes, device);
}

}  // namespace

ScoreScreen score_screen(const Cohort& cohort, const ScreenOptions& options) {
  require_two_arms(cohort);
  const CoxNullModel null = fit_cox_null(cohort, options.ties, true, options.adjust);
  const kernels::ScorePanel panel = kernels::make_cox_panel(null.risk, null.covariates.data(), null.columns(),
                                                            null.eta.data(), cohort.treatment.data());
  const std::vector<double> stats = run_score_screen(panel, cohort.genes, options.device);
  return {.s1 = product_score_tests(stats, "S1"), .s2 = joint_score_tests(stats), .os = one_step_tests(stats)};
}

GeneTests aft_screen(const Cohort& cohort, const Device& device) {
  return product_score_tests(aft_statistics(cohort, device), "AFT");
}

GeneTests aft_product_screen(const Cohort& cohort, const Device& device) {
  GeneTests tests = one_step_tests(aft_statistics(cohort, device));
  tests.screen = "AFT";
  return tests;
}

GeneFits screen_a(const Cohort& cohort, TieMethod ties, const Device& device) {
  require_events(cohort);
  CellScreen screen(cohort, ties, nullptr, device);
  const std::vector<CellFit> cells = screen.fit(kernels::kCellGene, {});
  GeneFits out;
  resize_fits(out, cells.size());
  for (std::size_t j = 0; j < cells.size(); ++j) {
    out.coef_g[j] = cells[j].coef[0];
    out.se_g[j] = cells[j].se[0];
    out.loglik[j] = cells[j].loglik;
    out.lrt_gt[j] = likelihood_ratio(cells[j].loglik, cells[j].start_loglik);
    out.score_gt[j] = cells[j].score;
    out.status[j] = fit_status(cells[j].status, cells[j].estimable & kernels::kCellGene);
  }
  return out;
}

GeneFits screen_b(const Cohort& cohort, TieMethod ties, const std::vector<double>* offset, const Device& device) {
  require_two_arms(cohort);
  CellScreen screen(cohort, ties, offset, device);
  const std::vector<CellFit> without = screen.fit(kernels::kCellGene | kernels::kCellTreatment, {});
  std::vector<double> start;
  for (const CellFit& fit : without) start.insert(start.end(), {fit.coef[0], fit.coef[1], 0.0});
  const std::vector<CellFit> cells =
      screen.fit(kernels::kCellGene | kernels::kCellTreatment | kernels::kCellProduct, start);
  GeneFits out;
  resize_fits(out, cells.size());
  for (std::size_t j = 0; j < cells.size(); ++j) {
    out.coef_g[j] = cells[j].coef[0];
    out.se_g[j] = cells[j].se[0];
    out.coef_t[j] = cells[j].coef[1];
    out.se_t[j] = cells[j].se[1];
    out.coef_gt[j] = cells[j].coef[2];
    out.se_gt[j] = cells[j].se[2];
    out.loglik[j] = cells[j].loglik;
    out.lrt_gt[j] = likelihood_ratio(cells[j].loglik, without[j].loglik);
    out.score_gt[j] = cells[j].score;
    out.status[j] = fit_status(cells[j].status, cells[j].estimable & kernels::kCellProduct);
  }
  return out;
}

GeneFits screen_c(const Cohort& cohort, TieMethod ties, const std::vector<dim_t>& only, const Device& device) {
  require_two_arms(cohort);
  const CoxNullModel null = fit_cox_null(cohort, ties, true, true);
  const std::vector<std::int32_t> listed = gene_list(cohort, only);
  const FullFits without = run_full_screen(cohort, null, 1, listed, null_start(null, listed.size()), device);
  const FullFits full = run_full_screen(cohort, null, 2, listed, product_start(without, listed.size()), device);
  const std::size_t columns = 2 + null.coefficient.size();
  GeneFits out;
  resize_fits(out, listed.size());
  for (std::size_t j = 0; j < listed.size(); ++j) {
    const double *coef = full.coef.data() + j * columns, *se = full.se.data() + j * columns;
    out.coef_t[j] = coef[0];
    out.se_t[j] = se[0];
    out.coef_g[j] = coef[columns - 2];
    out.se_g[j] = se[columns - 2];
    out.coef_gt[j] = coef[columns - 1];
    out.se_gt[j] = se[columns - 1];
    out.loglik[j] = full.fits[j].loglik;
    out.lrt_gt[j] = likelihood_ratio(full.fits[j].loglik, without.fits[j].loglik);
    out.score_gt[j] = full.fits[j].score;
    out.status[j] = fit_status(full.fits[j].status, se[columns - 1] > 0);
  }
  return out;
}

GeneFits screen_treated_arm(const Cohort& cohort, const ScreenOptions& options) {
  require_two_arms(cohort);
  const Cohort arm = select_patients(cohort, patients_in_arm(cohort, 1));
  const CoxNullModel null = fit_cox_null(arm, options.ties, false, options.adjust);
  const std::vector<std::int32_t> listed = gene_list(arm, {});
  const FullFits full = run_full_screen(arm, null, 1, listed, null_start(null, listed.size()), options.device);
  const std::size_t columns = 1 + null.coefficient.size();
  GeneFits out;
  resize_fits(out, listed.size());
  for (std::size_t j = 0; j < listed.size(); ++j) {
    out.coef_g[j] = full.coef[(j + 1) * columns - 1];
    out.se_g[j] = full.se[(j + 1) * columns - 1];
    out.loglik[j] = full.fits[j].loglik;
    out.lrt_gt[j] = likelihood_ratio(full.fits[j].loglik, full.fits[j].start_loglik);
    out.score_gt[j] = full.fits[j].score;
    out.status[j] = fit_status(full.fits[j].status, out.se_g[j] > 0);
  }
  return out;
}

}  // namespace engram::genes
