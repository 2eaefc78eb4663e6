#include "apps/common/completion.h"

#include <algorithm>

namespace engram::apps {
namespace {

/// "_engram_genes_select" of "engram-genes select".
std::string function_name(const std::string& program) {
  std::string name = "_" + program;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == ' '; }, '_');
  return name;
}

std::string words(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& word : list) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string reply(const std::string& how) {
  return "COMPREPLY=($(compgen " + how + " -- \"$cur\"))";
}

std::string header(const std::string& program) {
  return function_name(program) + "() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n";
}

}  // namespace

std::string bash_completion(const std::string& program, const std::vector<const Setting*>& settings) {
  std::vector<std::string> options = {"--help", "--version", "--config", "--check", "--completion"};
  std::string script = header(program) + "  case $prev in\n";
  for (const Setting* setting : settings) {
    const std::string option = "--" + setting->name();
    options.push_back(option);
    if (setting->is_flag()) {
      options.push_back("--no-" + setting->name());
    } else if (!setting->allowed().empty()) {
      script += "    " + option + ") " + reply("-W '" + words(setting->allowed()) + "'") + "; return ;;\n";
    } else if (!setting->is_path()) {
      script += "    " + option + ") return ;;\n";
    }
  }
  script += "    --completion) " + reply("-W bash") + "; return ;;\n  esac\n";
  script += "  case $cur in\n    -*) " + reply("-W '" + words(options) + "'") + " ;;\n    *) " + reply("-f") +
            " ;;\n  esac\n}\n";
  if (program.find(' ') == std::string::npos)
    script += "complete -o filenames -F " + function_name(program) + " " + program + "\n";
  return script;
}

std::string bash_command_completion(const std::string& program, const std::vector<std::string>& commands) {
  return header(program) + "  if [ \"$COMP_CWORD\" -eq 1 ]; then " +
         reply("-W '" + words(commands) + " --help --version --completion'") + "; return; fi\n  if declare -F \"" +
         function_name(program) + "_${COMP_WORDS[1]//-/_}\" > /dev/null; then \"" + function_name(program) +
         "_${COMP_WORDS[1]//-/_}\"; fi\n}\ncomplete -o filenames -F " + function_name(program) + " " + program + "\n";
}

}  // namespace engram::apps
