#include "models/data/colored_mnist.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "engine/random.h"
#include "kernels/common/error.h"
#include "models/data/batch_plan.h"
#include "models/data/idx.h"

namespace engram {
namespace {

using Channels = ColourOptions::Channels;

void check_digits(const ImageDataset& digits) {
  check_dataset(digits, "the digits");
  if (digits.channels != 1 || digits.num_classes > 10)
    throw DataError(message("[colored_mnist] expected grey images of ten digits, got images of ",
                            to_string(digits.shape()), " in ", digits.num_classes, " classes"));
}

/// Whether each draw is below p: a Bernoulli draw as the reference programs make it.
std::vector<bool> flips(const UniformDraws& draws, dim_t count, double p) {
  const std::vector<float> uniform = draws(count);
  if (dim_t(uniform.size()) != count)
    throw UsageError(message("[colored_mnist] expected ", count, " draws, got ", uniform.size()));
  std::vector<bool> result;
  for (const float u : uniform) result.push_back(double(u) < p);
  return result;
}

/// Every step-th row and column of a digit.
std::vector<std::uint8_t> subsampled(const ImageDataset& digits, dim_t index, int step) {
  std::vector<std::uint8_t> out;
  const std::uint8_t* image = digits.image(index);
  for (dim_t y = 0; y < digits.height; y += step)
    for (dim_t x = 0; x < digits.width; x += step) out.push_back(image[y * digits.width + x]);
  return out;
}

void append_channels(std::vector<std::uint8_t>& pixels, const std::vector<std::uint8_t>& digit, Channels channels,
                     int colour) {
  if (channels == Channels::kGrey) {
    pixels.insert(pixels.end(), digit.begin(), digit.end());
    return;
  }
  for (int c = 0; c < 2; ++c) {
    if (channels == Channels::kBoth || c == colour)
      pixels.insert(pixels.end(), digit.begin(), digit.end());
    else
      pixels.insert(pixels.end(), digit.size(), 0);
  }
}

/// Classes, second labels and values of coloured digits, without images.
ImageDataset empty_set(const ImageDataset& digits, const ColourOptions& options) {
  ImageDataset out;
  out.name = "colored-mnist";
  out.split = digits.split;
  out.channels = options.channels == Channels::kGrey ? 1 : 2;
  out.height = (digits.height + options.step - 1) / options.step;
  out.width = (digits.width + options.step - 1) / options.step;
  out.num_classes = 2;
  out.class_names = {"5-9", "0-4"};
  out.context_names = {"colour 0", "colour 1"};
  out.normalization.mean.assign(std::size_t(out.channels), 0.f);
  out.normalization.std.assign(std::size_t(out.channels), 1.f);
  return out;
}

std::string correlation_name(double noise) {
  const int percent = int(std::lround(100 * (noise < 0.5 ? 1 - noise : noise)));
  return message(noise < 0.5 ? "+" : "-", percent, "%");
}

ImageDataset every(const ImageDataset& data, dim_t first, dim_t step) {
  std::vector<dim_t> indices;
  for (dim_t i = first; i < data.count; i += step) indices.push_back(i);
  return select(data, indices);
}

ImageDataset shuffled(const ImageDataset& data, std::uint64_t seed) {
  return select(data, shuffled_order(data.count, seed, 0));
}

UniformDraws draws_of(std::uint64_t seed) {
  return [random = Generator(seed).split(1)](dim_t count) mutable {
    std::vector<float> values;
    for (dim_t i = 0; i < count; ++i) values.push_back(random.number());
    return values;
  };
}

/// The last 10 000 digits of MNIST's training file, a sixth of a smaller one.
ColouredSplit irm_split(const std::filesystem::path& folder, const ColoredMnistOptions& o,
                        const ColourOptions& colour) {
  const ImageDataset digits = read_idx_set(folder, IdxSet::kMnist, Split::kTrain);
  const dim_t held = std::max<dim_t>(1, std::min<dim_t>(10000, digits.count / 6)), pooled = digits.count - held;
  std::vector<dim_t> first(static_cast<std::size_t>(pooled)), last(static_cast<std::size_t>(held));
  std::iota(first.begin(), first.end(), dim_t{0});
  std::iota(last.begin(), last.end(), pooled);
  std::vector<double> noises = {0.2, 0.1, 0.9};
  if (o.variant == ColoredMnist::kAuthors) std::swap(noises[0], noises[1]);
  std::vector<ColouredTest> tests = {{correlation_name(noises.back()), colour.channels}};
  if (!o.grey) tests.push_back({"grey", Channels::kBoth});
  return colour_split(shuffled(select(digits, first), o.seed), select(digits, last), noises, tests, colour,
                      draws_of(o.seed));
}

Environments domainbed_environments(const std::filesystem::path& folder, const ColoredMnistOptions& o,
                                    ColourOptions colour) {
  const Environments files = {{"train", read_idx_set(folder, IdxSet::kMnist, Split::kTrain)},
                              {"test", read_idx_set(folder, IdxSet::kMnist, Split::kTest)}};
  const ImageDataset digits = shuffled(pool_environments(files, "both").images, o.seed);
  const UniformDraws draws = draws_of(o.seed);
  const std::vector<double> noises = {0.1, 0.2, 0.9};
  Environments environments;
  for (std::size_t e = 0; e < noises.size(); ++e) {
    colour.colour_noise = noises[e];
    environments.push_back(
        colour_digits(every(digits, dim_t(e), dim_t(noises.size())), correlation_name(noises[e]), colour, draws));
  }
  return environments;
}

}  // namespace

Environment colour_digits(const ImageDataset& digits, const std::string& name, const ColourOptions& options,
                          const UniformDraws& draws) {
  check_digits(digits);
  if (options.step < 1) throw UsageError(message("[colored_mnist] expected a step of at least 1, got ", options.step));
  const std::vector<bool> label_flips = flips(draws, digits.count, options.label_noise);
  const std::vector<bool> colour_flips = flips(draws, digits.count, options.colour_noise);
  Environment out{name, empty_set(digits, options)};
  for (dim_t i = 0; i < digits.count; ++i) {
    const bool label = (digits.labels[std::size_t(i)] < 5) != label_flips[std::size_t(i)];
    const bool colour = label != colour_flips[std::size_t(i)];
    out.images.labels.push_back(label);
    out.images.contexts.push_back(colour);
    append_channels(out.images.pixels, subsampled(digits, i, options.step), options.channels, colour);
  }
  out.images.count = digits.count;
  return out;
}

ColouredSplit colour_split(const ImageDataset& pool, const ImageDataset& test, const std::vector<double>& noises,
                           const std::vector<ColouredTest>& tests, const ColourOptions& options,
                           const UniformDraws& draws) {
  if (noises.size() < 2)
    throw UsageError(
        message("[colored_mnist] expected a noise for training and one for the test, got ", noises.size()));
  ColouredSplit split;
  ColourOptions colour = options;
  const std::size_t environments = noises.size() - 1;
  for (std::size_t e = 0; e < environments; ++e) {
    colour.colour_noise = noises[e];
    split.train.push_back(
        colour_digits(every(pool, dim_t(e), dim_t(environments)), correlation_name(noises[e]), colour, draws));
  }
  colour.colour_noise = noises.back();
  for (const ColouredTest& one : tests) {
    colour.channels = one.channels;
    split.test.push_back(colour_digits(test, one.name, colour, draws));
  }
  return split;
}

OodData read_colored_mnist(const std::filesystem::path& folder, const ColoredMnistOptions& o) {
  OodData data;
  data.context_word = "colour";
  ColourOptions colour;
  colour.channels = o.grey ? Channels::kGrey : Channels::kColoured;
  if (o.variant == ColoredMnist::kDomainBed) {
    colour.step = 1;
    data.train = domainbed_environments(folder, o, colour);
    return data;
  }
  ColouredSplit split = irm_split(folder, o, colour);
  data.train = std::move(split.train);
  data.test.push_back(std::move(split.test.front()));
  data.probes.assign(std::move_iterator(split.test.begin() + 1), std::move_iterator(split.test.end()));
  return data;
}

}  // namespace engram
