#include "models/data/resize.h"

#include <algorithm>
#include <cmath>

#include "engine/stop_scope.h"

namespace engram {
namespace {

/// The stored pixels behind one result pixel of an axis.
struct Window {
  dim_t begin;
  std::vector<float> weights;
};

std::vector<Window> windows(dim_t stored, dim_t result) {
  const double scale = double(stored) / double(result), reach = std::max(scale, 1.0);
  std::vector<Window> all;
  for (dim_t i = 0; i < result; ++i) {
    const double center = (double(i) + 0.5) * scale;
    const dim_t begin = std::max<dim_t>(0, dim_t(std::floor(center - reach + 0.5)));
    const dim_t end = std::min(stored, dim_t(std::floor(center + reach + 0.5)));
    Window window{begin, {}};
    double total = 0;
    for (dim_t j = begin; j < end; ++j) {
      const double weight = std::max(0.0, 1 - std::abs(double(j) + 0.5 - center) / reach);
      window.weights.push_back(float(weight));
      total += weight;
    }
    for (float& weight : window.weights) weight = float(weight / total);
    all.push_back(std::move(window));
  }
  return all;
}

/// out[i * out_step] = the weighted sums of in[j * in_step] along one axis.
template <class T>
void resample_line(const T* in, dim_t in_step, const std::vector<Window>& axis, float* out, dim_t out_step) {
  for (std::size_t i = 0; i < axis.size(); ++i) {
    float sum = 0;
    for (std::size_t j = 0; j < axis[i].weights.size(); ++j)
      sum += axis[i].weights[j] * float(in[(axis[i].begin + dim_t(j)) * in_step]);
    out[dim_t(i) * out_step] = sum;
  }
}

}  // namespace

std::vector<std::uint8_t> resize_image(const std::uint8_t* image, dim_t channels, dim_t height, dim_t width,
                                       const ImageSize& size) {
  const std::vector<Window> rows = windows(height, size.height), columns = windows(width, size.width);
  std::vector<float> narrow(std::size_t(height * size.width)), plane(std::size_t(size.height * size.width));
  std::vector<std::uint8_t> out;
  out.reserve(std::size_t(channels * size.height * size.width));
  for (dim_t c = 0; c < channels; ++c) {
    for (dim_t y = 0; y < height; ++y)
      resample_line(image + (c * height + y) * width, 1, columns, narrow.data() + y * size.width, 1);
    for (dim_t x = 0; x < size.width; ++x)
      resample_line(narrow.data() + x, size.width, rows, plane.data() + x, size.width);
    for (const float v : plane) out.push_back(std::uint8_t(std::clamp(v + 0.5f, 0.f, 255.f)));
  }
  return out;
}

ImageDataset resize_images(ImageDataset data, const ImageSize& size) {
  if (!size.given() || (data.height == size.height && data.width == size.width)) return data;
  std::vector<std::uint8_t> pixels;
  pixels.reserve(std::size_t(data.count * data.channels * size.height * size.width));
  for (dim_t i = 0; i < data.count; ++i) {
    leave_if_stopped("images were resized");
    const auto image = resize_image(data.image(i), data.channels, data.height, data.width, size);
    pixels.insert(pixels.end(), image.begin(), image.end());
  }
  data.pixels = std::move(pixels);
  data.height = size.height;
  data.width = size.width;
  return data;
}

}  // namespace engram
