/// Metrics files: exact text, continuation after a step, refusal of foreign content, full disk.

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/io/atomic_file.h"
#include "engine/io/jsonl.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

using test::file_text;

std::string line(std::int64_t step, std::initializer_list<JsonField> fields) {
  return json_line(step, std::span<const JsonField>(fields.begin(), fields.size()));
}

TEST(JsonLine, WritesEveryKindOfValue) {
  EXPECT_EQ(line(12, {{"loss", 0.1f}, {"rate", 0.1}, {"images", 256}, {"done", true}, {"phase", "warm\"up\n"}}),
            R"({"step":12,"loss":0.1,"rate":0.1,"images":256,"done":true,"phase":"warm\"up\n"})");
  EXPECT_EQ(line(-1, {}), R"({"step":-1})");
}

TEST(JsonLine, NumbersReadBackExactly) {
  for (const double value : {1.0 / 3, 1e300, 5e-324, -0.0, 123456789012345678.0}) {
    const auto object = nlohmann::json::parse(line(0, {{"x", value}}));
    EXPECT_EQ(object["x"].get<double>(), value);
  }
  for (const float value : {1.f / 3, 3e38f, 1e-45f}) {
    const auto object = nlohmann::json::parse(line(0, {{"x", value}}));
    EXPECT_EQ(object["x"].get<float>(), value);
  }
}

TEST(JsonLine, NonFiniteNumbersAreStrings) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(line(0, {{"a", std::numeric_limits<float>::quiet_NaN()}, {"b", inf}, {"c", -inf}}),
            R"({"step":0,"a":"nan","b":"inf","c":"-inf"})");
}

TEST(JsonLine, InvalidTextIsReplaced) {
  EXPECT_EQ(line(0, {{"a", "x\xffy"}}), "{\"step\":0,\"a\":\"x\xef\xbf\xbdy\"}");
}

TEST(JsonlWriter, LinesAreThereAtOnce) {
  test::TempFolder folder;
  write_file(folder / "m", "old\n");
  JsonlWriter writer(folder / "m");
  writer.write(1, {{"a", 1}});
  EXPECT_EQ(file_text(folder / "m"), "{\"step\":1,\"a\":1}\n");
  writer.write(2, {{"a", 2}});
  EXPECT_EQ(file_text(folder / "m"), "{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n");
}

TEST(JsonlWriter, ContinuesAfterAStep) {
  test::TempFolder folder;
  write_file(folder / "m", "{\"run\":\"x\"}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"step\":4,\"lo");
  {
    JsonlWriter writer(folder / "m", 2);
    writer.write(3, {{"again", true}});
  }
  EXPECT_EQ(file_text(folder / "m"), "{\"run\":\"x\"}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3,\"again\":true}\n");
  { JsonlWriter writer(folder / "m", 99); }
  EXPECT_EQ(file_text(folder / "m"), "{\"run\":\"x\"}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3,\"again\":true}\n");
  { JsonlWriter writer(folder / "m", 0); }
  EXPECT_EQ(file_text(folder / "m"), "{\"run\":\"x\"}\n");
}

TEST(JsonlWriter, ContinuesAMissingOrEmptyFile) {
  test::TempFolder folder;
  for (int i = 0; i < 2; ++i) {
    JsonlWriter writer(folder / "m", 5);
    EXPECT_EQ(file_text(folder / "m"), "");
  }
}

TEST(JsonlKeepBytes, DropsAnUnfinishedLine) {
  EXPECT_EQ(jsonl_keep_bytes(as_bytes("{\"step\":1}\n{\"step\":1}"), 5), 11u);
  EXPECT_EQ(jsonl_keep_bytes(as_bytes("garbage without end"), 5), 0u);
  EXPECT_EQ(jsonl_keep_bytes({}, 5), 0u);
}

TEST(JsonlKeepBytes, RefusesForeignLines) {
  const auto keep = [](std::string_view text) { return jsonl_keep_bytes(as_bytes(text), 5, "m"); };
  EXPECT_ERROR(keep("{\"step\":1}\nstep 2\n"), DataError, "[m] line 2: expected a JSON object");
  EXPECT_ERROR(keep("[1]\n"), DataError, "line 1");
  EXPECT_ERROR(keep("\n"), DataError, "line 1");
  EXPECT_ERROR(keep("{\"step\":1.5}\n"), DataError, "expected an integer as step");
  EXPECT_ERROR(keep("{\"step\":\"1\"}\n"), DataError, "expected an integer as step");
  EXPECT_ERROR(keep("{\"step\":18446744073709551615}\n"), DataError, "expected an integer as step");
  EXPECT_ERROR(keep(std::string_view("{}\0\n", 4)), DataError, "zero byte");
}

TEST(JsonlKeepBytes, SurvivesDeepNesting) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_EQ(jsonl_keep_bytes(as_bytes("{\"a\":" + deep + "}\n"), 5), deep.size() + 7);
  EXPECT_THROW(jsonl_keep_bytes(as_bytes(std::string(1000000, '[') + "\n"), 5), DataError);
}

TEST(JsonlWriter, ForeignFileIsLeftAlone) {
  test::TempFolder folder;
  write_file(folder / "m", "a file of somebody else\n");
  EXPECT_ERROR(JsonlWriter(folder / "m", 3), DataError, (folder / "m").string());
  EXPECT_EQ(file_text(folder / "m"), "a file of somebody else\n");
}

TEST(JsonlWriter, FullDiskLeavesWholeLines) {
  test::TempFolder folder;
  JsonlWriter writer(folder / "m");
  writer.write(1, {{"a", 1}});
  {
    const test::FileSizeLimit limit(4096);
    EXPECT_ERROR(writer.write(2, {{"text", std::string(5000, 'x')}}), IoError, (folder / "m").string());
    EXPECT_EQ(file_text(folder / "m"), "{\"step\":1,\"a\":1}\n");
  }
  writer.write(3, {});
  EXPECT_EQ(file_text(folder / "m"), "{\"step\":1,\"a\":1}\n{\"step\":3}\n");
}

TEST(JsonlWriter, NamesWhatCannotBeOpened) {
  EXPECT_ERROR(JsonlWriter("/dev/null/x"), IoError, "/dev/null/x");
  JsonlWriter full("/dev/full");
  EXPECT_ERROR(full.write(1, {}), IoError, "No space left");
}

}  // namespace
}  // namespace engram::io
