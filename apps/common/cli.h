#pragma once
/// Command lines: options, configuration files under them, help, and errors that suggest what was meant.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/common/call.h"
#include "apps/common/setting.h"
#include "models/registry.h"

namespace engram::apps {

/// The command line of one program. Register every setting, then parse(). The order of precedence is: command line,
/// then the file given by --config, then the inputs and the configuration of a run to be resumed, then the value that
/// the variable had when it was registered.
///
/// --help, --version, --config FILE, --check and --completion bash are always there. A flag NAME can be given as --NAME
/// and --no-NAME.
class Cli {
 public:
  /// Of the program that is called; `description` is one paragraph. The call outlives the Cli.
  Cli(const Call& call, std::string description);
  ~Cli();
  Cli(const Cli&) = delete;
  Cli& operator=(const Cli&) = delete;

  /// Options registered from here on stand under this heading in the help.
  void group(const std::string& title);

  /// Registers --NAME VALUE, for a bool --NAME and --no-NAME. The target must outlive the Cli.
  /// The result takes limits, choices and so on; it stays valid as long as the Cli.
  Setting& option(const std::string& name, SettingTarget target, const std::string& help);

  /// Options registered from here on have no effect where the option of this name has a value: parse() refuses them on
  /// the command line then (a configuration file may hold both, as a run's own does). An empty name ends it.
  void without(const std::string& name);

  /// Registers an argument without a name on the command line. A list takes all that are left.
  Setting& positional(const std::string& name, SettingTarget target, const std::string& help);

  /// Registers --resume FOLDER, the folder of an earlier run. Its manifest gives the paths of Setting::input() and its
  /// config.json everything else that the command line and --config leave open. parse() refuses it together with --out,
  /// and a folder without the manifest of a run of this program.
  void resume_option(std::filesystem::path* run, const std::string& help);

  /// Parts of this kind are named by options: `--help NAME` answers with the part's entry. The entries outlive the Cli.
  void parts(const std::string& kind, const std::vector<RegistryEntry>& entries);

  /// Text that the help shows at its end, for examples.
  void footer(const std::string& text);

  /// What --check looks at.
  enum class Check {
    kSettings,  ///< the settings alone
    kInputs     ///< the inputs too: the program reads them, and ends before it writes anything where only_checks()
  };

  /// Reads the call's words and the configuration file into the variables. Returns false when --help, --version or
  /// --completion was answered on the call's `out`, or --check found no mistake (with kInputs, where inputs are still
  /// to come, Call::coming), and the program is to end with code 0.
  /// Throws UsageError for everything that is wrong, IoError when the configuration file cannot be read, DataError for
  /// a damaged manifest of the run to be resumed.
  bool parse(Check check = Check::kSettings);

  /// Whether parse() returned true for --check: the program is to end with code 0 once its inputs are read.
  bool only_checks() const;

  /// Whether there is a --resume.
  bool can_resume() const;

  /// Whether a setting was given, on the command line or in the configuration file. Valid after parse().
  bool was_given(const std::string& name) const;

  /// The resolved configuration: a JSON object of every setting that a configuration file can hold, two spaces of
  /// indent, one a line. Given back through --config it means the same.
  std::string resolved_config() const;

  /// The call that it reads.
  const Call& call() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace engram::apps
