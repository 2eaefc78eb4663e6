#include "models/data/pacs.h"

#include <algorithm>
#include <system_error>

#include "kernels/common/error.h"
#include "models/data/class_names.h"
#include "models/data/idx.h"
#include "models/data/image_folder.h"
#include "models/data/index_list.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

const char* part_name(PacsPart part) {
  return part == PacsPart::kTrain ? "train" : part == PacsPart::kCrossval ? "crossval" : "test";
}

std::string labels_name(const std::string& domain) {
  return domain + "-labels-idx1-ubyte";
}

/// The image file of a domain: of this side, or of the largest of the usual ones.
fs::path find_images(const fs::path& folder, const std::string& domain, dim_t side) {
  std::vector<dim_t> sides = {227, 224, 128, 64, 32};
  if (side != 0) sides = {side};
  for (const dim_t candidate : sides) {
    const fs::path found = find_idx_file(folder, message(domain, "-", candidate, "-images-idx4-ubyte"));
    if (!found.empty()) return found;
  }
  throw IoError(message("[pacs] expected ", domain, "-", side != 0 ? std::to_string(side) : "SIDE",
                        "-images-idx4-ubyte in ", folder.string(), ", did not find it"));
}

Normalization imagenet_normalization() {
  return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
}

/// All images of a domain.
ImageDataset read_whole_domain(const fs::path& folder, const std::string& domain, dim_t side) {
  const fs::path images = find_images(folder, domain, side), labels = find_idx_file(folder, labels_name(domain));
  if (labels.empty())
    throw IoError(message("[pacs] expected ", labels_name(domain), " in ", folder.string(), ", did not find it"));
  ImageDataset data = read_idx_images(images, labels);
  data.class_names = pacs_class_names();
  if (data.num_classes > int(data.class_names.size()))
    throw DataError(message("[pacs] expected labels 0..", data.class_names.size() - 1, ", got ", data.num_classes - 1,
                            " in ", labels.string()));
  data.num_classes = int(data.class_names.size());
  data.normalization = imagenet_normalization();
  return data;
}

ImageDataset read_domain(const fs::path& folder, const std::string& domain, PacsPart part, dim_t side) {
  const ImageDataset data = read_whole_domain(folder, domain, side);
  const fs::path list = folder / "splits" / (domain + "-" + part_name(part) + ".txt");
  return select(data, read_index_list(list, data.count));
}

void check_domains(const std::vector<std::string>& domains) {
  const std::vector<std::string>& known = pacs_domains();
  for (std::size_t i = 0; i < domains.size(); ++i) {
    if (std::find(known.begin(), known.end(), domains[i]) == known.end())
      throw UsageError(
          message("[pacs] expected domains among art_painting, cartoon, photo, sketch, got '", domains[i], "'"));
    if (std::find(domains.begin(), domains.begin() + dim_t(i), domains[i]) != domains.begin() + dim_t(i))
      throw UsageError(message("[pacs] expected each domain once, got ", domains[i], " twice"));
  }
}

}  // namespace

const std::vector<std::string>& pacs_domains() {
  static const std::vector<std::string> names = {"art_painting", "cartoon", "photo", "sketch"};
  return names;
}

ImageDataset read_pacs(const fs::path& folder, const std::vector<std::string>& domains, PacsPart part, dim_t side) {
  check_domains(domains);
  const std::vector<std::string>& names = domains.empty() ? pacs_domains() : domains;
  std::vector<ImageDataset> sources;
  for (const std::string& domain : names) sources.push_back(read_domain(folder, domain, part, side));
  ImageDataset out = join_sources(sources, names);
  out.name = "pacs";
  out.split = part_name(part);
  out.normalization = imagenet_normalization();
  check_dataset(out, folder.string());
  return out;
}

Environments read_pacs_environments(const fs::path& folder, dim_t side) {
  const bool idx = has_pacs(folder);
  Environments environments;
  for (const std::string& domain : pacs_domains()) {
    if (idx) {
      environments.push_back({domain, read_whole_domain(folder, domain, side)});
    } else if (has_image_folders(folder / domain)) {
      environments.push_back({domain, read_image_folder(folder / domain, {7, pacs_class_names()}, {side, side})});
      environments.back().images.normalization = imagenet_normalization();
    }
  }
  if (environments.size() < 2)
    throw IoError(
        message("[pacs] expected the domains art_painting, cartoon, photo and sketch, as IDX files or as "
                "folders of PNG or JPEG files by class, in ",
                folder.string(), ", found ", environments.size(), " of them"));
  label_by_environment(environments);
  return environments;
}

bool has_pacs(const fs::path& folder) {
  return std::any_of(pacs_domains().begin(), pacs_domains().end(),
                     [&](const std::string& domain) { return !find_idx_file(folder, labels_name(domain)).empty(); });
}

}  // namespace engram
