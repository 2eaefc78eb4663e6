#pragma once
/// Parts that are chosen by name. One entry holds the name, what it is in words, its settings and how it is made; the
/// lists of --help and of the documentation come from the entries.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/common/error.h"
#include "kernels/common/types.h"
#include "models/component.h"

namespace engram {

/// Where the value of a setting goes, and what its type is.
using SettingField = std::variant<bool*, int*, dim_t*, float*, double*, std::string*, std::vector<dim_t>*>;

/// A setting of a configuration object.
struct Setting {
  std::string name;
  SettingField field;
  std::string help;
  std::vector<std::string> choices = {};  ///< the only texts that are taken; empty: any
};
/// All settings of one; the pointers point into it.
using Settings = std::vector<Setting>;

/// What a registry knows of a part, without its types.
struct RegistryEntry {
  std::string name;
  std::string help;
  /// Short forms of names with settings, as endings: "-w{width}" makes "resnet18-w32" of {"name": "resnet18",
  /// "width": 32}. A placeholder stands for a number or a word, by the type of the setting.
  std::vector<std::string> forms;
  /// Name, default value, help and choices of each setting.
  struct SettingHelp {
    std::string name, fallback, help;
    std::vector<std::string> choices = {};
  };
  std::vector<SettingHelp> settings;
};

/// The name with its short forms: "resnet18[-w{width}]".
std::string usage_of(const RegistryEntry& entry);

namespace registry_detail {

/// The component that `text` names, with short forms resolved. Throws UsageError for an unknown name, with the nearest
/// and all known ones; `kind` says what was looked for.
Component resolve(const std::string& kind, const std::vector<RegistryEntry>& entries, const std::string& text);
/// Writes the component's settings to the fields. Throws UsageError for unknown settings, values of other types and
/// texts that are none of the choices.
void assign(const Settings& settings, const Component& component);
/// For what a part's maker threw: settings that ask for tensors beyond any memory are a mistake in the settings. Throws
/// UsageError with the error's words, or the error itself where no setting was given. To be called in its handler.
[[noreturn]] void rethrow_for(const Component& component, const ShapeError& error);
/// The values of the fields that differ from those of `defaults`.
Component changed(const std::string& name, const Settings& settings, const Settings& defaults);
/// The shortest text that names the component.
std::string shortest(const RegistryEntry& entry, const Component& component);
std::vector<RegistryEntry::SettingHelp> describe(const Settings& settings);

}  // namespace registry_detail

/// The kinds of a Product, which are made from a name and Args.
template <class Product, class... Args>
class Registry {
 public:
  /// `kind` is the word for messages: "network".
  explicit Registry(std::string kind) : kind_(std::move(kind)) {}

  /// Registers a part with a configuration object. `settings(config)` binds its fields to names: it reads, lists and
  /// writes the settings. `make(config, args...)` may throw UsageError for values that make no sense.
  template <class Config>
  void add(const std::string& name, const std::string& help, const Config& defaults, Settings (*settings)(Config&),
           std::function<std::unique_ptr<Product>(const Config&, Args...)> make, std::vector<std::string> forms = {}) {
    Config copy = defaults;
    entries_.push_back({name, help, std::move(forms), registry_detail::describe(settings(copy))});
    const auto read = [defaults, settings](const Component& component) {
      Config config = defaults;
      registry_detail::assign(settings(config), component);
      return config;
    };
    makers_.push_back([read, make](const Component& component, Args... args) {
      return make(read(component), std::forward<Args>(args)...);
    });
    canonical_.push_back([read, defaults, settings](const Component& component) {
      Config config = read(component), unchanged = defaults;
      return registry_detail::changed(component.name, settings(config), settings(unchanged));
    });
  }

  /// Makes what `text` names, a word or a JSON object (parse_component). Throws UsageError for unknown names and
  /// settings, with the nearest known one, and what the part itself throws.
  std::unique_ptr<Product> make(const std::string& text, Args... args) const {
    const Component component = resolve(text);
    try {
      return makers_[index_of(component.name)](component, std::forward<Args>(args)...);
    } catch (const ShapeError& error) {
      registry_detail::rethrow_for(component, error);
    }
  }

  /// The same name in its shortest form: settings that have their default value are left out, and a short form stands
  /// for a JSON object where there is one.
  std::string canonical(const std::string& text) const {
    const Component component = resolve(text);
    const std::size_t index = index_of(component.name);
    return registry_detail::shortest(entries_[index], canonical_[index](component));
  }

  /// What `text` names, with short forms resolved: "resnet18-w32" has the setting width. Throws as make.
  Component component(const std::string& text) const { return resolve(text); }

  const std::vector<RegistryEntry>& entries() const { return entries_; }
  /// All names with their short forms, with commas.
  std::string names() const {
    std::string text;
    for (const RegistryEntry& entry : entries_) text += (text.empty() ? "" : ", ") + usage_of(entry);
    return text;
  }

 private:
  Component resolve(const std::string& text) const { return registry_detail::resolve(kind_, entries_, text); }
  std::size_t index_of(const std::string& name) const {
    std::size_t i = 0;
    while (entries_[i].name != name) ++i;
    return i;
  }

  std::string kind_;
  std::vector<RegistryEntry> entries_;
  std::vector<std::function<std::unique_ptr<Product>(const Component&, Args...)>> makers_;
  std::vector<std::function<Component(const Component&)>> canonical_;
};

}  // namespace engram
