#pragma once
/// Classifiers in safetensors files: the state under the PyTorch names, and the metadata that recreate the network.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/data/dataset.h"
#include "models/nets/make_network.h"

namespace engram {

/// A network with what is needed to use it on images.
struct Classifier {
  std::unique_ptr<Network> network;
  Normalization normalization;               ///< how bytes become its input
  std::map<std::string, std::string> notes;  ///< the file's other metadata
  std::vector<std::string> class_names;      ///< one a class; their numbers where the file does not say them
  std::vector<std::string> remarks;          ///< sentences about names that were read as others (adapt_state)
};

/// What to assume of a file that does not say it, for example one saved from PyTorch. Where a file does, the file
/// counts. Files that do not say their image's extents are for those here.
struct ClassifierDefaults {
  std::string arch;     ///< empty: none
  int num_classes = 0;  ///< 0: the length of the head's bias
  ImageShape image = {};
  Normalization normalization = cifar_normalization();
  Device device = {};
};

/// Reads a classifier, in evaluation mode, without gradients to its parameters. Tensors of any floating type become
/// f32; names that differ from the network's in habitual ways are adapted (adapt_state). Class names are those of the
/// metadata "class_names" (one a line) or else of the data set that "dataset" names. Throws IoError; DataError,
/// beginning with the file's name, for a broken file, for metadata that are missing or wrong, and for tensors that do
/// not fit; it then names the networks that they fit.
Classifier load_classifier(const std::filesystem::path& path, const ClassifierDefaults& defaults = {});

/// How numbers are stored. kF16 applies to convolution and linear weights (rounded to nearest, relative error 2^-11);
/// biases and normalisation layers stay f32.
enum class WeightPrecision { kF32, kF16 };

/// Writes the network's state with the metadata "arch", "num_classes", "image" (as "3x32x32"), "mean", "std" and
/// `notes` (whose keys must be others), atomically. The same state gives the same bytes. Throws UsageError for a
/// reserved note, DataError for a weight beyond the range of f16 and for constants that are not one a channel, and as
/// io::write_safetensors.
void save_classifier(const std::filesystem::path& path, const Network& network, const Normalization& normalization,
                     const std::map<std::string, std::string>& notes = {},
                     WeightPrecision precision = WeightPrecision::kF32);

}  // namespace engram
