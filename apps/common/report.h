#pragma once
/// A run as one HTML page.

#include <filesystem>

#include "apps/common/run_dir.h"

namespace engram::apps {

/// Writes report.html into the folder of a run and returns its path. The page shows the manifest's facts, what the
/// classifier recognises (recognition.json), the images images/*.png, every number of metrics.jsonl as line charts
/// (constant and straight ones as a table), the profile (profile.json) and the resolved configuration. It needs no
/// other file, no script and no network, follows the reader's light or dark colour scheme and fits a phone.
///
/// Works at any time of a run: what is missing or damaged in the folder becomes a sentence on the page. Everything in
/// the folder is untrusted and escaped. The page is replaced atomically. Images are in the natural order of their names
/// ("a2" before "a10"), after those whose name begins with "final", which stand first and large; a trailing number of a
/// name is shown as the step ("grid_000100.png": grid, step 100). Of more than 48 images an evenly spaced choice with
/// the first and the last is shown, and none that is larger than 8 MiB. Throws IoError when a file cannot be read or
/// the page not be written.
std::filesystem::path write_report(const std::filesystem::path& run_folder);

/// As above, of the run that is being written, with the end that it is to have.
std::filesystem::path write_report(const RunDir& run);

}  // namespace engram::apps
