/// Factor transfer (Kim et al. 2018).

#include "engine/autograd.h"
#include "engine/ops/spatial_attention.h"
#include "models/methods/distillation/attention_distance.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/paraphraser.h"

namespace engram {
namespace {

struct FtConfig {
  TermOptions term{.weight = 500};
  double width = 0.5;
  std::string form = "official";
};

Settings ft_settings(FtConfig& c) {
  Settings settings = term_settings(c.term, "500 of the authors' code; RepDistiller's form has 200");
  settings.push_back({"width", &c.width, "channels of the factor, as a share of the teacher's"});
  settings.push_back({"form", &c.form,
                      "official: L1 of normalised factors; repdistiller: of their attention maps, translator with BN, "
                      "reconstruction by mean square"});
  return settings;
}

class FtLoss : public DistillationLoss {
 public:
  FtLoss(const FtConfig& config, const LossContext& context)
      : DistillationLoss(config.term), official_(config.form == "official") {
    stage_pairs("ft", context);
    if (!official_ && config.form != "repdistiller")
      throw UsageError(message("[ft] expected the form official or repdistiller, got ", config.form));
    const dim_t student = context.student.taps.back().dim(1), teacher = context.teacher.taps.back().dim(1);
    const dim_t width = dim_t(config.width * double(teacher));
    if (!(config.width > 0 && config.width <= 1) || width < 1)
      throw UsageError(
          message("[ft] expected a width in (0,1] that leaves a channel of ", teacher, ", got ", config.width));
    paraphraser_ = std::make_unique<Paraphraser>(teacher, width, context.device);
    translator_ = std::make_unique<Translator>(student, width, context.device, !official_);
    register_child("paraphraser", *paraphraser_);
    register_child("translator", *translator_);
  }
  LossNeeds needs() const override { return {.student = {.taps = true}, .teacher = {.logits = false, .taps = true}}; }

  InitialStage initial_stage() const override { return InitialStage::kOwn; }
  std::vector<NamedTensor> initial_parameters() const override { return part("paraphraser."); }
  std::vector<NamedTensor> main_parameters() const override { return part("translator."); }
  Tensor initial_loss(const DistillationBatch& b) override {
    const Tensor feature = b.teacher.taps.back();
    const Tensor reconstruction = paraphraser_->reconstruct(feature);
    return official_ ? reconstruction_distance(reconstruction, feature) : mse(reconstruction, feature);
  }

  Tensor loss(const DistillationBatch& b) override {
    const Tensor target = [&] {
      const NoGradGuard no_grad;
      return paraphraser_->encode(b.teacher.taps.back());
    }();
    const MapPair factors = pooled_to_smaller(translator_->forward(b.student.taps.back()), target);
    if (official_) return factor_distance(factors.student, factors.teacher);
    return mean(abs(spatial_attention(factors.student) - spatial_attention(factors.teacher)));
  }

 private:
  std::vector<NamedTensor> part(const std::string& prefix) const {
    std::vector<NamedTensor> chosen;
    for (const NamedTensor& parameter : named_parameters())
      if (parameter.name.starts_with(prefix)) chosen.push_back(parameter);
    return chosen;
  }

  bool official_;
  std::unique_ptr<Paraphraser> paraphraser_;
  std::unique_ptr<Translator> translator_;
};

}  // namespace

void add_ft(DistillationRegistry& registry) {
  registry.add<FtConfig>(
      "ft", "factors of the last stage, by a paraphraser trained first", {}, ft_settings,
      [](const FtConfig& config, const LossContext& context) { return std::make_unique<FtLoss>(config, context); });
}

}  // namespace engram
