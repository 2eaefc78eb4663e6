#include "engine/io/safetensors_header.h"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "kernels/common/error.h"

namespace engram::io {
namespace {

using Json = nlohmann::json;

/// Receives the parser's events and accepts only the sequence that makes a header. A document tree is never built: it
/// would keep the last of two equal keys silently, and nest as deep as the file says.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(std::string_view source) : source_(source) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::kOutside:
        return move_to(Place::kTop);
      case Place::kTopValue:
        return move_to(is_metadata_ ? Place::kMetadata : Place::kTensor);
      default:
        return unexpected("an object");
    }
  }

  bool key(string_t& name) override {
    switch (place_) {
      case Place::kTop:
        return top_key(name);
      case Place::kMetadata:
        key_ = name;
        return move_to(Place::kMetadataValue);
      default:
        return tensor_key(name);
    }
  }

  bool end_object() override {
    if (place_ == Place::kTop) return move_to(Place::kDone);
    if (place_ == Place::kTensor) {
      if (!seen_[kDType] || !seen_[kShape] || !seen_[kOffsets])
        fail("expected dtype, shape and data_offsets, got fewer");
    }
    return move_to(Place::kTop);
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::kShapeValue) return move_to(Place::kShapeItems);
    if (place_ == Place::kOffsetsValue) return move_to(Place::kOffsetsItems);
    return unexpected("an array");
  }

  bool end_array() override {
    if (place_ == Place::kOffsetsItems && num_offsets_ != 2)
      fail(message("expected 2 data_offsets, got ", num_offsets_));
    return move_to(Place::kTensor);
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShapeItems) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<dim_t>::max()))
        fail(message("expected extents below 2^63, got ", value));
      if (entry().shape.size() == kMaxSafetensorsRank)
        fail(message("expected at most ", kMaxSafetensorsRank, " dimensions, got more"));
      entry().shape.push_back(static_cast<dim_t>(value));
      return true;
    }
    if (place_ == Place::kOffsetsItems) {
      if (num_offsets_ == 2) fail("expected 2 data_offsets, got more");
      (num_offsets_++ == 0 ? entry().begin : entry().end) = value;
      return true;
    }
    return unexpected(message("the number ", value));
  }

  bool string(string_t& value) override {
    if (place_ == Place::kDTypeValue) {
      const auto dtype = file_dtype_from_name(value);
      if (!dtype) fail(message("expected a known dtype (F32, F16, BF16, I64, U8, ...), got ", quoted_name(value)));
      entry().dtype = *dtype;
      return move_to(Place::kTensor);
    }
    if (place_ == Place::kMetadataValue) {
      if (!header_.metadata.emplace(key_, value).second)
        fail(message("expected distinct keys, got ", quoted_name(key_), " twice"));
      return move_to(Place::kMetadata);
    }
    return unexpected(message("the text ", quoted_name(value)));
  }

  bool number_integer(number_integer_t value) override { return unexpected(message("the number ", value)); }
  bool number_float(number_float_t, const string_t& text) override {
    return unexpected(message("the number ", quoted_name(text)));
  }
  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    where_.clear();
    fail(message("expected JSON, got a syntax error at byte ", position, " of the header"));
  }

 private:
  /// Which value, item or key comes next.
  enum class Place {
    kOutside,
    kTop,
    kTopValue,
    kMetadata,
    kMetadataValue,
    kTensor,
    kDTypeValue,
    kShapeValue,
    kShapeItems,
    kOffsetsValue,
    kOffsetsItems,
    kDone
  };
  enum Member { kDType, kShape, kOffsets, kNumMembers };

  bool move_to(Place place) {
    place_ = place;
    return true;
  }

  bool top_key(const std::string& name) {
    if (!names_.insert(name).second) fail(message("expected distinct names, got ", quoted_name(name), " twice"));
    where_ = quoted_name(name);
    is_metadata_ = name == "__metadata__";
    if (!is_metadata_) {
      header_.entries.emplace_back();
      entry().name = name;
      seen_ = {};
      num_offsets_ = 0;
    }
    return move_to(Place::kTopValue);
  }

  bool tensor_key(const std::string& name) {
    static constexpr std::string_view kNames[kNumMembers] = {"dtype", "shape", "data_offsets"};
    static constexpr Place kValues[kNumMembers] = {Place::kDTypeValue, Place::kShapeValue, Place::kOffsetsValue};
    for (int member = 0; member < kNumMembers; ++member) {
      if (name != kNames[member]) continue;
      if (seen_[member]) fail(message("expected each member once, got ", quoted_name(name), " twice"));
      seen_[member] = true;
      return move_to(kValues[member]);
    }
    fail(message("expected the members dtype, shape and data_offsets, got ", quoted_name(name)));
  }

  SafetensorsHeaderEntry& entry() { return header_.entries.back(); }

  const char* expected() const {
    switch (place_) {
      case Place::kOutside:
      case Place::kTop:
      case Place::kTopValue:
      case Place::kMetadata:
      case Place::kTensor:
      case Place::kDone:
        return "an object";
      case Place::kMetadataValue:
        return "a text as metadata";
      case Place::kDTypeValue:
        return "a text as dtype";
      case Place::kShapeValue:
        return "an array as shape";
      case Place::kShapeItems:
        return "non-negative integers as shape";
      case Place::kOffsetsValue:
        return "an array as data_offsets";
      case Place::kOffsetsItems:
        return "non-negative integers as data_offsets";
    }
    return "";
  }

  bool unexpected(std::string_view what) { fail(message("expected ", expected(), ", got ", what)); }

  [[noreturn]] void fail(std::string_view what) const {
    throw DataError(message("[", source_, "] ", where_, where_.empty() ? "" : ": ", what));
  }

  std::string_view source_;
  SafetensorsHeader header_;
  std::unordered_set<std::string> names_;
  Place place_ = Place::kOutside;
  bool is_metadata_ = false;
  std::string where_, key_;
  std::array<bool, kNumMembers> seen_{};
  int num_offsets_ = 0;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, std::string_view source) {
  // The parser would skip a byte order mark, and take a zero byte for the end of the text.
  if (json.empty() || json.front() != '{')
    throw DataError(message("[", source, "] expected a header that begins with {, got another byte"));
  if (json.find('\0') != std::string_view::npos)
    throw DataError(message("[", source, "] expected a header of text, got a zero byte"));
  HeaderReader reader(source);
  Json::sax_parse(json.begin(), json.end(), &reader);
  return reader.take();
}

}  // namespace engram::io
