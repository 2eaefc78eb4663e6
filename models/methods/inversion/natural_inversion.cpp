#include "models/methods/inversion/natural_inversion.h"

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/optim_step.h"
#include "models/init.h"
#include "models/methods/inversion/pyramid_maps.h"

namespace engram {
namespace {

constexpr dim_t kNoise = 1024;
constexpr float kAlphaMean = 5;
constexpr float kNoLoss = 1e6f;  // before the first

/// Purposes of a batch's random streams.
enum BatchStream : std::uint64_t { kLabels = 1, kLatents, kAlpha, kMoves, kGeneratorWeights, kPyramidWeights };

Generator batch_stream(std::uint64_t seed, dim_t batch_index, BatchStream purpose) {
  return Generator(seed).split(std::uint64_t(batch_index)).split(purpose);
}

void copy_all(const std::vector<Tensor>& targets, const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < targets.size(); ++i) copy_into(targets[i], values[i].detach());
}

std::vector<Tensor> clones(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> copies;
  for (const Tensor& tensor : tensors) copies.push_back(tensor.clone());
  return copies;
}

/// A stream's own seed, for interfaces that take one.
std::uint64_t batch_seed(std::uint64_t seed, dim_t batch_index, BatchStream purpose) {
  return batch_stream(seed, batch_index, purpose).seed();
}

}  // namespace

NaturalInversion::NaturalInversion(Network& classifier, const InversionOptions& options, std::uint64_t seed,
                                   dim_t batch_index)
    : classifier_(classifier),
      options_(options),
      seed_(seed),
      moves_(batch_stream(seed, batch_index, kMoves)),
      generator_(kNoise + classifier.num_classes(), classifier.image(), classifier.device()),
      pyramid_(classifier.image(), pyramid_taps(classifier), classifier.device()),
      first_move_(classifier.device()),
      second_move_(classifier.device()),
      best_loss_(Tensor::scalar(kNoLoss, classifier.device())) {
  generator_.initialize(batch_seed(seed, batch_index, kGeneratorWeights));
  pyramid_.initialize(batch_seed(seed, batch_index, kPyramidWeights));
  optimizers_.emplace_back(generator_.named_parameters(), adam_options());
  optimizers_.emplace_back(pyramid_.named_parameters(), adam_options());
  draw_batch(batch_index);
  optimizers_.emplace_back(std::vector<NamedTensor>{{"alpha", alpha_}}, adam_options());
  best_ = clones(all_parameters());
  meters_ = inversion_meters(classifier.device());
}

void NaturalInversion::draw_batch(dim_t index) {
  const dim_t batch = options_.batch_size;
  set_labels(balanced_labels(batch, classifier_.num_classes(), batch_seed(seed_, index, kLabels)));
  Generator latent_stream = batch_stream(seed_, index, kLatents), alpha_stream = batch_stream(seed_, index, kAlpha);
  const Tensor noise = normal({batch, kNoise}, latent_stream, 0, 1, device());
  latents_ = concat({noise, one_hot(label_tensor_, classifier_.num_classes())}, 1);
  const Shape shape = {batch, classifier_.image().channels, 1, 1};
  alpha_ =
      options_.channel_scaling ? normal(shape, alpha_stream, kAlphaMean, 1, device()) : Tensor::ones(shape, device());
  alpha_.set_requires_grad();
}

void NaturalInversion::next_batch(dim_t index) {
  if (!carries()) return Inversion::next_batch(index);
  moves_ = batch_stream(seed_, index, kMoves);
  draw_batch(index);
  optimizers_.back() = Optimizer({{"alpha", alpha_}}, adam_options());
  best_loss_ = Tensor::scalar(kNoLoss, device());
  best_ = clones(all_parameters());
}

void NaturalInversion::set_latents(const Tensor& latents) {
  if (latents.shape() != latents_.shape())
    throw ShapeError(message("[natural-inversion] expected latents of shape ", to_string(latents_.shape()), ", got ",
                             latents.describe()));
  latents_ = latents.detach();
}

void NaturalInversion::set_alpha(const Tensor& alpha) {
  if (alpha.shape() != alpha_.shape())
    throw ShapeError(message("[natural-inversion] expected scales of shape ", to_string(alpha_.shape()), ", got ",
                             alpha.describe()));
  alpha_ = alpha.clone();
  alpha_.set_requires_grad();
  optimizers_.pop_back();
  optimizers_.emplace_back(std::vector<NamedTensor>{{"alpha", alpha_}}, adam_options());
}

void NaturalInversion::set_labels(const std::vector<std::int32_t>& labels) {
  label_tensor_ = Tensor::from(labels, {options_.batch_size}, classifier_.device());
  labels_ = labels;
}

ImageMove NaturalInversion::draw_move() {
  ImageMove move;
  move.dy = moves_.integer(-options_.max_shift, options_.max_shift + 1);
  move.dx = moves_.integer(-options_.max_shift, options_.max_shift + 1);
  move.flip = moves_.integer(0, 2) == 1;
  return move;
}

void NaturalInversion::stage(dim_t) {
  const ImageMove first = draw_move();
  stage_moves(first, draw_move());
}

void NaturalInversion::stage_moves(const ImageMove& first, const ImageMove& second) {
  first_move_.stage(first);
  second_move_.stage(second);
}

Tensor NaturalInversion::scaled(const Tensor& x1, const Tensor& jitter) {
  if (!options_.pyramid) {
    if (options_.plain_addition) return roll_flip(mul(x1, alpha_), jitter);
    return channel_scale(pyramid_.without_maps(x1), alpha_, jitter);
  }
  const FeaturePyramid::Output out = pyramid_.forward(x1, pyramid_maps(classifier_, x1));
  if (options_.plain_addition) return roll_flip(mul(x1 + out.addition, alpha_), jitter);
  return channel_scale(out.preimage, alpha_, jitter);
}

std::vector<Tensor> NaturalInversion::all_parameters() const {
  std::vector<Tensor> all = generator_.parameters();
  const std::vector<Tensor> pyramid = pyramid_.parameters();
  all.insert(all.end(), pyramid.begin(), pyramid.end());
  all.push_back(alpha_);
  return all;
}

void NaturalInversion::issue() {
  const Tensor x1 = roll_flip(generator_.forward(latents_), first_move_.tensor());
  const Tensor x3 = scaled(x1, second_move_.tensor());
  const InversionLoss loss = inversion_loss(classifier_, x3, label_tensor_, options_.weights);
  meters_.record(loss.recorded());
  const std::vector<Tensor> parameters = all_parameters();
  keep_best_step(best_, parameters, loss.total.detach(), best_loss_);

  const std::vector<Tensor> gradients = grad({loss.total}, parameters, {.allow_unused = true});
  const auto to_pyramid = gradients.begin() + std::ptrdiff_t(generator_.parameters().size());
  optimizers_[0].step({gradients.begin(), to_pyramid}, options_.lr_generator);
  optimizers_[1].step({to_pyramid, gradients.end() - 1}, options_.lr_pyramid);
  if (options_.channel_scaling) optimizers_[2].step({gradients.back()}, options_.lr_alpha);
}

Tensor NaturalInversion::current_images() {
  const NoGradGuard no_grad;
  return scaled(generator_.forward(latents_), StagedMove(device()).tensor());
}

Tensor NaturalInversion::result() {
  if (!(best_loss() < double(kNoLoss))) return current_images();
  const NoGradGuard no_grad;
  const std::vector<Tensor> parameters = all_parameters(), now = clones(parameters);
  copy_all(parameters, best_);
  const Tensor images = current_images();
  copy_all(parameters, now);
  return images;
}

void NaturalInversion::visit_parts(StateVisitor& visitor) {
  visitor.visit("moves", moves_);
  visitor.visit("generator", generator_);
  visitor.visit("pyramid", pyramid_);
  visitor.visit("alpha", alpha_);
  for (std::size_t i = 0; i < optimizers_.size(); ++i) visitor.visit("optimizer" + std::to_string(i), optimizers_[i]);
  visitor.visit("best", best_);
  visitor.visit("best_loss", best_loss_);
}

}  // namespace engram
