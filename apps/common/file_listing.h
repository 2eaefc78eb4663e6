#pragma once
/// What a tensor file holds, and how two differ, as text for people and as JSON for programs.

#include <string>

#include "engine/io/safetensors.h"

namespace engram::apps {

/// Totals, metadata, and a line for each tensor in the order of names: type, shape, smallest, largest, mean, deviation
/// and the number of elements that are not finite; "-" for types without statistics (io::is_readable).
std::string listing_text(const std::string& path, const io::SafetensorsFile& file);

/// One JSON object: "file", "bytes", "parameters", "statistics", "metadata", and "tensors", a list of objects "name",
/// "dtype", "shape", "count", "bytes", "min", "max", "mean", "std", "zero", "nan", "infinite"; the last seven are null
/// for types without statistics.
std::string listing_json(const std::string& path, const io::SafetensorsFile& file);

/// A line for each tensor and each metadata key that differs, and one of totals.
std::string difference_text(const io::SafetensorsFile& a, const io::SafetensorsFile& b);

/// One JSON object: "equal", "different", "only_a", "only_b", "metadata_different" (counts), and "tensors", a list of
/// those that differ: "name", "a" and "b" (type and shape, null where it is missing), and, for two of one shape,
/// "elements_different", "max_absolute" (null where it is infinite), "where" and "max_ulp".
std::string difference_json(const io::SafetensorsFile& a, const io::SafetensorsFile& b);

}  // namespace engram::apps
