#include "apps/common/heat_colors.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace engram::apps {
namespace {

/// Lightness, and the two axes of colour.
struct Oklab {
  double l, a, b;
};

struct LinearRgb {
  double r, g, b;

  bool displayable() const { return std::min({r, g, b}) >= 0 && std::max({r, g, b}) <= 1; }
};

LinearRgb linear_rgb(const Oklab& c) {
  const double l = std::pow(c.l + 0.3963377774 * c.a + 0.2158037573 * c.b, 3);
  const double m = std::pow(c.l - 0.1055613458 * c.a - 0.0638541728 * c.b, 3);
  const double s = std::pow(c.l - 0.0894841775 * c.a - 1.2914855480 * c.b, 3);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

std::uint8_t srgb_byte(double linear) {
  const double v = std::clamp(linear, 0.0, 1.0);
  return std::uint8_t(std::lround(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055)));
}

/// The path of the map: lightness and hue go evenly, as colourful as a display can, up to a limit.
Oklab on_path(double t) {
  constexpr double kPi = 3.14159265358979323846, kMostChroma = 0.13;
  const double l = 0.25 + 0.67 * t, hue = (305 - 200 * t) * kPi / 180;
  const auto of_chroma = [&](double chroma) { return Oklab{l, chroma * std::cos(hue), chroma * std::sin(hue)}; };
  if (linear_rgb(of_chroma(kMostChroma)).displayable()) return of_chroma(kMostChroma);
  // Bisection: steps of the chroma would make the path jagged, and longer than it looks.
  double shown = 0, too_much = kMostChroma;
  for (int i = 0; i < 40; ++i) {
    const double middle = (shown + too_much) / 2;
    (linear_rgb(of_chroma(middle)).displayable() ? shown : too_much) = middle;
  }
  return of_chroma(shown);
}

double distance(const Oklab& p, const Oklab& q) {
  return std::sqrt((p.l - q.l) * (p.l - q.l) + (p.a - q.a) * (p.a - q.a) + (p.b - q.b) * (p.b - q.b));
}

/// 256 colours at equal distances along the path.
std::vector<Rgb> make_table() {
  constexpr int kFine = 4096;
  std::vector<double> length = {0};
  std::vector<Oklab> path = {on_path(0)};
  for (int i = 1; i <= kFine; ++i) {
    path.push_back(on_path(double(i) / kFine));
    length.push_back(length.back() + distance(path[i - 1], path[i]));
  }
  std::vector<Rgb> table;
  for (int i = 0; i < 256; ++i) {
    const auto at = std::lower_bound(length.begin(), length.end(), length.back() * i / 255) - length.begin();
    const LinearRgb c = linear_rgb(path[std::size_t(at)]);
    table.push_back({srgb_byte(c.r), srgb_byte(c.g), srgb_byte(c.b)});
  }
  return table;
}

}  // namespace

Rgb heat_color(double value) {
  static const std::vector<Rgb> table = make_table();
  if (std::isnan(value)) return {128, 128, 128};
  return table[std::size_t(std::lround(std::clamp(value, 0.0, 1.0) * 255))];
}

}  // namespace engram::apps
