#pragma once
/// The inception score (docs/methods/metrics.md, "Inception score").

#include "models/methods/metrics/features.h"

namespace engram {

/// exp of the mean over rows of KL(p(y|x) || p(y)), on each of the splits alone.
struct InceptionScore {
  double mean = 0;
  double deviation = 0;  ///< over the splits, divided by their number
  std::vector<double> per_split;
};

/// `probabilities` has a distribution over classes a row. Splits are runs of rows of equal length; the rest (rows mod
/// splits) is left out, as the reference does. Throws UsageError unless 1 <= splits <= rows.
InceptionScore inception_score(const FeatureMatrix& probabilities, dim_t splits);

/// The score of all rows as one split, each counted `weights` times. Throws ShapeError for another number of weights.
double weighted_inception_score(const FeatureMatrix& probabilities, const std::vector<double>& weights);

}  // namespace engram
