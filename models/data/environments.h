#pragma once
/// Images of several environments (domains): what methods for out-of-distribution generalisation train, select and are
/// tested on.

#include <string>
#include <vector>

#include "models/data/dataset.h"

namespace engram {

/// The images of one environment under its name ("sketch", "+80%").
struct Environment {
  std::string name;
  ImageDataset images;
};
using Environments = std::vector<Environment>;

/// The parts of an experiment. All images have one size and the same classes.
struct OodData {
  std::string name;          ///< of the protocol
  Environments train;        ///< what methods see
  Environments validation;   ///< held out of the training environments, for selection; none where a protocol has none
  Environments test;         ///< environments that training never sees
  Environments probes;       ///< further sets that are looked at and count nowhere
  std::string context_word;  ///< what second labels mean: "colour", "domain"; empty where images have none
  std::string note;          ///< what a person should know, in one line
};

/// Throws DataError that names the environment: unless there is one for training and one for testing, names differ
/// within each part, and all images have one size, the same classes and, in training, the same second labels, or none.
void check_ood_data(const OodData& data);

/// Throws DataError that names the first environment and class without an image. A class that training lacks in a
/// domain makes the domain a hint of the class.
void check_every_class(const Environments& environments);

/// An environment in two parts: `share` of the images, rounded down, drawn once without replacement, and the rest, both
/// in their old order. A function of the arguments. Throws UsageError unless 0 < share < 1 and each part has an image.
struct HeldOut {
  Environment held, rest;
};
HeldOut hold_out(const Environment& environment, double share, std::uint64_t seed);

/// All images as one environment of this name, with their second labels. Throws UsageError without environments,
/// DataError where sizes, classes or second labels differ.
Environment pool_environments(const Environments& environments, const std::string& name);

/// Gives each image the number of its environment as second label, named after the environments.
void label_by_environment(Environments& environments);

/// Takes the environments of these names out of the list and returns them, in the order of the names. Throws
/// UsageError, which lists those that there are, for an unknown name, a name that comes twice, and where none would be
/// left.
Environments take_environments(Environments& from, const std::vector<std::string>& names);

}  // namespace engram
