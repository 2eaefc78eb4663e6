#include "engine/io/tfevents.h"

#include <chrono>

#include "engine/io/crc32c.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

// Field numbers are those of tensorboard/compat/proto/event.proto and summary.proto.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace session_log {
constexpr int kStatus = 1;
constexpr std::uint64_t kStart = 1;
}  // namespace session_log
namespace summary {
constexpr int kValue = 1;
}
namespace value {
constexpr int kTag = 1, kSimpleValue = 2, kImage = 4, kTensor = 8, kMetadata = 9;
}
namespace image_field {
constexpr int kHeight = 1, kWidth = 2, kColorspace = 3, kEncoded = 4;
}

// tensorboard/compat/proto/tensor.proto and tensorboard/plugins/hparams/{plugin_data,api}.proto.
namespace tensor {
constexpr int kDType = 1, kShape = 2, kFloats = 5;
constexpr std::uint64_t kFloat = 1;
}  // namespace tensor
namespace metadata {
constexpr int kPluginData = 1, kPluginName = 1, kContent = 2;
}
namespace hparams {
constexpr int kSessionStart = 3, kParameters = 1, kStartTime = 5, kKey = 1, kValue = 2;
constexpr int kNumber = 2, kText = 3, kTruth = 4;  // of google.protobuf.Value
}  // namespace hparams

/// Builds a protocol-buffer message field by field.
class Message {
 public:
  Message& varint(int field, std::uint64_t number) {
    key(field, 0);
    raw_varint(number);
    return *this;
  }
  Message& f64(int field, double number) {
    key(field, 1);
    append_le(bytes_, number);
    return *this;
  }
  Message& f32(int field, float number) {
    key(field, 5);
    append_le(bytes_, number);
    return *this;
  }
  Message& bytes(int field, ByteView content) {
    key(field, 2);
    raw_varint(content.size());
    bytes_.insert(bytes_.end(), content.begin(), content.end());
    return *this;
  }
  /// Appends fields that are already encoded.
  Message& fields(ByteView encoded) {
    bytes_.insert(bytes_.end(), encoded.begin(), encoded.end());
    return *this;
  }
  const Bytes& encoded() const { return bytes_; }

 private:
  void key(int field, unsigned wire_type) { raw_varint(static_cast<unsigned>(field) << 3 | wire_type); }
  void raw_varint(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) bytes_.push_back(static_cast<std::uint8_t>(number | 0x80));
    bytes_.push_back(static_cast<std::uint8_t>(number));
  }

  Bytes bytes_;
};

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// TensorBoard reads a folder's files in the order of their names: the time comes first, and a number tells apart the
/// files of one second.
AppendFile create_file(const std::filesystem::path& folder) {
  const std::string base = message("events.out.tfevents.", static_cast<std::int64_t>(seconds_now()), ".engram");
  for (int i = 0;; ++i) {
    AppendFile file(folder / (i == 0 ? base : message(base, ".", i)), AppendFile::Mode::kCreateOnly);
    if (file.is_open()) return file;
  }
}

Message parameter_value(const std::variant<bool, double, std::string>& setting) {
  if (const auto* truth = std::get_if<bool>(&setting)) return Message().varint(hparams::kTruth, *truth);
  if (const auto* number = std::get_if<double>(&setting)) return Message().f64(hparams::kNumber, *number);
  return Message().bytes(hparams::kText, as_bytes(std::get<std::string>(setting)));
}

/// The plug-in for hyper-parameters reads the metadata, and wants some tensor beside them.
Message one_zero() {
  const Message zero = Message().f32(tensor::kFloats, 0);
  return Message().varint(tensor::kDType, tensor::kFloat).bytes(tensor::kShape, {}).fields(zero.encoded());
}

Message summary_of(const Message& summary_value) {
  return Message().bytes(event::kSummary, Message().bytes(summary::kValue, summary_value.encoded()).encoded());
}

}  // namespace

Bytes tfrecord(ByteView data) {
  Bytes record;
  record.reserve(data.size() + 16);
  append_le(record, static_cast<std::uint64_t>(data.size()));
  append_le(record, masked_crc32c(ByteView(record).first(8)));
  record.insert(record.end(), data.begin(), data.end());
  append_le(record, masked_crc32c(data));
  return record;
}

TfEventsWriter::TfEventsWriter(const std::filesystem::path& folder, std::optional<std::int64_t> resume_after_step)
    : file_(create_file(folder)) {
  append_event(0, Message().bytes(event::kFileVersion, as_bytes("brain.Event:2")).encoded());
  if (resume_after_step) {
    const Message start = Message().varint(session_log::kStatus, session_log::kStart);
    append_event(*resume_after_step + 1, Message().bytes(event::kSessionLog, start.encoded()).encoded());
  }
}

void TfEventsWriter::scalar(std::string_view tag, std::int64_t step, float number) {
  const Message point = Message().bytes(value::kTag, as_bytes(tag)).f32(value::kSimpleValue, number);
  append_event(step, summary_of(point).encoded());
}

void TfEventsWriter::image(std::string_view tag, std::int64_t step, std::int64_t height, std::int64_t width,
                           int channels, ByteView png) {
  const Message picture = Message()
                              .varint(image_field::kHeight, static_cast<std::uint64_t>(height))
                              .varint(image_field::kWidth, static_cast<std::uint64_t>(width))
                              .varint(image_field::kColorspace, static_cast<std::uint64_t>(channels))
                              .bytes(image_field::kEncoded, png);
  const Message point = Message().bytes(value::kTag, as_bytes(tag)).bytes(value::kImage, picture.encoded());
  append_event(step, summary_of(point).encoded());
}

void TfEventsWriter::hyper_parameters(const HyperParameters& parameters) {
  Message session;
  for (const auto& [name, setting] : parameters) {
    const Message entry =
        Message().bytes(hparams::kKey, as_bytes(name)).bytes(hparams::kValue, parameter_value(setting).encoded());
    session.bytes(hparams::kParameters, entry.encoded());
  }
  session.f64(hparams::kStartTime, seconds_now());
  const Message content = Message().bytes(hparams::kSessionStart, session.encoded());
  const Message plugin =
      Message().bytes(metadata::kPluginName, as_bytes("hparams")).bytes(metadata::kContent, content.encoded());
  const Message point =
      Message()
          .bytes(value::kTag, as_bytes("_hparams_/session_start_info"))
          .bytes(value::kTensor, one_zero().encoded())
          .bytes(value::kMetadata, Message().bytes(metadata::kPluginData, plugin.encoded()).encoded());
  append_event(0, summary_of(point).encoded());
}

void TfEventsWriter::append_event(std::int64_t step, ByteView payload) {
  const Message event_bytes = Message()
                                  .f64(event::kWallTime, seconds_now())
                                  .varint(event::kStep, static_cast<std::uint64_t>(step))
                                  .fields(payload);
  file_.append(tfrecord(event_bytes.encoded()));
}

}  // namespace engram::io
