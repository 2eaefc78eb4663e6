/// TensorBoard event files, read back by a small reader of the framing and of protocol-buffer fields.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "engine/io/atomic_file.h"
#include "engine/io/crc32c.h"
#include "engine/io/tfevents.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

/// The records of a file; checks every checksum.
std::vector<Bytes> records_of(ByteView file) {
  std::vector<Bytes> records;
  while (!file.empty()) {
    if (file.size() < 16) throw std::runtime_error("short record");
    const auto length = load_le<std::uint64_t>(file.data());
    EXPECT_EQ(load_le<std::uint32_t>(file.data() + 8), masked_crc32c(file.first(8)));
    const ByteView data = file.subspan(12, length);
    EXPECT_EQ(load_le<std::uint32_t>(file.data() + 12 + length), masked_crc32c(data));
    records.emplace_back(data.begin(), data.end());
    file = file.subspan(16 + length);
  }
  return records;
}

/// The fields of a message: number -> raw content (varints as 8 bytes).
std::map<int, Bytes> fields_of(ByteView message) {
  std::map<int, Bytes> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const std::uint8_t byte = message[at++];
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    Bytes& content = fields[static_cast<int>(key >> 3)];
    std::size_t length = 0;
    switch (key & 7) {
      case 0:
        append_le(content, varint());
        continue;
      case 1:
        length = 8;
        break;
      case 2:
        length = varint();
        break;
      case 5:
        length = 4;
        break;
      default:
        throw std::runtime_error("wire type");
    }
    const ByteView bytes = message.subspan(at, length);
    content.assign(bytes.begin(), bytes.end());
    at += length;
  }
  return fields;
}

std::int64_t step_of(const std::map<int, Bytes>& event) {
  return load_le<std::int64_t>(event.at(2).data());
}

TEST(TfEvents, RecordsAreFramed) {
  const auto records = records_of(tfrecord(as_bytes("abc")));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(as_text(records[0]), "abc");
  EXPECT_EQ(tfrecord({}).size(), 16u);
}

TEST(TfEvents, WritesScalarsAndImages) {
  test::TempFolder folder;
  const double before = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  TfEventsWriter writer(folder.path());
  EXPECT_EQ(writer.path().filename().string().rfind("events.out.tfevents.", 0), 0u);
  writer.scalar("loss/total", 300, 0.25f);
  const Bytes png = {0x89, 'P', 'N', 'G'};
  writer.image("grid", 301, 34, 66, 3, png);
  writer.scalar("step/negative", -1, -1.f);

  const auto records = records_of(read_file(writer.path()));
  ASSERT_EQ(records.size(), 4u);
  const auto version = fields_of(records[0]);
  EXPECT_EQ(as_text(version.at(3)), "brain.Event:2");
  EXPECT_GE(load_le<double>(version.at(1).data()), before);
  EXPECT_LT(load_le<double>(version.at(1).data()), before + 60);

  const auto scalar = fields_of(records[1]);
  EXPECT_EQ(step_of(scalar), 300);
  const auto point = fields_of(fields_of(scalar.at(5)).at(1));
  EXPECT_EQ(as_text(point.at(1)), "loss/total");
  EXPECT_EQ(load_le<float>(point.at(2).data()), 0.25f);

  const auto image = fields_of(fields_of(fields_of(records[2]).at(5)).at(1));
  EXPECT_EQ(as_text(image.at(1)), "grid");
  const auto picture = fields_of(image.at(4));
  EXPECT_EQ(load_le<std::int64_t>(picture.at(1).data()), 34);
  EXPECT_EQ(load_le<std::int64_t>(picture.at(2).data()), 66);
  EXPECT_EQ(load_le<std::int64_t>(picture.at(3).data()), 3);
  EXPECT_EQ(picture.at(4), png);
  EXPECT_EQ(step_of(fields_of(records[3])), -1);
}

TEST(TfEvents, WritesHyperParameters) {
  test::TempFolder folder;
  TfEventsWriter writer(folder.path());
  writer.hyper_parameters({{"lr", 0.125}});
  writer.hyper_parameters({{"flip", true}});
  writer.hyper_parameters({{"method", std::string("deep-inversion")}});
  const auto records = records_of(read_file(writer.path()));
  ASSERT_EQ(records.size(), 4u);
  const auto entry = [&](std::size_t record) {
    const auto point = fields_of(fields_of(fields_of(records[record]).at(5)).at(1));
    EXPECT_EQ(as_text(point.at(1)), "_hparams_/session_start_info");
    EXPECT_EQ(load_le<std::int64_t>(fields_of(point.at(8)).at(1).data()), 1);  // a tensor of f32
    const auto plugin = fields_of(fields_of(point.at(9)).at(1));
    EXPECT_EQ(as_text(plugin.at(1)), "hparams");
    return fields_of(fields_of(fields_of(plugin.at(2)).at(3)).at(1));
  };
  EXPECT_EQ(as_text(entry(1).at(1)), "lr");
  EXPECT_EQ(load_le<double>(fields_of(entry(1).at(2)).at(2).data()), 0.125);
  EXPECT_EQ(load_le<std::int64_t>(fields_of(entry(2).at(2)).at(4).data()), 1);
  EXPECT_EQ(as_text(fields_of(entry(3).at(2)).at(3)), "deep-inversion");
}

TEST(TfEvents, ContinuationStartsANewFileAndSaysFromWhere) {
  test::TempFolder folder;
  const TfEventsWriter first(folder.path());
  const TfEventsWriter second(folder.path(), 7);
  EXPECT_NE(first.path(), second.path());
  EXPECT_LT(first.path().filename().string(), second.path().filename().string());
  const auto records = records_of(read_file(second.path()));
  ASSERT_EQ(records.size(), 2u);
  const auto start = fields_of(records[1]);
  EXPECT_EQ(step_of(start), 8);
  EXPECT_EQ(load_le<std::int64_t>(fields_of(start.at(7)).at(1).data()), 1);
}

TEST(TfEvents, FullDiskLeavesWholeRecords) {
  test::TempFolder folder;
  TfEventsWriter writer(folder.path());
  writer.scalar("a", 1, 1.f);
  {
    const test::FileSizeLimit limit(4096);
    EXPECT_THROW(writer.image("b", 2, 1, 1, 3, Bytes(5000)), IoError);
  }
  EXPECT_EQ(records_of(read_file(writer.path())).size(), 2u);
  writer.scalar("a", 3, 1.f);
  EXPECT_EQ(records_of(read_file(writer.path())).size(), 3u);
}

TEST(TfEvents, NamesAMissingFolder) {
  EXPECT_ERROR(TfEventsWriter("/dev/null/x"), IoError, "/dev/null/x/events.out.tfevents");
}

}  // namespace
}  // namespace engram::io
