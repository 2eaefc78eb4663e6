#pragma once
/// The images of a run folder, for its report.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/html.h"

namespace engram::apps {

/// What a file name tells about an image.
struct ImageCaption {
  std::string label;                ///< "grid" of grid_000100.png
  std::optional<std::string> step;  ///< "100", without leading zeros
};

/// Label and step of a file name without its extension: trailing digits are the step, what stands before them, without
/// separators at its end, is the label.
ImageCaption image_caption(const std::string& stem);

/// Whether `a` stands before `b` when runs of digits are compared as numbers.
bool natural_less(const std::string& a, const std::string& b);

/// The files *.png (not of folders below), in natural order. A folder that is missing has none.
std::vector<std::filesystem::path> find_images(const std::filesystem::path& folder);

/// <figure> elements of the images, each with its bytes as data URI, and sentences about those that are left out. Files
/// whose names begin with "final" come first, in full size; where there are any, the others are folded away. Empty
/// without images.
Html image_figures(const std::filesystem::path& folder);

}  // namespace engram::apps
