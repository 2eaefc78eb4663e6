#pragma once
/// The files of a run folder that belong to the run.

#include <filesystem>
#include <string>
#include <vector>

namespace engram::apps {

/// Names of files below a run folder, as its manifest lists them: "checkpoint.safetensors", "images/*.png". A '*'
/// stands for any characters within one name.
using FilePatterns = std::vector<std::string>;

/// Throws DataError, which begins with `source`, for a pattern that could mean more than a run's own files: an absolute
/// one, one with "." or "..", or a name of nothing but stars.
void check_patterns(const FilePatterns& patterns, const std::string& source);

/// Whether a name, without folders, is one that `pattern` stands for.
bool matches(const std::string& name, const std::string& pattern);

/// The files below `folder` that the patterns stand for. Throws DataError for a link, a device or the like in the place
/// of one of these files or of a folder on the way to them: what lies in a run folder may come from somebody else, and
/// a program must not read or write elsewhere through it. Throws IoError when a folder cannot be read.
std::vector<std::filesystem::path> own_files(const std::filesystem::path& folder, const FilePatterns& patterns);

/// Removes the files that the patterns stand for, and the folders that become empty. Everything else stays. Throws as
/// own_files() for folders that are links, and IoError when the system refuses.
void remove_own_files(const std::filesystem::path& folder, const FilePatterns& patterns);

/// Removes what killed writers left (io::remove_leftovers) from the folder and from those that the patterns name.
void remove_run_leftovers(const std::filesystem::path& folder, const FilePatterns& patterns);

}  // namespace engram::apps
