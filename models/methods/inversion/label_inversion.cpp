#include "models/methods/inversion/label_inversion.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/ops/indexed_rows.h"
#include "models/init.h"
#include "models/methods/data_free/data_free_task.h"
#include "models/nets/generator_registry.h"

namespace engram {
namespace {

std::unique_ptr<LabelGenerator> make(const LabelOptions& o, const Network& classifier, dim_t batch_size) {
  const dim_t classes = classifier.num_classes();
  auto made = generator_registry().make(
      message("{\"name\": \"nayer\", \"latent\": ", o.latent, ", \"embedding\": ", o.embedding,
              ", \"rows_per_layer\": ", classes, ", \"layers\": ", (batch_size + classes - 1) / classes, "}"),
      classifier.image(), classifier.device());
  return std::unique_ptr<LabelGenerator>(static_cast<LabelGenerator*>(made.release()));
}

const LabelOptions& checked(const LabelOptions& o) {
  check_lengths({{"life", o.life}, {"loops", o.loops}, {"warmup_loops", o.warmup_loops}});
  if (o.warmup < 0) throw UsageError(message("[nayer] expected a warmup of at least 0 epochs, got ", o.warmup));
  return o;
}

}  // namespace

LabelInversion::LabelInversion(const InversionSetup& setup, const LabelOptions& options)
    : Synthesis(setup, "nayer"),
      options_(checked(options)),
      generator_(make(options, classifier_, batch_size_)),
      optimizer_(generator_->named_parameters(), adam_with(0.5, 0.999)),
      averages_(std::make_unique<BnMomentum>(batch_norms(classifier_), options.momentum)) {
  Generator rows(seed_for("embedding"));
  embedding_ = normal({classifier_.num_classes(), options.embedding}, rows, 0, 1, device());
  meters_ = Meters({{"loss/total"}, {"loss/ce"}, {"loss/bn"}, {"loss/adversarial"}, {"grad/generator"}}, device());
  generator_->initialize(seed_for("generator"));
  begin_batch();
}

dim_t LabelInversion::epoch_of(dim_t index) const {
  const dim_t first = options_.warmup * options_.warmup_loops;
  return 1 + (index < first ? index / options_.warmup_loops : options_.warmup + (index - first) / options_.loops);
}

bool LabelInversion::makes_generator(dim_t index) const {
  if (index > 0 && epoch_of(index) == epoch_of(index - 1)) return false;
  const dim_t before = epoch_of(index) - 1;  // the released code asks before it counts
  return before % options_.life == 0 || (before - options_.warmup) % options_.life == 0;
}

void LabelInversion::begin_batch() {
  const auto batch = std::uint64_t(batch_index_);
  if (makes_generator(batch_index_)) generator_->initialize(Generator(seed_for("generator")).split(batch).seed());
  const std::uint64_t layers = Generator(seed_for("noisy layers")).split(batch).seed();
  for (std::size_t i = 0; i < generator_->noisy_layers().size(); ++i) {
    const Linear& layer = *generator_->noisy_layers()[i];
    fill(layer.weight, Init::normal(0, 1), layers, std::to_string(i));
    fill(layer.bias, Init::constant(0), layers, "");
  }
  reset_optimizer(optimizer_);
  std::vector<std::int32_t> labels;
  const dim_t classes = classifier_.num_classes(), whole = batch_size_ / classes * classes;
  for (dim_t i = 0; i < whole; ++i) labels.push_back(std::int32_t(i % classes));
  while (dim_t(labels.size()) < batch_size_) labels.push_back(draws_.integer(0, std::int32_t(classes)));
  begin(std::move(labels));
}

void LabelInversion::next_batch(dim_t index) {
  batch_index_ = index;
  begin_batch();
}

bool LabelInversion::is_adversarial() const {
  return student_ && options_.adv != 0 && epoch_of(batch_index_) > options_.warmup;
}

int LabelInversion::phase(dim_t step) const {
  const bool last = step % iterations_ == iterations_ - 1;
  return (last ? 1 : 0) + (is_adversarial() ? 2 : 0) + (averages_->has_averages() ? 4 : 0);
}

Tensor LabelInversion::generate() {
  return generator_->forward(select_known(embedding_, 0, label_tensor_));
}

void LabelInversion::issue() {
  const Tensor images = generate();
  const Tensor x = normalized(crops_.apply(images));
  const Features answer = classifier_.forward(x, {.bn_inputs = true});
  const Tensor bn = averages_->distance(answer.bn_inputs), ce = softmax_cross_entropy(answer.logits, label_tensor_);
  const Tensor adv = adversarial(x, answer.logits, is_adversarial());
  const Tensor total = options_.bn * bn + options_.oh * ce + options_.adv * adv;
  loss_ = total.detach();
  keep_best_step({best_images_}, {images.detach().contiguous()}, loss_, best_loss_);
  const std::vector<Tensor> gradients = grad({total}, generator_->parameters(), {.allow_unused = true});
  meters_.record({total, ce, bn, adv, grad_norm(gradients, 1).norm});
  optimizer_.step(gradients, options_.lr);
  if (phase(step_) % 2 == 1) averages_->update(answer.bn_inputs);
}

void LabelInversion::finish(dim_t step) {
  if (step % iterations_ == iterations_ - 1) averages_->count_update();
}

void LabelInversion::visit_parts(StateVisitor& visitor) {
  visit_common(visitor);
  visitor.visit("generator", *generator_);
  visitor.visit("optimizer", optimizer_);
  averages_->visit_state("averages", visitor);
}

namespace {

Settings label_settings(LabelOptions& o) {
  return {{"bn", &o.bn, "coefficient of the statistics' distance"},
          {"oh", &o.oh, "of the cross entropy"},
          {"adv", &o.adv, "of the adversarial term, where there is a student"},
          {"lr", &o.lr, "Adam's rate"},
          {"latent", &o.latent, "values of the noisy layers' results"},
          {"embedding", &o.embedding, "values of a class's row"},
          {"momentum", &o.momentum, "of the statistics' averages over batches"},
          {"warmup", &o.warmup, "epochs before the adversarial term"},
          {"life", &o.life, "epochs that a generator lives"},
          {"loops", &o.loops, "batches an epoch"},
          {"warmup_loops", &o.warmup_loops, "batches an epoch of the warm-up"}};
}

}  // namespace

void add_label_inversion(InversionRegistry& registry) {
  registry.add<LabelOptions>("nayer", "NAYER: label rows through noisy layers", {}, label_settings,
                             [](const LabelOptions& options, const InversionSetup& setup) {
                               return std::make_unique<LabelInversion>(setup, options);
                             });
}

}  // namespace engram
