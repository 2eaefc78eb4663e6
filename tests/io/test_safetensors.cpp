/// Safetensors: what is written is read, bytes are those of the reference writer, and every lie in a header is refused
/// by name.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "engine/io/atomic_file.h"
#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

using test::TempFolder;

/// A file of this header text and that many bytes of data.
Bytes file_of(std::string_view header, std::size_t data_bytes) {
  Bytes file;
  append_le(file, static_cast<std::uint64_t>(header.size()));
  file.insert(file.end(), header.begin(), header.end());
  for (std::size_t i = 0; i < data_bytes; ++i) file.push_back(static_cast<std::uint8_t>(i));
  return file;
}

/// A file of one tensor "w" with these members.
Bytes tensor_file(const std::string& members, std::size_t data_bytes) {
  return file_of("{\"w\":{" + members + "}}", data_bytes);
}

#define EXPECT_REFUSED(file, words) EXPECT_ERROR(parse_safetensors(file, "f"), DataError, words)

TEST(Safetensors, ReadsWhatItWrites) {
  const std::vector<float> weight = {1.f, -2.5f, std::numeric_limits<float>::quiet_NaN(), 0x1p-149f, -0.f, 3e38f};
  const std::vector<std::int64_t> steps = {-1};
  const std::vector<std::uint8_t> mask = {0, 1, 1};
  const std::vector<SafetensorsEntry> entries = {
      {"mask", FileDType::kBool, {3}, bytes_of<std::uint8_t>(mask)},
      {"layer.weight", FileDType::kF32, {2, 3}, bytes_of<float>(weight)},
      {"num_batches", FileDType::kI64, {}, bytes_of<std::int64_t>(steps)},
      {"empty", FileDType::kF16, {4, 0}, {}},
  };
  TempFolder folder;
  write_safetensors(folder / "a", entries, {{"format", "pt"}, {"n\xc3\xa4me \"x\"\n", "v\\"}});
  const SafetensorsFile file(folder / "a");
  ASSERT_EQ(file->entries.size(), 4u);
  EXPECT_EQ(file->metadata.at("format"), "pt");
  EXPECT_EQ(file->metadata.at("n\xc3\xa4me \"x\"\n"), "v\\");
  for (const SafetensorsEntry& expected : entries) {
    const SafetensorsEntry* got = file->find(expected.name);
    ASSERT_NE(got, nullptr) << expected.name;
    EXPECT_EQ(got->dtype, expected.dtype);
    EXPECT_EQ(got->shape, expected.shape);
    EXPECT_TRUE(std::ranges::equal(got->bytes, expected.bytes)) << expected.name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got->bytes.data()) % (file_dtype_bits(got->dtype) / 8), 0u)
        << expected.name;
  }
  EXPECT_EQ(file->find("layer"), nullptr);
}

TEST(Safetensors, BytesDoNotDependOnTheOrderOfTheInput) {
  const std::vector<float> x = {1, 2};
  std::vector<SafetensorsEntry> entries = {{"b", FileDType::kF32, {2}, bytes_of<float>(x)},
                                           {"a", FileDType::kF32, {1}, bytes_of<float>(x).first(4)},
                                           {"c", FileDType::kU8, {3}, bytes_of<float>(x).first(3)},
                                           {"d", FileDType::kF64, {1}, bytes_of<float>(x)}};
  const Bytes bytes = serialize_safetensors(entries);
  std::reverse(entries.begin(), entries.end());
  EXPECT_EQ(serialize_safetensors(entries), bytes);
}

TEST(Safetensors, WritesTheBytesOfTheReferenceWriter) {
  // safetensors.numpy.save of the Python package 0.8.0, with the same arrays and metadata.
  const std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"d":{"dtype":"F64","shape":[1],)"
      R"("data_offsets":[8,16]},"c":{"dtype":"C64","shape":[1],"data_offsets":[16,24]},"b":{"dtype":"F32","shape":[3],)"
      R"("data_offsets":[24,36]},"i32":{"dtype":"I32","shape":[1],"data_offsets":[36,40]},"h":{"dtype":"F16","shape":[5],)"
      R"("data_offsets":[40,50]},"z":{"dtype":"F16","shape":[2,0],"data_offsets":[50,50]},"u":{"dtype":"U8","shape":[3],)"
      R"("data_offsets":[50,53]},"t":{"dtype":"BOOL","shape":[1],"data_offsets":[53,54]}})";
  Bytes zeros(16);
  const ByteView z(zeros);
  const std::vector<SafetensorsEntry> entries = {
      {"b", FileDType::kF32, {3}, z.first(12)},  {"a", FileDType::kI64, {1}, z.first(8)},
      {"z", FileDType::kF16, {2, 0}, {}},        {"h", FileDType::kF16, {5}, z.first(10)},
      {"u", FileDType::kU8, {3}, z.first(3)},    {"t", FileDType::kBool, {1}, z.first(1)},
      {"i32", FileDType::kI32, {1}, z.first(4)}, {"d", FileDType::kF64, {1}, z.first(8)},
      {"c", FileDType::kC64, {1}, z.first(8)},
  };
  const Bytes bytes = serialize_safetensors(entries, {{"k", "v"}});
  const auto length = load_le<std::uint64_t>(bytes.data());
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(as_text(ByteView(bytes).subspan(8, header.size())), header);
  EXPECT_EQ(std::string(as_text(ByteView(bytes).subspan(8 + header.size(), length - header.size()))),
            std::string(length - header.size(), ' '));
  EXPECT_EQ(bytes.size(), 8 + length + 54);
}

TEST(Safetensors, AcceptsAnyOrderSpacingAndAlignment) {
  const Bytes file = file_of(
      "{ \"w\" : {\"data_offsets\":[3,7], \"shape\":[ ],\n\"dtype\":\"F32\"},\"v\":{\"dtype\":\"U8\",\"shape\":[3],"
      "\"data_offsets\":[0,3]},\"e\":{\"dtype\":\"I16\",\"shape\":[0,9],\"data_offsets\":[3,3]} }  ",
      7);
  const SafetensorsView view = parse_safetensors(file);
  ASSERT_EQ(view.entries.size(), 3u);
  EXPECT_EQ(view.entries[0].name, "v");
  EXPECT_EQ(view.entries[1].name, "e");
  EXPECT_EQ(view.entries[2].name, "w");
  EXPECT_EQ(view.entries[2].bytes[0], 3);
  EXPECT_TRUE(view.metadata.empty());
}

TEST(Safetensors, AcceptsNoTensors) {
  EXPECT_TRUE(parse_safetensors(file_of("{}", 0)).entries.empty());
  EXPECT_EQ(parse_safetensors(file_of("{\"__metadata__\":{\"a\":\"\"}}", 0)).metadata.size(), 1u);
  EXPECT_TRUE(parse_safetensors(serialize_safetensors({})).entries.empty());
}

TEST(Safetensors, RefusesTruncationAtEveryByte) {
  const std::vector<float> x = {1, 2, 3};
  const std::vector<SafetensorsEntry> entries = {{"w", FileDType::kF32, {3}, bytes_of<float>(x)}};
  Bytes bytes = serialize_safetensors(entries);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(parse_safetensors(ByteView(bytes).first(size)), DataError) << size;
  }
  bytes.push_back(0);
  EXPECT_REFUSED(bytes, "expected 12 bytes of data, got 13");
}

TEST(Safetensors, RefusesLyingLengths) {
  Bytes file = file_of("{}", 0);
  store_le(file.data(), std::uint64_t{3});
  EXPECT_REFUSED(file, "expected 3 bytes of header, got 2");
  store_le(file.data(), std::uint64_t{100'000'001});
  EXPECT_REFUSED(file, "expected a header of at most 100000000 bytes");
  store_le(file.data(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_REFUSED(file, "expected a header of at most 100000000 bytes");
  EXPECT_REFUSED(Bytes{}, "expected at least 8 bytes, got 0");
}

TEST(Safetensors, RefusesLyingOffsets) {
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[2],"data_offsets":[0,7])", 7),
                 "\"w\": expected 8 bytes of F32 [2]");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])", 8), "ascending");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 7), "truncated");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])", 12), "hole");
  EXPECT_REFUSED(tensor_file(R"("dtype":"U8","shape":[0],"data_offsets":[5,5])", 0), "hole");
  EXPECT_REFUSED(
      file_of(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})",
          7),
      "\"b\": expected data from byte 4 on, got data_offsets [3,7] (overlap)");
  EXPECT_REFUSED(
      file_of(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
          4),
      "overlap");
  EXPECT_REFUSED(
      file_of(
          R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}})",
          7),
      "hole");
}

TEST(Safetensors, RefusesHugeShapes) {
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0])", 0), "below 2^64");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0), "below 2^64");
  EXPECT_REFUSED(tensor_file(R"("dtype":"U8","shape":[4294967296,4294967295],"data_offsets":[0,8])", 8),
                 "expected 18446744069414584320 bytes");
  EXPECT_REFUSED(tensor_file(R"("dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,0])", 0),
                 "extents below 2^63");
  EXPECT_REFUSED(tensor_file(R"("dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,0])", 0),
                 "non-negative integers");
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  EXPECT_REFUSED(tensor_file("\"dtype\":\"U8\",\"shape\":[" + many + "],\"data_offsets\":[0,1]", 1),
                 "at most 64 dimensions");
}

TEST(Safetensors, RefusesWrongMembers) {
  EXPECT_REFUSED(tensor_file(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])", 4), "\"w\": expected a known dtype");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F5","shape":[2],"data_offsets":[0,1])", 1), "expected a known dtype");
  EXPECT_REFUSED(tensor_file(R"("dtype":7,"shape":[1],"data_offsets":[0,4])", 4), "expected a text as dtype");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4),
                 "non-negative integers as shape, got the number -1");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])", 4), "non-negative integers");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])", 4), "non-negative integers");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])", 4), "an array");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":1,"data_offsets":[0,4])", 4), "an array as shape");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":null,"data_offsets":[0,4])", 4), "null");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[1],"data_offsets":[0])", 4), "expected 2 data_offsets, got 1");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,4])", 4),
                 "expected 2 data_offsets, got more");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[1],"data_offsets":[-0,4])", 4), "non-negative integers");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[1],"data_offsets":[true,4])", 4), "true");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[1])", 4), "got fewer");
  EXPECT_REFUSED(tensor_file(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":1)", 4), "\"extra\"");
  EXPECT_REFUSED(file_of(R"({"w":[]})", 0), "expected an object, got an array");
  EXPECT_REFUSED(file_of(R"({"__metadata__":{"a":1}})", 0), "expected a text as metadata");
  EXPECT_REFUSED(file_of(R"({"__metadata__":{"a":{}}})", 0), "expected a text as metadata");
  EXPECT_REFUSED(file_of(R"({"__metadata__":null})", 0), "null");
}

TEST(Safetensors, RefusesDuplicates) {
  const std::string tensor = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_REFUSED(file_of("{\"w\":" + tensor + ",\"w\":" + tensor + "}", 0), "\"w\" twice");
  EXPECT_REFUSED(file_of("{\"w\":" + tensor + ",\"\\u0077\":" + tensor + "}", 0), "\"w\" twice");
  EXPECT_REFUSED(tensor_file(R"("dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0])", 0), "\"dtype\" twice");
  EXPECT_REFUSED(file_of(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "\"a\" twice");
  EXPECT_REFUSED(file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "twice");
}

TEST(Safetensors, RefusesWhatIsNotJson) {
  EXPECT_REFUSED(file_of("", 0), "begins with {");
  EXPECT_REFUSED(file_of(" {}", 0), "begins with {");
  EXPECT_REFUSED(file_of("\xef\xbb\xbf{}", 0), "begins with {");
  EXPECT_REFUSED(file_of("[]", 0), "begins with {");
  EXPECT_REFUSED(file_of("{", 0), "syntax error");
  EXPECT_REFUSED(file_of("{} {}", 0), "syntax error");
  EXPECT_REFUSED(file_of("{}x", 0), "syntax error");
  EXPECT_REFUSED(file_of("{/**/}", 0), "syntax error");
  EXPECT_REFUSED(file_of("{\"\xff\":{}}", 0), "syntax error");
  EXPECT_REFUSED(file_of(std::string_view("{}\0\0", 4), 0), "zero byte");
}

TEST(Safetensors, RefusesDeepNestingQuickly) {
  EXPECT_REFUSED(file_of("{\"a\":" + std::string(1000000, '['), 0), "expected an object, got an array");
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_REFUSED(file_of(objects, 0), "expected");
}

TEST(Safetensors, NamesFileAndTensorSafely) {
  EXPECT_REFUSED(file_of("{\"\\u001b[2J\":1}", 0), "[f] \"\\x1b[2J\": expected an object");
}

TEST(Safetensors, WriterRefusesWhatTheReaderWould) {
  Bytes four(4);
  const std::vector<SafetensorsEntry> good = {{"w", FileDType::kF32, {1}, four}};
  auto bad = good;
  bad[0].shape = {2};
  EXPECT_ERROR(serialize_safetensors(bad), ShapeError, "\"w\": expected the bytes of F32 [2], got 4 bytes");
  bad[0].shape = {-1};
  EXPECT_THROW(serialize_safetensors(bad), ShapeError);
  bad[0].shape = {std::numeric_limits<dim_t>::max(), 4};
  EXPECT_THROW(serialize_safetensors(bad), ShapeError);
  bad = {good[0], good[0]};
  EXPECT_ERROR(serialize_safetensors(bad), UsageError, "\"w\" twice");
  bad = good;
  bad[0].name = "__metadata__";
  EXPECT_THROW(serialize_safetensors(bad), UsageError);
  bad[0].name = "\xff";
  EXPECT_ERROR(serialize_safetensors(bad), UsageError, "UTF-8");
  EXPECT_ERROR(serialize_safetensors(good, {{"a", "\xff"}}), UsageError, "UTF-8");
}

TEST(Safetensors, FullDiskLeavesTheOldFile) {
  TempFolder folder;
  Bytes data(100000, 1);
  const std::vector<SafetensorsEntry> small = {{"w", FileDType::kU8, {10}, ByteView(data).first(10)}};
  const std::vector<SafetensorsEntry> large = {{"w", FileDType::kU8, {100000}, data}};
  write_safetensors(folder / "a", small);
  {
    const test::FileSizeLimit limit(8192);
    EXPECT_THROW(write_safetensors(folder / "a", large), IoError);
  }
  EXPECT_EQ(SafetensorsFile(folder / "a")->entries[0].bytes.size(), 10u);
  EXPECT_EQ(folder.count(), 1);
}

TEST(Safetensors, FileErrorsNameTheFile) {
  TempFolder folder;
  write_file(folder / "bad", "not a tensor file at all");
  EXPECT_ERROR(SafetensorsFile(folder / "bad"), DataError, (folder / "bad").string());
  EXPECT_ERROR(SafetensorsFile(folder / "bad", 10), DataError, "at most 10 bytes");
  EXPECT_ERROR(SafetensorsFile(folder / "missing"), IoError, "missing");
}

TEST(TensorBytes, ConvertsEveryType) {
  const auto entry = [](FileDType dtype, ByteView bytes) {
    return SafetensorsEntry{"w", dtype, {static_cast<dim_t>(8 * bytes.size() / file_dtype_bits(dtype))}, bytes};
  };
  const auto check = [&]<class T>(FileDType dtype, std::vector<T> values) {
    const auto got = to_f32(entry(dtype, bytes_of<T>(values)));
    ASSERT_EQ(got.size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(got[i], static_cast<float>(values[i]));
  };
  check(FileDType::kU8, std::vector<std::uint8_t>{0, 255});
  check(FileDType::kBool, std::vector<std::uint8_t>{0, 1});
  check(FileDType::kI8, std::vector<std::int8_t>{-128, 127});
  check(FileDType::kI16, std::vector<std::int16_t>{-32768, 32767});
  check(FileDType::kU16, std::vector<std::uint16_t>{65535});
  check(FileDType::kI32, std::vector<std::int32_t>{-5, 16777217});
  check(FileDType::kU32, std::vector<std::uint32_t>{4000000000u});
  check(FileDType::kI64, std::vector<std::int64_t>{-5, std::int64_t{1} << 60});
  check(FileDType::kU64, std::vector<std::uint64_t>{~std::uint64_t{0}});
  check(FileDType::kF32, std::vector<float>{1.5f, -0.f});
  check(FileDType::kF64, std::vector<double>{1.0 / 3, 1e300});
  const std::vector<float> values = {1.f, 0.333333f, -65504.f, 1e-7f};
  const auto half = to_f32(entry(FileDType::kF16, f32_to_f16_bytes(values)));
  const auto brain = to_f32(entry(FileDType::kBF16, f32_to_bf16_bytes(values)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(half[i], values[i], 0x1p-11 * std::abs(values[i]) + 0x1p-25);
    EXPECT_NEAR(brain[i], values[i], 0x1p-8 * std::abs(values[i]));
  }
  const Bytes eight(8);
  EXPECT_ERROR(to_f32(entry(FileDType::kC64, eight)), DataError, "\"w\"");
}

TEST(Safetensors, ReadsTypesThatOnlyTravel) {
  const auto parse = [](const char* type, const char* shape, std::size_t bytes) {
    const std::string header =
        message("{\"w\":{\"dtype\":\"", type, "\",\"shape\":", shape, ",\"data_offsets\":[0,", bytes, "]}}");
    const Bytes file = file_of(header, bytes);
    const SafetensorsView view = parse_safetensors(file, "f");
    EXPECT_EQ(view.entries.at(0).bytes.size(), bytes) << type;
    EXPECT_EQ(file_dtype_name(view.entries.at(0).dtype), type);
    EXPECT_ERROR(to_f32(view.entries.at(0)), DataError, type);
    EXPECT_EQ(serialize_safetensors(view.entries).size() % 8, bytes % 8) << type;
  };
  parse("F4", "[3,2]", 3);
  parse("F6_E2M3", "[4]", 3);
  parse("F6_E3M2", "[2,4]", 6);
  parse("F8_E4M3FNUZ", "[5]", 5);
  parse("F8_E5M2FNUZ", "[2]", 2);
  // Three elements of four bits fill no whole number of bytes.
  EXPECT_REFUSED(file_of("{\"w\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2), "whole bytes");
}

// What people have instead of a safetensors file, by its first bytes.
TEST(Safetensors, SaysWhatAForeignFileIs) {
  const auto refused = [](std::string bytes, const char* name, const char* expected) {
    bytes.resize(std::max<std::size_t>(bytes.size(), 300), '\x01');
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    EXPECT_ERROR(parse_safetensors(ByteView(data, bytes.size()), name), DataError, expected);
  };
  const std::string zip = std::string("PK\x03\x04", 4) + std::string(26, '\0');
  refused(zip + "net/data.pkl", "net.pth", "torch.load('net.pth', map_location='cpu', weights_only=True)");
  refused(zip + "net/data.pkl", "net.pth", "'net.safetensors')");
  refused(zip + "images.npy", "set.npz", "a NumPy archive (.npz); convert it with: python3 -c");
  refused(zip + "readme.txt", "x.zip", "a ZIP file");
  refused("\x80\x02\x8a\x0al\xfc", "old.pth", "a Python pickle");
  refused("\x93NUMPY\x01", "a.npy", "a NumPy array");
  refused("\x89HDF\r\n\x1a\n", "a.h5", "an HDF5 file");
  refused("GGUF\x03", "a.gguf", "a GGUF file");
  refused("\x08\x07\x12\x07pytorch", "a.onnx", "an ONNX model");
  refused("\x1f\x8b\x08", "cifar-10-python.tar.gz", "unpack it");
  refused("version https://git-lfs.github.com/spec/v1", "a.safetensors", "git lfs pull");
  refused("<!DOCTYPE html>", "a.safetensors", "a web page");
  // A name that a shell would read otherwise is not put into the command.
  refused(zip + "net/data.pkl", "a'; rm -rf $HOME; '.pth", "torch.load('FILE'");
}

TEST(TensorBytes, IntegersAreRangeChecked) {
  const std::vector<std::int64_t> good = {-2147483648, 2147483647}, bad = {0, 2147483648};
  EXPECT_EQ(to_i32({"w", FileDType::kI64, {2}, bytes_of<std::int64_t>(good)}),
            (std::vector<std::int32_t>{-2147483648, 2147483647}));
  EXPECT_ERROR(to_i32({"w", FileDType::kI64, {2}, bytes_of<std::int64_t>(bad)}), DataError, "got 2147483648");
  EXPECT_ERROR(to_i32({"w", FileDType::kF32, {4}, bytes_of<std::int64_t>(bad)}), DataError,
               "expected integers, got F32");
}

}  // namespace
}  // namespace engram::io
