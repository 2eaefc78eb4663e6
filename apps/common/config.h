#pragma once
/// Configuration files: one JSON object whose keys are settings.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "apps/common/setting.h"

namespace engram::apps {

/// Parses `text`, a JSON object with keys as Setting::key() gives them, and sets those of `settings` that it holds and
/// for which `wanted` is true. Keys that begin with "//" are comments, which every JSON reader takes; the parser passes
/// over those of C++ too.
/// Returns the names of all settings that the text holds. Throws UsageError, which begins with `source`, for text that
/// is not such an object, a key twice, an unknown key (with a suggestion), and a value of the wrong type or beyond
/// limits; settings before the wrong one may then have been set.
std::vector<std::string> apply_config(const std::string& text, const std::string& source,
                                      const std::vector<Setting*>& settings,
                                      const std::function<bool(const Setting&)>& wanted);

/// The settings that belong in configuration files, as such an object: in the order given, one a line.
std::string config_text(const std::vector<Setting*>& settings);

}  // namespace engram::apps
