#include "engine/ops.h"
#include "models/methods/ood/feature_distance.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalty_schedule.h"

namespace engram {
namespace {

using FeatureDistance = Tensor (*)(const Tensor&, const Tensor&);

struct MatchingSettings {
  double gamma = 1;
};
Settings matching_settings(MatchingSettings& s) {
  return {{"gamma", &s.gamma, "weight of the distance between the environments' features"}};
}

/// Mean risk + gamma times the mean over pairs of environments of a distance between their pooled features.
class FeatureMatching : public OodTask {
 public:
  FeatureMatching(const char* name, FeatureDistance distance, double gamma, const OodSetup& setup)
      : OodTask(setup, {"risk", "penalty"}), distance_(distance), gamma_(gamma) {
    check_penalty(name, gamma, 0);
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    std::vector<Tensor> features, logits, distances;
    for (const LabelledBatch& environment : batch.environments) {
      features.push_back(features_of(environment.images));
      logits.push_back(classify(features.back()));
    }
    for (std::size_t i = 0; i < features.size(); ++i)
      for (std::size_t j = i + 1; j < features.size(); ++j) distances.push_back(distance_(features[i], features[j]));
    const Tensor risk = mean_of(risks_of(logits, batch)), penalty = mean_of(distances);
    record(descend(risk + float(gamma_) * penalty), {risk, penalty}, logits, batch);
  }

 private:
  FeatureDistance distance_;
  double gamma_;
};

}  // namespace

void add_feature_matching(OodRegistry& registry) {
  const auto add = [&](const char* name, const char* help, dim_t images, FeatureDistance distance) {
    registry.add<MatchingSettings>(name, help, {.environments = true, .images = images}, {}, matching_settings,
                                   [name, distance](const MatchingSettings& s, const OodSetup& setup) {
                                     return std::make_unique<FeatureMatching>(name, distance, s.gamma, setup);
                                   });
  };
  add("coral", "features of equal mean and covariance (Sun and Saenko 2016)", 2, coral_distance);
  add("mmd", "features of little maximum mean discrepancy (Li et al. 2018)", 1, mmd_distance);
}

}  // namespace engram
