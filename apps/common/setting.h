#pragma once
/// One setting of a program: a variable of the caller with a name, limits and conversions from and to text and JSON.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace engram::apps {

/// Where a setting's value lives. The variable must outlive the setting.
using SettingTarget =
    std::variant<bool*, int*, std::int64_t*, std::uint64_t*, double*, std::string*, std::filesystem::path*,
                 std::vector<std::int64_t>*, std::vector<double>*, std::vector<std::string>*>;

/// A setting. Every function that takes a value throws UsageError that names `label` (how the user wrote the setting),
/// what was expected and what was found, and then leaves the variable as it was.
class Setting {
 public:
  /// `name` as on the command line, without dashes in front: "batch-size".
  Setting(std::string name, SettingTarget target) : name_(std::move(name)), target_(target) {}

  Setting& at_least(double minimum);
  Setting& at_most(double maximum);
  /// The only values that are taken (for texts, also each of a list); others are answered with the nearest.
  Setting& choices(std::vector<std::string> values);
  /// It names a part: `check` throws UsageError for a text that names none. An empty text names nothing.
  Setting& names_part(std::function<void(const std::string&)> check);
  /// It has to be given, on the command line or in the configuration file, unless the setting `unless` is.
  Setting& required(const std::string& unless = "");
  /// It names what the program reads. A run remembers the absolute path (RunInfo::inputs), so that it can be continued
  /// without it.
  Setting& input();
  /// It names a file that the program writes; Cli::parse() refuses one that would replace an input or another output.
  Setting& output();
  /// It belongs to one call, not to the recipe: configuration files can neither hold it nor show it.
  Setting& only_on_command_line();

  const std::string& name() const { return name_; }
  /// The name in configuration files: "batch_size".
  std::string key() const;
  bool is_flag() const { return std::holds_alternative<bool*>(target_); }
  bool is_list() const;
  bool is_required() const { return required_; }
  const std::string& required_unless() const { return required_unless_; }
  bool is_input() const { return input_; }
  bool is_output() const { return output_; }
  bool is_path() const;
  bool is_in_config() const { return in_config_; }
  const std::vector<std::string>& allowed() const { return choices_; }
  /// What the help shows for a value: "N", "X", "TEXT", "PATH", "N,N,...".
  std::string placeholder() const;
  /// The variable's present value as text; lists with commas.
  std::string text() const;

  /// The value's items as text, one unless it is a list.
  std::vector<std::string> items() const;

  /// Sets the variable from a text; lists are separated by commas.
  void set_text(std::string_view text, const std::string& label);
  /// Sets a list from its items as they are, commas and all.
  void set_items(const std::vector<std::string>& items, const std::string& label);
  /// Sets it from a JSON value of the fitting type: number, text, boolean, or array of those.
  void set_json(std::string_view json, const std::string& label);
  /// The present value as JSON.
  std::string json() const;

 private:
  template <class T>
  void set_scalar(std::string_view text, T& value, const std::string& label) const;
  void check_number(double value, std::string_view text, const std::string& label) const;
  void check_choice(const std::string& value, const std::string& label) const;
  void check_part(const std::string& value, const std::string& label) const;

  std::string name_;
  SettingTarget target_;
  double minimum_ = -std::numeric_limits<double>::infinity();
  double maximum_ = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices_;
  std::function<void(const std::string&)> check_part_;
  bool required_ = false;
  std::string required_unless_;
  bool input_ = false, output_ = false;
  bool in_config_ = true;
};

}  // namespace engram::apps
