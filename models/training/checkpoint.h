#pragma once
/// Checkpoints: the whole state of a task in one file, from which a run goes on with the same bits.

#include <filesystem>
#include <string>

#include "engine/io/safetensors.h"
#include "models/training/task.h"

namespace engram {

/// Writes the task's state before step number `step`, atomically: a safetensors file with an entry for each visited
/// part (numbers of the host as I64 and F64) and the metadata "format", "step", "fingerprint" (the configuration) and
/// "sha256" (of all the rest). Waits for the device. Throws IoError, and DataError, leaving an older file as it was,
/// when a number of the state is not finite.
void save_checkpoint(const std::filesystem::path& path, TrainingTask& task, dim_t step, const std::string& fingerprint);

/// Restores what save_checkpoint wrote and returns the step that comes next. Strict: throws DataError, which begins
/// with the file's name, unless the checksum fits the content, the fingerprint is this one, the step lies in [0,
/// last_step], every part of the state is there with its type and extents, all numbers are finite, and nothing is left
/// over. The checksum, fingerprint and step are looked at before anything is changed; after a later error the task is
/// of no use.
dim_t load_checkpoint(const std::filesystem::path& path, TrainingTask& task, const std::string& fingerprint,
                      dim_t last_step);

/// The "sha256" that belongs to these entries, in any order, and the other metadata, in lower-case hexadecimal digits.
std::string checkpoint_hash(std::vector<io::SafetensorsEntry> entries, const io::SafetensorsMetadata& metadata);

}  // namespace engram
