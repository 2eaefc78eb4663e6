/// Tensors through safetensors files: round trips, stored types, layouts, limits.

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "engine/io/tensor_bytes.h"
#include "engine/io/tensor_io.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

class TensorIo : public ::testing::Test {
 protected:
  test::TempFolder folder_;  // tests run at the same time
  std::filesystem::path path_ = folder_ / "tensor_io.safetensors";
};

TEST_F(TensorIo, RoundTripKeepsValuesTypesAndMetadata) {
  std::vector<float> values(2 * 16 * 3 * 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i) / 7;
  const Tensor planar = Tensor::from(values, {2, 16, 3, 3});
  save_tensors(path_,
               {{"blocked", planar.blocked()},
                {"counts", Tensor::from(std::vector<std::int32_t>{-1, 2}, {2})},
                {"bytes", Tensor::from(std::vector<std::uint8_t>{0, 255}, {1, 2})},
                {"scalar", Tensor::scalar(3.5f)}},
               {{"kind", "test"}});
  const TensorFile file = load_tensors(path_);
  EXPECT_EQ(file.metadata.at("kind"), "test");
  EXPECT_EQ(file.tensors.at("blocked").to_vector(), values);
  EXPECT_EQ(file.tensors.at("counts").to_int_vector(), (std::vector<std::int32_t>{-1, 2}));
  EXPECT_EQ(file.tensors.at("bytes").dtype(), DType::kU8);
  EXPECT_EQ(file.tensors.at("scalar").item(), 3.5f);
}

TEST_F(TensorIo, HalfStorageRoundsToNearest) {
  save_tensors(path_, {{"x", Tensor::from(std::vector<float>{1.f, 0.1f, -65504.f}, {3})}}, {}, FloatStorage::kF16);
  const auto values = load_tensors(path_).tensors.at("x").to_vector();
  EXPECT_EQ(values[0], 1.f);
  EXPECT_NEAR(values[1], 0.1f, 5e-5);
  EXPECT_EQ(values[2], -65504.f);
  EXPECT_LT(std::filesystem::file_size(path_), 128u);
}

TEST_F(TensorIo, HalfStorageRefusesWhatItCannotHold) {
  const Tensor large = Tensor::from(std::vector<float>{1.f, 65520.f}, {2});
  EXPECT_ERROR(save_tensors(path_, {{"w", large}}, {}, FloatStorage::kF16), UsageError, "\"w\"");
  EXPECT_FALSE(std::filesystem::exists(path_));
  save_tensors(path_, {{"w", large}}, {}, FloatStorage::kBF16);
  const float inf = std::numeric_limits<float>::infinity();
  save_tensors(path_, {{"w", Tensor::from(std::vector<float>{inf}, {1})}}, {}, FloatStorage::kF16);
  EXPECT_EQ(load_tensors(path_).tensors.at("w").item(), inf);
}

TEST_F(TensorIo, EmptyTensorWithHugeExtentsIsRefused) {
  const SafetensorsEntry entry{"w", FileDType::kF32, {0, dim_t{1} << 40, dim_t{1} << 40}, {}};
  write_safetensors(path_, std::span(&entry, 1));
  EXPECT_ERROR(load_tensors(path_), DataError, "\"w\"");
}

TEST_F(TensorIo, OtherElementTypesAreConverted) {
  const std::vector<double> wide = {0.5, -2};
  const std::vector<std::int64_t> counts = {7, -7}, large = {std::int64_t{1} << 40, 0};
  const std::vector<std::uint8_t> flags = {1, 0};
  const SafetensorsEntry entries[] = {{"wide", FileDType::kF64, {2}, bytes_of<double>(wide)},
                                      {"counts", FileDType::kI64, {2}, bytes_of<std::int64_t>(counts)},
                                      {"flags", FileDType::kBool, {2}, flags},
                                      {"none", FileDType::kF32, {0, 3}, {}}};
  write_safetensors(path_, entries);
  const TensorFile file = load_tensors(path_);
  EXPECT_EQ(file.tensors.at("wide").to_vector(), (std::vector<float>{0.5f, -2.f}));
  EXPECT_EQ(file.tensors.at("counts").to_int_vector(), (std::vector<std::int32_t>{7, -7}));
  EXPECT_EQ(file.tensors.at("flags").to_int_vector(), (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(file.tensors.at("none").shape(), (Shape{0, 3}));
  const SafetensorsEntry bad{"counts", FileDType::kI64, {2}, bytes_of<std::int64_t>(large)};
  write_safetensors(path_, std::span(&bad, 1));
  EXPECT_ERROR(load_tensors(path_), DataError, "\"counts\"");
}

TEST_F(TensorIo, TooManyAxesAreRefused) {
  const std::vector<std::uint8_t> data(4);
  const SafetensorsEntry entry{.name = "deep", .dtype = FileDType::kF32, .shape = {1, 1, 1, 1, 1, 1, 1}, .bytes = data};
  write_safetensors(path_, std::span(&entry, 1));
  EXPECT_THROW(load_tensors(path_), DataError);
}

}  // namespace
}  // namespace engram::io
