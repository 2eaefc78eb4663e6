#include "models/methods/natural_inversion.h"

#include <cmath>

#include "engine/autograd.h"
#include "engine/device_memory.h"
#include "engine/ops.h"
#include "engine/optim_step.h"
#include "engine/profiler.h"

namespace engram {
namespace {

constexpr dim_t kNoise = 1024;
constexpr float kAlphaMean = 5;
constexpr double kNoLoss = 1e6;  // before the first

/// Purposes of a batch's random streams.
enum Stream : std::uint64_t { kLabels = 1, kLatents, kAlpha, kMoves, kGeneratorWeights, kPyramidWeights };

Generator batch_stream(std::uint64_t seed, dim_t batch_index, Stream purpose) {
  return Generator(seed).split(std::uint64_t(batch_index)).split(purpose);
}

Tensor jitter_of(const ImageMove& move, const Device& device) {
  return make_jitter(move.dy, move.dx, move.flip, device);
}

void write_jitter(const Tensor& jitter, const ImageMove& move) {
  const std::int32_t values[] = {move.dy, move.dx, move.flip ? 1 : 0};
  copy_to_device(jitter.device(), jitter.raw_data(), values, sizeof values);
}

/// A stream's own seed, for interfaces that take one.
std::uint64_t batch_seed(std::uint64_t seed, dim_t batch_index, Stream purpose) {
  return batch_stream(seed, batch_index, purpose).seed();
}

}  // namespace

NaturalInversion::NaturalInversion(Network& classifier, const InversionOptions& options, std::uint64_t seed,
                                   dim_t batch_index)
    : classifier_(classifier),
      options_(options),
      moves_(batch_stream(seed, batch_index, kMoves)),
      labels_(balanced_labels(options.batch_size, classifier.num_classes(), batch_seed(seed, batch_index, kLabels))),
      label_tensor_(Tensor::from(labels_, {options.batch_size}, classifier.device())),
      generator_(kNoise + classifier.num_classes(), classifier.image(), classifier.device()),
      pyramid_(classifier.image(), classifier.taps(), classifier.device()) {
  generator_.initialize(batch_seed(seed, batch_index, kGeneratorWeights));
  pyramid_.initialize(batch_seed(seed, batch_index, kPyramidWeights));
  Generator latent_stream = batch_stream(seed, batch_index, kLatents),
            alpha_stream = batch_stream(seed, batch_index, kAlpha);
  const Tensor noise = normal({options.batch_size, kNoise}, latent_stream, 0, 1, classifier.device());
  latents_ = concat({noise, one_hot(label_tensor_, classifier.num_classes())}, 1);
  alpha_ =
      normal({options.batch_size, classifier.image().channels, 1, 1}, alpha_stream, kAlphaMean, 1, classifier.device());
  alpha_.set_requires_grad();
  optimizers_.emplace_back(generator_.named_parameters(), adam_options());
  optimizers_.emplace_back(pyramid_.named_parameters(), adam_options());
  optimizers_.emplace_back(std::vector<NamedTensor>{{"alpha", alpha_}}, adam_options());
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

Tensor NaturalInversion::scaled(const Tensor& x1, const Tensor& jitter, Tensor* addition) {
  const FeaturePyramid::Output out = pyramid_.forward(x1, classifier_.features_inference(x1));
  if (addition) *addition = out.addition;
  if (options_.plain_addition) return roll_flip(mul(x1 + out.addition, alpha_), jitter);
  return channel_scale(out.preimage, alpha_, jitter);
}

NaturalInversion::Pass NaturalInversion::forward(const ImageMove& first, const ImageMove& second) {
  return forward(jitter_of(first, classifier_.device()), jitter_of(second, classifier_.device()));
}

NaturalInversion::Pass NaturalInversion::forward(const Tensor& first_jitter, const Tensor& second_jitter) {
  Pass pass;
  pass.x0 = generator_.forward(latents_);
  pass.x3 = scaled(roll_flip(pass.x0, first_jitter), second_jitter, &pass.addition);
  pass.loss = inversion_loss(classifier_, pass.x3, label_tensor_, options_.weights);
  return pass;
}

std::vector<Tensor> NaturalInversion::all_parameters() const {
  std::vector<Tensor> all = generator_.parameters();
  const std::vector<Tensor> pyramid = pyramid_.parameters();
  all.insert(all.end(), pyramid.begin(), pyramid.end());
  all.push_back(alpha_);
  return all;
}

void NaturalInversion::keep_if_best(double loss) {
  if (!(loss < best_loss_)) return;
  best_loss_ = loss;
  const std::vector<Tensor> now = all_parameters();
  if (best_.empty())
    for (const Tensor& parameter : now) best_.push_back(parameter.clone());
  else
    ema_step(best_, now, 0);  // a copy in one pass
}

void NaturalInversion::update(const Tensor& loss) {
  const std::vector<Tensor> gradients = grad({loss}, all_parameters(), {.allow_unused = true});
  const std::size_t in_generator = generator_.parameters().size(), in_pyramid = pyramid_.parameters().size();
  const auto from = gradients.begin();
  const auto to_pyramid = from + std::ptrdiff_t(in_generator), to_alpha = to_pyramid + std::ptrdiff_t(in_pyramid);
  optimizers_[0].step({from, to_pyramid}, options_.lr_generator);
  optimizers_[1].step({to_pyramid, to_alpha}, options_.lr_pyramid);
  optimizers_[2].step({to_alpha, gradients.end()}, options_.lr_alpha);
}

void NaturalInversion::iterate_on_device(const ImageMove& first, const ImageMove& second) {
  const Device device = classifier_.device();
  if (!device_best_loss_.defined()) {
    for (Tensor& jitter : jitters_) jitter = Tensor::empty({3}, DType::kI32, device);
    device_best_loss_ = Tensor::scalar(float(best_loss_), device);
    for (const Tensor& parameter : all_parameters()) best_.push_back(parameter.clone());
    captured_ = std::make_unique<CapturedWork>(device);
  }
  write_jitter(jitters_[0], first);
  write_jitter(jitters_[1], second);
  const auto iteration = [this] {
    const InversionLoss loss = forward(jitters_[0], jitters_[1]).loss;
    keep_best_step(best_, all_parameters(), loss.total.detach(), device_best_loss_);
    update(loss.total);
    last_loss_ = {loss.total.detach(),
                  loss.ce.detach(),
                  loss.bn_var.detach(),
                  loss.bn_mean.detach(),
                  loss.tv.detach(),
                  loss.l2.detach(),
                  {},
                  {}};
  };
  if (options_.capture && !profiler::enabled())
    captured_->run(iteration);
  else
    iteration();
}

double NaturalInversion::best_loss() const {
  return device_best_loss_.defined() ? double(device_best_loss_.item()) : best_loss_;
}

InversionTerms NaturalInversion::step(const ImageMove& first, const ImageMove& second) {
  if (!classifier_.device().is_cpu()) {
    iterate_on_device(first, second);
    const InversionTerms terms = last_loss_.terms();
    if (!std::isfinite(terms.total))
      throw DataError(message("[natural-inversion] expected a finite loss, got ", terms.total));
    return terms;
  }
  const InversionLoss loss = forward(first, second).loss;
  const InversionTerms terms = loss.terms();
  if (!std::isfinite(terms.total))
    throw DataError(message("[natural-inversion] expected a finite loss, got ", terms.total));
  keep_if_best(terms.total);
  update(loss.total);
  return terms;
}

InversionTerms NaturalInversion::step() {
  const ImageMove first = draw_move();
  return step(first, draw_move());
}

void NaturalInversion::advance() {
  if (classifier_.device().is_cpu()) {
    step();
    return;
  }
  const ImageMove first = draw_move();
  iterate_on_device(first, draw_move());
}

Tensor NaturalInversion::current_images() {
  NoGradGuard no_grad;
  return scaled(generator_.forward(latents_), jitter_of({}, classifier_.device()), nullptr);
}

Tensor NaturalInversion::result() {
  if (best_.empty() || !(best_loss() < kNoLoss)) return current_images();
  const std::vector<Tensor> parameters = all_parameters();
  std::vector<Tensor> now;
  for (const Tensor& parameter : parameters) now.push_back(parameter.clone());
  ema_step(parameters, best_, 0);
  const Tensor images = current_images();
  ema_step(parameters, now, 0);
  return images;
}

}  // namespace engram
