#pragma once
/// The place of a folder that a program writes.

#include <filesystem>
#include <string>
#include <vector>

namespace engram::apps {

/// Throws UsageError, which begins with `label`, where `path` cannot be a folder: it is "-", a file, a device or a
/// link to nothing; IoError where the system cannot tell.
void check_folder_place(const std::string& label, const std::filesystem::path& path);

/// Creates a folder and those above that are missing; returns those it made, the innermost first. Throws IoError, which
/// begins with `label`, and leaves none of them then.
std::vector<std::filesystem::path> create_folders(const std::string& label, const std::filesystem::path& path);

/// Removes those folders that are empty.
void remove_empty_folders(const std::vector<std::filesystem::path>& folders) noexcept;

}  // namespace engram::apps
