#pragma once
/// Class names of the known data sets, in label order, as the sets' own files and pages give them.

#include <string>
#include <vector>

namespace engram {

const std::vector<std::string>& cifar10_class_names();          ///< 10, "airplane" .. "truck"
const std::vector<std::string>& cifar100_fine_class_names();    ///< 100, alphabetical
const std::vector<std::string>& cifar100_coarse_class_names();  ///< 20 superclasses, alphabetical
const std::vector<std::string>& mnist_class_names();            ///< 10, "0" .. "9"
const std::vector<std::string>& fashion_mnist_class_names();    ///< 10, "T-shirt/top" .. "Ankle boot"
const std::vector<std::string>& pacs_class_names();             ///< 7, "dog" .. "person"

/// Names as one text, a line each: the form of the metadata "class_names" in packed sets and classifier files.
std::string join_class_names(const std::vector<std::string>& names);
/// The inverse.
std::vector<std::string> split_class_names(const std::string& text);

/// The names of a kind of data set as open_dataset calls it ("cifar10", "cifar100-subset"); empty for others.
std::vector<std::string> class_names_of(const std::string& kind);

}  // namespace engram
