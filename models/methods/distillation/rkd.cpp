/// Relational knowledge distillation (Park et al. 2019).

#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/relations.h"

namespace engram {
namespace {

struct RkdConfig {
  TermOptions term{};
  double distance = 25;
  double angle = 50;
};

Settings rkd_settings(RkdConfig& c) {
  Settings settings = term_settings(c.term, "1; RepDistiller's 25 and 50 are in the term");
  settings.push_back({"distance", &c.distance, "factor of the distances of pairs"});
  settings.push_back({"angle", &c.angle, "factor of the angles of triples"});
  return settings;
}

class RkdLoss : public DistillationLoss {
 public:
  RkdLoss(const RkdConfig& config, const LossContext&) : DistillationLoss(config.term), config_(config) {}
  LossNeeds needs() const override {
    return {.student = {.pooled = true}, .teacher = {.logits = false, .pooled = true}};
  }
  Tensor loss(const DistillationBatch& b) override {
    return float(config_.distance) * relational_distance(b.student.pooled, b.teacher.pooled) +
           float(config_.angle) * relational_angle(b.student.pooled, b.teacher.pooled);
  }

 private:
  RkdConfig config_;
};

}  // namespace

void add_rkd(DistillationRegistry& registry) {
  registry.add<RkdConfig>(
      "rkd", "distances and angles between samples", {}, rkd_settings,
      [](const RkdConfig& config, const LossContext& context) { return std::make_unique<RkdLoss>(config, context); });
}

}  // namespace engram
