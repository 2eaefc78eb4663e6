#include "models/data/class_matching.h"

#include <algorithm>

#include "kernels/common/error.h"
#include "models/data/class_names.h"

namespace engram {
namespace {

using Names = std::vector<std::string>;

constexpr std::size_t kMostListed = 12;

/// Lower case, with spaces for - and _.
std::string simplified(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    if (c == '-' || c == '_') c = ' ';
  }
  return name;
}

[[noreturn]] void refuse(const ImageDataset& data, const Names& known, const std::string& why,
                         const std::string& source) {
  throw DataError(message("[images] expected images of the classes ", listed_classes(known), ", got ",
                          listed_classes(data.class_names), " in the ", data.name, " set at ", source, why,
                          "; hint: other names of the same classes go into the metadata class_names of the "
                          "classifier's file"));
}

/// The known place of each of the set's classes.
std::vector<std::int32_t> places(const ImageDataset& data, const Names& known, const std::string& source) {
  std::vector<std::int32_t> places;
  for (const std::string& name : data.class_names) {
    const auto place = place_of_class(name, known);
    if (!place) refuse(data, known, ": there is no class " + name, source);
    if (std::find(places.begin(), places.end(), *place) != places.end())
      refuse(data, known, ": two are " + known[std::size_t(*place)], source);
    places.push_back(*place);
  }
  return places;
}

}  // namespace

KnownClasses known_classes(const Names& names, const std::string& dataset) {
  const bool named_so = !names.empty() && class_names_of(dataset) == names;
  return named_so ? KnownClasses{int(names.size()), names} : known_classes(names);
}

std::optional<int> place_of_class(const std::string& name, const Names& classes) {
  if (const auto exact = std::find(classes.begin(), classes.end(), name); exact != classes.end())
    return int(exact - classes.begin());
  std::optional<int> place;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (simplified(classes[i]) != simplified(name)) continue;
    if (place) return std::nullopt;
    place = int(i);
  }
  return place;
}

void match_classes(ImageDataset& data, const KnownClasses& known, const std::string& source) {
  if (known.names.empty() || data.class_names == known.names) return;
  if (known_classes(data.class_names, data.name).names.empty()) {
    data.note = "labels by number: the images do not name their classes";
    data.class_names = known.names;
    return;
  }
  const std::vector<std::int32_t> place = places(data, known.names, source);
  if (!std::is_sorted(place.begin(), place.end()))
    data.note = "labels by the names of the classes, whose order differs from the classifier's";
  for (std::int32_t& label : data.labels) label = place[std::size_t(label)];
  data.class_names = known.names;
}

std::string listed_classes(const Names& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMostListed; ++i) text += (i ? ", " : "") + names[i];
  return names.size() > kMostListed ? text + ", ..." : text;
}

}  // namespace engram
