#pragma once
/// Classes that a set of images has to agree with, matched with its own by name.

#include <optional>
#include <string>
#include <vector>

#include "models/data/class_folders.h"
#include "models/data/dataset.h"

namespace engram {

/// The place of the name among the class names: an exact one, else the only one that is equal but for case, spaces, -
/// and _.
std::optional<int> place_of_class(const std::string& name, const std::vector<std::string>& classes);

/// Names for a message, the first of many.
std::string listed_classes(const std::vector<std::string>& names);

/// As known_classes(names); but where the kind of data set that `dataset` names calls its classes by numbers (MNIST's
/// digits), they are names.
KnownClasses known_classes(const std::vector<std::string>& names, const std::string& dataset);

/// Gives the set's labels and class names the order of the known names; its note says so where labels change, or where
/// labels count by number because the set does not name its classes. Nothing where no names are known. Throws DataError
/// where the set's names are not those of the known classes. The set has as many classes as are known.
void match_classes(ImageDataset& data, const KnownClasses& known, const std::string& source);

}  // namespace engram
