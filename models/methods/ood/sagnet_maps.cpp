#include "models/methods/ood/sagnet_maps.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/optim_step.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/parameters_below.h"
#include "models/methods/ood/penalty_schedule.h"
#include "models/methods/ood/row_shuffle.h"
#include "models/nets/make_network.h"

namespace engram {
namespace {

/// Cross entropy of even answers, with the 1e-5 of the authors' program beside each probability.
Tensor evenness_loss(const Tensor& logits) {
  return neg(mean(log(1e-5f + softmax(logits))));
}

/// The weights and biases of batch normalisations among some of a network's parameters.
std::vector<NamedTensor> normalisations_among(Network& network, const std::vector<NamedTensor>& parameters) {
  std::vector<NamedTensor> found;
  for (const NamedModule& named : network.named_modules()) {
    if (!dynamic_cast<const BatchNorm2d*>(named.module)) continue;
    for (const NamedTensor& parameter : parameters)
      if (parameter.name.starts_with(named.name + ".")) found.push_back(parameter);
  }
  return found;
}

}  // namespace

SagNetOnMaps::SagNetOnMaps(const SagNetMapSettings& settings, const OodSetup& setup)
    : OodTask(setup, {"style", "adversary"}, false), settings_(settings) {
  check_settings();
  make_branch();
  find_parts();
  for (Part* part : {&style_, &adversary_}) part->optimizer.emplace(part->parameters, options_.optimizer);
  const dim_t images = images_per_step();
  shares_ = Tensor::zeros({images, 1}, device());
  styles_ = shuffle_room("sagnet-maps", images, device());
  contents_ = shuffle_room("sagnet-maps", images, device());
}

void SagNetOnMaps::check_settings() const {
  check_penalty("sagnet-maps", settings_.adversary, 0);
  const dim_t stages = dim_t(network_.taps().size());
  if (settings_.after < 1 || settings_.after > stages)
    throw UsageError(message("[sagnet-maps] expected the map after one of the ", stages, " stages of ", network_.arch(),
                             ", got ", settings_.after));
  const TapSpec& map = network_.taps()[std::size_t(settings_.after - 1)];
  if (map.height * map.width < 2)
    throw UsageError(message("[sagnet-maps] expected a map of at least 2 pixels, got 1 after stage ", settings_.after,
                             " of ", network_.arch()));
  if (!(settings_.clip >= 0))
    throw UsageError(message("[sagnet-maps] expected a clipping norm of at least 0, got ", settings_.clip));
}

Tensor SagNetOnMaps::one_image() const {
  return slice(source_.gather().environments[0].images, 0, 0, 1);
}

void SagNetOnMaps::make_branch() {
  const std::uint64_t seed = Generator(options_.seed).split(2).seed();
  branch_ = make_network(network_.arch(), network_.num_classes(),
                         {.seed = seed, .device = device(), .image = network_.image()});
  if (!settings_.copied) return;
  StateDict state = network_.state();
  const StateDict fresh = branch_->state();
  network_.eval();
  const Tensor pooled = features_of(one_image());
  for (const NamedTensor& last : below_and_above(parameters_, pooled).second) state[last.name] = fresh.at(last.name);
  branch_->load_state(state);
}

void SagNetOnMaps::find_parts() {
  network_.eval();
  branch_->eval();
  const Tensor map = network_.forward_stages(one_image(), 0, int(settings_.after));
  adversary_.parameters = normalisations_among(network_, below_and_above(parameters_, map).first);
  if (adversary_.parameters.empty())
    throw UsageError(message("[sagnet-maps] expected batch normalisations in the first ", settings_.after,
                             " stages of ", network_.arch(), ", got none"));
  const Tensor answers = rest_of(*branch_, map.detach());
  for (const NamedTensor& parameter : below_and_above(branch_->named_parameters(), answers).first)
    style_.parameters.push_back({"style." + parameter.name, parameter.tensor});
  network_.train();
}

void SagNetOnMaps::set_draws(const std::vector<float>& shares, const std::vector<std::int32_t>& styles,
                             const std::vector<std::int32_t>& contents) {
  stage_values(shares_, shares);
  stage_values(styles_, shuffle_matrix(styles));
  stage_values(contents_, shuffle_matrix(contents));
}

void SagNetOnMaps::stage_method(dim_t step) {
  Generator draws = Generator(options_.seed).split(1).split(std::uint64_t(step));
  std::vector<float> shares;
  for (dim_t i = 0; i < images_per_step(); ++i) shares.push_back(draws.number());
  const std::vector<std::int32_t> styles = draws.permutation(images_per_step());
  set_draws(shares, styles, draws.permutation(images_per_step()));
}

void SagNetOnMaps::update(const EnvironmentBatch& batch) {
  branch_->train();
  const LabelledBatch all = joined(batch);
  const Tensor map = network_.forward_stages(all.images, 0, int(settings_.after));
  const Tensor labels = rest_of(network_, style_shuffle(map, Randomized::kStyle, shares_, styles_));
  const Tensor answers = rest_of(*branch_, style_shuffle(map, Randomized::kContent, shares_, contents_));
  const Tensor risk = softmax_cross_entropy(labels, all.labels), style = softmax_cross_entropy(answers, all.labels);
  const Tensor adversary = float(settings_.adversary) * evenness_loss(answers);

  const std::vector<Tensor> of_style = gradients_of(style, style_.parameters),
                            of_adversary = gradients_of(adversary, adversary_.parameters),
                            of_risk = gradients_of(risk, parameters_);
  step_along(of_style, style_.parameters, *style_.optimizer, rate_.tensor());
  step_adversary(of_adversary);
  step_along(of_risk, parameters_, *optimizer_, rate_.tensor());
  record(risk, {style, adversary}, {}, batch);
}

Tensor SagNetOnMaps::rest_of(Network& network, const Tensor& map) const {
  return class_logits(network.forward_from(map, int(settings_.after), {}).logits);
}

std::vector<Tensor> SagNetOnMaps::gradients_of(const Tensor& loss, const std::vector<NamedTensor>& parameters) const {
  if (options_.observer) options_.observer->on_loss(loss);
  std::vector<Tensor> tensors;
  for (const NamedTensor& parameter : parameters) tensors.push_back(parameter.tensor);
  return grad({loss}, tensors, {.retain_graph = true, .allow_unused = true});
}

/// Its own bound in place of OodOptions::clip_norm.
void SagNetOnMaps::step_adversary(const std::vector<Tensor>& gradients) {
  if (options_.observer) options_.observer->on_gradients(adversary_.parameters, gradients);
  Tensor scale;
  if (settings_.clip > 0) scale = grad_norm(gradients, float(settings_.clip)).factor;
  adversary_.optimizer->step(gradients, rate_.tensor(), scale);
}

void SagNetOnMaps::visit_method(StateVisitor& visitor) {
  visitor.visit("branch", *branch_);
  visitor.visit("style_optimizer", *style_.optimizer);
  visitor.visit("adversary_optimizer", *adversary_.optimizer);
}

namespace {

Settings sagnet_map_settings(SagNetMapSettings& s) {
  return {{"after", &s.after, "stages below the map whose style is randomised"},
          {"adversary", &s.adversary, "weight of the adversary's loss"},
          {"clip", &s.clip, "bound of the norm of the adversary's gradient, 0 for none"},
          {"copied", &s.copied, "the second branch begins as the network's layers, but the last"}};
}

}  // namespace

void add_sagnet_maps(OodRegistry& registry) {
  registry.add<SagNetMapSettings>(
      "sagnet-maps", "the same on feature maps, as the authors' code", {.images = 1}, {}, sagnet_map_settings,
      [](const SagNetMapSettings& s, const OodSetup& setup) { return std::make_unique<SagNetOnMaps>(s, setup); });
}

}  // namespace engram
