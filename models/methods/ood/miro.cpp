#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/miro_penalty.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalty_schedule.h"
#include "models/nets/make_network.h"

namespace engram {
namespace {

struct MiroSettings {
  double lambda = 0.1;
  double rate_factor = 10;
};
Settings miro_settings(MiroSettings& s) {
  return {{"lambda", &s.lambda, "weight of the penalty"},
          {"rate_factor", &s.rate_factor, "learning rate of the variances by that of the network"}};
}

/// Cross entropy of all images + lambda times the sum over the tapped maps of miro_penalty. The network as it is when
/// the task is made is what it stays close to: start from a trained one.
class Miro : public OodTask {
 public:
  Miro(const MiroSettings& settings, const OodSetup& setup)
      : OodTask(setup, {"risk", "penalty"}), settings_(settings), variance_rate_(scaled_rate(settings, options_)) {
    check_penalty("miro", settings.lambda, 0);
    if (network_.taps().empty())
      throw UsageError(message("[miro] expected a network with feature maps, got ", network_.arch()));
    pretrained_ = make_network(network_.arch(), network_.num_classes(),
                               {.seed = std::nullopt, .device = device(), .image = network_.image()});
    pretrained_->load_state(network_.state());
    pretrained_->set_requires_grad(false);
    pretrained_->eval();
    for (const TapSpec& tap : network_.taps()) {
      Tensor b = Tensor::full({1, tap.channels, 1, 1}, float(miro_start()), device());
      variances_.push_back({message("variance.", variances_.size()), b.set_requires_grad()});
    }
    variance_optimizer_.emplace(variances_, options_.optimizer);
  }

 protected:
  void stage_method(dim_t step) override { variance_rate_.stage(step - step % options_.rate_interval); }
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Features features = network_.forward(all.images, {.logits = true, .taps = true});
    const std::vector<Tensor> before = pretrained_->features_inference(all.images);
    std::vector<Tensor> penalties, parameters;
    for (std::size_t i = 0; i < before.size(); ++i)
      penalties.push_back(miro_penalty(features.taps[i], before[i], variances_[i].tensor));
    const Tensor logits = class_logits(features.logits), penalty = sum_of(penalties);
    const Tensor risk = softmax_cross_entropy(logits, all.labels), loss = risk + float(settings_.lambda) * penalty;
    if (options_.observer) options_.observer->on_loss(loss);

    for (const NamedTensor& parameter : parameters_) parameters.push_back(parameter.tensor);
    for (const NamedTensor& variance : variances_) parameters.push_back(variance.tensor);
    const std::vector<Tensor> gradients = grad({loss}, parameters, {.allow_unused = true});
    const auto middle = gradients.begin() + std::ptrdiff_t(parameters_.size());
    step_along({gradients.begin(), middle}, parameters_, *optimizer_, rate_.tensor());
    step_along({middle, gradients.end()}, variances_, *variance_optimizer_, variance_rate_.tensor());
    record(loss, {risk, penalty}, cut(logits, batch), batch);
  }
  void visit_method(StateVisitor& visitor) override {
    visitor.visit("pretrained", *pretrained_);
    for (const NamedTensor& variance : variances_) visitor.visit(variance.name, variance.tensor);
    visitor.visit("variance_optimizer", *variance_optimizer_);
  }

 private:
  StagedRate scaled_rate(const MiroSettings& settings, const OodOptions& options) const {
    ScheduleOptions schedule = options.schedule;
    schedule.base_lr *= settings.rate_factor;
    schedule.final_lr *= settings.rate_factor;
    schedule.total_steps = options.total_steps;
    return StagedRate(schedule, device());
  }

  MiroSettings settings_;
  StagedRate variance_rate_;
  std::unique_ptr<Network> pretrained_;
  std::vector<NamedTensor> variances_;
  std::optional<Optimizer> variance_optimizer_;
};

}  // namespace

void add_miro(OodRegistry& registry) {
  registry.add<MiroSettings>(
      "miro", "features close to those of the network that training starts from (Cha et al. 2022)", {}, {},
      miro_settings, [](const MiroSettings& s, const OodSetup& setup) { return std::make_unique<Miro>(s, setup); });
}

}  // namespace engram
