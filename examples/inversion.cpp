/// An inversion with a loss of one's own: images that a classifier takes for each of its classes, with its batch
/// statistics, and the same when they are mirrored. Writes them as a picture.
///
///   inversion CLASSIFIER.safetensors PICTURE.png [ITERATIONS]

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>

#include "engram/engram.h"

using namespace engram;

int main(int argc, char** argv) try {
  if (argc < 3) throw UsageError("usage: inversion CLASSIFIER.safetensors PICTURE.png [ITERATIONS]");
  const Classifier classifier = load_classifier(argv[1]);
  const int iterations = argc > 3 ? std::atoi(argv[3]) : 500;
  const dim_t count = classifier.network->num_classes();
  std::vector<std::int32_t> classes(static_cast<std::size_t>(count));
  std::iota(classes.begin(), classes.end(), 0);
  const Tensor labels = Tensor::from(classes, {count});

  Generator random(1);
  Tensor pixels = normal({count, 3, 32, 32}, random).set_requires_grad();
  std::vector<AdamState> adam;
  for (int i = 0; i < iterations; ++i) {
    // The published loss: cross entropy, 10 x distance of batch statistics, 2.5e-5 x total variation.
    const InversionLoss published = inversion_loss(*classifier.network, pixels, labels, {10, 2.5e-5f, 0});
    const Tensor asymmetry = mse(pixels, flip(pixels, {3}));
    const Tensor loss = published.total + 10.f * asymmetry;
    adam_step({pixels}, grad({loss}, {pixels}), adam, {.lr = 0.05f});
    if (i % 50 == 0 || i + 1 == iterations)
      std::printf("%4d  loss %8.3f  asymmetry %.4f\n", i, double(loss.item()), double(asymmetry.item()));
  }
  const auto bytes = to_pixels(pixels, PixelScaling::kPerImage, classifier.normalization);
  io::write_file(argv[2], io::image_grid_png(bytes, count, 3, 32, 32, {.columns = count, .zoom = 4}));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
