#include "models/methods/inversion/meta_inversion.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/data_free/data_free_task.h"
#include "models/nets/generator_registry.h"

namespace engram {
namespace {

constexpr dim_t kForgetAfter = 120;  // batches beyond the warm-up

std::unique_ptr<LatentGenerator> make(const MetaOptions& options, Network& classifier, std::uint64_t seed) {
  return make_generator("cmi", options.latent, classifier.image(), seed, classifier.device());
}

void copy_state(const Module& target, const Module& source) {
  const StateDict values = source.state();
  for (const NamedTensor& named : target.named_state()) copy_into(named.tensor, values.at(named.name).detach());
}

}  // namespace

MetaInversion::MetaInversion(const InversionSetup& setup, const MetaOptions& options)
    : Synthesis(setup, "fast"),
      options_(options),
      meta_(make(options, classifier_, seed_for("generator"))),
      fast_(make(options, classifier_, 1)),
      z_(Tensor::zeros({batch_size_, options.latent}, device()).set_requires_grad()),
      meta_optimizer_(meta_->named_parameters(), adam_with(0.5, 0.999)),
      fast_optimizer_(fast_->named_parameters(), adam_with(0.5, 0.999)),
      z_optimizer_({{"z", z_}}, adam_with(0.5, 0.999)),
      averages_(std::make_unique<BnMomentum>(batch_norms(classifier_), options.momentum)) {
  for (const Tensor& parameter : meta_->parameters()) sums_.push_back(Tensor::zeros(parameter.shape(), device()));
  meters_ = Meters({{"loss/total"}, {"loss/ce"}, {"loss/bn"}, {"loss/adversarial"}, {"grad/generator"}, {"grad/meta"}},
                   device());
  begin_batch();
}

void MetaInversion::restart() {
  copy_state(*fast_, *meta_);
}

void MetaInversion::begin_batch() {
  if (options_.reset_first && batch_index_ + 1 == kForgetAfter + options_.warmup)
    for (const NamedTensor& named : meta_->named_parameters())
      if (named.name.starts_with("l1.0.") || named.name.starts_with("conv_blocks.0."))
        fill(named.tensor, named.name.ends_with("weight") ? Init::normal(0, 0.02f) : Init::constant(0),
             seed_for("reset"), named.name);
  restart();
  reset_optimizer(fast_optimizer_);
  reset_optimizer(z_optimizer_);
  for (const Tensor& sum : sums_) fill(sum, Init::constant(0), 0, "");
  copy_into(z_, noise_.draw(z_.shape()));
  begin(random_labels());
}

void MetaInversion::next_batch(dim_t index) {
  batch_index_ = index;
  begin_batch();
}

bool MetaInversion::is_adversarial() const {
  return student_ && options_.adv != 0 && batch_index_ + 1 >= options_.warmup;
}

int MetaInversion::phase(dim_t step) const {
  return (is_last(step) ? 1 : 0) + (is_adversarial() ? 2 : 0) + (averages_->has_averages() ? 4 : 0);
}

void MetaInversion::stage(dim_t step) {
  Synthesis::stage(step);
}

Tensor MetaInversion::generate() {
  return fast_->forward(z_);
}

void MetaInversion::issue() {
  const bool last = is_last(step_);
  const Tensor images = generate();
  const Tensor x = normalized(crops_.apply(images));
  const Features answer = classifier_.forward(x, {.bn_inputs = true});
  const Tensor bn = averages_->distance(answer.bn_inputs), ce = softmax_cross_entropy(answer.logits, label_tensor_);
  const Tensor adv = adversarial(x, answer.logits, is_adversarial());
  const Tensor total = options_.bn * bn + options_.oh * ce + options_.adv * adv;
  loss_ = total.detach();
  keep_best_step({best_images_}, {images.detach().contiguous()}, loss_, best_loss_);

  const std::vector<Tensor> parameters = fast_->parameters(), meta = meta_->parameters();
  std::vector<Tensor> inputs = parameters;
  inputs.push_back(z_);
  std::vector<Tensor> gradients = grad({total}, inputs);
  const Tensor to_z = gradients.back();
  gradients.pop_back();
  const Tensor size = grad_norm(gradients, 1).norm;
  const float meta_lr = options_.lr * float(iterations_);
  if (!options_.reptile) {
    for (std::size_t i = 0; i < sums_.size(); ++i) copy_into(sums_[i], sums_[i] + gradients[i].contiguous());
    if (last) meta_optimizer_.step(sums_, meta_lr);
  }
  fast_optimizer_.step(gradients, options_.lr);
  z_optimizer_.step({to_z}, options_.lr_z);
  if (last && options_.reptile) {
    const NoGradGuard no_grad;
    for (std::size_t i = 0; i < sums_.size(); ++i)
      copy_into(sums_[i], options_.reptile_scale * (meta[i].detach() - parameters[i].detach()));
    meta_optimizer_.step(sums_, meta_lr);
  }
  if (last) averages_->update(answer.bn_inputs);
  meters_.record({total, ce, bn, adv, size, last ? grad_norm(sums_, 1).norm : Tensor::zeros({}, device())});
}

void MetaInversion::finish(dim_t step) {
  if (is_last(step)) averages_->count_update();
}

void MetaInversion::visit_parts(StateVisitor& visitor) {
  visit_common(visitor);
  visitor.visit("meta", *meta_);
  visitor.visit("fast", *fast_);
  visitor.visit("z", z_);
  visitor.visit("meta_optimizer", meta_optimizer_);
  visitor.visit("fast_optimizer", fast_optimizer_);
  visitor.visit("z_optimizer", z_optimizer_);
  visitor.visit("sums", sums_);
  averages_->visit_state("averages", visitor);
}

namespace {

Settings meta_settings(MetaOptions& o) {
  return {{"bn", &o.bn, "coefficient of the statistics' distance"},
          {"oh", &o.oh, "of the cross entropy"},
          {"adv", &o.adv, "of the adversarial term, where there is a student"},
          {"lr", &o.lr, "Adam's rate of the generator; the meta generator's is this times the iterations"},
          {"lr_z", &o.lr_z, "of the noise"},
          {"latent", &o.latent, "values of noise an image"},
          {"momentum", &o.momentum, "of the statistics' averages over batches"},
          {"warmup", &o.warmup, "batches before the adversarial term"},
          {"reset_first", &o.reset_first, "forget the generator's first layer once"},
          {"reptile", &o.reptile, "REPTILE's meta gradient instead of first-order MAML's"},
          {"reptile_scale", &o.reptile_scale, "of REPTILE's"}};
}

}  // namespace

void add_meta_inversion(InversionRegistry& registry) {
  const auto add = [&](const std::string& name, const std::string& help, const MetaOptions& defaults) {
    registry.add<MetaOptions>(name, help, defaults, meta_settings,
                              [](const MetaOptions& options, const InversionSetup& setup) {
                                return std::make_unique<MetaInversion>(setup, options);
                              });
  };
  add("fast", "FAST: few steps from a generator that learns to be a good start; 10 steps", {});
  add("fast-2", "FAST, 2 steps", {.lr = 5e-3f, .lr_z = 0.015f});
  add("fast-5", "FAST, 5 steps", {.lr = 3e-3f});
}

}  // namespace engram
