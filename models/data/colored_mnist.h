#pragma once
/// Coloured MNIST (Arjovsky, Bottou, Gulrajani, Lopez-Paz 2019, "Invariant risk minimization"): digits whose colour
/// goes with the label in training, and against it in testing.

#include <filesystem>
#include <functional>

#include "models/data/environments.h"

namespace engram {

/// `count` uniform numbers in [0, 1). Called once for the label noise and once for the colour noise of an environment,
/// environments in order: the order of the reference program, so that its draws give its images.
using UniformDraws = std::function<std::vector<float>(dim_t count)>;

/// How an environment is coloured. The clean label is 1 for digits below 5; the label is flipped with probability
/// `label_noise`; the colour is the label, flipped with probability `colour_noise`.
struct ColourOptions {
  double label_noise = 0.25;
  double colour_noise = 0.1;
  int step = 2;  ///< every step-th row and column is taken, without averaging; 1 takes all
  enum class Channels {
    kColoured,  ///< two channels, of which the one with the number 1 - colour is black
    kBoth,      ///< two channels, both the digit: REx's test without colours (the colour is drawn all the same)
    kGrey       ///< one channel, the sum of the coloured ones: the oracle that sees no colour
  } channels = Channels::kColoured;
};

/// Colours grey digits (one channel, labels below 10). The result has the classes "5-9" and "0-4", the second labels
/// "colour 0" and "colour 1" and values byte / 255. Throws DataError for other images.
Environment colour_digits(const ImageDataset& digits, const std::string& name, const ColourOptions& options,
                          const UniformDraws& draws);

/// Digits in the order of the reference program: `pool`, as it is after its shuffle, is dealt to the training
/// environments in turn. `noises` are the colour noises of the training environments and, last, of the test. Each test
/// set in `tests` is coloured with the last noise, in order; their channels may differ from those of `options`.
struct ColouredTest {
  std::string name;
  ColourOptions::Channels channels;
};
struct ColouredSplit {
  Environments train, test;
};
ColouredSplit colour_split(const ImageDataset& pool, const ImageDataset& test, const std::vector<double>& noises,
                           const std::vector<ColouredTest>& tests, const ColourOptions& options,
                           const UniformDraws& draws);

/// The published variants.
enum class ColoredMnist {
  kIrm,        ///< facebookresearch/InvariantRiskMinimization: noises 0.2, 0.1 | 0.9, 14x14
  kAuthors,    ///< DecAug's baselines: the same with noises 0.1, 0.2 | 0.9
  kDomainBed,  ///< facebookresearch/DomainBed: 70 000 digits dealt to three environments, 28x28, a fifth held out
};

struct ColoredMnistOptions {
  ColoredMnist variant = ColoredMnist::kIrm;
  bool grey = false;       ///< images without colours: the oracle
  std::uint64_t seed = 1;  ///< of shuffle and noise: a restart
};

/// Reads MNIST from `folder` and colours it. kIrm and kAuthors take the training file alone: its last 10 000 images (a
/// sixth of a smaller file) are the test environment "-90%" and, without colours, the probe "grey"; the rest, shuffled,
/// are the environments "+80%" and "+90%". kDomainBed takes both files; "+90%", "+80%" and "-90%" are all in `train`,
/// for take_environments. Throws as read_idx_set.
OodData read_colored_mnist(const std::filesystem::path& folder, const ColoredMnistOptions& options);

}  // namespace engram
