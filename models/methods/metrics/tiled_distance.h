#pragma once
/// Squared distances between the vectors of two sets, a tile at a time: matrix products in single precision, with a
/// bound on their error, so that a comparison is either certain or made again in double precision.

#include <functional>

#include "engine/tensor.h"
#include "models/methods/metrics/features.h"

namespace engram {

/// A set about a common centre, on a device.
class CenteredSet {
 public:
  /// `features` outlives this. Throws DataError where squared distances are beyond f32.
  CenteredSet(const FeatureMatrix& features, const std::vector<double>& center, const Device& device);

  dim_t rows() const { return features_.rows; }
  const FeatureMatrix& features() const { return features_; }
  const Tensor& values() const { return values_; }                      ///< f32 [rows, columns]
  const std::vector<double>& norms() const { return norms_; }           ///< squared, [rows]
  const std::vector<float>& rounded_norms() const { return rounded_; }  ///< the same
  double largest_norm() const { return largest_; }                      ///< of the squared ones

 private:
  const FeatureMatrix& features_;
  Tensor values_;
  std::vector<double> norms_;
  std::vector<float> rounded_;
  double largest_ = 0;
};

/// The mean of the rows.
std::vector<double> center_of(const FeatureMatrix& features);

/// A bound on the error of norm_b - 2 product in a tile, for a row whose squared norm is `norm` against any row of `b`:
/// of the product, whose order of additions is the library's (Higham 2002, section 3.1), of rounding the vectors, and
/// of the sum.
double distance_error(double norm, const CenteredSet& b);

/// The squared distance of two rows from their differences in double precision: what counts in a comparison. Symmetric
/// in its bits.
double exact_distance(const FeatureMatrix& a, dim_t i, const FeatureMatrix& b, dim_t j);

/// A tile of inner products.
struct ProductTile {
  dim_t first_row, rows, first_column, columns;
  const float* products;  ///< [rows, columns], on the host
};

/// Calls `visit` for the tiles of a times b transposed: of a block of rows, all tiles from left to right; then the next
/// block. `end_of_rows(first, rows)` follows the last tile of a block. About 16 MiB are held at a time.
void for_each_tile(const CenteredSet& a, const CenteredSet& b, const std::function<void(const ProductTile&)>& visit,
                   const std::function<void(dim_t, dim_t)>& end_of_rows);

}  // namespace engram
