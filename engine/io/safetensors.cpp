#include "engine/io/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "engine/io/foreign_format.h"
#include "engine/io/safetensors_header.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kHeaderAlignment = 8;

/// How an array's size comes out.
enum class Size { kGood, kTooLarge, kBrokenByte };

/// Size in bytes. A zero extent makes it zero, whatever the others are, only if the product of those before it fits:
/// the reference implementation multiplies from the left, too. Elements below a byte lie packed, and the whole has to
/// fill its bytes.
Size checked_size(FileDType dtype, const std::vector<dim_t>& shape, std::uint64_t* size) {
  std::uint64_t product = 1;
  for (const dim_t extent : shape) {
    if (__builtin_mul_overflow(product, static_cast<std::uint64_t>(extent), &product)) return Size::kTooLarge;
  }
  const std::uint64_t bits = file_dtype_bits(dtype), last = product % 8 * bits;
  if (last % 8 != 0) return Size::kBrokenByte;
  const bool fits = !__builtin_mul_overflow(product / 8, bits, size) && !__builtin_add_overflow(*size, last / 8, size);
  return fits ? Size::kGood : Size::kTooLarge;
}

std::string shape_text(const std::vector<dim_t>& shape) {
  std::string out = "[";
  for (const dim_t extent : shape) {
    if (out.size() > 1) out += ',';
    out += std::to_string(extent);
  }
  out += ']';
  return out;
}

/// A JSON string literal.
std::string json_text(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw UsageError(message("[write_safetensors] expected UTF-8, got ", quoted_name(text)));
  }
}

/// The entries in the order of their data.
std::vector<const SafetensorsEntry*> sorted(std::span<const SafetensorsEntry> entries) {
  std::vector<const SafetensorsEntry*> order;
  for (const SafetensorsEntry& entry : entries) {
    std::uint64_t size = 0;
    const bool negative = std::any_of(entry.shape.begin(), entry.shape.end(), [](dim_t extent) { return extent < 0; });
    if (negative || entry.shape.size() > kMaxSafetensorsRank ||
        checked_size(entry.dtype, entry.shape, &size) != Size::kGood || size != entry.bytes.size()) {
      throw ShapeError(message("[write_safetensors] ", quoted_name(entry.name), ": expected the bytes of ",
                               file_dtype_name(entry.dtype), " ", shape_text(entry.shape), ", got ", entry.bytes.size(),
                               " bytes"));
    }
    if (entry.name == "__metadata__")
      throw UsageError("[write_safetensors] expected the name of a tensor, got \"__metadata__\"");
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
  });
  std::vector<std::string_view> names;
  names.reserve(order.size());
  for (const SafetensorsEntry* entry : order) names.push_back(entry->name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw UsageError(message("[write_safetensors] expected distinct names, got ", quoted_name(*twice), " twice"));
  return order;
}

/// Length field and header.
std::string header_of(const std::vector<const SafetensorsEntry*>& order, const SafetensorsMetadata& metadata) {
  std::string json = "{";
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [key, text] : metadata) {
      json += message(json.back() == '{' ? "" : ",", json_text(key), ":", json_text(text));
    }
    json += "}";
  }
  std::uint64_t offset = 0;
  for (const SafetensorsEntry* entry : order) {
    const std::uint64_t end = offset + entry->bytes.size();
    json += message(json.size() > 1 ? "," : "", json_text(entry->name), ":{\"dtype\":\"", file_dtype_name(entry->dtype),
                    "\",\"shape\":", shape_text(entry->shape), ",\"data_offsets\":[", std::to_string(offset), ",",
                    std::to_string(end), "]}");
    offset = end;
  }
  json += "}";
  json.resize((json.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  if (json.size() > kMaxSafetensorsHeaderBytes) {
    throw UsageError(message("[write_safetensors] expected a header of at most ", kMaxSafetensorsHeaderBytes,
                             " bytes, got ", json.size()));
  }
  std::string length(kLengthBytes, '\0');
  store_le(reinterpret_cast<std::uint8_t*>(length.data()), static_cast<std::uint64_t>(json.size()));
  return length + json;
}

}  // namespace

const SafetensorsEntry* SafetensorsView::find(std::string_view name) const {
  for (const SafetensorsEntry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

SafetensorsView parse_safetensors(ByteView file, std::string_view source) {
  const auto check = [&](bool good, const auto&... what) {
    if (!good) throw DataError(message("[", source, "] ", what...));
  };
  // A header begins with a brace behind its length. Where there is none, the file may be known by its own signature.
  if (file.size() <= kLengthBytes || file[kLengthBytes] != '{') {
    const std::string foreign = describe_foreign_format(file, source);
    check(foreign.empty(), "expected a safetensors file, got ", foreign);
  }
  check(file.size() >= kLengthBytes, "expected at least 8 bytes, got ", file.size());
  const auto length = load_le<std::uint64_t>(file.data());
  check(length <= kMaxSafetensorsHeaderBytes, "expected a header of at most ", kMaxSafetensorsHeaderBytes,
        " bytes, got ", length);
  check(length <= file.size() - kLengthBytes, "expected ", length, " bytes of header, got ", file.size() - kLengthBytes,
        " (truncated, or not a safetensors file)");
  SafetensorsHeader header = parse_safetensors_header(as_text(file.subspan(kLengthBytes, length)), source);
  const ByteView data = file.subspan(kLengthBytes + length);

  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const SafetensorsHeaderEntry& a, const SafetensorsHeaderEntry& b) {
                     return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
                   });
  SafetensorsView view;
  view.metadata = std::move(header.metadata);
  view.entries.reserve(header.entries.size());
  std::uint64_t covered = 0;
  for (SafetensorsHeaderEntry& entry : header.entries) {
    const auto span = [&] { return message("[", entry.begin, ",", entry.end, "]"); };
    const std::string name = quoted_name(entry.name);
    check(entry.begin <= entry.end, name, ": expected ascending data_offsets, got ", span());
    std::uint64_t size = 0;
    const Size outcome = checked_size(entry.dtype, entry.shape, &size);
    check(outcome != Size::kTooLarge, name, ": expected a size below 2^64 bytes, got shape ", shape_text(entry.shape));
    check(outcome == Size::kGood, name, ": expected elements that fill whole bytes, got ", file_dtype_name(entry.dtype),
          " ", shape_text(entry.shape));
    check(entry.end - entry.begin == size, name, ": expected ", size, " bytes of ", file_dtype_name(entry.dtype), " ",
          shape_text(entry.shape), ", got data_offsets ", span());
    check(entry.begin >= covered, name, ": expected data from byte ", covered, " on, got data_offsets ", span(),
          " (overlap)");
    check(entry.begin == covered, name, ": expected data from byte ", covered, " on, got data_offsets ", span(),
          " (hole)");
    check(entry.end <= data.size(), name, ": expected data_offsets within ", data.size(), " bytes of data, got ",
          span(), " (truncated file)");
    covered = entry.end;
    view.entries.push_back(
        {std::move(entry.name), entry.dtype, std::move(entry.shape), data.subspan(entry.begin, size)});
  }
  check(covered == data.size(), "expected ", covered, " bytes of data, got ", data.size());
  return view;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, std::uint64_t max_bytes)
    : bytes_(read_file(path, max_bytes)), view_(parse_safetensors(bytes_, path.string())) {}

Bytes serialize_safetensors(std::span<const SafetensorsEntry> entries, const SafetensorsMetadata& metadata) {
  const auto order = sorted(entries);
  const std::string header = header_of(order, metadata);
  Bytes file(header.begin(), header.end());
  for (const SafetensorsEntry* entry : order) file.insert(file.end(), entry->bytes.begin(), entry->bytes.end());
  return file;
}

void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata) {
  const auto order = sorted(entries);
  const std::string header = header_of(order, metadata);
  AtomicFile file(path);
  file.write(header);
  for (const SafetensorsEntry* entry : order) file.write(entry->bytes);
  file.commit();
}

}  // namespace engram::io
