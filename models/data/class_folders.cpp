#include "models/data/class_folders.h"

#include <algorithm>
#include <optional>

#include "kernels/common/error.h"
#include "models/data/class_matching.h"
#include "models/data/class_names.h"

namespace engram {
namespace {

using Folder = ClassFolders::Folder;
using Names = std::vector<std::string>;

/// Folders with labels, and the rule that gave them in words.
struct Labelled {
  std::vector<Folder> folders;
  std::string rule;
  bool guessed = false;  ///< said even where it is the obvious one
};

std::optional<int> number_in(const std::string& digits) {
  constexpr std::size_t kMaxDigits = 6;
  if (digits.empty() || digits.size() > kMaxDigits || digits.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoi(digits);
}

/// The folders whose names are numbers.
std::vector<Folder> numbered(const Names& names) {
  std::vector<Folder> found;
  for (const std::string& name : names)
    if (const auto label = number_in(name)) found.push_back({name, *label});
  return found;
}

/// The folders that inversion writes.
std::vector<Folder> of_inversion(const Names& names) {
  std::vector<Folder> found;
  for (const std::string& name : names)
    if (name.starts_with("s"))
      if (const auto label = number_in(name.substr(1, name.find('_') - 1))) found.push_back({name, *label});
  return found;
}

/// The folders with the places of their names, or nothing if one is missing; then `missing` is that one.
std::vector<Folder> named(const Names& names, const Names& classes, std::string* missing = nullptr) {
  std::vector<Folder> found;
  for (const std::string& name : names) {
    const auto place = place_of_class(name, classes);
    if (!place) {
      if (missing) *missing = name;
      return {};
    }
    found.push_back({name, *place});
  }
  return found;
}

/// The standard sets of so many classes in which all names occur.
std::vector<Labelled> standard(const Names& names, int count) {
  const std::pair<const char*, const Names&> sets[] = {{"CIFAR-10", cifar10_class_names()},
                                                       {"CIFAR-100", cifar100_fine_class_names()},
                                                       {"CIFAR-100's superclasses", cifar100_coarse_class_names()},
                                                       {"Fashion-MNIST", fashion_mnist_class_names()}};
  std::vector<Labelled> found;
  for (const auto& [set, classes] : sets) {
    if (int(classes.size()) != count) continue;
    std::vector<Folder> folders = named(names, classes);
    if (!folders.empty()) found.push_back({std::move(folders), std::string("by the names of ") + set, false});
  }
  return found;
}

Labelled by_rule(const Names& names, const KnownClasses& known, const std::string& source) {
  if (std::vector<Folder> folders = of_inversion(names); !folders.empty())
    return {std::move(folders), "by number", false};
  std::string missing;
  if (!known.names.empty())
    if (std::vector<Folder> folders = named(names, known.names, &missing); !folders.empty())
      return {std::move(folders), "by name", false};
  if (std::vector<Folder> folders = numbered(names); folders.size() == names.size())
    return {std::move(folders), "by number", false};
  if (!known.names.empty())
    throw DataError(message("[images] expected class folders with names of the classes (", listed_classes(known.names),
                            "), got ", missing, " in ", source,
                            "; hint: rename the folders, or give them the labels as names (s00, s01, ...)"));
  if (known.count > 0)
    if (const std::vector<Labelled> found = standard(names, known.count); found.size() == 1) return found[0];
  if (known.count > 0 && int(names.size()) != known.count)
    throw DataError(message("[images] expected class folders that say which of ", known.count,
                            " classes they are, got ", listed_classes(names), " in ", source,
                            "; hint: give them the labels as names (s00, s01, ...), or the classifier's file the "
                            "metadata class_names"));
  Labelled by_place{{}, "in the order of their names", known.count > 0};
  for (const std::string& name : names) by_place.folders.push_back({name, int(by_place.folders.size())});
  return by_place;
}

void check_labels(const std::vector<Folder>& folders, const KnownClasses& known, const std::string& source) {
  const int bound = known.count > 0 ? known.count : kMaxClasses;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    if (folders[i].label >= bound)
      throw DataError(message("[images] expected labels 0..", bound - 1, ", got ", folders[i].label,
                              " from the class folder ", folders[i].name, " in ", source));
    if (i > 0 && folders[i].label == folders[i - 1].label)
      throw DataError(message("[images] expected one folder a class, got ", folders[i - 1].name, " and ",
                              folders[i].name, " for label ", folders[i].label, " in ", source,
                              "; hint: join them, or rename one"));
  }
}

std::string note_of(const Labelled& labelled, std::size_t classes, std::size_t all_folders) {
  const std::vector<Folder>& folders = labelled.folders;
  bool goes_without_saying = !labelled.guessed && folders.size() == classes;
  Names pairs;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    goes_without_saying = goes_without_saying && folders[i].label == int(i);
    pairs.push_back(message(folders[i].name, " = ", folders[i].label));
  }
  std::string note;
  if (!goes_without_saying) note = message("labels of class folders, ", labelled.rule, ": ", listed_classes(pairs));
  if (const std::size_t passed_over = all_folders - folders.size(); passed_over > 0)
    note += message(note.empty() ? "class folders: " : "; ", passed_over, " other folder", passed_over > 1 ? "s" : "",
                    " passed over");
  return note;
}

}  // namespace

KnownClasses known_classes(const Names& names) {
  KnownClasses known{int(names.size()), {}};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] != std::to_string(i)) known.names = names;
  return known;
}

ClassFolders label_class_folders(const Names& names, const KnownClasses& known, const std::string& source) {
  Names sorted = names;
  std::sort(sorted.begin(), sorted.end());
  Labelled labelled = by_rule(sorted, known, source);
  std::stable_sort(labelled.folders.begin(), labelled.folders.end(),
                   [](const Folder& a, const Folder& b) { return a.label < b.label; });
  check_labels(labelled.folders, known, source);
  ClassFolders result;
  const int largest = labelled.folders.empty() ? -1 : labelled.folders.back().label;
  const int classes = known.count > 0 ? known.count : std::max(largest + 1, int(known.names.size()));
  for (int label = 0; label < classes; ++label)
    result.class_names.push_back(std::size_t(label) < known.names.size() ? known.names[std::size_t(label)]
                                                                         : std::to_string(label));
  if (known.names.empty())
    for (const Folder& folder : labelled.folders) result.class_names[std::size_t(folder.label)] = folder.name;
  result.note = note_of(labelled, result.class_names.size(), names.size());
  result.folders = std::move(labelled.folders);
  return result;
}

}  // namespace engram
