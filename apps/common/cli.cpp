#include "apps/common/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <optional>
#include <ostream>
#include <set>

#include "apps/common/completion.h"
#include "apps/common/config.h"
#include "apps/common/output_check.h"
#include "apps/common/part_help.h"
#include "apps/common/run_dir.h"
#include "apps/common/version.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{1} << 20;

// As CLI11's, without the "{false}" behind the names that switch a flag off.
class PlainFormatter : public CLI::Formatter {
 public:
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, is_positional);
    const std::size_t mark = name.find("{false}");
    return mark == std::string::npos ? name : name.erase(mark, 7);
  }
};

std::string help_text(const std::string& help, const Setting& setting) {
  std::string text = help;
  if (!setting.allowed().empty()) {
    text += ": ";
    for (std::size_t i = 0; i < setting.allowed().size(); ++i) text += (i ? ", " : "") + setting.allowed()[i];
  }
  if (setting.is_required() && setting.required_unless().empty()) return text + " (required)";
  if (setting.is_required()) return text + " (required unless --" + setting.required_unless() + ")";
  const std::string value = setting.text();
  return value.empty() || value == "false" ? text : text + " [" + value + "]";
}

}  // namespace

struct Cli::Impl {
  // A setting with its place in CLI11. CLI11 cuts the line into options and values and formats the help; values are
  // converted and checked by the Setting, so that messages are the same for the line and for files.
  struct Entry {
    Setting setting;
    CLI::Option* option;
    std::string help;
    bool positional;
    std::string without = {};  // the option beside which it has no effect
  };

  explicit Impl(const Call& call) : call(call) {}

  const Call& call;
  CLI::App app;
  std::string group = "Options", without;
  std::vector<PartList> parts;
  std::deque<Entry> entries;  // a deque, since references to its elements are handed out
  std::set<std::string> given;
  std::string config_file, completion_shell;
  const std::filesystem::path* resumed_run = nullptr;
  CLI::Option* config = nullptr;
  CLI::Option* completion = nullptr;
  CLI::Option* version_flag = nullptr;
  CLI::Option* check = nullptr;

  Entry* find(const std::string& name) {
    for (Entry& entry : entries) {
      if (entry.setting.name() == name) return &entry;
    }
    return nullptr;
  }

  std::string label(const Entry& entry) const {
    return entry.positional ? entry.setting.name() : "--" + entry.setting.name();
  }

  std::vector<Setting*> settings() {
    std::vector<Setting*> out;
    for (Entry& entry : entries) {
      if (!entry.positional) out.push_back(&entry.setting);
    }
    return out;
  }

  // Names with dashes, for suggestions.
  std::vector<std::string> option_names() {
    std::vector<std::string> names = {"--help", "--version", "--config", "--check", "--completion"};
    for (Entry& entry : entries) {
      if (entry.positional) continue;
      names.push_back("--" + entry.setting.name());
      if (entry.setting.is_flag()) names.push_back("--no-" + entry.setting.name());
    }
    return names;
  }

  // All words that options take.
  std::vector<OptionWord> option_words() const {
    std::vector<OptionWord> words;
    for (const Entry& entry : entries)
      for (const std::string& word : entry.setting.allowed())
        words.push_back({word, label(entry), help_text(entry.help, entry.setting)});
    return words;
  }

  // Whether an option takes something that has a name.
  bool takes_names() const {
    return !parts.empty() ||
           std::ranges::any_of(entries, [](const Entry& entry) { return !entry.setting.allowed().empty(); });
  }

  // The word behind --help.
  std::optional<std::string> asked_name() const {
    if (!takes_names()) return {};
    for (std::size_t i = 0; i < call.words.size(); ++i) {
      const std::string& word = call.words[i];
      if (word.starts_with("--help=")) return word.substr(7);
      const bool help = word == "--help" || word == "-h";
      if (help && i + 1 < call.words.size() && !call.words[i + 1].starts_with("-")) return call.words[i + 1];
    }
    return {};
  }

  void refuse_leftovers() {
    for (const std::string& word : app.remaining()) {
      if (word == "--") continue;
      if (word.size() > 1 && word[0] == '-') {
        const std::string name = word.substr(0, word.find('='));
        throw UsageError(message("unknown option '", name, "'", did_you_mean(name, option_names()), " (see --help)"));
      }
      throw UsageError(message("unexpected argument '", word, "' (see --help)"));
    }
  }

  void take_values() {
    for (Entry& entry : entries) {
      const std::vector<std::string>& words = entry.option->results();
      if (entry.option->count() == 0) continue;
      given.insert(entry.setting.name());
      if (words.size() > 1 && !entry.setting.is_list()) {
        throw UsageError(message("expected ", label(entry), " once, got it ", words.size(), " times"));
      }
      if (entry.positional && entry.setting.is_list()) {
        entry.setting.set_items(words, label(entry));
        continue;
      }
      std::string joined;
      for (std::size_t i = 0; i < words.size(); ++i) joined += (i ? "," : "") + words[i];
      if (entry.setting.is_path() && joined.empty())
        throw UsageError(message("expected a path for ", label(entry), ", got ''"));
      entry.setting.set_text(joined, label(entry));
    }
  }

  // Takes from a configuration file what was not given yet.
  void take_config(const std::string& text, const std::filesystem::path& file) {
    const auto names = apply_config(text, file.string(), settings(),
                                    [this](const Setting& setting) { return !given.contains(setting.name()); });
    given.insert(names.begin(), names.end());
  }

  // The settings of a file, or of a run.
  void take_config_file(const std::filesystem::path& path) {
    const std::filesystem::path file = is_run_folder(path) ? path / "config.json" : path;
    take_config(std::string(io::as_text(io::read_file(file, kMaxConfigBytes))), file);
  }

  // Takes what the run to be resumed knows and was not given yet.
  void take_run(const std::filesystem::path& run) {
    if (find("out") && given.contains("out"))
      throw UsageError("expected either --out for a new run or --resume for an old one, got both");
    check_run_folder(run, call.program);
    const auto inputs = run_inputs(run);
    for (Entry& entry : entries) {
      const auto path = inputs.find(entry.setting.name());
      if (!entry.setting.is_input() || path == inputs.end() || given.contains(entry.setting.name())) continue;
      entry.setting.set_text(path->second, label(entry));
      given.insert(entry.setting.name());
    }
    if (std::filesystem::exists(run / "config.json")) take_config(read_run_config(run), run / "config.json");
  }

  void check_required() const {
    for (const Entry& entry : entries) {
      const Setting& setting = entry.setting;
      if (!setting.is_required() || given.contains(setting.name()) || given.contains(setting.required_unless()))
        continue;
      throw UsageError(message("expected ", label(entry), " ", setting.placeholder(), " (see --help)"));
    }
  }

  // `typed`: what the command line gave.
  void refuse_ineffective(const std::set<std::string>& typed) {
    for (const Entry& entry : entries) {
      const Entry* other = entry.without.empty() ? nullptr : find(entry.without);
      if (other && typed.contains(entry.setting.name()) && !other->setting.text().empty())
        throw UsageError(message("expected no ", label(entry), " beside ", label(*other),
                                 ", with which it has no effect, got both (see --help)"));
    }
  }

  // An output that would replace what the program reads, or another output.
  void refuse_overwriting() {
    std::vector<std::string> inputs;
    std::vector<std::filesystem::path> outputs;
    for (const Entry& entry : entries) {
      const std::vector<std::string> items = entry.setting.items();
      if (entry.setting.is_input()) inputs.insert(inputs.end(), items.begin(), items.end());
    }
    for (const Entry& entry : entries) {
      const std::filesystem::path output = entry.setting.is_output() ? entry.setting.text() : "";
      if (output.empty()) continue;
      check_replaces_nothing(label(entry), output, inputs, outputs);
      outputs.push_back(output);
    }
  }

  // Inputs that are there, or to come.
  void check_inputs_exist() {
    for (const Entry& entry : entries) {
      if (!entry.setting.is_input()) continue;
      for (const std::string& path : entry.setting.items()) {
        const bool comes = !call.coming.empty() && path.starts_with(call.coming.string());
        std::error_code ignored;
        if (path.empty() || comes || std::filesystem::exists(path, ignored)) continue;
        throw IoError(message("expected a file or folder for ", label(entry), ", found none at ", path));
      }
    }
  }

  void print_completion() {
    if (completion_shell != "bash")
      throw UsageError(message("expected bash for --completion, got '", completion_shell, "'"));
    std::vector<const Setting*> named;
    for (Entry& entry : entries)
      if (!entry.positional) named.push_back(&entry.setting);
    *call.out << bash_completion(call.program, named);
  }
};

Cli::Cli(const Call& call, std::string description) : impl_(std::make_unique<Impl>(call)) {
  CLI::App& app = impl_->app;
  app.name(impl_->call.program);
  app.description(std::move(description));
  app.set_help_flag("-h,--help", "Print this help and exit");
  impl_->version_flag = app.add_flag("--version")->description("Print the version and exit");
  impl_->config = app.add_option("--config", impl_->config_file,
                                 "Settings from a JSON file; keys are the options' names with underscores, and options "
                                 "on the command line win");
  impl_->config->type_name("FILE");
  impl_->check = app.add_flag("--check")->description("Check settings and inputs, write nothing, and exit");
  impl_->completion = app.add_option("--completion", impl_->completion_shell,
                                     "Print a script that completes this program's command line, for: bash");
  impl_->completion->type_name("SHELL");
  app.allow_extras();
  app.formatter(std::make_shared<PlainFormatter>());
  app.get_formatter()->column_width(34);
}

Cli::~Cli() = default;

void Cli::group(const std::string& title) {
  impl_->group = title;
}

void Cli::without(const std::string& name) {
  impl_->without = name;
}

Setting& Cli::option(const std::string& name, SettingTarget target, const std::string& help) {
  Setting setting(name, target);
  CLI::Option* option = nullptr;
  if (setting.is_flag()) {
    option = impl_->app.add_flag("--" + name + ",!--no-" + name);
  } else {
    option = impl_->app.add_option("--" + name);
    option->type_name(setting.placeholder());
  }
  option->group(impl_->group);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  option->expected(setting.is_flag() ? 0 : 1);
  impl_->entries.push_back({std::move(setting), option, help, false, impl_->without});
  return impl_->entries.back().setting;
}

Setting& Cli::positional(const std::string& name, SettingTarget target, const std::string& help) {
  Setting setting(name, target);
  setting.only_on_command_line();
  CLI::Option* option = impl_->app.add_option(name);
  std::string words = setting.placeholder();
  std::replace(words.begin(), words.end(), ',', ' ');  // lists of these are words of their own
  option->type_name(words);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  option->expected(1);
  option->allow_extra_args(setting.is_list());
  impl_->entries.push_back({std::move(setting), option, help, true});
  return impl_->entries.back().setting;
}

void Cli::resume_option(std::filesystem::path* run, const std::string& help) {
  option("resume", run, help).only_on_command_line();
  impl_->resumed_run = run;
}

void Cli::parts(const std::string& kind, const std::vector<RegistryEntry>& entries) {
  impl_->parts.push_back({kind, &entries});
}

void Cli::footer(const std::string& text) {
  impl_->app.footer(text);
}

bool Cli::parse(Check check) {
  Impl& impl = *impl_;
  if (const std::optional<std::string> name = impl.asked_name()) {
    *impl.call.out << help_on(*name, impl.parts, impl.option_words());
    return false;
  }
  // Descriptions are made here: limits, choices and the defaults are complete now.
  if (impl.takes_names())
    impl.app.get_help_ptr()->description("Print this help and exit; --help NAME is about a name that an option takes");
  for (Impl::Entry& entry : impl.entries) entry.option->description(help_text(entry.help, entry.setting));
  try {
    impl.app.parse(std::vector<std::string>(impl.call.words.rbegin(), impl.call.words.rend()));
  } catch (const CLI::CallForHelp&) {
    *impl.call.out << impl.app.help();
    return false;
  } catch (const CLI::ParseError& error) {
    throw UsageError(message(error.what(), " (see --help)"));
  }
  if (impl.version_flag->count() > 0) {
    *impl.call.out << impl.call.program << " " << version() << "\n";
    return false;
  }
  if (impl.completion->count() > 0) {
    impl.print_completion();
    return false;
  }
  impl.refuse_leftovers();
  impl.take_values();
  const std::set<std::string> typed = impl.given;
  if (impl.config->count() > 0) impl.take_config_file(impl.config_file);
  if (impl.resumed_run && impl.given.contains("resume")) impl.take_run(*impl.resumed_run);
  impl.check_required();
  impl.refuse_ineffective(typed);
  impl.refuse_overwriting();
  if (!only_checks()) return true;
  if (check == Check::kInputs && impl.call.coming.empty()) return true;
  impl.check_inputs_exist();
  return false;
}

bool Cli::only_checks() const {
  return impl_->check->count() > 0;
}

bool Cli::can_resume() const {
  return impl_->resumed_run != nullptr;
}

bool Cli::was_given(const std::string& name) const {
  return impl_->given.contains(name);
}

std::string Cli::resolved_config() const {
  return config_text(impl_->settings());
}

const Call& Cli::call() const {
  return impl_->call;
}

}  // namespace engram::apps
