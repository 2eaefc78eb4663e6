#include "models/registry.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>

#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram {
namespace {

constexpr std::size_t kMaxDigits = 9;  // of a number in a short form

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Writes what a placeholder of a short form stands for: a number, or a word that begins with a letter. Returns whether
/// `text` is one.
bool read_placeholder(const std::string& text, SettingValue& value) {
  if (text.empty()) return false;
  if (std::all_of(text.begin(), text.end(), is_digit)) {
    if (text.size() > kMaxDigits || (text.size() > 1 && text[0] == '0')) return false;
    value.emplace<std::int64_t>(std::stoll(text));
    return true;
  }
  if (!is_letter(text[0]) || !std::all_of(text.begin(), text.end(), is_letter)) return false;
  value.emplace<std::string>(text);
  return true;
}

/// The settings that `ending` stands for in a short form, if it is one.
std::optional<std::map<std::string, SettingValue>> match(const std::string& form, const std::string& ending) {
  std::map<std::string, SettingValue> settings;
  std::size_t at = 0;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '{') {
      if (at >= ending.size() || ending[at++] != form[i]) return {};
      continue;
    }
    const std::size_t close = form.find('}', i);
    std::size_t end = at;
    while (end < ending.size() && (is_digit(ending[end]) || is_letter(ending[end]))) ++end;
    if (!read_placeholder(ending.substr(at, end - at), settings[form.substr(i + 1, close - i - 1)])) return {};
    at = end;
    i = close;
  }
  if (at != ending.size()) return {};
  return settings;
}

/// The name with the form's placeholders filled in, if these are all the settings.
std::optional<std::string> fill(const std::string& form, const Component& component) {
  std::string text = component.name;
  std::size_t used = 0;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '{') {
      text += form[i];
      continue;
    }
    const std::size_t close = form.find('}', i);
    const auto found = component.settings.find(form.substr(i + 1, close - i - 1));
    if (found == component.settings.end()) return {};
    if (const auto* number = std::get_if<std::int64_t>(&found->second)) {
      text += std::to_string(*number);
    } else if (const auto* word = std::get_if<std::string>(&found->second)) {
      text += *word;
    } else {
      return {};
    }
    ++used;
    i = close;
  }
  if (used != component.settings.size()) return {};
  return text;
}

bool is_separator(char c) {
  return c == '-' || c == '_' || c == ' ';
}

/// How much of `text` spells `name`, whatever the size of letters and what separates them; 0 if it does not begin so.
std::size_t length_of_name(const std::string& text, const std::string& name) {
  std::size_t at = 0;
  for (const char c : name) {
    if (is_separator(c)) continue;
    while (at < text.size() && is_separator(text[at])) ++at;
    const char given = at < text.size() && text[at] >= 'A' && text[at] <= 'Z' ? char(text[at] - 'A' + 'a') : text[at];
    if (at == text.size() || given != c) return 0;
    ++at;
  }
  return at;
}

/// Whether a short form was matched, and by numbers: words are names that others may have for something else.
bool has_numbers_only(const std::optional<std::map<std::string, SettingValue>>& settings) {
  return settings && std::all_of(settings->begin(), settings->end(), [](const auto& setting) {
           return std::holds_alternative<std::int64_t>(setting.second);
         });
}

/// The entry, with its short form where there is one, that a text means which other programs use: "wrn-16-2" for
/// "WRN16-2", "vgg16" for "vgg16_bn". Empty if there is none.
std::string spelled_otherwise(const std::vector<RegistryEntry>& entries, const std::string& text) {
  std::string best;
  std::size_t longest = 0;
  for (const RegistryEntry& entry : entries) {
    const std::size_t length = length_of_name(text, entry.name);
    if (length <= longest) continue;
    longest = length;
    best = entry.name;
    const std::size_t rest = std::min(text.find_first_not_of("-_ ", length), text.size());
    for (const std::string& form : entry.forms)
      if (const std::string ending = "-" + text.substr(rest); has_numbers_only(match(form, ending)))
        best = entry.name + ending;
  }
  return best;
}

SettingValue value_of(const SettingField& field) {
  return std::visit(
      [](const auto* p) -> SettingValue {
        using T = std::remove_cvref_t<decltype(*p)>;
        if constexpr (std::is_same_v<T, bool>) {
          return *p;
        } else if constexpr (std::is_integral_v<T>) {
          return std::int64_t(*p);
        } else if constexpr (std::is_floating_point_v<T>) {
          return double(*p);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return *p;
        } else {
          return std::vector<std::int64_t>(p->begin(), p->end());
        }
      },
      field);
}

constexpr const char* kTypeNames[] = {"true or false", "a whole number", "a whole number",         "a number",
                                      "a number",      "a text",         "a list of whole numbers"};

/// Whether `value` has the field's type (whole numbers are numbers too) and range; then it is written.
bool write(const SettingField& field, const SettingValue& value) {
  return std::visit(
      [&](auto* p) {
        using T = std::remove_cvref_t<decltype(*p)>;
        if constexpr (std::is_floating_point_v<T>) {
          if (const auto* whole = std::get_if<std::int64_t>(&value)) *p = T(*whole);
          if (const auto* number = std::get_if<double>(&value)) *p = T(*number);
          return std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
        } else if constexpr (std::is_same_v<T, std::vector<dim_t>>) {
          const auto* list = std::get_if<std::vector<std::int64_t>>(&value);
          if (list) p->assign(list->begin(), list->end());
          return list != nullptr;
        } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
          if (const auto* given = std::get_if<T>(&value)) *p = *given;
          return std::holds_alternative<T>(value);
        } else {
          const auto* whole = std::get_if<std::int64_t>(&value);
          if (!whole || *whole < std::numeric_limits<T>::min() || *whole > std::numeric_limits<T>::max()) return false;
          *p = T(*whole);
          return true;
        }
      },
      field);
}

void check_choice(const Component& component, const Setting& setting) {
  const auto* text = std::get_if<std::string*>(&setting.field);
  if (!text || setting.choices.empty()) return;
  if (std::find(setting.choices.begin(), setting.choices.end(), **text) != setting.choices.end()) return;
  std::string list;
  for (const std::string& choice : setting.choices) list += (list.empty() ? "" : ", ") + choice;
  throw UsageError(message("[", component.name, "] expected one of ", list, " for \"", setting.name, "\", got \"",
                           **text, "\"", did_you_mean(**text, setting.choices)));
}

}  // namespace

std::string usage_of(const RegistryEntry& entry) {
  std::string text = entry.name;
  for (const std::string& form : entry.forms) text += "[" + form + "]";
  return text;
}

namespace registry_detail {

Component resolve(const std::string& kind, const std::vector<RegistryEntry>& entries, const std::string& text) {
  const Component given = parse_component(text);
  std::vector<std::string> names;
  std::string usages;
  for (const RegistryEntry& entry : entries) {
    if (entry.name == given.name) return given;
    names.push_back(entry.name);
    usages += (usages.empty() ? "" : ", ") + usage_of(entry);
  }
  for (const RegistryEntry& entry : entries) {
    if (!given.name.starts_with(entry.name)) continue;
    for (const std::string& form : entry.forms)
      if (auto settings = match(form, given.name.substr(entry.name.size()))) {
        settings->insert(given.settings.begin(), given.settings.end());
        return {entry.name, std::move(*settings)};
      }
  }
  const std::string meant = spelled_otherwise(entries, given.name);
  throw UsageError(message("[", kind, "] expected one of ", usages, ", got \"", given.name, "\"",
                           meant.empty() ? did_you_mean(given.name, names) : "; did you mean '" + meant + "'?"));
}

void assign(const Settings& settings, const Component& component) {
  for (const auto& [key, value] : component.settings) {
    const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& s) { return s.name == key; });
    if (found == settings.end()) {
      std::vector<std::string> names;
      std::string list;
      for (const Setting& s : settings) {
        names.push_back(s.name);
        list += (list.empty() ? "" : ", ") + s.name;
      }
      throw UsageError(message("[", component.name, "] expected ", list.empty() ? "no settings" : "settings of " + list,
                               ", got \"", key, "\"", did_you_mean(key, names)));
    }
    if (!write(found->field, value))
      throw UsageError(message("[", component.name, "] expected ", kTypeNames[found->field.index()], " for \"", key,
                               "\", got ", to_string(value)));
    check_choice(component, *found);
  }
}

void rethrow_for(const Component& component, const ShapeError& error) {
  if (component.settings.empty()) throw;
  throw UsageError(message("expected settings that make tensors of a possible size, got ", to_string(component), ": ",
                           error.what()));
}

Component changed(const std::string& name, const Settings& settings, const Settings& defaults) {
  Component component{name, {}};
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const SettingValue value = value_of(settings[i].field);
    if (value != value_of(defaults[i].field)) component.settings[settings[i].name] = value;
  }
  return component;
}

std::string shortest(const RegistryEntry& entry, const Component& component) {
  if (!component.settings.empty())
    for (const std::string& form : entry.forms)
      if (const std::optional<std::string> text = fill(form, component)) return *text;
  return to_string(component);
}

/// The value as text, a float by the digits that tell it from its neighbours: 0.9, not the double 0.8999999761581421.
std::string shown(const SettingField& field) {
  const auto* const single = std::get_if<float*>(&field);
  if (single == nullptr) return to_string(value_of(field));
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, **single).ptr};
}

std::vector<RegistryEntry::SettingHelp> describe(const Settings& settings) {
  std::vector<RegistryEntry::SettingHelp> help;
  for (const Setting& s : settings) help.push_back({s.name, shown(s.field), s.help, s.choices});
  return help;
}

}  // namespace registry_detail
}  // namespace engram
