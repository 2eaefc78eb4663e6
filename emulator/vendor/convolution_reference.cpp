#include "emulator/vendor/convolution_reference.h"

namespace emu::dnn {
namespace {

/// Strides of a packed four-dimensional array.
struct Strides {
  std::int64_t n, c, h, w;
  Strides(cudnnTensorFormat_t format, std::int64_t channels, std::int64_t height, std::int64_t width) {
    n = channels * height * width;
    c = format == CUDNN_TENSOR_NHWC ? 1 : height * width;
    h = format == CUDNN_TENSOR_NHWC ? width * channels : width;
    w = format == CUDNN_TENSOR_NHWC ? channels : 1;
  }
};

/// Calls `f(x position, w position, y position)` for the first channel of each group and tap; the other channels of the
/// group follow at the strides x_step and w_step.
template <class F>
void for_each_tap(const ConvolutionProblem& a, const F& f) {
  const int channels = a.c / a.groups, filters = a.k / a.groups;
  const Strides x(a.format, a.c, a.h, a.w), w(a.format, channels, a.r, a.s), y(a.format, a.k, a.p, a.q);
  for (int n = 0; n < a.n; ++n)
    for (int p = 0; p < a.p; ++p)
      for (int q = 0; q < a.q; ++q)
        for (int k = 0; k < a.k; ++k)
          for (int r = 0; r < a.r; ++r) {
            const int h = p * a.stride_h - a.pad_h + r;
            if (h < 0 || h >= a.h) continue;
            for (int s = 0; s < a.s; ++s) {
              const int column = q * a.stride_w - a.pad_w + s;
              if (column < 0 || column >= a.w) continue;
              f(n * x.n + k / filters * channels * x.c + h * x.h + column * x.w, k * w.n + r * w.h + s * w.w,
                n * y.n + k * y.c + p * y.h + q * y.w);
            }
          }
}

/// Elements from one channel to the next in x and in w.
struct Steps {
  std::int64_t x, w;
  explicit Steps(const ConvolutionProblem& a)
      : x(Strides(a.format, a.c, a.h, a.w).c), w(Strides(a.format, a.c / a.groups, a.r, a.s).c) {}
};

}  // namespace

std::vector<double> forward(const ConvolutionProblem& a, const std::vector<double>& x, const std::vector<double>& w) {
  std::vector<double> y(a.y_count(), 0.0);
  const Steps step(a);
  const int channels = a.c / a.groups;
  for_each_tap(a, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    double total = 0;
    for (int c = 0; c < channels; ++c) total += x[std::size_t(xi + c * step.x)] * w[std::size_t(wi + c * step.w)];
    y[std::size_t(yi)] += total;
  });
  return y;
}

std::vector<double> backward_data(const ConvolutionProblem& a, const std::vector<double>& dy,
                                  const std::vector<double>& w) {
  std::vector<double> dx(a.x_count(), 0.0);
  const Steps step(a);
  const int channels = a.c / a.groups;
  for_each_tap(a, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    const double g = dy[std::size_t(yi)];
    for (int c = 0; c < channels; ++c) dx[std::size_t(xi + c * step.x)] += g * w[std::size_t(wi + c * step.w)];
  });
  return dx;
}

std::vector<double> backward_filter(const ConvolutionProblem& a, const std::vector<double>& x,
                                    const std::vector<double>& dy) {
  std::vector<double> dw(a.w_count(), 0.0);
  const Steps step(a);
  const int channels = a.c / a.groups;
  for_each_tap(a, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    const double g = dy[std::size_t(yi)];
    for (int c = 0; c < channels; ++c) dw[std::size_t(wi + c * step.w)] += g * x[std::size_t(xi + c * step.x)];
  });
  return dw;
}

}  // namespace emu::dnn
