#include "apps/common/setting.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;

template <class T>
std::string expected_kind() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "an integer from 0 to 18446744073709551615";
  if constexpr (std::is_integral_v<T>) return "an integer";
  if constexpr (std::is_floating_point_v<T>) return "a number";
  return "a text";
}

[[noreturn]] void refuse(const std::string& label, const std::string& expected, std::string_view got) {
  throw UsageError(message("expected ", expected, " for ", label, ", got '", got, "'"));
}

std::vector<std::string_view> split_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// A scalar from text; false when the text is not one.
template <class T>
bool convert(std::string_view text, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = text == "true";
    return text == "true" || text == "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) return false;
    }
    return error == std::errc() && stopped == end && !text.empty();
  } else {
    value = T(std::string(text));
    return true;
  }
}

template <class T>
std::string scalar_text(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    char buffer[40];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return value.string();
  } else {
    return value;
  }
}

// The text that stands for a JSON scalar, if its type fits T.
template <class T>
std::optional<std::string> json_scalar_text(const nlohmann::json& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (value.is_boolean()) return value.dump();
  } else if constexpr (std::is_integral_v<T>) {
    if (value.is_number_integer()) return value.dump();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (value.is_number()) return value.dump();
  } else if (value.is_string()) {
    return value.get<std::string>();
  }
  return std::nullopt;
}

template <class T>
nlohmann::json to_json_value(const T& value) {
  if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return value.string();
  } else {
    return value;
  }
}

}  // namespace

Setting& Setting::at_least(double minimum) {
  minimum_ = minimum;
  return *this;
}

Setting& Setting::at_most(double maximum) {
  maximum_ = maximum;
  return *this;
}

Setting& Setting::choices(std::vector<std::string> values) {
  choices_ = std::move(values);
  return *this;
}

Setting& Setting::names_part(std::function<void(const std::string&)> check) {
  check_part_ = std::move(check);
  return *this;
}

Setting& Setting::required(const std::string& unless) {
  required_ = true;
  required_unless_ = unless;
  return *this;
}

Setting& Setting::input() {
  input_ = true;
  return *this;
}

Setting& Setting::output() {
  output_ = true;
  return *this;
}

Setting& Setting::only_on_command_line() {
  in_config_ = false;
  return *this;
}

std::string Setting::key() const {
  std::string key = name_;
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

bool Setting::is_path() const {
  return std::holds_alternative<std::filesystem::path*>(target_);
}

bool Setting::is_list() const {
  return std::visit([](auto* p) { return kIsList<std::remove_pointer_t<decltype(p)>>; }, target_);
}

std::string Setting::placeholder() const {
  const auto of = []<class T>(T*) -> std::string {
    if constexpr (std::is_same_v<T, bool>) return "";
    if constexpr (std::is_integral_v<T>) return "N";
    if constexpr (std::is_floating_point_v<T>) return "X";
    if constexpr (std::is_same_v<T, std::filesystem::path>) return "PATH";
    return "TEXT";
  };
  return std::visit(
      [&of]<class T>(T*) -> std::string {
        if constexpr (kIsList<T>) {
          const std::string one = of(static_cast<typename T::value_type*>(nullptr));
          return one + "," + one + ",...";
        } else {
          return of(static_cast<T*>(nullptr));
        }
      },
      target_);
}

std::vector<std::string> Setting::items() const {
  return std::visit(
      []<class T>(T* p) -> std::vector<std::string> {
        if constexpr (kIsList<T>) {
          std::vector<std::string> parts;
          for (const auto& item : *p) parts.push_back(scalar_text(item));
          return parts;
        } else {
          return {scalar_text(*p)};
        }
      },
      target_);
}

std::string Setting::text() const {
  return join(items(), ",");
}

void Setting::check_number(double value, std::string_view text, const std::string& label) const {
  if (value >= minimum_ && value <= maximum_) return;
  std::string range = "at least " + scalar_text(minimum_);
  if (std::isinf(minimum_)) range = "at most " + scalar_text(maximum_);
  if (!std::isinf(minimum_) && !std::isinf(maximum_)) range = scalar_text(minimum_) + " to " + scalar_text(maximum_);
  refuse(label, "a value of " + range, text);
}

void Setting::check_choice(const std::string& value, const std::string& label) const {
  if (choices_.empty() || std::find(choices_.begin(), choices_.end(), value) != choices_.end()) return;
  throw UsageError(message("expected one of ", join(choices_, ", "), " for ", label, ", got '", value, "'",
                           did_you_mean(value, choices_)));
}

void Setting::check_part(const std::string& value, const std::string& label) const {
  if (!check_part_ || value.empty()) return;
  try {
    check_part_(value);
  } catch (const UsageError& error) {
    throw UsageError(message(label, ": ", error.what()));
  }
}

template <class T>
void Setting::set_scalar(std::string_view text, T& value, const std::string& label) const {
  if (!convert(text, value)) refuse(label, expected_kind<T>(), text);
  if constexpr (std::is_same_v<T, std::string>) {
    check_choice(value, label);
    check_part(value, label);
  }
  if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    check_number(static_cast<double>(value), text, label);
  }
}

void Setting::set_text(std::string_view text, const std::string& label) {
  if (is_list()) {
    std::vector<std::string> items;
    for (std::string_view part : split_commas(text)) items.emplace_back(part);
    set_items(items, label);
    return;
  }
  std::visit(
      [&]<class T>(T* target) {
        if constexpr (!kIsList<T>) {
          T value{};
          set_scalar(text, value, label);
          *target = std::move(value);
        }
      },
      target_);
}

void Setting::set_items(const std::vector<std::string>& items, const std::string& label) {
  std::visit(
      [&]<class T>(T* target) {
        if constexpr (kIsList<T>) {
          T values;
          for (const std::string& item : items) set_scalar(item, values.emplace_back(), label);
          *target = std::move(values);
        }
      },
      target_);
}

void Setting::set_json(std::string_view json, const std::string& label) {
  const nlohmann::json value = nlohmann::json::parse(json);
  std::visit(
      [&]<class T>(T*) {
        if constexpr (kIsList<T>) {
          using Item = typename T::value_type;
          if (!value.is_array()) refuse(label, "an array, each item " + expected_kind<Item>(), json);
          std::vector<std::string> items;
          for (const nlohmann::json& item : value) {
            const auto text = json_scalar_text<Item>(item);
            if (!text) refuse(label, expected_kind<Item>(), item.dump());
            items.push_back(*text);
          }
          set_items(items, label);
        } else {
          const auto text = json_scalar_text<T>(value);
          if (!text) refuse(label, expected_kind<T>(), json);
          set_text(*text, label);
        }
      },
      target_);
}

std::string Setting::json() const {
  return std::visit(
      [](auto* p) { return to_json_value(*p).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); },
      target_);
}

}  // namespace engram::apps
