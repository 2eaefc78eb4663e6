#include "models/methods/inversion/deep_inversion.h"

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

enum PixelStream : std::uint64_t { kPixelValues = 1, kPixelMoves };

Tensor first_pixels(const Network& classifier, dim_t batch_size, Generator stream) {
  const ImageShape& image = classifier.image();
  Tensor pixels = normal({batch_size, image.channels, image.height, image.width}, stream, 0, 1, classifier.device());
  return pixels.set_requires_grad();
}

/// The released script's labels: 0 .. C-1 over and over.
std::vector<std::int32_t> cyclic_labels(dim_t count, int num_classes) {
  std::vector<std::int32_t> labels;
  for (dim_t i = 0; i < count; ++i) labels.push_back(std::int32_t(i % num_classes));
  return labels;
}

}  // namespace

DeepInversion::DeepInversion(Network& classifier, const InversionOptions& options, std::uint64_t seed,
                             dim_t batch_index)
    : classifier_(classifier),
      options_(options),
      moves_(Generator(seed).split(std::uint64_t(batch_index)).split(kPixelMoves)),
      labels_(cyclic_labels(options.batch_size, classifier.num_classes())),
      label_tensor_(Tensor::from(labels_, {options.batch_size}, classifier.device())),
      pixels_(first_pixels(classifier, options.batch_size,
                           Generator(seed).split(std::uint64_t(batch_index)).split(kPixelValues))),
      move_(classifier.device()),
      optimizer_({{"pixels", pixels_}}, adam_options()) {
  meters_ = inversion_meters(classifier.device());
}

void DeepInversion::stage(dim_t) {
  const int shift = options_.max_shift;
  ImageMove move;
  move.dy = moves_.integer(-shift, shift + 1);
  move.dx = moves_.integer(-shift, shift + 1);
  move_.stage(move);
}

void DeepInversion::issue() {
  const Tensor moved = roll_flip(pixels_, move_.tensor());
  const InversionLoss loss = inversion_loss(classifier_, moved, label_tensor_, options_.weights);
  meters_.record(loss.recorded());
  optimizer_.step(grad({loss.total}, {pixels_}), options_.lr_pixels);
}

void DeepInversion::visit_parts(StateVisitor& visitor) {
  visitor.visit("moves", moves_);
  visitor.visit("pixels", pixels_);
  visitor.visit("optimizer", optimizer_);
}

}  // namespace engram
