#include "models/methods/metrics/feature_statistics.h"

#include <cmath>

#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

constexpr const char* kFormat = "engram feature statistics";
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;
constexpr dim_t kMostFeatures = 16384;

io::SafetensorsEntry entry_of(const char* name, const std::vector<double>& values) {
  return {name, io::FileDType::kF64, {dim_t(values.size())}, io::bytes_of(std::span<const double>(values))};
}

std::vector<double> numbers(const io::SafetensorsView& view, const char* name) {
  const io::SafetensorsEntry* entry = view.find(name);
  if (!entry || entry->dtype != io::FileDType::kF64 || entry->shape.size() != 1)
    throw DataError(message("expected the numbers \"", name, "\" (F64, one axis), got ", entry ? "others" : "none"));
  std::vector<double> values;
  for (std::size_t at = 0; at < entry->bytes.size(); at += sizeof(double)) {
    values.push_back(io::load_le<double>(entry->bytes.data() + at));
    if (!std::isfinite(values.back())) throw DataError(message("expected finite numbers in \"", name, "\""));
  }
  return values;
}

std::string text(const io::SafetensorsView& view, const char* key) {
  const auto found = view.metadata.find(key);
  if (found == view.metadata.end()) throw DataError(message("expected metadata \"", key, "\", got none"));
  return found->second;
}

/// A whole number from `least` on.
dim_t whole(double value, dim_t least, const char* what) {
  if (!(value >= double(least) && value <= 0x1p53) || value != std::floor(value))
    throw DataError(message("expected ", what, " from ", least, " on, got ", value));
  return dim_t(value);
}

FeatureStatistics parse(const io::SafetensorsView& view) {
  if (text(view, "format") != kFormat) throw DataError(message("expected metadata \"format\" \"", kFormat, "\""));
  FeatureStatistics result;
  const std::vector<double> triangle = numbers(view, "covariance"), count = numbers(view, "count");
  Moments& m = result.moments;
  m.mean = numbers(view, "mean");
  m.size = dim_t(m.mean.size());
  if (m.size < 1 || m.size > kMostFeatures || dim_t(triangle.size()) != m.size * (m.size + 1) / 2 || count.size() != 1)
    throw DataError(message("expected a mean of 1 to ", kMostFeatures,
                            " values, the triangle of its covariance and a count, got ", m.size, ", ", triangle.size(),
                            " and ", count.size()));
  m.count = double(whole(count[0], 2, "a number of images"));
  m.covariance.resize(std::size_t(m.size * m.size));
  std::size_t next = 0;
  for (dim_t i = 0; i < m.size; ++i)
    for (dim_t j = 0; j <= i; ++j)
      m.covariance[std::size_t(i * m.size + j)] = m.covariance[std::size_t(j * m.size + i)] = triangle[next++];
  const std::vector<double> counts = numbers(view, "floor_counts"), values = numbers(view, "floor_values");
  if (counts.size() != values.size())
    throw DataError(message("expected a floor for each of ", counts.size(), " counts, got ", values.size()));
  for (std::size_t i = 0; i < counts.size(); ++i) result.floor[whole(counts[i], 2, "counts of floors")] = values[i];
  result.extractor_sha256 = text(view, "extractor_sha256");
  result.dataset = text(view, "dataset");
  result.dataset_sha256 = text(view, "dataset_sha256");
  return result;
}

}  // namespace

void save_feature_statistics(const std::filesystem::path& file, const FeatureStatistics& s) {
  std::vector<double> triangle, counts, values;
  for (dim_t i = 0; i < s.moments.size; ++i)
    for (dim_t j = 0; j <= i; ++j) triangle.push_back(s.moments.covariance[std::size_t(i * s.moments.size + j)]);
  for (const auto& [count, value] : s.floor) {
    counts.push_back(double(count));
    values.push_back(value);
  }
  const std::vector<double> count = {s.moments.count};
  const io::SafetensorsEntry entries[] = {entry_of("mean", s.moments.mean), entry_of("covariance", triangle),
                                          entry_of("count", count), entry_of("floor_counts", counts),
                                          entry_of("floor_values", values)};
  io::write_safetensors(file, entries,
                        {{"format", kFormat},
                         {"extractor_sha256", s.extractor_sha256},
                         {"dataset", s.dataset},
                         {"dataset_sha256", s.dataset_sha256}});
}

FeatureStatistics load_feature_statistics(const std::filesystem::path& file) {
  const io::SafetensorsFile content(file, kMostBytes);
  try {
    return parse(content.view());
  } catch (const DataError& error) {
    throw DataError(file.string() + ": " + error.what());
  }
}

bool is_feature_statistics(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return false;
  try {
    const io::SafetensorsFile content(file, kMostBytes);
    const auto found = content->metadata.find("format");
    return found != content->metadata.end() && found->second == kFormat;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace engram
