#pragma once
/// Several classifiers that one option names, as an input of a run.

#include <string>
#include <vector>

#include "apps/common/program.h"

namespace engram::apps {

/// Adds the classifiers `paths` of the option `setting` to what the run depends on: the paths under its name, so that
/// --resume finds them from any folder, and each file's hash under "setting/0", "setting/1", ... Nothing for none.
/// Throws IoError.
void add_classifier_inputs(Program& program, const std::string& setting, const std::vector<std::string>& paths);

}  // namespace engram::apps
