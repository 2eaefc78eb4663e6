#pragma once
/// What every command writes: a picture, and its numbers beside it.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/cli.h"
#include "engine/io/csv.h"
#include "engine/io/image.h"

namespace engram::apps {

/// Registers --out.
void add_picture_option(Cli& cli, std::filesystem::path& out);

/// FILE.png and FILE.csv, each replaced as a whole. Both are opened at once, so that what cannot be written is known
/// before the work.
class PictureOutput {
 public:
  /// `columns` of the table. Throws UsageError unless the name ends in .png, IoError.
  PictureOutput(const std::filesystem::path& out, const std::vector<std::string>& columns);

  io::CsvWriter& table() { return table_; }
  /// Writes both, and a line about them to the call's `out`. Throws IoError.
  void commit(const Call& call, const io::Image& picture);

 private:
  std::filesystem::path picture_path_, table_path_;
  io::AtomicFile picture_;
  io::CsvWriter table_;
};

}  // namespace engram::apps
