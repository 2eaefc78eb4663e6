/// Image sets in the form that the networks take.

#include <gtest/gtest.h>

#include <numeric>

#include "kernels/common/error.h"
#include "models/data/network_images.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

/// `count` images whose bytes count up from 1.
ImageDataset counting(dim_t count, dim_t channels, dim_t height, dim_t width) {
  ImageDataset data;
  data.name = "counting";
  data.count = count;
  data.channels = channels;
  data.height = height;
  data.width = width;
  data.num_classes = 2;
  data.labels.assign(std::size_t(count), 1);
  data.class_names = {"a", "b"};
  data.pixels.resize(std::size_t(count * data.image_bytes()));
  std::iota(data.pixels.begin(), data.pixels.end(), std::uint8_t{1});
  data.normalization.mean.assign(std::size_t(channels), 0.25f);
  data.normalization.std.assign(std::size_t(channels), 0.5f);
  return data;
}

TEST(NetworkImages, GreyImagesStandInTheMiddleOfBlackInThreeChannels) {
  const ImageDataset data = network_images(counting(2, 1, 3, 4), {}, "test");
  check_dataset(data, "test");
  EXPECT_EQ(data.channels, 3);
  EXPECT_EQ(data.height, 32);
  EXPECT_EQ(data.width, 32);
  EXPECT_EQ(data.normalization.mean, std::vector<float>(3, 0.25f));
  EXPECT_EQ(data.normalization.std, std::vector<float>(3, 0.5f));
  for (dim_t i = 0; i < 2; ++i)
    for (dim_t c = 0; c < 3; ++c) {
      const std::uint8_t* plane = data.image(i) + c * 32 * 32;
      EXPECT_EQ(plane[14 * 32 + 14], i * 12 + 1);
      EXPECT_EQ(plane[16 * 32 + 17], i * 12 + 12);
      EXPECT_EQ(std::accumulate(plane, plane + 32 * 32, dim_t{0}), 12 * (i * 12) + 78);
    }
}

TEST(NetworkImages, LeavesImagesOfTheirFormAloneAndRefusesOthers) {
  const ImageDataset colour = counting(1, 3, 32, 32);
  EXPECT_EQ(network_images(colour, {}, "test").pixels, colour.pixels);
  EXPECT_ERROR(network_images(counting(1, 3, 33, 32), {}, "there"), DataError,
               "grey ones of at most 32x32, got 3x33x32 in there");
  EXPECT_ERROR(network_images(counting(1, 2, 8, 8), {}, "there"), DataError, "got 2x8x8 in there");
  EXPECT_ERROR(network_images(counting(1, 3, 16, 16), {}, "there"), DataError, "got 3x16x16 in there");
}

TEST(NetworkImages, OtherShapesAreThoseOfTheNetwork) {
  const ImageDataset small = counting(1, 2, 6, 5);
  EXPECT_EQ(network_images(small, {2, 6, 5}, "test").pixels, small.pixels);
  EXPECT_EQ(network_images(counting(1, 1, 4, 3), {2, 6, 5}, "test").shape(), (ImageShape{2, 6, 5}));
  EXPECT_ERROR(network_images(counting(1, 3, 32, 32), {2, 6, 5}, "there"), DataError,
               "expected images of 2x6x5, or grey ones of at most 6x5, got 3x32x32 in there");
}

TEST(ImageShape, IsWrittenAndRead) {
  EXPECT_EQ(to_string(ImageShape{}), "3x32x32");
  EXPECT_EQ(parse_image_shape("1x28x30"), (ImageShape{1, 28, 30}));
  for (const char* text : {"", "3", "3x32", "3x32x", "x32x32", "3x32x32x1", "3x-2x32", "3x32x32 ", "threex32x32",
                           "3xx32", "1x11111111111111111111x1"})
    EXPECT_ERROR(parse_image_shape(text), DataError, "CHANNELSxHEIGHTxWIDTH");
  for (const char* text : {"0x32x32", "5x32x32", "3x0x32", "3x32x4097"})
    EXPECT_ERROR(parse_image_shape(text), DataError, "1 to 4 channels");
}

TEST(NetworkImages, ANetworkIsMadeForTheSet) {
  EXPECT_EQ(shape_for_network(counting(1, 1, 28, 28)), (ImageShape{3, 32, 32}));
  EXPECT_EQ(shape_for_network(counting(1, 1, 64, 64)), (ImageShape{1, 64, 64}));
  EXPECT_EQ(shape_for_network(counting(1, 3, 64, 64)), (ImageShape{3, 64, 64}));
  EXPECT_EQ(shape_for_network(counting(1, 3, 16, 16)), (ImageShape{3, 16, 16}));
}

}  // namespace
}  // namespace engram
