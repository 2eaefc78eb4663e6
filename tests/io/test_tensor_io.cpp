/// Tensors through safetensors files: round trips, stored types, layouts, limits.

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/io/tensor_io.h"

namespace engram::io {
namespace {

class TensorIo : public ::testing::Test {
 protected:
  std::filesystem::path path_ = std::filesystem::path(::testing::TempDir()) / "tensor_io.safetensors";
  void TearDown() override { std::filesystem::remove(path_); }
};

TEST_F(TensorIo, RoundTripKeepsValuesTypesAndMetadata) {
  std::vector<float> values(2 * 16 * 3 * 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i) / 7;
  const Tensor planar = Tensor::from(values, {2, 16, 3, 3});
  save_tensors(path_, {{"blocked", planar.blocked()}, {"counts", Tensor::from(std::vector<std::int32_t>{-1, 2}, {2})},
                       {"bytes", Tensor::from(std::vector<std::uint8_t>{0, 255}, {1, 2})}, {"scalar", Tensor::scalar(3.5f)}},
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

TEST_F(TensorIo, TooManyAxesAreRefused) {
  const std::vector<std::uint8_t> data(4);
  const SafetensorsEntry entry{.name = "deep", .dtype = FileDType::kF32, .shape = {1, 1, 1, 1, 1, 1, 1}, .bytes = data};
  write_safetensors(path_, std::span(&entry, 1));
  EXPECT_THROW(load_tensors(path_), DataError);
}

}  // namespace
}  // namespace engram::io
