#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "bench/engram_bench/host_cases.h"
#include "kernels/aft_likelihood/aft_likelihood.h"
#include "kernels/dense_solve/dense_solve.h"
#include "kernels/logistic_likelihood/logistic_likelihood.h"
#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/aft_model.h"
#include "models/survival/concordance.h"
#include "models/survival/cox_model.h"
#include "models/survival/lasso_cox.h"

namespace engram::bench {
namespace {

using namespace survival;  // NOLINT(google-build-using-namespace): what is measured
using cases::shape_text;
using Doubles = std::vector<double>;

/// A cohort like the competition's: 0/1 columns behind a few clinical ones, log-linear times, a tenth censored.
struct Cohort {
  SurvivalOutcome outcome;
  CovariateMatrix covariates;

  Cohort(dim_t rows, dim_t columns) : covariates(rows) {
    std::mt19937 rng(1);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform;
    Doubles eta(std::size_t(rows), 3.3), x(eta.size());
    covariates.reserve(columns);
    for (dim_t j = 0; j < columns; ++j) {
      for (dim_t i = 0; i < rows; ++i) {
        x[i] = j < 11 ? std::floor(6 * uniform(rng)) : double(uniform(rng) < 0.1);
        eta[i] += (j < 11 ? 0.05 : j < 31 ? 0.15 : 0) * (j % 3 - 1.) * x[i];
      }
      covariates.add("x", x);
    }
    for (dim_t i = 0; i < rows; ++i) {
      outcome.time.push_back(std::exp(eta[i] + 0.13 * normal(rng)));
      outcome.event.push_back(uniform(rng) < 0.89);
    }
  }
};

/// The state of one Newton iteration of Cox's model.
struct Iteration {
  Cohort cohort;
  SurvivalDesign design;
  dim_t rows, columns, stride;
  Doubles panel, theta, residual, exposure, information, magnitude, workspace, factor;
  std::vector<std::uint8_t> aliased;
  std::vector<kernels::CoxGroupSums> groups;

  Iteration(dim_t n, dim_t p)
      : cohort(n, p),
        design(cohort.outcome, cohort.covariates),
        rows(n),
        columns(p),
        stride(kernels::panel_stride(p)),
        panel(std::size_t(n * stride)),
        theta(std::size_t(n)),
        residual(theta),
        exposure(theta),
        information(std::size_t(stride * stride)),
        magnitude(std::size_t(stride)),
        workspace(std::size_t(kernels::cox_information_workspace(stride))),
        factor(information),
        aliased(magnitude.size()),
        groups(std::size_t(design.risk_sets().num_groups)) {
    std::vector<const double*> sources;
    for (dim_t j = 0; j < p; ++j) sources.push_back(design.standardized(j));
    kernels::kCpuWeightedGram.pack_columns({}, {sources.data(), p, n, stride, panel.data()});
    likelihood();
    gram();
    for (dim_t j = 0; j < p; ++j) magnitude[j] = information[j * stride + j];
  }

  void likelihood() {
    double loglik = 0;
    kernels::kCpuCoxPartial.likelihood({}, {design.risk_sets(), CoxTies::kEfron, design.offset().data(), theta.data(),
                                            groups.data(), residual.data(), exposure.data(), &loglik});
  }
  void second_derivative() {
    kernels::kCpuCoxPartial.information(
        {}, {design.risk_sets(), CoxTies::kEfron, panel.data(), stride, theta.data(), exposure.data(), groups.data(),
             information.data(), magnitude.data(), workspace.data()});
  }
  void gram() {
    kernels::kCpuWeightedGram.gram({}, {panel.data(), rows, stride, exposure.data(), information.data(), false, true});
  }
  void cholesky() {
    kernels::kCpuDenseSolve.cholesky(
        {}, {information.data(), columns, stride, magnitude.data(), 1e-12, factor.data(), aliased.data(), nullptr});
  }
};

/// `make()`: the state that `call(state)` works on, which is the case's own.
template <class Make, class Call>
void add(std::vector<BenchCase>& all, const std::string& name, const Cost& cost, Make make, Call call) {
  all.push_back({"survival/" + name, cost, [=](DeviceArrays&) -> std::function<void()> {
                   auto state = std::make_shared<decltype(make())>(make());
                   return [=] { call(*state); };
                 }});
}

void add_iteration(std::vector<BenchCase>& all, dim_t rows, dim_t columns) {
  const std::string text = " " + shape_text({rows, columns});
  const auto make = [=] { return std::make_unique<Iteration>(rows, columns); };
  // Times do not tie: as many groups as events.
  const Cohort cohort(rows, 1);
  const dim_t events = std::count(cohort.outcome.event.begin(), cohort.outcome.event.end(), 1);
  add(all, "cox_likelihood" + text, kernels::cox_likelihood_cost(rows, events), make, [](auto& p) { p->likelihood(); });
  add(all, "cox_information" + text, kernels::cox_information_cost(rows, events, columns), make,
      [](auto& p) { p->second_derivative(); });
  add(all, "weighted_gram" + text, kernels::weighted_gram_cost(rows, columns), make, [](auto& p) { p->gram(); });
  add(all, "cholesky" + text, kernels::cholesky_cost(columns), make, [](auto& p) { p->cholesky(); });
}

/// Likelihoods of `n` patients by their linear predictors.
struct Predictors {
  explicit Predictors(dim_t n)
      : cohort(n, 1),
        count(n),
        eta(std::size_t(n), 0.3),
        log_time(eta),
        weight(eta.size(), 1.),
        gradient(eta),
        curvature(eta),
        mixed(eta),
        probability(eta),
        totals(4) {
    for (std::size_t i = 0; i < log_time.size(); ++i) log_time[i] = std::log(cohort.outcome.time[i]);
  }

  void aft(kernels::AftDistribution distribution) {
    kernels::kCpuAftLikelihood.likelihood(
        {}, {distribution, count, eta.data(), log_time.data(), cohort.outcome.event.data(), weight.data(), -1.5,
             gradient.data(), curvature.data(), mixed.data(), totals.data()});
  }
  void logistic() {
    double loglik = 0;
    kernels::kCpuLogisticLikelihood.likelihood({}, {count, eta.data(), cohort.outcome.event.data(), weight.data(),
                                                    probability.data(), gradient.data(), curvature.data(), &loglik});
  }

  Cohort cohort;
  dim_t count;
  Doubles eta, log_time, weight, gradient, curvature, mixed, probability, totals;
};

void add_likelihoods(std::vector<BenchCase>& all) {
  const auto make = [] { return std::make_unique<Predictors>(1000); };
  for (const int which : {0, 1, 2})
    add(all, "aft_likelihood 1000, distribution " + std::to_string(which), kernels::aft_likelihood_cost(1000), make,
        [which](auto& p) { p->aft(kernels::AftDistribution(which)); });
  add(all, "logistic_likelihood 1000", kernels::logistic_likelihood_cost(1000), make, [](auto& p) { p->logistic(); });
}

CoxModel model_of(const SurvivalDesign& design, const CoxScratch*) {
  return CoxModel(design);
}
AftModel model_of(const SurvivalDesign& design, const AftScratch*) {
  return AftModel(design, {.distribution = AftDistribution::kLogLogistic});
}
std::span<const double> result_of(const CoxScratch& scratch) {
  return scratch.coefficients();
}
std::span<const double> result_of(const AftScratch& scratch) {
  return scratch.parameters();
}

/// The wrapper's hot loop: the last of 21 columns in place of another, from the parent's coefficients.
template <class Scratch>
struct WarmFits {
  static constexpr dim_t kColumns = 21, kCandidates = 60;
  const Cohort cohort{1000, kCandidates};
  const SurvivalDesign design{cohort.outcome, cohort.covariates};
  Scratch scratch;
  const decltype(model_of(design, &scratch)) model = model_of(design, &scratch);
  std::vector<dim_t> columns = std::vector<dim_t>(kColumns);
  Doubles start;

  WarmFits() {
    for (dim_t j = 0; j < kColumns; ++j) columns[j] = j;
    model.fit(columns, {}, scratch);
    start.assign(result_of(scratch).begin(), result_of(scratch).end());
    start[kColumns - 1] = 0;
    columns.back() = kColumns;
  }

  void fit() {
    model.fit(columns, start, scratch);
    if (++columns.back() == kCandidates) columns.back() = kColumns;
  }
};

struct ColdFit {
  const Cohort cohort;
  const SurvivalDesign design{cohort.outcome, cohort.covariates};
  const CoxModel model{design};
  const std::vector<dim_t> columns = design.all_columns();
  CoxScratch scratch;

  explicit ColdFit(dim_t num_columns) : cohort(1000, num_columns) {}
};

/// Of columns that all but the clinical ones are penalised.
struct LassoPath {
  const Cohort cohort{500, 4011};
  const SurvivalDesign design{cohort.outcome, cohort.covariates};
  Doubles factor = Doubles(4011, 1.);

  LassoPath() { std::fill_n(factor.begin(), 11, 0.); }
  void fit() const { lasso_cox(design, design.all_columns(), {.penalty_factor = factor}); }
};

struct Risks {
  const Cohort cohort;
  Doubles risk;

  explicit Risks(dim_t rows) : cohort(rows, 12), risk(std::size_t(rows), 0.) {
    for (dim_t j = 0; j < 12; ++j)
      for (std::size_t i = 0; i < risk.size(); ++i)
        risk[i] += (j % 3 - 1.) * cohort.covariates.column(j)[i] + 1e-9 * double(i);
  }
};

void add_fits(std::vector<BenchCase>& all) {
  add(all, "cox_fit_warm 1000x21", {}, std::make_unique<WarmFits<CoxScratch>>, [](auto& p) { p->fit(); });
  add(all, "aft_fit_warm 1000x21", {}, std::make_unique<WarmFits<AftScratch>>, [](auto& p) { p->fit(); });
  for (const dim_t columns : {dim_t(21), dim_t(311)})
    add(
        all, "cox_fit_cold " + shape_text({1000, columns}), {}, [=] { return std::make_unique<ColdFit>(columns); },
        [](auto& p) { p->model.fit(p->columns, {}, p->scratch); });
  for (const dim_t rows : {dim_t(1000), dim_t(50000)})
    add(
        all, "concordance_index " + std::to_string(rows), {}, [=] { return std::make_unique<Risks>(rows); },
        [](auto& p) { concordance(p->cohort.outcome, p->risk); });
  add(all, "lasso_path 500x4011", {}, std::make_unique<LassoPath>, [](auto& p) { p->fit(); });
}

}  // namespace

void add_survival_cases(std::vector<BenchCase>& all) {
  add_iteration(all, 1000, 21);
  add_iteration(all, 1000, 311);
  add_iteration(all, 50000, 13);
  add_likelihoods(all);
  add_fits(all);
}

}  // namespace engram::bench
