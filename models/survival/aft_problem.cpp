#include "models/survival/aft_problem.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/dense_solve/dense_solve.h"
#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/ensure_size.h"
#include "models/survival/newton_iteration.h"

namespace engram::survival {
namespace {

/// Mean and standard deviation of the error.
struct ErrorMoments {
  double mean, deviation;
};

ErrorMoments error_moments(AftDistribution distribution) {
  const double logistic = std::numbers::pi / std::sqrt(3.), gumbel = std::numbers::pi / std::sqrt(6.);
  switch (distribution) {
    case AftDistribution::kWeibull:
      return {-std::numbers::egamma, gumbel};
    case AftDistribution::kLogNormal:
      return {0, 1};
    case AftDistribution::kLogLogistic:
      return {0, logistic};
  }
  return {0, 1};
}

}  // namespace

AftProblem::AftProblem(const SurvivalDesign& design, AftDistribution distribution, const std::vector<double>& log_time,
                       const AftEntries& entries, std::span<const dim_t> columns, AftScratch& scratch)
    : design_(design),
      distribution_(distribution),
      log_time_(log_time),
      entries_(entries),
      scratch_(scratch),
      columns_(dim_t(columns.size())),
      stride_(kernels::panel_stride(columns_ + 2)) {
  design.check_columns(columns);
  scratch.newton_.reset(columns_ + 2);
  scratch.newton_.kept[0] = scratch.newton_.kept[std::size_t(columns_) + 1] = 1;
  scratch.columns_ = columns_;
  const dim_t rows = design.rows();
  for (auto* v : {&scratch.eta_, &scratch.gradient_, &scratch.curvature_, &scratch.mixed_}) ensure_size(*v, rows);
  ensure_size(scratch.panel_, rows * stride_);
  ensure_size(scratch.parameters_, stride_);
  ensure_size(scratch.sources_, columns_ + 1);
  scratch.sources_[0] = nullptr;  // ones
  for (dim_t j = 0; j < columns_; ++j) {
    scratch.sources_[j + 1] = design.standardized(columns[j]);
    scratch.newton_.span[j + 1] = design.span(columns[j]);
  }
  kernels::kCpuWeightedGram.pack_columns({}, {.columns = scratch.sources_.data(),
                                              .num_columns = columns_ + 1,
                                              .rows = rows,
                                              .stride = stride_,
                                              .panel = scratch.panel_.data()});
}

kernels::AftLikelihoodArgs AftProblem::likelihood_args() {
  return {.distribution = distribution_,
          .rows = design_.rows(),
          .eta = scratch_.eta_.data(),
          .log_time = log_time_.data(),
          .event = design_.event().data(),
          .weight = design_.weight().data(),
          .log_sigma = log_sigma_,
          .gradient = scratch_.gradient_.data(),
          .curvature = scratch_.curvature_.data(),
          .mixed = scratch_.mixed_.data(),
          .totals = totals_};
}

double AftProblem::evaluate(const double* beta) {
  // The panel has zeros where beta holds log sigma.
  kernels::kCpuWeightedGram.linear_predictor({}, {.panel = scratch_.panel_.data(),
                                                  .rows = design_.rows(),
                                                  .stride = stride_,
                                                  .beta = beta,
                                                  .offset = design_.offset().data(),
                                                  .y = scratch_.eta_.data()});
  log_sigma_ = beta[columns_ + 1];
  entries_.likelihood(likelihood_args());
  return totals_[0];
}

double AftProblem::reach(const double* direction) {
  std::vector<double>& change = scratch_.eta_;
  kernels::kCpuWeightedGram.linear_predictor({}, {.panel = scratch_.panel_.data(),
                                                  .rows = design_.rows(),
                                                  .stride = stride_,
                                                  .beta = direction,
                                                  .offset = nullptr,
                                                  .y = change.data()});
  return design_.largest_spread(change) / std::exp(scratch_.newton_.beta[std::size_t(columns_) + 1]);
}

void AftProblem::initialize(double* beta) {
  NewtonState& state = scratch_.newton_;
  const dim_t rows = design_.rows();
  const auto gram = [&](const double* weight) {
    kernels::kCpuWeightedGram.gram({}, {.panel = scratch_.panel_.data(),
                                        .rows = rows,
                                        .stride = stride_,
                                        .weight = weight,
                                        .out = state.information.data(),
                                        .accumulate = false,
                                        .mirror = true});
  };
  gram(design_.weight().data());
  for (dim_t j = 0; j < state.n; ++j) state.magnitude[j] = state.information[j * stride_ + j];
  for (dim_t i = 0; i < rows; ++i) scratch_.gradient_[i] = design_.weight()[i] * (log_time_[i] - design_.offset()[i]);
  kernels::kCpuWeightedGram.transpose_product({}, {.panel = scratch_.panel_.data(),
                                                   .rows = rows,
                                                   .stride = stride_,
                                                   .r = scratch_.gradient_.data(),
                                                   .y = state.score.data()});
  std::fill(state.flat.begin(), state.flat.end(), 0);
  factor_information(state, 1e-10, state.flat);
  kernels::kCpuDenseSolve.solve({}, {.factor = state.factor.data(),
                                     .n = state.n,
                                     .stride = stride_,
                                     .aliased = state.flat.data(),
                                     .b = state.score.data(),
                                     .x = beta});
  double squares = 0, weights = 0;
  kernels::kCpuWeightedGram.linear_predictor({}, {.panel = scratch_.panel_.data(),
                                                  .rows = rows,
                                                  .stride = stride_,
                                                  .beta = beta,
                                                  .offset = design_.offset().data(),
                                                  .y = scratch_.eta_.data()});
  for (dim_t i = 0; i < rows; ++i) {
    const double r = log_time_[i] - scratch_.eta_[i];
    squares += design_.weight()[i] * r * r;
    weights += design_.weight()[i];
  }
  const ErrorMoments moments = error_moments(distribution_);
  const double sigma = std::max(std::sqrt(squares / weights), 1e-3) / moments.deviation;
  beta[0] -= moments.mean * sigma;
  beta[columns_ + 1] = std::log(sigma);
}

void AftProblem::add_scale_row(NewtonState& state, const double* mixed, double corner) {
  const dim_t last = columns_ + 1;
  double* row = state.information.data() + last * stride_;
  kernels::kCpuWeightedGram.transpose_product(
      {}, {.panel = scratch_.panel_.data(), .rows = design_.rows(), .stride = stride_, .r = mixed, .y = row});
  row[last] = corner;
  for (dim_t j = 0; j < last; ++j) state.information[j * stride_ + last] = row[j];
}

void AftProblem::differentiate_exactly(NewtonState& state) {
  const dim_t last = columns_ + 1;
  kernels::kCpuWeightedGram.transpose_product({}, {.panel = scratch_.panel_.data(),
                                                   .rows = design_.rows(),
                                                   .stride = stride_,
                                                   .r = scratch_.gradient_.data(),
                                                   .y = state.score.data()});
  state.score[last] = totals_[1];
  set_information(state);
}

void AftProblem::set_information(NewtonState& state) {
  const dim_t last = columns_ + 1;
  kernels::kCpuWeightedGram.gram({}, {.panel = scratch_.panel_.data(),
                                      .rows = design_.rows(),
                                      .stride = stride_,
                                      .weight = scratch_.curvature_.data(),
                                      .out = state.information.data(),
                                      .accumulate = false,
                                      .mirror = true});
  add_scale_row(state, scratch_.mixed_.data(), totals_[2]);
  for (dim_t j = 0; j < last; ++j) state.magnitude[j] = state.information[j * stride_ + j];
  state.magnitude[last] = std::max(totals_[2], 0.);
}

void AftProblem::differentiate(NewtonState& state) {
  differentiate_exactly(state);
  if (!entries_.empty() && lacks_information(state)) forget_entries(state);
  lacks_information(state);
  if (state.flat[columns_ + 1]) use_part_never_negative(state);
}

/// Whether a column that is not aliased has no information; state.flat says which.
bool AftProblem::lacks_information(NewtonState& state) {
  std::copy(state.aliased.begin(), state.aliased.end(), state.flat.begin());
  factor_information(state, 1e-10, state.flat);
  return !std::equal(state.flat.begin(), state.flat.begin() + state.n, state.aliased.begin());
}

/// The information without the entries' part; the score keeps it.
void AftProblem::forget_entries(NewtonState& state) {
  kernels::kCpuAftLikelihood.likelihood({}, likelihood_args());
  set_information(state);
}

/// mixed - (-dl/dz)/sigma = curvature * sigma * z: with it the matrix is sum h (x/sigma, z)(x/sigma, z)', never
/// negative.
void AftProblem::use_part_never_negative(NewtonState& state) {
  const dim_t last = columns_ + 1;
  for (dim_t i = 0; i < design_.rows(); ++i) scratch_.mixed_[i] -= scratch_.gradient_[i];
  add_scale_row(state, scratch_.mixed_.data(), totals_[3]);
  state.magnitude[last] = totals_[3];
}

}  // namespace engram::survival
