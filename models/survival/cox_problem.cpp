#include "models/survival/cox_problem.h"

#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/ensure_size.h"

namespace engram::survival {

CoxProblem::CoxProblem(const SurvivalDesign& design, CoxTies ties, std::span<const dim_t> columns, CoxScratch& scratch)
    : design_(design),
      ties_(ties),
      scratch_(scratch),
      columns_(dim_t(columns.size())),
      stride_(kernels::panel_stride(columns_)) {
  design.check_columns(columns);
  scratch.newton_.reset(columns_);
  const dim_t rows = design.rows();
  for (auto* v : {&scratch.eta_, &scratch.theta_, &scratch.residual_, &scratch.exposure_}) ensure_size(*v, rows);
  ensure_size(scratch.panel_, rows * stride_);
  ensure_size(scratch.groups_, design.risk_sets().num_groups);
  ensure_size(scratch.workspace_, kernels::cox_information_workspace(stride_));
  ensure_size(scratch.coefficients_, stride_);
  ensure_size(scratch.sources_, columns_);
  for (dim_t j = 0; j < columns_; ++j) {
    scratch.sources_[j] = design.standardized(columns[j]);
    scratch.newton_.span[j] = design.span(columns[j]);
  }
  kernels::kCpuWeightedGram.pack_columns({}, {.columns = scratch.sources_.data(),
                                              .num_columns = columns_,
                                              .rows = rows,
                                              .stride = stride_,
                                              .panel = scratch.panel_.data()});
}

double CoxProblem::evaluate(const double* beta) {
  double loglik = 0;
  kernels::kCpuWeightedGram.linear_predictor({}, {.panel = scratch_.panel_.data(),
                                                  .rows = design_.rows(),
                                                  .stride = stride_,
                                                  .beta = beta,
                                                  .offset = design_.offset().data(),
                                                  .y = scratch_.eta_.data()});
  kernels::kCpuCoxPartial.likelihood({}, {.sets = design_.risk_sets(),
                                          .ties = ties_,
                                          .eta = scratch_.eta_.data(),
                                          .theta = scratch_.theta_.data(),
                                          .groups = scratch_.groups_.data(),
                                          .residual = scratch_.residual_.data(),
                                          .exposure = scratch_.exposure_.data(),
                                          .loglik = &loglik});
  return loglik;
}

void CoxProblem::differentiate(NewtonState& state) {
  kernels::kCpuWeightedGram.transpose_product({}, {.panel = scratch_.panel_.data(),
                                                   .rows = design_.rows(),
                                                   .stride = stride_,
                                                   .r = scratch_.residual_.data(),
                                                   .y = state.score.data()});
  kernels::kCpuCoxPartial.information({}, {.sets = design_.risk_sets(),
                                           .ties = ties_,
                                           .panel = scratch_.panel_.data(),
                                           .stride = stride_,
                                           .theta = scratch_.theta_.data(),
                                           .exposure = scratch_.exposure_.data(),
                                           .groups = scratch_.groups_.data(),
                                           .information = state.information.data(),
                                           .magnitude = state.magnitude.data(),
                                           .workspace = scratch_.workspace_.data()});
}

double CoxProblem::reach(const double* direction) {
  std::vector<double>& change = scratch_.eta_;
  kernels::kCpuWeightedGram.linear_predictor({}, {.panel = scratch_.panel_.data(),
                                                  .rows = design_.rows(),
                                                  .stride = stride_,
                                                  .beta = direction,
                                                  .offset = nullptr,
                                                  .y = change.data()});
  return design_.largest_spread(change);
}

void CoxProblem::firth_gradient(const double* inverse, double* gradient) {
  ensure_size(scratch_.workspace_, kernels::cox_firth_workspace(columns_));
  kernels::kCpuCoxPartial.firth({}, {.sets = design_.risk_sets(),
                                     .ties = ties_,
                                     .panel = scratch_.panel_.data(),
                                     .columns = columns_,
                                     .stride = stride_,
                                     .theta = scratch_.theta_.data(),
                                     .groups = scratch_.groups_.data(),
                                     .inverse = inverse,
                                     .gradient = gradient,
                                     .workspace = scratch_.workspace_.data()});
}

}  // namespace engram::survival
