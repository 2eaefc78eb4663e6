#include "apps/common/principal_plane.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace engram::apps {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

/// Length 1, or zeros where there is no length.
void normalize(std::vector<double>& v) {
  const double length = std::sqrt(dot(v, v));
  for (double& x : v) x = length > 0 ? x / length : 0;
}

/// Covariance times v, from centred rows.
std::vector<double> spread(const std::vector<double>& rows, const std::vector<double>& v) {
  const std::size_t width = v.size();
  std::vector<double> out(width, 0);
  for (std::size_t begin = 0; begin < rows.size(); begin += width) {
    double along = 0;
    for (std::size_t i = 0; i < width; ++i) along += rows[begin + i] * v[i];
    for (std::size_t i = 0; i < width; ++i) out[i] += along * rows[begin + i];
  }
  return out;
}

void orient(std::vector<double>& v) {
  const auto largest =
      std::max_element(v.begin(), v.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  if (*largest < 0)
    for (double& x : v) x = -x;
}

}  // namespace

PrincipalPlane::PrincipalPlane(std::span<const float> values, dim_t width) : width_(width) {
  if (width < 1 || values.size() % std::size_t(width) != 0 || values.size() < 2 * std::size_t(width))
    throw UsageError(
        message("[principal_plane] expected at least 2 rows of ", width, " values, got ", values.size(), " values"));
  const std::size_t w = std::size_t(width);
  const double rows = double(values.size() / w);
  mean_.assign(w, 0);
  for (std::size_t i = 0; i < values.size(); ++i) mean_[i % w] += double(values[i]) / rows;
  std::vector<double> centred(values.size());
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    centred[i] = double(values[i]) - mean_[i % w];
    total += centred[i] * centred[i];
  }
  constexpr int kRounds = 60;
  for (std::size_t i = 0; i < w; ++i) {
    axes_[0].push_back(1 + std::cos(double(i)));
    axes_[1].push_back(std::sin(1 + 2.5 * double(i)));
  }
  for (int round = 0; round < kRounds; ++round) {
    for (std::vector<double>& axis : axes_) axis = spread(centred, axis);
    normalize(axes_[0]);
    const double shared = dot(axes_[0], axes_[1]);
    for (std::size_t i = 0; i < w; ++i) axes_[1][i] -= shared * axes_[0][i];
    normalize(axes_[1]);
  }
  for (int a = 0; a < 2; ++a) {
    orient(axes_[a]);
    if (total > 0) shares_[a] = dot(axes_[a], spread(centred, axes_[a])) / total;
  }
}

std::vector<PlanePoint> PrincipalPlane::points(std::span<const float> rows) const {
  if (rows.size() % std::size_t(width_) != 0)
    throw UsageError(message("[principal_plane] expected rows of ", width_, " values, got ", rows.size(), " values"));
  std::vector<PlanePoint> out;
  for (std::size_t begin = 0; begin < rows.size(); begin += std::size_t(width_)) {
    PlanePoint p;
    for (std::size_t i = 0; i < std::size_t(width_); ++i) {
      const double v = double(rows[begin + i]) - mean_[i];
      p.x += axes_[0][i] * v;
      p.y += axes_[1][i] * v;
    }
    out.push_back(p);
  }
  return out;
}

}  // namespace engram::apps
