#include "models/methods/inversion/contrastive_inversion.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/device_memory.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/data_free/bn_matching.h"
#include "models/methods/data_free/data_free_task.h"
#include "models/nets/generator_registry.h"

namespace engram {
namespace {

constexpr double kSmallestBox = 0.25;

bool uses_stages(const ContrastiveOptions& options, const Network& classifier) {
  if (options.features != "auto" && options.features != "bn" && options.features != "stages")
    throw UsageError(message("[cmi] expected the features auto, bn or stages, got ", options.features));
  if (options.features == "stages" && !classifier.arch().starts_with("resnet"))
    throw UsageError(message("[cmi] expected a ResNet for the features stages, got ", classifier.arch()));
  return options.features == "stages" || (options.features == "auto" && classifier.arch().starts_with("resnet34"));
}

/// Values of an image's features.
dim_t count_features(Network& classifier, bool stages) {
  if (!stages) {
    dim_t values = 0;
    for (const NamedModule& named : classifier.named_modules())
      if (const auto* bn = dynamic_cast<const BatchNorm2d*>(named.module)) values += bn->channels();
    return values;
  }
  dim_t values = classifier.taps()[0].channels;  // the stem has the width of the first stage
  for (std::size_t s = 0; s + 1 < classifier.taps().size(); ++s) values += classifier.taps()[s].channels;
  return values;
}

std::vector<NamedTensor> with_noise(const LatentGenerator& generator, const Tensor& z) {
  std::vector<NamedTensor> parameters = generator.named_parameters();
  parameters.push_back({"z", z});
  return parameters;
}

Tensor noise_leaf(dim_t batch, dim_t latent, const Device& device) {
  return Tensor::zeros({batch, latent}, device).set_requires_grad();
}

std::unique_ptr<ProjectionHead> made_head(dim_t values, dim_t out, std::uint64_t seed, const Device& device) {
  auto head = std::make_unique<ProjectionHead>(values, out, device);
  head->initialize(seed);
  return head;
}

}  // namespace

ContrastiveInversion::ContrastiveInversion(const InversionSetup& setup, const ContrastiveOptions& options)
    : Synthesis(setup, "cmi"),
      options_(options),
      stages_(uses_stages(options, classifier_)),
      generator_(make_generator("cmi", options.latent, classifier_.image(), seed_for("generator"), device())),
      z_(noise_leaf(batch_size_, options.latent, device())),
      optimizer_(with_noise(*generator_, z_), adam_with(0.5, 0.999)),
      bank_(options.bank, 2 * count_features(classifier_, stages_), device()),
      head_(made_head(bank_.rows().dim(1) / 2, options.head, seed_for("head"), device())),
      head_optimizer_(head_->named_parameters(), adam_options()),
      boxes_(batch_size_, classifier_.image(), device()) {
  check_lengths({{"negatives", options.negatives}, {"head", options.head}});
  if (options.bank % batch_size_ != 0)
    throw UsageError(
        message("[cmi] expected a bank of a multiple of the ", batch_size_, " images of a batch, got ", options.bank));
  if (!(options.temperature > 0))
    throw UsageError(message("[cmi] expected a temperature above 0, got ", options.temperature));
  const dim_t negatives = std::min(options.negatives, options.bank);
  cached_index_ = Tensor::from(std::vector<std::int32_t>(std::size_t(negatives), 0), {negatives}, device());
  diagonal_ = diagonal_labels(batch_size_ + negatives, device());
  best_features_ = Tensor::zeros({batch_size_, bank_.rows().dim(1)}, device());
  meters_ = Meters({{"loss/total"}, {"loss/ce"}, {"loss/bn"}, {"loss/adversarial"}, {"loss/contrast"}}, device());
  begin_batch();
}

void ContrastiveInversion::begin_batch() {
  reset_generator(*generator_, Generator(seed_for("reset")).split(std::uint64_t(batch_index_)).seed());
  copy_into(z_, noise_.draw(z_.shape()));
  reset_optimizer(optimizer_);
  std::vector<std::int32_t> labels = random_labels();
  std::sort(labels.begin(), labels.end());
  begin(std::move(labels));
}

void ContrastiveInversion::next_batch(dim_t index) {
  bank_.add(best_features_);
  batch_index_ = index;
  begin_batch();
}

dim_t ContrastiveInversion::num_cached() const {
  return std::min(bank_.num_rows(options_.released_bank), cached_index_.dim(0));
}

bool ContrastiveInversion::is_blind() const {
  return bank_.num_added() > 0 && bank_.num_rows(options_.released_bank) == 0;
}

int ContrastiveInversion::phase(dim_t step) const {
  // The work grows with the rows of the bank, a batch at a time; a blind batch keeps nothing after its first iteration.
  const int first = is_blind() && step % iterations_ == 0 ? 1 : 0;
  return 2 * int(num_cached() / batch_size_) + first;
}

void ContrastiveInversion::stage(dim_t step) {
  Synthesis::stage(step);
  stage_boxes(draw_boxes(batch_size_, kSmallestBox, classifier_.image(), draws_));
  const dim_t rows = bank_.num_rows(options_.released_bank), count = num_cached();
  if (count == 0) return;
  std::vector<std::int32_t> index = draws_.permutation(rows);
  index.resize(std::size_t(count));
  stage_cached(index);
}

void ContrastiveInversion::stage_cached(const std::vector<std::int32_t>& index) {
  if (dim_t(index.size()) != num_cached())
    throw ShapeError(message("[cmi] expected ", num_cached(), " rows of the bank, got ", index.size()));
  copy_to_device(device(), cached_index_.data<std::int32_t>(), index.data(), index.size() * sizeof(std::int32_t));
  cached_index_.bump_version();
}

Features ContrastiveInversion::look(const Tensor& x, bool logits) {
  return classifier_.forward(x, {.logits = logits, .taps = stages_, .bn_inputs = true});
}

Tensor ContrastiveInversion::instance_means(const Features& features) const {
  std::vector<Tensor> means;
  if (stages_) {
    const BnInput& stem = features.bn_inputs.front();
    means.push_back(global_avg_pool(stem.layer->forward(stem.x, Activation::kRelu)));
    for (std::size_t s = 0; s + 1 < features.taps.size(); ++s) means.push_back(global_avg_pool(features.taps[s]));
  } else {
    for (const BnInput& input : features.bn_inputs) means.push_back(global_avg_pool(input.x));
  }
  return concat(means, 1);
}

Tensor ContrastiveInversion::generate() {
  return generator_->forward(z_);
}

void ContrastiveInversion::issue() {
  const Tensor images = generate();
  const Tensor global = normalized(crops_.apply(images)), local = normalized(boxes_.apply(images));
  const Features answer = look(global, true);
  const Tensor bn = bn_distance(answer.bn_inputs), ce = softmax_cross_entropy(answer.logits, label_tensor_);
  const Tensor adv = adversarial(global, answer.logits, options_.adv != 0);

  const dim_t cached = num_cached();
  ContrastViews views{.local = instance_means(look(local, false)),
                      .global = instance_means(answer),
                      .cached = {},
                      .diagonal = slice(diagonal_, 0, 0, batch_size_ + cached),
                      .temperature = options_.temperature};
  if (cached > 0) views.cached = bank_.select(slice(cached_index_, 0, 0, cached));
  const Tensor contrast = contrastive_loss(*head_, views).loss;
  const Tensor total = options_.cr * contrast + options_.bn * bn + options_.oh * ce + options_.adv * adv;
  loss_ = total.detach();
  meters_.record({total, ce, bn, adv, contrast});

  if (!is_blind() || step_ % iterations_ == 0)
    keep_best_step({best_images_, best_features_},
                   {images.detach().contiguous(), concat({views.local, views.global}, 1).detach()}, loss_, best_loss_);
  std::vector<Tensor> inputs = generator_->parameters();
  inputs.push_back(z_);
  const auto count = std::ptrdiff_t(inputs.size());
  for (const Tensor& parameter : head_->parameters()) inputs.push_back(parameter);
  const std::vector<Tensor> gradients = grad({total}, inputs);
  optimizer_.step({gradients.begin(), gradients.begin() + count}, options_.lr);
  head_optimizer_.step({gradients.begin() + count, gradients.end()}, options_.lr);
}

void ContrastiveInversion::visit_parts(StateVisitor& visitor) {
  visit_common(visitor);
  visitor.visit("generator", *generator_);
  visitor.visit("z", z_);
  visitor.visit("optimizer", optimizer_);
  bank_.visit_state("bank", visitor);
  visitor.visit("head", *head_);
  visitor.visit("head_optimizer", head_optimizer_);
  visitor.visit("best_features", best_features_);
}

namespace {

Settings contrastive_settings(ContrastiveOptions& o) {
  return {{"bn", &o.bn, "coefficient of the statistics' distance"},
          {"oh", &o.oh, "of the cross entropy"},
          {"adv", &o.adv, "of the adversarial term, where there is a student"},
          {"cr", &o.cr, "of the contrast"},
          {"temperature", &o.temperature, "of the contrast"},
          {"lr", &o.lr, "Adam's rate"},
          {"latent", &o.latent, "values of noise an image"},
          {"head", &o.head, "values of a projected feature"},
          {"bank", &o.bank, "features kept, a multiple of the batch"},
          {"negatives", &o.negatives, "features drawn in an iteration"},
          {"features", &o.features, "auto, bn or stages"},
          {"released_bank", &o.released_bank, "as released: the bank counts as empty when it has just been filled"}};
}

}  // namespace

void add_contrastive_inversion(InversionRegistry& registry) {
  registry.add<ContrastiveOptions>("cmi", "CMI: views, contrast with earlier images, a generator for each batch", {},
                                   contrastive_settings,
                                   [](const ContrastiveOptions& options, const InversionSetup& setup) {
                                     return std::make_unique<ContrastiveInversion>(setup, options);
                                   });
}

}  // namespace engram
