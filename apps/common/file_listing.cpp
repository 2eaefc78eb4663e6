#include "apps/common/file_listing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/common/main_wrapper.h"
#include "apps/common/text_format.h"
#include "engine/io/tensor_summary.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;
using Entries = std::map<std::string, const io::SafetensorsEntry*>;

constexpr std::size_t kLongestText = 200;  // of a metadata value, in characters

std::string shown(const std::string& text) {
  const std::string line = one_line(text);
  return line.size() <= kLongestText ? line : line.substr(0, kLongestText) + "...";
}

std::string type_text(const io::SafetensorsEntry& entry) {
  std::string text = std::string(io::file_dtype_name(entry.dtype)) + " [";
  for (std::size_t i = 0; i < entry.shape.size(); ++i) text += (i ? "," : "") + std::to_string(entry.shape[i]);
  return text + "]";
}

dim_t count_of(const io::SafetensorsEntry& entry) {
  return dim_t(8 * entry.bytes.size() / io::file_dtype_bits(entry.dtype));
}

/// Whether a tensor of that name is a running statistic of a normalisation rather than a parameter.
bool is_statistic(const std::string& name) {
  return name.ends_with("running_mean") || name.ends_with("running_var") || name.ends_with("num_batches_tracked");
}

/// The entries in the order of their names.
Entries by_name(const io::SafetensorsFile& file) {
  Entries entries;
  for (const io::SafetensorsEntry& entry : file->entries) entries[entry.name] = &entry;
  return entries;
}

std::set<std::string> names_of(std::initializer_list<const Entries*> lists) {
  std::set<std::string> names;
  for (const Entries* entries : lists)
    for (const auto& [name, entry] : *entries) names.insert(name);
  return names;
}

std::size_t name_width(const std::set<std::string>& names) {
  std::size_t width = 6;
  for (const std::string& name : names) width = std::max(width, shown(name).size());
  return width;
}

struct Totals {
  dim_t parameters = 0, statistics = 0;
  std::size_t bytes = 0;
};

Totals totals_of(const io::SafetensorsFile& file) {
  Totals totals;
  for (const io::SafetensorsEntry& entry : file->entries) {
    (is_statistic(entry.name) ? totals.statistics : totals.parameters) += count_of(entry);
    totals.bytes += entry.bytes.size();
  }
  return totals;
}

std::optional<io::TensorSummary> summary_of(const io::SafetensorsEntry& entry) {
  if (!io::is_readable(entry.dtype)) return std::nullopt;
  return io::summarize(entry);
}

std::string statistics_text(const std::optional<io::TensorSummary>& s) {
  if (!s) return formatted("%11s %11s %11s %11s  -", "-", "-", "-", "-");
  std::string text = formatted("%11.4g %11.4g %11.4g %11.4g  %lld", double(s->minimum), double(s->maximum), s->mean,
                               s->standard_deviation, (long long)(s->num_nan + s->num_infinite));
  if (s->num_nan + s->num_infinite > 0)
    text += formatted(" (%lld NaN, %lld infinite)", (long long)s->num_nan, (long long)s->num_infinite);
  return text;
}

/// How the tensors of one name differ in two files; at least one is there.
struct Difference {
  std::string name;
  const io::SafetensorsEntry *a = nullptr, *b = nullptr;
  std::optional<io::TensorDifference> elements = {};  ///< where the shapes are equal and both can be read
};

/// Nothing when the two are the same.
std::optional<Difference> difference_of(const std::string& name, const Entries& a, const Entries& b) {
  const auto in_a = a.find(name), in_b = b.find(name);
  Difference d{.name = name};
  d.a = in_a == a.end() ? nullptr : in_a->second;
  d.b = in_b == b.end() ? nullptr : in_b->second;
  if (!d.a || !d.b || d.a->shape != d.b->shape) return d;
  const auto &x = d.a->bytes, &y = d.b->bytes;
  if (d.a->dtype == d.b->dtype && std::equal(x.begin(), x.end(), y.begin(), y.end())) return std::nullopt;
  if (io::is_readable(d.a->dtype) && io::is_readable(d.b->dtype)) d.elements = io::compare(*d.a, *d.b);
  return d;
}

std::string difference_line(const Difference& d) {
  if (!d.b) return "only in A: " + type_text(*d.a);
  if (!d.a) return "only in B: " + type_text(*d.b);
  const std::string types = type_text(*d.a) + " against " + type_text(*d.b);
  if (d.a->shape != d.b->shape) return types;
  if (!d.elements) return types + ", bytes differ";
  const std::string begin = d.a->dtype == d.b->dtype ? "" : types + ", ";
  if (d.elements->num_different == 0) return begin + "equal as f32";
  return begin + formatted("%lld of %lld differ, max |a-b| %.4g at element %lld, max %llu ulp",
                           (long long)d.elements->num_different, (long long)count_of(*d.a), d.elements->max_absolute,
                           (long long)d.elements->where, (unsigned long long)d.elements->max_ulp);
}

/// All that differs between two files.
struct FileDifference {
  std::size_t equal = 0, different = 0, only_a = 0, only_b = 0;
  std::size_t width = 0;  ///< of the longest name
  std::vector<Difference> tensors;
  std::vector<std::string> metadata;  ///< a line each
};

std::string metadata_text(const io::SafetensorsMetadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "none" : "'" + shown(found->second) + "'";
}

FileDifference compare_files(const io::SafetensorsFile& file_a, const io::SafetensorsFile& file_b) {
  const Entries a = by_name(file_a), b = by_name(file_b);
  FileDifference result;
  const std::set<std::string> names = names_of({&a, &b});
  result.width = name_width(names);
  for (const std::string& name : names) {
    const std::optional<Difference> d = difference_of(name, a, b);
    if (!d) {
      ++result.equal;
      continue;
    }
    ++(!d->b ? result.only_a : !d->a ? result.only_b : result.different);
    result.tensors.push_back(*d);
  }
  std::set<std::string> keys;
  for (const auto* metadata : {&file_a->metadata, &file_b->metadata})
    for (const auto& [key, value] : *metadata) keys.insert(key);
  for (const std::string& key : keys) {
    const std::string va = metadata_text(file_a->metadata, key), vb = metadata_text(file_b->metadata, key);
    if (va != vb) result.metadata.push_back("metadata " + shown(key) + ": " + va + " against " + vb);
  }
  return result;
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string listing_text(const std::string& path, const io::SafetensorsFile& file) {
  const Totals totals = totals_of(file);
  std::string text = "file        " + shown(path) + "\n";
  text += formatted("tensors     %zu, %.3f MB\n", file->entries.size(), double(totals.bytes) * 1e-6);
  text += formatted("parameters  %lld\n", (long long)totals.parameters);
  if (totals.statistics > 0)
    text += formatted("statistics  %lld (of normalisation layers)\n", (long long)totals.statistics);
  for (const auto& [key, value] : file->metadata) text += "metadata    " + shown(key) + ": " + shown(value) + "\n";

  const Entries entries = by_name(file);
  const std::size_t width = name_width(names_of({&entries}));
  if (!entries.empty())
    text += "\n" + padded("tensor", width) +
            formatted("  %-22s %11s %11s %11s %11s  %s\n", "type", "min", "max", "mean", "std", "not finite");
  dim_t not_finite = 0;
  for (const auto& [name, entry] : entries) {
    const std::optional<io::TensorSummary> s = summary_of(*entry);
    if (s) not_finite += s->num_nan + s->num_infinite;
    text += padded(shown(name), width) + "  " + padded(type_text(*entry), 22) + " " + statistics_text(s) + "\n";
  }
  if (not_finite > 0) text += formatted("\n%lld elements are not finite\n", (long long)not_finite);
  return text;
}

std::string listing_json(const std::string& path, const io::SafetensorsFile& file) {
  const Totals totals = totals_of(file);
  Json tensors = Json::array();
  for (const auto& [name, entry] : by_name(file)) {
    const std::optional<io::TensorSummary> s = summary_of(*entry);
    const auto of = [&](auto member) { return s ? Json((*s).*member) : Json(); };
    tensors.push_back({{"name", name},
                       {"dtype", io::file_dtype_name(entry->dtype)},
                       {"shape", entry->shape},
                       {"count", count_of(*entry)},
                       {"bytes", entry->bytes.size()},
                       {"min", of(&io::TensorSummary::minimum)},
                       {"max", of(&io::TensorSummary::maximum)},
                       {"mean", of(&io::TensorSummary::mean)},
                       {"std", of(&io::TensorSummary::standard_deviation)},
                       {"zero", of(&io::TensorSummary::num_zero)},
                       {"nan", of(&io::TensorSummary::num_nan)},
                       {"infinite", of(&io::TensorSummary::num_infinite)}});
  }
  return dump({{"file", path},
               {"bytes", totals.bytes},
               {"parameters", totals.parameters},
               {"statistics", totals.statistics},
               {"metadata", Json(file->metadata)},
               {"tensors", tensors}});
}

std::string difference_text(const io::SafetensorsFile& a, const io::SafetensorsFile& b) {
  const FileDifference all = compare_files(a, b);
  std::string text;
  for (const Difference& d : all.tensors) text += padded(shown(d.name), all.width) + "  " + difference_line(d) + "\n";
  for (const std::string& line : all.metadata) text += line + "\n";
  return text + formatted("%zu tensors equal, %zu differ, %zu only in A, %zu only in B; %zu metadata differ\n",
                          all.equal, all.different, all.only_a, all.only_b, all.metadata.size());
}

std::string difference_json(const io::SafetensorsFile& a, const io::SafetensorsFile& b) {
  const FileDifference all = compare_files(a, b);
  Json tensors = Json::array();
  for (const Difference& d : all.tensors) {
    Json tensor = {
        {"name", d.name}, {"a", d.a ? Json(type_text(*d.a)) : Json()}, {"b", d.b ? Json(type_text(*d.b)) : Json()}};
    if (d.elements) {
      tensor["elements_different"] = d.elements->num_different;
      tensor["max_absolute"] = std::isfinite(d.elements->max_absolute) ? Json(d.elements->max_absolute) : Json();
      tensor["where"] = d.elements->where;
      tensor["max_ulp"] = d.elements->max_ulp;
    }
    tensors.push_back(tensor);
  }
  return dump({{"equal", all.equal},
               {"different", all.different},
               {"only_a", all.only_a},
               {"only_b", all.only_b},
               {"metadata_different", all.metadata.size()},
               {"tensors", tensors}});
}

}  // namespace engram::apps
