#include "models/methods/ood/dann.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalty_schedule.h"

namespace engram {
namespace {

/// Weights [N] with which classes count alike: 1 / (images of the class (1 + largest label there is)).
Tensor class_weights(const Tensor& targets) {
  const dim_t classes = targets.dim(1);
  const Tensor counts = sum(targets, {0}, true);
  const Tensor present = greater(counts, Tensor::zeros({1, 1}, targets.device()));
  Tensor largest = Tensor::zeros({}, targets.device());
  for (dim_t c = 0; c < classes; ++c) largest = maximum(largest, float(c + 1) * sum(slice(present, 1, c, c + 1)));
  return pow(sum(targets * counts, {1}) * largest, -1.f);
}

/// Cross entropy of each row.
Tensor row_losses(const Tensor& logits, const Tensor& targets) {
  return neg(sum(log_softmax(logits) * targets, {1}));
}

}  // namespace

Dann::Dann(const DannSettings& settings, bool conditional, const OodSetup& setup)
    : OodTask(setup, {"discriminator", "gradient_penalty", "risk"}, false), settings_(settings) {
  check_penalty("dann", settings.lambda, 0);
  check_penalty("dann", settings.grad_penalty, 0);
  if (settings.d_steps < 1)
    throw UsageError(message("[dann] expected at least 1 update of the discriminator, got ", settings.d_steps));
  const dim_t features = feature_width();
  discriminator_ =
      std::make_unique<DomainMlp>(features, source_.num_environments(), settings.width, int(settings.depth), device());
  discriminator_->initialize(options_.seed);
  for (const NamedTensor& parameter : discriminator_->named_parameters())
    discriminator_parameters_.push_back({"discriminator." + parameter.name, parameter.tensor});
  if (conditional) {
    embeddings_ = Tensor::empty({source_.num_classes(), features}, DType::kF32, device());
    fill(embeddings_, Init::normal(0, 1), options_.seed, "class_embeddings.weight");
    embeddings_.set_requires_grad();
    discriminator_parameters_.push_back({"class_embeddings.weight", embeddings_});
  }
  options_.optimizer.beta1 = settings.beta1;
  options_.optimizer.beta2 = settings.beta2;
  reset_optimizer();
  OptimizerOptions discriminator_options = options_.optimizer;
  discriminator_options.weight_decay = float(settings.weight_decay_d);
  discriminator_optimizer_.emplace(discriminator_parameters_, discriminator_options);
  if (settings.lr_d > 0) discriminator_rate_.emplace(ScheduleOptions{.base_lr = settings.lr_d}, device());
}

int Dann::phase(dim_t step) const {
  return (step + 1) % (1 + settings_.d_steps) < settings_.d_steps ? 0 : 1;
}

void Dann::stage_method(dim_t step) {
  generator_moves_ = phase(step) == 1;
  if (discriminator_rate_) discriminator_rate_->stage(step);
}

Dann::Judgement Dann::judge(const Tensor& features, const Tensor& labels, const EnvironmentBatch& batch) {
  const Tensor classes = one_hot(labels, source_.num_classes());
  const Tensor domains = one_hot(environment_labels(batch), source_.num_environments());
  const Tensor seen = embeddings_.defined() ? features + matmul(classes, embeddings_) : features;
  const Tensor losses = row_losses(discriminator_->forward(seen), domains);
  Judgement judgement{embeddings_.defined() ? sum(class_weights(classes) * losses) : mean(losses),
                      Tensor::scalar(0, device())};
  if (settings_.grad_penalty > 0) {
    const Tensor gradient = grad({sum(losses)}, {seen}, {.create_graph = true})[0];
    judgement.penalty = mean(sum(square(gradient), {1}));
    judgement.loss = judgement.loss + float(settings_.grad_penalty) * judgement.penalty;
  }
  return judgement;
}

void Dann::update(const EnvironmentBatch& batch) {
  const LabelledBatch all = joined(batch);
  const Tensor features = features_of(all.images);
  const Judgement judgement = judge(features, all.labels, batch);
  if (generator_moves_) {
    const Tensor risk = softmax_cross_entropy(classify(features), all.labels);
    const Tensor loss = descend(risk + float(-settings_.lambda) * judgement.loss);
    record(loss, {judgement.loss, judgement.penalty, risk}, {}, batch);
    return;
  }
  const Tensor& rate = discriminator_rate_ ? discriminator_rate_->tensor() : rate_.tensor();
  descend(judgement.loss, discriminator_parameters_, *discriminator_optimizer_, rate);
  record(judgement.loss, {judgement.loss, judgement.penalty, Tensor::scalar(0, device())}, {}, batch);
}

void Dann::visit_method(StateVisitor& visitor) {
  visitor.visit("discriminator", *discriminator_);
  if (embeddings_.defined()) visitor.visit("class_embeddings", embeddings_);
  visitor.visit("discriminator_optimizer", *discriminator_optimizer_);
}

namespace {

Settings dann_settings(DannSettings& s) {
  return {{"lambda", &s.lambda, "weight of the discriminator's loss in the generator's"},
          {"grad_penalty", &s.grad_penalty, "weight of the discriminator's squared gradient to the features"},
          {"d_steps", &s.d_steps, "updates of the discriminator for one of the generator"},
          {"beta1", &s.beta1, "of both Adam optimisers"},
          {"beta2", &s.beta2, "of both Adam optimisers"},
          {"lr_d", &s.lr_d, "the discriminator's learning rate; 0: that of the network"},
          {"weight_decay_d", &s.weight_decay_d, "the discriminator's weight decay"},
          {"width", &s.width, "of the discriminator's hidden layers"},
          {"depth", &s.depth, "linear layers of the discriminator"}};
}

}  // namespace

void add_dann(OodRegistry& registry) {
  const auto add = [&](const char* name, const char* help, bool conditional) {
    registry.add<DannSettings>(name, help, {.environments = true, .second_order = true}, {}, dann_settings,
                               [conditional](const DannSettings& s, const OodSetup& setup) {
                                 return std::make_unique<Dann>(s, conditional, setup);
                               });
  };
  add("dann", "features that do not tell the environment (Ganin et al. 2016)", false);
  add("cdann", "the same given the class (Li et al. 2018)", true);
}

}  // namespace engram
