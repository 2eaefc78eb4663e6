#pragma once
/// TensorBoard event files (TFRecord framing around protocol-buffer messages, encoded by hand).
/// Threads: an object belongs to one at a time.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/io/append_file.h"
#include "engine/io/bytes.h"

namespace engram::io {

/// One record of a TFRecord file: length, masked checksum of the length, data, masked checksum of the data.
Bytes tfrecord(ByteView data);

/// Settings of a run by name, as TensorBoard's page of hyper-parameters shows them.
using HyperParameters = std::vector<std::pair<std::string, std::variant<bool, double, std::string>>>;

/// Writes scalars, images and hyper-parameters that TensorBoard shows.
///
/// A run's folder may hold several event files: a run that continues starts a new one beside the old, and says from
/// which step on the old ones' values no longer count. Records are those of AppendFile: a crash or a full disk leaves
/// whole ones. All members throw IoError.
class TfEventsWriter {
 public:
  /// Creates `folder`/events.out.tfevents.SECONDS.engram[.N] (the folder has to exist). With `resume_after_step`,
  /// TensorBoard drops what earlier files of the folder say about later steps.
  explicit TfEventsWriter(const std::filesystem::path& folder,
                          std::optional<std::int64_t> resume_after_step = std::nullopt);

  /// A point of the curve `tag`.
  void scalar(std::string_view tag, std::int64_t step, float value);

  /// An image (a PNG file's bytes) under `tag`; `channels` is 1 or 3.
  void image(std::string_view tag, std::int64_t step, std::int64_t height, std::int64_t width, int channels,
             ByteView png);

  /// The settings of the run; once, before the first point.
  void hyper_parameters(const HyperParameters& parameters);

  /// The file that is written.
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  void append_event(std::int64_t step, ByteView payload);

  AppendFile file_;
};

}  // namespace engram::io
