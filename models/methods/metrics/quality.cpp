#include "models/methods/metrics/quality.h"

#include "models/methods/metrics/fid.h"
#include "models/methods/metrics/inception_score.h"
#include "models/methods/metrics/prdc.h"

namespace engram {
namespace {

bool has_intervals(const QualityOptions& options) {
  return options.bootstrap.resamples >= 2;
}

template <class T>
Measured mean_of(const std::vector<T>& values, double factor, const QualityOptions& options) {
  std::vector<double> numbers;
  double sum = 0;
  for (const T v : values) {
    numbers.push_back(factor * double(v));
    sum += numbers.back();
  }
  Measured result{.value = sum / double(values.size())};
  if (has_intervals(options)) result.interval = bootstrap_mean(numbers, options.bootstrap);
  return result;
}

Measured fid_of(const Moments& real, const FeatureMatrix& fake, const QualityOptions& options) {
  const FrechetReference reference(real);
  Measured result{.value = reference.distance_to(moments(fake)).value};
  if (has_intervals(options))
    result.interval = bootstrap_statistic(
        result.value, fake.rows, options.bootstrap,
        [&](const std::vector<double>& counts) { return reference.distance_to(moments(fake, counts)).value; });
  return result;
}

Measured score_of(const FeatureMatrix& probabilities, const QualityOptions& options) {
  Measured result{.value = inception_score(probabilities, 1).mean};
  if (has_intervals(options))
    result.interval =
        bootstrap_statistic(result.value, probabilities.rows, options.bootstrap,
                            [&](const std::vector<double>& c) { return weighted_inception_score(probabilities, c); });
  return result;
}

FeatureMatrix at_most(const FeatureMatrix& features, dim_t most) {
  return most == 0 || features.rows <= most ? features : every_row(features, 0, (features.rows + most - 1) / most);
}

void add_neighborhoods(Quality& quality, const FeatureMatrix& real, const FeatureMatrix& fake,
                       const QualityOptions& options) {
  const dim_t most = options.neighborhood_images;
  const Prdc prdc = precision_recall(at_most(real, most), at_most(fake, most), options.neighbors, options.device);
  std::vector<std::uint8_t> inside;
  for (const std::int32_t balls : prdc.balls) inside.push_back(balls > 0);
  quality.precision = mean_of(inside, 1, options);
  quality.recall = mean_of(prdc.recalled, 1, options);
  quality.density = mean_of(prdc.balls, 1 / double(prdc.neighbors), options);
  quality.coverage = mean_of(prdc.covered, 1, options);
}

}  // namespace

Quality image_quality(const ImageFeatures& real, const ImageFeatures& fake, const QualityOptions& options,
                      const std::function<void(const std::string&)>& working) {
  const dim_t least = std::min(real.features.rows, fake.features.rows);
  if (least < options.neighbors + 2)
    throw DataError(message("[quality] expected at least ", options.neighbors + 2, " images in both sets, got ",
                            real.features.rows, " real and ", fake.features.rows, " made ones"));
  const auto say = [&](const char* part) {
    if (working) working(part);
  };
  say("FID and inception score");
  Quality quality = distribution_quality(moments(real.features), fake, options);
  say("precision and recall");
  add_neighborhoods(quality, real.features, fake.features, options);
  return quality;
}

Quality distribution_quality(const Moments& real, const ImageFeatures& fake, const QualityOptions& options) {
  Quality quality;
  quality.features = fake.features.columns;
  quality.fid = fid_of(real, fake.features, options);
  if (std::min(real.count, double(fake.features.rows)) <= double(fake.features.columns))
    quality.regularized_fid = frechet_distance(real, moments(fake.features), kFidRidge).value;
  quality.inception_score = score_of(fake.probabilities, options);
  const InceptionScore split = inception_score(fake.probabilities, std::min(options.splits, fake.probabilities.rows));
  quality.split_score = split.mean;
  quality.split_deviation = split.deviation;
  return quality;
}

double fid_between(const FeatureMatrix& a, const FeatureMatrix& b) {
  return frechet_distance(moments(a), moments(b)).value;
}

std::map<dim_t, double> fid_floor(const Moments& reference, const FeatureMatrix& others) {
  const FrechetReference compared(reference);
  std::map<dim_t, double> floor;
  for (const dim_t count : {50, 100, 256, 512, 1024, 2048, 5000, 10000})
    if (count <= others.rows)
      floor[count] = compared.distance_to(moments(every_row(others, 0, others.rows / count, count))).value;
  return floor;
}

FeatureMatrix every_row(const FeatureMatrix& f, dim_t first, dim_t step, dim_t most) {
  FeatureMatrix result{0, f.columns, {}};
  for (dim_t i = first; i < f.rows && (most == 0 || result.rows < most); i += step, ++result.rows)
    result.values.insert(result.values.end(), f.row(i), f.row(i) + f.columns);
  return result;
}

}  // namespace engram
