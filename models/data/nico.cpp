#include "models/data/nico.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>

#include "engine/io/atomic_file.h"
#include "engine/io/image_file.h"
#include "engine/stop_scope.h"
#include "kernels/common/error.h"
#include "models/data/is_file.h"
#include "models/data/resize.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxListBytes = std::uint64_t{1} << 28;
constexpr dim_t kCropMargin = 8;

/// A line of a list.
struct Listed {
  std::string file, label, context;
};

/// A list of a part and the environment that it is.
struct NamedList {
  std::string name;
  fs::path path;
};

/// The list of this part ("train", "train1"), or an empty path.
fs::path find_list(const fs::path& folder, const std::string& part) {
  for (const fs::path& candidate :
       {folder / "split_v2_ood" / (part + ".csv"), folder / (part + ".csv"), folder / ("animal_" + part + "_ood.csv"),
        folder / ("vehicle_" + part + "_ood.csv")})
    if (is_file(candidate)) return candidate;
  return {};
}

NamedList needed_list(const fs::path& folder, const std::string& part) {
  const fs::path found = find_list(folder, part);
  if (found.empty())
    throw IoError(message("[nico] expected the list ", part, ".csv in ", (folder / "split_v2_ood").string(),
                          ", or it or *_", part, "_ood.csv in ", folder.string(), ", did not find it"));
  return {part, found};
}

/// train.csv, or else train1.csv, train2.csv, ...
std::vector<NamedList> training_lists(const fs::path& folder) {
  std::vector<NamedList> lists;
  for (int i = 1; find_list(folder, "train").empty(); ++i) {
    const std::string part = message("train", i);
    const fs::path found = find_list(folder, part);
    if (found.empty()) break;
    lists.push_back({part, found});
  }
  if (lists.empty()) lists.push_back(needed_list(folder, "train"));
  return lists;
}

Listed parse_line(std::string_view line, const std::string& where) {
  const std::size_t first = line.find(','), second = line.find(',', first == line.npos ? first : first + 1);
  if (second == line.npos || line.find(',', second + 1) != line.npos)
    throw DataError(message("[nico] expected FILE,CLASS,CONTEXT, got ",
                            io::quoted_name(std::string(line.substr(0, 80))), " in ", where));
  Listed listed{std::string(line.substr(0, first)), std::string(line.substr(first + 1, second - first - 1)),
                std::string(line.substr(second + 1))};
  std::replace(listed.file.begin(), listed.file.end(), '\\', '/');
  const fs::path file(listed.file);
  if (file.empty() || file.is_absolute() || std::find(file.begin(), file.end(), "..") != file.end())
    throw DataError(message("[nico] expected a file below images, got ", io::quoted_name(listed.file), " in ", where));
  if (listed.label.empty() || listed.context.empty())
    throw DataError(message("[nico] expected a class and a context, got ",
                            io::quoted_name(std::string(line.substr(0, 80))), " in ", where));
  return listed;
}

std::vector<Listed> read_list(const fs::path& path) {
  const io::Bytes bytes = io::read_file(path, kMaxListBytes);
  const std::string_view text = io::as_text(bytes);
  std::vector<Listed> lines;
  dim_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(parse_line(line, message("line ", number, " of ", path.string())));
  }
  if (lines.empty()) throw DataError(message("[nico] expected at least one image, got none in ", path.string()));
  return lines;
}

/// The file of a line, or the PNG file of its name that a conversion left there.
fs::path find_image(const fs::path& images, const std::string& file) {
  const fs::path listed = images / file;
  if (is_file(listed)) return listed;
  const fs::path converted = fs::path(listed).replace_extension(".png");
  if (is_file(converted)) return converted;
  throw IoError(message("[nico] expected ", listed.string(), ", did not find it",
                        listed == converted ? "" : ", nor a .png file of its name"));
}

/// The middle of an image, `side` pixels square, after its shorter side was brought to `side` + 8; planar RGB.
std::vector<std::uint8_t> middle_crop(const io::Image& image, dim_t side) {
  const dim_t plane = image.width * image.height;
  std::vector<std::uint8_t> planar(std::size_t(3 * plane));
  for (dim_t p = 0; p < plane; ++p)
    for (dim_t c = 0; c < 3; ++c) planar[std::size_t(c * plane + p)] = image.pixels[std::size_t(3 * p + c)];
  const dim_t target = side + kCropMargin, shorter = std::min(image.width, image.height);
  const ImageSize size = {std::max(target, image.height * target / shorter),
                          std::max(target, image.width * target / shorter)};
  const std::vector<std::uint8_t> resized = resize_image(planar.data(), 3, image.height, image.width, size);
  const dim_t top = (size.height - side) / 2, left = (size.width - side) / 2;
  std::vector<std::uint8_t> out;
  for (dim_t c = 0; c < 3; ++c)
    for (dim_t y = 0; y < side; ++y) {
      const auto row = resized.begin() + (c * size.height + top + y) * size.width + left;
      out.insert(out.end(), row, row + side);
    }
  return out;
}

std::int32_t place_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::lower_bound(names.begin(), names.end(), name);
  return found != names.end() && *found == name ? std::int32_t(found - names.begin()) : -1;
}

/// What the training lists fix for all parts.
struct ListedNames {
  std::vector<std::string> classes, contexts;
};

Environment read_environment(const fs::path& images, const NamedList& list, const std::vector<Listed>& lines,
                             const ListedNames& names, bool with_contexts, dim_t side) {
  Environment out{list.name, {}};
  ImageDataset& data = out.images;
  data.name = "nico";
  data.split = list.name;
  data.channels = 3;
  data.height = data.width = side;
  data.class_names = names.classes;
  data.num_classes = int(names.classes.size());
  const bool vehicles = place_of(names.classes, "car") >= 0;
  data.normalization = vehicles ? Normalization{{159.063f / 255, 155.365f / 255, 154.892f / 255},
                                                {56.217f / 255, 55.824f / 255, 53.863f / 255}}
                                : Normalization{{104.079f / 255, 107.423f / 255, 104.984f / 255},
                                                {47.554f / 255, 48.668f / 255, 53.170f / 255}};
  if (with_contexts) data.context_names = names.contexts;
  for (const Listed& line : lines) {
    leave_if_stopped("images were read");
    const std::int32_t label = place_of(names.classes, line.label);
    if (label < 0)
      throw DataError(message("[nico] expected classes of the training list, got ", io::quoted_name(line.label), " in ",
                              list.path.string()));
    const std::vector<std::uint8_t> pixels =
        middle_crop(io::to_rgb(io::read_image(find_image(images, line.file))), side);
    data.pixels.insert(data.pixels.end(), pixels.begin(), pixels.end());
    data.labels.push_back(label);
    if (with_contexts) data.contexts.push_back(place_of(names.contexts, line.context));
    ++data.count;
  }
  return out;
}

ListedNames names_in(const std::vector<std::vector<Listed>>& lists) {
  std::set<std::string> classes, contexts;
  for (const std::vector<Listed>& lines : lists)
    for (const Listed& line : lines) {
      classes.insert(line.label);
      contexts.insert(line.context);
    }
  return {{classes.begin(), classes.end()}, {contexts.begin(), contexts.end()}};
}

}  // namespace

OodData read_nico(const fs::path& folder, const NicoOptions& options) {
  if (options.side < 8 || options.side > 1024)
    throw UsageError(message("[nico] expected a side of 8 to 1024 pixels, got ", options.side));
  const std::vector<NamedList> training = training_lists(folder);
  const NamedList validation = needed_list(folder, "val"), test = needed_list(folder, "test");
  std::vector<std::vector<Listed>> lines;
  for (const NamedList& list : training) lines.push_back(read_list(list.path));
  const ListedNames names = names_in(lines);
  const auto read = [&](const NamedList& list, const std::vector<Listed>& listed, bool with_contexts) {
    return read_environment(folder / "images", list, listed, names, with_contexts, options.side);
  };
  OodData data;
  data.name = "nico";
  data.context_word = "context";
  for (std::size_t e = 0; e < training.size(); ++e) data.train.push_back(read(training[e], lines[e], true));
  data.validation.push_back(read(validation, read_list(validation.path), false));
  data.test.push_back(read(test, read_list(test.path), false));
  check_ood_data(data);
  return data;
}

}  // namespace engram
