#pragma once
/// From a gene's studentised score to its effect: which effects the score rejects.

#include <map>
#include <optional>
#include <vector>

#include "models/genes/gene_scan.h"

namespace engram::genes {

/// The statistic of a GeneScan as a function of the effect that the null model gives the gene's product. It falls from
/// that at effect 0 through 0 at the estimate. The null model holds the gene's main effect, fitted anew at each effect,
/// and the product is freed of it in each patient's own curvature: what is nearly right at no effect, and enough for a
/// scan of all genes, is not far from it where many patients carry the gene. Since its law at the true effect is a
/// standard normal one with few carriers or unequal variances too, effects read from it have limits that hold where
/// estimate and sandwich error do not (Rao 1948; Boos 1992).
class ScoreInversion {
 public:
  /// `cohort` as GeneScan takes it; `options` does not hold the gene, and knows the scan's fit_factor. `error` is about
  /// the standard error of its effect, above 0.
  ScoreInversion(const Cohort& cohort, const ScanOptions& options, dim_t gene, double error);

  /// The statistic where the product has this effect towards more benefit; NaN where the model does not tell it.
  double statistic(double effect);

  /// The effect towards more benefit at which the statistic is `z`, to about a thousandth of a standard error; nothing
  /// where no effect within forty errors has it.
  std::optional<double> effect_at(double z);

 private:
  Cohort patients_;  // with the genes of the models alone
  ScanOptions options_;
  dim_t gene_ = 0;
  std::vector<double> column_;  // what an effect of 1 adds to the linear predictor
  double error_;
  std::map<double, double> known_;  // statistics by effect
};

}  // namespace engram::genes
