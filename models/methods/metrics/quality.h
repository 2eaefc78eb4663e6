#pragma once
/// All metrics of a set of made images beside real ones, by one classifier's features (docs/methods/metrics.md).

#include <functional>
#include <map>
#include <optional>

#include "models/methods/metrics/bootstrap.h"
#include "models/methods/metrics/moments.h"

namespace engram {

/// A number with its interval, where one was asked for.
struct Measured {
  double value = 0;
  std::optional<Interval> interval = {};
};

struct QualityOptions {
  dim_t neighbors = 5;  ///< k of precision, recall, density and coverage
  dim_t splits = 10;    ///< of the inception score; fewer where there are fewer images
  /// Most images of each set, evenly spread, that precision, recall, density and coverage look at; 0: all.
  dim_t neighborhood_images = 0;
  BootstrapPlan bootstrap = {};  ///< no intervals for less than 2 resamples
  Device device = {};            ///< where distances are computed
};

/// What one classifier says.
struct Quality {
  dim_t features = 0;  ///< values of a vector
  Measured fid;
  /// With kFidRidge on the diagonals, where one of the sets has no more images than features.
  std::optional<double> regularized_fid = {};
  Measured inception_score;    ///< of all images as one split
  double split_score = 0;      ///< mean of the score over the splits
  double split_deviation = 0;  ///< its deviation over them
  Measured precision, recall, density, coverage;
};

/// Compares features and probabilities. Fake images are resampled for the intervals, for recall and coverage real ones;
/// the other set stands as it is. `working` is called between the parts with a word on what comes, and may throw to
/// end. Throws DataError where a set has fewer than neighbors + 2 images, and as the metrics do.
Quality image_quality(const ImageFeatures& real, const ImageFeatures& fake, const QualityOptions& options,
                      const std::function<void(const std::string&)>& working = {});

/// FID and inception score alone, where of the real images only their moments are there. Throws DataError for fewer
/// than 2 images, ShapeError for moments of another length.
Quality distribution_quality(const Moments& real, const ImageFeatures& fake, const QualityOptions& options);

/// The distance of two sets of real images: what no made ones can be expected to fall below.
double fid_between(const FeatureMatrix& a, const FeatureMatrix& b);

/// FID of so many of `others`, real images that are not in the reference, against it, for the usual counts up to all of
/// them: what as many made images cannot be expected to fall below.
std::map<dim_t, double> fid_floor(const Moments& reference, const FeatureMatrix& others);

/// Rows first, first + step, ..., at most so many; 0: all.
FeatureMatrix every_row(const FeatureMatrix& features, dim_t first, dim_t step, dim_t most = 0);

}  // namespace engram
