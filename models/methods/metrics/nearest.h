#pragma once
/// Nearest neighbours of feature vectors, exact, without a matrix of all distances.

#include "engine/device.h"
#include "models/methods/metrics/features.h"

namespace engram {

/// A neighbour of a row.
struct Neighbor {
  dim_t index;
  double distance;  ///< squared
};

/// For each row of `queries` its `count` nearest rows of `base`, nearest first, equal ones by index. Distances are
/// those of exact_distance; where single precision cannot tell, all of a row are computed. Throws UsageError unless 1
/// <= count <= rows of the base, ShapeError for vectors of another length.
std::vector<std::vector<Neighbor>> nearest_neighbors(const FeatureMatrix& queries, const FeatureMatrix& base,
                                                     dim_t count, const Device& device = {});

/// The same among the other rows of one set: of each row itself is left out, its duplicates are not.
std::vector<std::vector<Neighbor>> nearest_others(const FeatureMatrix& set, dim_t count, const Device& device = {});

}  // namespace engram
