#include "models/methods/ood/sagnet.h"

#include <tuple>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/parameters_below.h"
#include "models/methods/ood/penalty_schedule.h"
#include "models/methods/ood/row_shuffle.h"

namespace engram {
SagNet::SagNet(double adversary, const OodSetup& setup)
    : OodTask(setup, {"style", "adversary"}, false),
      adversary_(adversary),
      style_head_(feature_width(), source_.num_classes(), device()) {
  check_penalty("sagnet", adversary, 0);
  style_head_.initialize(options_.seed);
  network_.eval();
  const Tensor pooled = features_of(slice(source_.gather().environments[0].images, 0, 0, 1));
  network_.train();
  std::tie(features_.parameters, head_.parameters) = below_and_above(parameters_, pooled);
  for (const NamedTensor& parameter : style_head_.named_parameters())
    style_.parameters.push_back({"style." + parameter.name, parameter.tensor});
  for (Part* part : {&features_, &head_, &style_}) part->optimizer.emplace(part->parameters, options_.optimizer);
  const dim_t images = images_per_step();
  for (Draws& draws : draws_) draws = {Tensor::zeros({images, 1}, device()), shuffle_room("sagnet", images, device())};
}

void SagNet::set_draws(int pass, const std::vector<float>& shares, const std::vector<std::int32_t>& order) {
  stage_values(draws_[pass].shares, shares);
  stage_values(draws_[pass].shuffle, shuffle_matrix(order));
}

void SagNet::stage_method(dim_t step) {
  Generator draws = Generator(options_.seed).split(1).split(std::uint64_t(step));
  for (int pass = 0; pass < 3; ++pass) {
    std::vector<float> shares;
    for (dim_t i = 0; i < images_per_step(); ++i) shares.push_back(draws.number());
    set_draws(pass, shares, draws.permutation(images_per_step()));
  }
}

void SagNet::update(const EnvironmentBatch& batch) {
  const LabelledBatch all = joined(batch);
  const auto randomized = [&](Randomized what, int pass) {
    return style_shuffle(features_of(all.images), what, draws_[pass].shares, draws_[pass].shuffle);
  };
  const Tensor content = softmax_cross_entropy(classify(randomized(Randomized::kStyle, 0)), all.labels);
  step_parts(content, {&features_, &head_});
  const Tensor style = softmax_cross_entropy(style_head_.forward(randomized(Randomized::kContent, 1)), all.labels);
  step_parts(style, {&style_});
  const Tensor even = neg(mean(log_softmax(style_head_.forward(randomized(Randomized::kContent, 2)))));
  const Tensor adversary = float(adversary_) * even;
  step_parts(adversary, {&features_});
  record(content, {style, adversary}, {}, batch);
}

void SagNet::step_parts(const Tensor& loss, const std::vector<Part*>& parts) {
  if (options_.observer) options_.observer->on_loss(loss);
  std::vector<Tensor> tensors;
  for (const Part* part : parts)
    for (const NamedTensor& parameter : part->parameters) tensors.push_back(parameter.tensor);
  const std::vector<Tensor> gradients = grad({loss}, tensors, {.allow_unused = true});
  std::size_t next = 0;
  for (Part* part : parts) {
    const std::size_t end = next + part->parameters.size();
    step_along({gradients.begin() + dim_t(next), gradients.begin() + dim_t(end)}, part->parameters, *part->optimizer,
               rate_.tensor());
    next = end;
  }
}

void SagNet::visit_method(StateVisitor& visitor) {
  visitor.visit("style", style_head_);
  visitor.visit("features_optimizer", *features_.optimizer);
  visitor.visit("head_optimizer", *head_.optimizer);
  visitor.visit("style_optimizer", *style_.optimizer);
}

namespace {

struct SagNetSettings {
  double adversary = 0.1;
};
Settings sagnet_settings(SagNetSettings& s) {
  return {{"adversary", &s.adversary, "weight of the adversary's loss"}};
}

}  // namespace

void add_sagnet(OodRegistry& registry) {
  registry.add<SagNetSettings>("sagnet", "features whose style does not tell the label (Nam et al. 2021), as DomainBed",
                               {.images = 1}, {}, sagnet_settings, [](const SagNetSettings& s, const OodSetup& setup) {
                                 return std::make_unique<SagNet>(s.adversary, setup);
                               });
}

}  // namespace engram
