#include "models/methods/inversion/adaptive_inversion.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/data_free/data_free_task.h"
#include "models/methods/data_free/js_divergence.h"
#include "models/methods/data_free/mean_variation.h"
#include "models/training/staged.h"

namespace engram {
namespace {

constexpr std::uint64_t kDraws = 11, kPixels = 12;
constexpr int kDrawsOfABatch = 32;  // bits of the stream's offset that a batch may use

Network& checked(const InversionSetup& setup, const AdaptiveOptions& options) {
  require_batch_norm(setup.classifier, "adi");
  check_normalization(setup.normalization, setup.classifier.image().channels);
  if (setup.student) check_student(setup.classifier, *setup.student);
  if (!setup.student && !options.bounded && options.adv != 0)
    throw UsageError("[adi] expected a student for the images to compete with (--student), got none");
  const ImageShape& image = setup.classifier.image();
  const dim_t side = std::min(image.height, image.width);
  if (options.shift < 0 || options.shift >= side)
    throw UsageError(message("[adi] expected a shift of 0 to ", side - 1, " pixels, got ", options.shift));
  return setup.classifier;
}

}  // namespace

AdaptiveInversion::AdaptiveInversion(const InversionSetup& setup, const AdaptiveOptions& options)
    : classifier_(checked(setup, options)),
      student_(options.adv != 0 ? setup.student : nullptr),
      options_(options),
      seed_(setup.seed),
      draws_(Generator(setup.seed).split(kDraws)),
      label_tensor_(Tensor::from(std::vector<std::int32_t>(std::size_t(setup.batch_size), 0), {setup.batch_size},
                                 setup.classifier.device())),
      pixels_(Tensor::zeros({setup.batch_size, setup.classifier.image().channels, setup.classifier.image().height,
                             setup.classifier.image().width},
                            setup.classifier.device())
                  .set_requires_grad()),
      mean_(channel_values(setup.normalization.mean, device())),
      deviation_(channel_values(setup.normalization.std, device())),
      low_((0.f - mean_) / deviation_),
      high_((1.f - mean_) / deviation_),
      move_(setup.classifier.device()),
      optimizer_({{"pixels", pixels_}}, adam_with(options.beta1, options.beta2)) {
  classifier_.eval();
  classifier_.set_requires_grad(false);
  meters_ =
      Meters({{"loss/total"}, {"loss/ce"}, {"loss/bn"}, {"loss/competition"}, {"loss/tv"}, {"loss/l2"}}, device());
  next_batch(setup.batch_index);
}

void AdaptiveInversion::next_batch(dim_t index) {
  draws_.set_offset(std::uint64_t(index) << kDrawsOfABatch);
  Generator noise = Generator(seed_).split(std::uint64_t(index)).split(kPixels);
  fill_normal(pixels_, noise, 0, 1);
  reset_optimizer(optimizer_);
  std::vector<std::int32_t> labels;
  const int classes = classifier_.num_classes();
  for (dim_t i = 0; i < pixels_.dim(0); ++i)
    labels.push_back(options_.bounded ? draws_.integer(0, classes) : std::int32_t(i % classes));
  if (options_.bounded) std::sort(labels.begin(), labels.end());
  set_labels(labels);
}

void AdaptiveInversion::set_labels(const std::vector<std::int32_t>& labels) {
  stage_values(label_tensor_, labels);
  labels_ = labels;
}

void AdaptiveInversion::set_pixels(const Tensor& pixels) {
  if (pixels.shape() != pixels_.shape())
    throw ShapeError(
        message("[adi] expected pixels of shape ", to_string(pixels_.shape()), ", got ", pixels.describe()));
  copy_into(pixels_, pixels.detach().contiguous());
}

void AdaptiveInversion::stage(dim_t) {
  const auto shift = std::int32_t(options_.shift);
  ImageMove move;
  move.dy = draws_.integer(-shift, shift + 1);
  move.dx = draws_.integer(-shift, shift + 1);
  move.flip = options_.flip && draws_.integer(0, 2) == 1;
  stage_move(move);
}

void AdaptiveInversion::issue() {
  const Tensor x = roll_flip(pixels_, move_.tensor());
  const BnMatching answer = classifier_.forward_with_bn_matching(x);
  const Tensor ce = softmax_cross_entropy(answer.logits, label_tensor_);
  const Tensor bn = answer.var_norm_sum + answer.mean_norm_sum;
  const ImagePrior prior = image_prior(options_.bounded ? pixels_ : x);
  const Tensor tv = options_.bounded ? mean_variation(pixels_) : prior.tv;
  Tensor competition = Tensor::zeros({}, device());
  if (student_) {
    student_->eval();
    const Tensor js = js_divergence(student_->forward(x), answer.logits);
    competition = options_.bounded ? neg(js) : competition_loss(js);
  }
  const Tensor total =
      options_.oh * ce + options_.bn * bn + options_.adv * competition + options_.tv * tv + options_.l2 * prior.l2;
  loss_ = total.detach();
  meters_.record({total, ce, bn, competition, tv, prior.l2});
  optimizer_.step(grad({total}, {pixels_}), options_.lr);
  if (!options_.bounded) return;
  const NoGradGuard no_grad;
  copy_into(pixels_, maximum(minimum(pixels_.detach(), high_), low_));
}

Tensor AdaptiveInversion::current_images() {
  const NoGradGuard no_grad;
  return options_.bounded ? pixels_.detach() * deviation_ + mean_ : pixels_.clone();
}

void AdaptiveInversion::visit_parts(StateVisitor& visitor) {
  visitor.visit("draws", draws_);
  visitor.visit("pixels", pixels_);
  visitor.visit("labels", label_tensor_);
  visitor.visit("optimizer", optimizer_);
  if (visitor.restores()) labels_ = label_tensor_.to_int_vector();
}

namespace {

Settings adaptive_settings(AdaptiveOptions& o) {
  return {{"bn", &o.bn, "coefficient of the statistics' distance"},
          {"oh", &o.oh, "of the cross entropy"},
          {"adv", &o.adv, "of the competition with the student"},
          {"tv", &o.tv, "of the total variation"},
          {"l2", &o.l2, "of the norm"},
          {"lr", &o.lr, "Adam's rate"},
          {"beta1", &o.beta1, "decay of Adam's first average"},
          {"beta2", &o.beta2, "of its second"},
          {"shift", &o.shift, "largest circular shift"},
          {"flip", &o.flip, "flip at random"}};
}

}  // namespace

void add_adaptive_inversion(InversionRegistry& registry) {
  const auto add = [&](const std::string& name, const std::string& help, const AdaptiveOptions& defaults) {
    registry.add<AdaptiveOptions>(name, help, defaults, adaptive_settings,
                                  [](const AdaptiveOptions& options, const InversionSetup& setup) {
                                    return std::make_unique<AdaptiveInversion>(setup, options);
                                  });
  };
  add("adi", "adaptive DeepInversion as its authors ran it", {});
  add("deepinv-cmi", "DeepInversion as in CMI's benchmark",
      {.adv = 1, .tv = 1e-3f, .lr = 0.1f, .beta1 = 0.5, .beta2 = 0.99, .shift = 4, .flip = true, .bounded = true});
}

}  // namespace engram
