#include "models/genes/term_model.h"

#include <array>
#include <cmath>
#include <utility>

#include "kernels/common/error.h"
#include "models/survival/cox_residuals.h"

namespace engram::genes {
namespace {

constexpr std::array<std::pair<Likelihood, const char*>, 4> kNames = {{{Likelihood::kCox, "cox"},
                                                                       {Likelihood::kLogLogistic, "loglogistic"},
                                                                       {Likelihood::kLogNormal, "lognormal"},
                                                                       {Likelihood::kWeibull, "weibull"}}};

survival::AftDistribution distribution_of(Likelihood likelihood) {
  return survival::parse_distribution(likelihood_name(likelihood));
}

survival::CoxScratch& cox_scratch() {
  thread_local survival::CoxScratch scratch;
  return scratch;
}

survival::AftScratch& aft_scratch() {
  thread_local survival::AftScratch scratch;
  return scratch;
}

void take(std::span<const double> coefficients, std::span<const std::uint8_t> aliased,
          std::span<const std::uint8_t> infinite, TermFit& fit) {
  fit.aliased.assign(aliased.begin(), aliased.end());
  for (std::size_t j = 0; j < coefficients.size(); ++j) {
    const bool unusable = aliased[j] != 0 || infinite[j] != 0 || !std::isfinite(coefficients[j]);
    fit.unusable.push_back(unusable);
    fit.coefficients.push_back(unusable ? 0 : coefficients[j]);
  }
}

}  // namespace

const char* likelihood_name(Likelihood likelihood) {
  return kNames[std::size_t(likelihood)].second;
}

Likelihood parse_likelihood(const std::string& name) {
  for (const auto& [likelihood, text] : kNames)
    if (name == text) return likelihood;
  throw UsageError(message("[genes] expected cox, loglogistic, lognormal or weibull, got '", name, "'"));
}

int benefit_sign(Likelihood likelihood) {
  return likelihood == Likelihood::kCox ? -1 : 1;
}

Cohort usable_patients(const Cohort& cohort, Likelihood likelihood) {
  return likelihood == Likelihood::kCox ? cohort : select_patients(cohort, positive_times(cohort));
}

TermModel::TermModel(const survival::SurvivalDesign& design, Likelihood likelihood)
    : design_(design), likelihood_(likelihood) {
  if (likelihood == Likelihood::kCox) {
    cox_ = std::make_unique<survival::CoxModel>(design);
  } else {
    survival::AftOptions options;
    options.distribution = distribution_of(likelihood);
    aft_ = std::make_unique<survival::AftModel>(design, options);
  }
}

TermFit TermModel::fit(std::span<const dim_t> columns, std::span<const double> start) const {
  TermFit fit;
  fit.columns.assign(columns.begin(), columns.end());
  survival::FitStatus status;
  if (cox_) {
    survival::CoxScratch& scratch = cox_scratch();
    status = cox_->fit(columns, start, scratch);
    take(scratch.coefficients(), scratch.aliased(), scratch.infinite(), fit);
    fit.parameters.assign(scratch.coefficients().begin(), scratch.coefficients().end());
  } else {
    survival::AftScratch& scratch = aft_scratch();
    status = aft_->fit(columns, start, scratch);
    take(scratch.coefficients(), scratch.aliased(), scratch.infinite(), fit);
    fit.parameters.assign(scratch.parameters().begin(), scratch.parameters().end());
  }
  fit.loglik = status.loglik;
  fit.converged = status.converged;
  return fit;
}

std::vector<double> TermModel::start_from(const TermFit& fit, std::span<const dim_t> columns) const {
  if (fit.parameters.empty()) return {};
  std::vector<double> start;
  if (aft_) start.push_back(fit.parameters.front());
  for (dim_t column : columns) {
    double value = 0;
    for (std::size_t j = 0; j < fit.columns.size(); ++j)
      if (fit.columns[j] == column) value = fit.coefficients[j];
    start.push_back(value);
  }
  if (aft_) start.push_back(fit.parameters.back());
  return start;
}

std::vector<double> TermModel::standard_errors(const TermFit& fit) const {
  const std::size_t k = fit.columns.size(), size = aft_ ? k + 2 : k;
  std::vector<double> covariance(size * size), errors(k);
  if (cox_) {
    cox_->covariance(fit.columns, fit.parameters, fit.aliased, covariance, cox_scratch());
  } else {
    aft_->covariance(fit.columns, fit.parameters, fit.aliased, covariance, aft_scratch());
  }
  for (std::size_t j = 0; j < k; ++j) {
    const std::size_t at = aft_ ? j + 1 : j;
    const double variance = covariance[at * size + at];
    errors[j] = fit.unusable[j] != 0 || !(variance > 0) ? 0 : std::sqrt(variance);
  }
  return errors;
}

std::vector<double> TermModel::robust_standard_errors(const TermFit& fit,
                                                      const std::vector<std::int32_t>& cluster) const {
  const survival::RobustOptions robust{.enabled = true, .cluster = cluster};
  std::vector<double> errors;
  if (cox_) {
    for (const survival::CoefficientRow& row : survival::fit_cox(*cox_, fit.columns, robust).table)
      errors.push_back(row.standard_error);
  } else {
    const survival::AftFit table = survival::fit_aft(*aft_, fit.columns, robust);
    errors.assign(table.standard_error.begin() + 1, table.standard_error.end() - 1);
  }
  for (std::size_t j = 0; j < errors.size(); ++j)
    if (fit.unusable[j] != 0) errors[j] = 0;
  return errors;
}

std::vector<double> TermModel::residuals(const TermFit& fit) const {
  if (cox_) {
    std::vector<double> residuals = survival::martingale_residuals(*cox_, survival::fit_cox(*cox_, fit.columns));
    for (double& r : residuals) r = -r;
    return residuals;
  }
  const std::size_t n = std::size_t(design_.rows());
  const std::vector<double> location = locations(fit);
  std::vector<double> eta(n), log_time(n), gradient(n), curvature(n), mixed(n);
  for (std::size_t i = 0; i < n; ++i) {
    log_time[i] = std::log(design_.time()[i]);
    eta[i] = location[std::size_t(design_.order()[i])];
  }
  double totals[4];
  survival::AftEntries(design_.entry(), design_.weight())
      .likelihood({distribution_of(likelihood_), design_.rows(), eta.data(), log_time.data(), design_.event().data(),
                   design_.weight().data(), fit.parameters.back(), gradient.data(), curvature.data(), mixed.data(),
                   totals});
  std::vector<double> residuals(n);
  for (std::size_t i = 0; i < n; ++i) residuals[std::size_t(design_.order()[i])] = gradient[i];
  return residuals;
}

std::vector<double> TermModel::locations(const TermFit& fit) const {
  if (!aft_) throw UsageError("[genes] expected a parametric model for locations, got cox");
  std::vector<double> locations(std::size_t(design_.rows()));
  for (dim_t i = 0; i < design_.rows(); ++i) {
    double eta = fit.parameters.front() + design_.offset()[std::size_t(i)];
    for (std::size_t j = 0; j < fit.columns.size(); ++j) eta += fit.coefficients[j] * design_.value(i, fit.columns[j]);
    locations[std::size_t(design_.order()[std::size_t(i)])] = eta;
  }
  return locations;
}

std::vector<survival::AftScoreTest> TermModel::score_tests(const TermFit& fit,
                                                           std::span<const dim_t> candidates) const {
  if (!aft_) throw UsageError("[genes] expected a parametric model for score tests, got cox");
  return aft_->score_tests(fit.columns, fit.parameters, candidates, aft_scratch());
}

}  // namespace engram::genes
