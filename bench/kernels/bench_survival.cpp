/// The kernels of the survival models at the sizes of gene selection: one Newton iteration's parts, beside a copy of
/// the design matrix; and the fits that are made of them.

#include <cmath>
#include <random>

#include "bench/kernels/family_bench.h"
#include "kernels/aft_likelihood/aft_likelihood.h"
#include "kernels/dense_solve/dense_solve.h"
#include "kernels/logistic_likelihood/logistic_likelihood.h"
#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/aft_model.h"
#include "models/survival/concordance.h"
#include "models/survival/cox_model.h"
#include "models/survival/lasso_cox.h"

namespace engram::survival {
namespace {

/// A cohort like the competition's: 0/1 columns behind a few clinical ones, log-linear times, a tenth censored.
struct Cohort {
  SurvivalOutcome outcome;
  CovariateMatrix covariates;

  Cohort(dim_t rows, dim_t columns) : covariates(rows) {
    std::mt19937 rng(1);
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform;
    std::vector<double> eta(std::size_t(rows), 3.3), x(eta.size());
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

void set_flops(benchmark::State& state, const Cost& cost) {
  state.counters["flops"] = benchmark::Counter(double(cost.flops), benchmark::Counter::kIsIterationInvariantRate,
                                               benchmark::Counter::kIs1000);
}

struct Iteration {
  Cohort cohort;
  SurvivalDesign design;
  dim_t rows, columns, stride;
  std::vector<double> panel, theta, residual, exposure, information, magnitude, workspace;
  std::vector<kernels::CoxGroupSums> groups;

  explicit Iteration(const benchmark::State& state)
      : cohort(state.range(0), state.range(1)),
        design(cohort.outcome, cohort.covariates),
        rows(state.range(0)),
        columns(state.range(1)),
        stride(kernels::panel_stride(columns)),
        panel(std::size_t(rows * stride)),
        theta(std::size_t(rows)),
        residual(theta),
        exposure(theta),
        information(std::size_t(stride * stride)),
        magnitude(std::size_t(stride)),
        workspace(std::size_t(kernels::cox_information_workspace(stride))),
        groups(std::size_t(design.risk_sets().num_groups)) {
    std::vector<const double*> sources;
    for (dim_t j = 0; j < columns; ++j) sources.push_back(design.standardized(j));
    kernels::kCpuWeightedGram.pack_columns({}, {sources.data(), columns, rows, stride, panel.data()});
    likelihood();
  }

  void likelihood() {
    double loglik = 0;
    kernels::kCpuCoxPartial.likelihood({}, {design.risk_sets(), CoxTies::kEfron, design.offset().data(), theta.data(),
                                            groups.data(), residual.data(), exposure.data(), &loglik});
    benchmark::DoNotOptimize(loglik);
  }
};

void sizes(benchmark::internal::Benchmark* b) {
  b->Args({1000, 21})->Args({1000, 311})->Args({50000, 13});
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * state.range(1) * 16);
}
BENCHMARK(copy)->Apply(sizes);

void cox_likelihood(benchmark::State& state) {
  Iteration p(state);
  bench::run(state, kernels::cox_likelihood_cost(p.rows, dim_t(p.groups.size())), [&] { p.likelihood(); });
}
BENCHMARK(cox_likelihood)->Apply(sizes);

void cox_information(benchmark::State& state) {
  Iteration p(state);
  const Cost cost = kernels::cox_information_cost(p.rows, p.design.num_events(), p.columns);
  bench::run(state, cost, [&] {
    kernels::kCpuCoxPartial.information(
        {}, {p.design.risk_sets(), CoxTies::kEfron, p.panel.data(), p.stride, p.theta.data(), p.exposure.data(),
             p.groups.data(), p.information.data(), p.magnitude.data(), p.workspace.data()});
  });
  set_flops(state, cost);
}
BENCHMARK(cox_information)->Apply(sizes);

void weighted_gram(benchmark::State& state) {
  Iteration p(state);
  const Cost cost = kernels::weighted_gram_cost(p.rows, p.columns);
  bench::run(state, cost, [&] {
    kernels::kCpuWeightedGram.gram(
        {}, {p.panel.data(), p.rows, p.stride, p.exposure.data(), p.information.data(), false, true});
  });
  set_flops(state, cost);
}
BENCHMARK(weighted_gram)->Apply(sizes);

void cholesky(benchmark::State& state) {
  Iteration p(state);
  std::vector<double> factor(p.information.size());
  std::vector<std::uint8_t> aliased(std::size_t(p.stride), 0);
  kernels::kCpuWeightedGram.gram(
      {}, {p.panel.data(), p.rows, p.stride, p.exposure.data(), p.information.data(), false, true});
  for (dim_t j = 0; j < p.columns; ++j) p.magnitude[j] = p.information[j * p.stride + j];
  const Cost cost = kernels::cholesky_cost(p.columns);
  bench::run(state, cost, [&] {
    kernels::kCpuDenseSolve.cholesky({}, {p.information.data(), p.columns, p.stride, p.magnitude.data(), 1e-12,
                                          factor.data(), aliased.data(), nullptr});
  });
  set_flops(state, cost);
}
BENCHMARK(cholesky)->Args({1000, 21})->Args({1000, 311});

void aft_likelihood(benchmark::State& state) {
  const Cohort cohort(state.range(0), 1);
  const auto n = std::size_t(state.range(0));
  std::vector<double> eta(n, 3.3), log_time, weight(n, 1.), gradient(n), curvature(n), mixed(n), totals(4);
  for (double t : cohort.outcome.time) log_time.push_back(std::log(t));
  bench::run(state, kernels::aft_likelihood_cost(dim_t(n)), [&] {
    kernels::kCpuAftLikelihood.likelihood({}, {kernels::AftDistribution(state.range(1)), dim_t(n), eta.data(),
                                               log_time.data(), cohort.outcome.event.data(), weight.data(), -1.5,
                                               gradient.data(), curvature.data(), mixed.data(), totals.data()});
  });
}
BENCHMARK(aft_likelihood)->Args({1000, 0})->Args({1000, 1})->Args({1000, 2});

void logistic_likelihood(benchmark::State& state) {
  const Cohort cohort(state.range(0), 1);
  const auto n = std::size_t(state.range(0));
  std::vector<double> eta(n, 0.3), weight(n, 1.), probability(n), gradient(n), curvature(n);
  double loglik = 0;
  bench::run(state, kernels::logistic_likelihood_cost(dim_t(n)), [&] {
    kernels::kCpuLogisticLikelihood.likelihood({}, {dim_t(n), eta.data(), cohort.outcome.event.data(), weight.data(),
                                                    probability.data(), gradient.data(), curvature.data(), &loglik});
  });
}
BENCHMARK(logistic_likelihood)->Args({1000});

/// The wrapper's hot loop: one column in place of another, from the parent's coefficients.
void cox_fit_warm(benchmark::State& state) {
  const Cohort cohort(1000, 60);
  const SurvivalDesign design(cohort.outcome, cohort.covariates);
  const CoxModel model(design);
  CoxScratch scratch;
  std::vector<dim_t> columns(21);
  for (dim_t j = 0; j < 21; ++j) columns[j] = j;
  model.fit(columns, {}, scratch);
  std::vector<double> start(scratch.coefficients().begin(), scratch.coefficients().end());
  start.back() = 0;
  dim_t next = 21;
  for (auto _ : state) {
    columns.back() = next;
    next = next == 59 ? 21 : next + 1;
    benchmark::DoNotOptimize(model.fit(columns, start, scratch));
  }
}
BENCHMARK(cox_fit_warm)->Unit(benchmark::kMicrosecond);

void cox_fit_cold(benchmark::State& state) {
  const Cohort cohort(1000, state.range(0));
  const SurvivalDesign design(cohort.outcome, cohort.covariates);
  const CoxModel model(design);
  CoxScratch scratch;
  const std::vector<dim_t> columns = design.all_columns();
  for (auto _ : state) benchmark::DoNotOptimize(model.fit(columns, {}, scratch));
}
BENCHMARK(cox_fit_cold)->Arg(21)->Arg(311)->Unit(benchmark::kMicrosecond);

void aft_fit_warm(benchmark::State& state) {
  const Cohort cohort(1000, 60);
  const SurvivalDesign design(cohort.outcome, cohort.covariates);
  const AftModel model(design, {.distribution = AftDistribution::kLogLogistic});
  AftScratch scratch;
  std::vector<dim_t> columns(21);
  for (dim_t j = 0; j < 21; ++j) columns[j] = j;
  model.fit(columns, {}, scratch);
  std::vector<double> start(scratch.parameters().begin(), scratch.parameters().end());
  start[21] = 0;
  dim_t next = 21;
  for (auto _ : state) {
    columns.back() = next;
    next = next == 59 ? 21 : next + 1;
    benchmark::DoNotOptimize(model.fit(columns, start, scratch));
  }
}
BENCHMARK(aft_fit_warm)->Unit(benchmark::kMicrosecond);

void concordance_index(benchmark::State& state) {
  const Cohort cohort(state.range(0), 12);
  std::vector<double> risk(std::size_t(state.range(0)), 0.);
  for (dim_t j = 0; j < 12; ++j)
    for (std::size_t i = 0; i < risk.size(); ++i)
      risk[i] += (j % 3 - 1.) * cohort.covariates.column(j)[i] + 1e-9 * double(i);
  for (auto _ : state) benchmark::DoNotOptimize(concordance(cohort.outcome, risk));
}
BENCHMARK(concordance_index)->Arg(1000)->Arg(50000)->Unit(benchmark::kMicrosecond);

void lasso_path(benchmark::State& state) {
  const Cohort cohort(500, 4011);
  const SurvivalDesign design(cohort.outcome, cohort.covariates);
  std::vector<double> factor(4011, 1.);
  std::fill_n(factor.begin(), 11, 0.);
  const std::vector<dim_t> columns = design.all_columns();
  for (auto _ : state) benchmark::DoNotOptimize(lasso_cox(design, columns, {.penalty_factor = factor}).steps.size());
}
BENCHMARK(lasso_path)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace engram::survival

BENCHMARK_MAIN();
