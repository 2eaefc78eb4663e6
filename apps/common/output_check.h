#pragma once
/// Whether writing a file would destroy what the same call reads or writes.

#include <filesystem>
#include <string>
#include <vector>

namespace engram::apps {

/// Throws UsageError, which begins with `label`, where `output` is one of the inputs, a file that a run among them
/// lists as its own, a file in another input folder, or one of the outputs `others`. Devices and "-" may be anything.
void check_replaces_nothing(const std::string& label, const std::filesystem::path& output,
                            const std::vector<std::string>& inputs, const std::vector<std::filesystem::path>& others);

}  // namespace engram::apps
