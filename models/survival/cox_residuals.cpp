#include "models/survival/cox_residuals.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/dense_solve/dense_solve.h"
#include "kernels/weighted_gram/weighted_gram.h"

namespace engram::survival {
namespace {

/// The kernels' view of a fitted model, with eta from the covariates as given, so that hazards are those at x = 0.
struct FittedRisk {
  const SurvivalDesign& design;
  CoxTies ties;
  dim_t columns, stride;
  std::vector<double> panel, eta, theta, residual, exposure;
  std::vector<kernels::CoxGroupSums> groups;
  double at_zero = 0;  ///< what the raw linear predictor has that the standardised one has not

  FittedRisk(const CoxModel& model, const CoxFit& fit)
      : design(model.design()),
        ties(model.options().ties),
        columns(dim_t(fit.columns.size())),
        stride(kernels::panel_stride(columns)),
        panel(std::size_t(design.rows() * stride)),
        eta(design.offset()),
        theta(eta.size()),
        residual(eta.size()),
        exposure(eta.size()),
        groups(std::size_t(design.risk_sets().num_groups)) {
    std::vector<const double*> sources;
    for (dim_t j = 0; j < columns; ++j) {
      const dim_t column = fit.columns[j];
      const double coefficient = fit.table[j].coefficient;
      sources.push_back(design.standardized(column));
      at_zero += coefficient * design.mean(column);
      for (dim_t i = 0; i < design.rows(); ++i) eta[i] += coefficient * design.scale(column) * sources.back()[i];
    }
    kernels::kCpuWeightedGram.pack_columns({}, {.columns = sources.data(),
                                                .num_columns = columns,
                                                .rows = design.rows(),
                                                .stride = stride,
                                                .panel = panel.data()});
    double loglik;
    kernels::kCpuCoxPartial.likelihood({}, {.sets = design.risk_sets(),
                                            .ties = ties,
                                            .eta = eta.data(),
                                            .theta = theta.data(),
                                            .groups = groups.data(),
                                            .residual = residual.data(),
                                            .exposure = exposure.data(),
                                            .loglik = &loglik});
  }
};

/// Score residuals in sorted order and standardised units, with what the kernel gives beside them.
struct RowResiduals {
  std::vector<double> score, risk_mean, hazard;

  explicit RowResiduals(const FittedRisk& risk)
      : score(std::size_t(risk.design.rows() * risk.stride)),
        risk_mean(std::size_t(risk.design.risk_sets().num_groups * risk.stride)),
        hazard(risk.eta.size()) {
    std::vector<double> workspace(
        std::size_t(kernels::cox_score_residual_workspace(risk.design.risk_sets().num_groups, risk.stride)));
    kernels::kCpuCoxPartial.score_residuals({}, {.sets = risk.design.risk_sets(),
                                                 .ties = risk.ties,
                                                 .panel = risk.panel.data(),
                                                 .stride = risk.stride,
                                                 .eta = risk.eta.data(),
                                                 .theta = risk.theta.data(),
                                                 .groups = risk.groups.data(),
                                                 .score_residual = score.data(),
                                                 .risk_mean = risk_mean.data(),
                                                 .hazard = hazard.data(),
                                                 .workspace = workspace.data()});
  }
};

}  // namespace

std::vector<double> martingale_residuals(const CoxModel& model, const CoxFit& fit) {
  const FittedRisk risk(model, fit);
  const SurvivalDesign& design = risk.design;
  const RowResiduals rows(risk);
  std::vector<double> residuals(risk.eta.size());
  for (dim_t i = 0; i < design.rows(); ++i) residuals[design.order()[i]] = double(design.event()[i]);
  const kernels::CoxRiskSets& sets = design.risk_sets();
  for (dim_t k = 0; k < sets.num_groups; ++k) {
    const kernels::CoxTieGroup& group = sets.groups[k];
    const bool first = k == 0 || sets.groups[k - 1].stratum_begin != group.stratum_begin;
    const dim_t begin = first ? group.stratum_begin : sets.groups[k - 1].risk_end;
    for (dim_t i = begin; i < group.risk_end; ++i) {
      residuals[design.order()[i]] -= std::exp(risk.eta[i] - risk.groups[k].shift) * rows.hazard[i];
    }
  }
  return residuals;
}

std::vector<double> score_residuals(const CoxModel& model, const CoxFit& fit) {
  const FittedRisk risk(model, fit);
  const RowResiduals rows(risk);
  std::vector<double> residuals(std::size_t(risk.design.rows() * risk.columns));
  for (dim_t i = 0; i < risk.design.rows(); ++i)
    for (dim_t j = 0; j < risk.columns; ++j)
      residuals[risk.design.order()[i] * risk.columns + j] =
          rows.score[i * risk.stride + j] * risk.design.scale(fit.columns[j]);
  return residuals;
}

std::vector<BaselineHazard> baseline_hazard(const CoxModel& model, const CoxFit& fit) {
  const FittedRisk risk(model, fit);
  const kernels::CoxRiskSets& sets = risk.design.risk_sets();
  std::vector<BaselineHazard> strata(std::size_t(risk.design.num_strata()));
  for (dim_t s = 0; s < risk.design.num_strata(); ++s) strata[s].stratum = risk.design.stratum_label(s);
  for (dim_t k = sets.num_groups; k-- > 0;) {
    const dim_t row = sets.groups[k].death_begin;
    BaselineHazard& hazard = strata[risk.design.stratum()[row]];
    hazard.time.push_back(risk.design.time()[row]);
    hazard.increment.push_back(risk.groups[k].hazard * std::exp(-risk.groups[k].shift - risk.at_zero));
    hazard.cumulative.push_back(hazard.increment.back() + (hazard.cumulative.empty() ? 0 : hazard.cumulative.back()));
  }
  return strata;
}

SchoenfeldResiduals schoenfeld_residuals(const CoxModel& model, const CoxFit& fit) {
  const FittedRisk risk(model, fit);
  const RowResiduals rows(risk);
  const kernels::CoxRiskSets& sets = risk.design.risk_sets();
  SchoenfeldResiduals result;
  const auto add_group = [&](dim_t k) {
    const kernels::CoxTieGroup& group = sets.groups[k];
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) {
      result.time.push_back(risk.design.time()[i]);
      result.patient.push_back(risk.design.order()[i]);
      for (dim_t j = 0; j < risk.columns; ++j) {
        result.residuals.push_back((risk.panel[i * risk.stride + j] - rows.risk_mean[k * risk.stride + j]) *
                                   risk.design.scale(fit.columns[j]));
      }
    }
  };
  for (dim_t first = 0; first < sets.num_groups;) {
    dim_t last = first + 1;
    while (last < sets.num_groups && sets.groups[last].stratum_begin == sets.groups[first].stratum_begin) ++last;
    for (dim_t k = last; k-- > first;) add_group(k);
    first = last;
  }
  return result;
}

}  // namespace engram::survival
