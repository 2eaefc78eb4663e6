#include "models/methods/inversion/pyramid_maps.h"

#include "engine/autograd.h"
#include "models/nets/vgg.h"

namespace engram {
namespace {

/// A VGG whose first tap lies behind a pooling.
bool begins_late(const Network& classifier) {
  const TapSpec& first = classifier.taps().at(0);
  return dynamic_cast<const Vgg*>(&classifier) != nullptr && first.height < classifier.image().height;
}

/// The last normalisation of the first block.
const BatchNorm2d* first_block_end(Network& classifier) {
  const BatchNorm2d* last = nullptr;
  for (const NamedModule& named : classifier.named_modules())
    if (const auto* bn = dynamic_cast<const BatchNorm2d*>(named.module); bn && named.name.starts_with("block0."))
      last = bn;
  if (!last)
    throw UsageError(
        message("[natural-inversion] expected a classifier with batch normalisation, got ", classifier.arch()));
  return last;
}

}  // namespace

std::vector<TapSpec> pyramid_taps(Network& classifier) {
  if (classifier.taps().empty())
    throw UsageError(message("[natural-inversion] expected a classifier with feature maps, got ", classifier.arch()));
  if (!begins_late(classifier)) return classifier.taps();
  const ImageShape& image = classifier.image();
  std::vector<TapSpec> taps = {{first_block_end(classifier)->channels(), image.height, image.width}};
  taps.insert(taps.end(), classifier.taps().begin(), classifier.taps().end() - 1);
  return taps;
}

std::vector<Tensor> pyramid_maps(Network& classifier, const Tensor& x) {
  if (!begins_late(classifier)) return classifier.features_inference(x);
  const NoGradGuard no_grad;
  const BatchNorm2d* end = first_block_end(classifier);
  const Features features = classifier.forward(x, {.logits = false, .taps = true, .bn_inputs = true});
  std::vector<Tensor> maps;
  for (const BnInput& input : features.bn_inputs)
    if (input.layer == end) maps.push_back(end->forward(input.x, Activation::kRelu));
  maps.insert(maps.end(), features.taps.begin(), features.taps.end() - 1);
  return maps;
}

}  // namespace engram
