#include "models/methods/inversion/inversion.h"

#include <algorithm>

#include "engine/random.h"
#include "models/methods/inversion/deep_inversion.h"
#include "models/methods/inversion/natural_inversion.h"

namespace engram {
namespace {

void check_options(const InversionOptions& o, const ImageShape& image) {
  if (o.batch_size < 1) throw UsageError(message("[invert] expected a batch size of at least 1, got ", o.batch_size));
  const dim_t side = std::min(image.height, image.width);
  if (o.max_shift < 0 || o.max_shift >= side)
    throw UsageError(message("[invert] expected shifts of 0 to ", side - 1, " pixels, got ", o.max_shift));
  for (float value : {o.weights.bn, o.weights.tv, o.weights.l2, o.lr_generator, o.lr_pyramid, o.lr_alpha, o.lr_pixels})
    if (!(value >= 0))
      throw UsageError(message("[invert] expected loss weights and learning rates of at least 0, got ", value));
}

}  // namespace

const std::vector<std::string>& inversion_methods() {
  static const std::vector<std::string> names = {"natural-inversion", "deep-inversion"};
  return names;
}

InversionWeights published_weights(const std::string& method, int num_classes) {
  if (method == "natural-inversion") return {num_classes <= 10 ? 10.f : 3.f, 6e-3f, 1.5e-5f};
  if (method == "deep-inversion") return {10.f, 2.5e-5f, 0.f};
  throw UsageError(message("[invert] expected the method natural-inversion or deep-inversion, got '", method, "'"));
}

std::vector<std::int32_t> balanced_labels(dim_t batch_size, int num_classes, std::uint64_t seed) {
  std::vector<std::int32_t> labels;
  const dim_t rounds = batch_size / num_classes;
  for (dim_t i = 0; i < rounds * num_classes; ++i) labels.push_back(std::int32_t(i % num_classes));
  Generator stream(seed);
  const std::vector<std::int32_t> order = stream.permutation(num_classes);
  for (std::size_t i = 0; dim_t(labels.size()) < batch_size; ++i) labels.push_back(order[i]);
  return labels;
}

std::unique_ptr<Inversion> start_inversion(Network& classifier, const InversionOptions& options, std::uint64_t seed,
                                           dim_t batch_index) {
  check_options(options, classifier.image());
  classifier.eval();
  classifier.set_requires_grad(false);
  if (options.method == "natural-inversion")
    return std::make_unique<NaturalInversion>(classifier, options, seed, batch_index);
  if (options.method == "deep-inversion")
    return std::make_unique<DeepInversion>(classifier, options, seed, batch_index);
  throw UsageError(
      message("[invert] expected the method natural-inversion or deep-inversion, got '", options.method, "'"));
}

}  // namespace engram
