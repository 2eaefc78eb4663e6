#include "models/data/shapes_in_styles.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "engine/random.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace engram {
namespace {

using Colour = std::array<double, 3>;

const std::vector<std::string>& shape_names() {
  static const std::vector<std::string> names = {"disc", "square", "triangle", "star", "ring", "cross", "crescent"};
  return names;
}
const std::vector<std::string>& style_names() {
  static const std::vector<std::string> names = {"textured", "flat", "painted", "line"};
  return names;
}

/// Signed distance, about, from the border of a regular polygon with this distance from the centre to its sides;
/// negative inside.
double polygon(double x, double y, int sides, double inner) {
  const double sector = 2 * std::numbers::pi / sides;
  const double angle = std::atan2(y, x), nearest = sector * std::round(angle / sector);
  return std::hypot(x, y) * std::cos(angle - nearest) - inner;
}

double box(double x, double y, double half_width, double half_height) {
  return std::max(std::abs(x) - half_width, std::abs(y) - half_height);
}

double star(double x, double y) {
  const double angle = std::atan2(y, x), wave = 0.5 + 0.5 * std::cos(5 * angle);
  return std::hypot(x, y) - (0.4 + 0.6 * wave * wave);
}

/// How far a point is from the border of a shape of radius about 1 around the origin; negative inside.
double shape_distance(int shape, double x, double y) {
  switch (shape) {
    case 0:
      return std::hypot(x, y) - 0.9;
    case 1:
      return box(x, y, 0.8, 0.8);
    case 2:
      return polygon(x, y, 3, 0.55);
    case 3:
      return star(x, y);
    case 4:
      return std::abs(std::hypot(x, y) - 0.7) - 0.22;
    case 5:
      return std::min(box(x, y, 0.95, 0.28), box(x, y, 0.28, 0.95));
    default:
      return std::max(std::hypot(x, y) - 0.95, 0.75 - std::hypot(x - 0.5, y));
  }
}

/// The random numbers of one image.
class Drawing {
 public:
  Drawing(dim_t side, int shape, int style, Generator random)
      : side_(side), shape_(shape), style_(style), random_(random) {
    scale_ = random_.number(0.22f, 0.4f) * double(side);
    const double room = double(side) / 2 - scale_;
    centre_x_ = double(side) / 2 + room * random_.number(-1, 1);
    centre_y_ = double(side) / 2 + room * random_.number(-1, 1);
    const double turn = random_.number(0, float(2 * std::numbers::pi));
    cosine_ = std::cos(turn);
    sine_ = std::sin(turn);
    stripe_turn_ = random_.number(0, float(std::numbers::pi));
    for (Colour* colour : {&front_, &back_, &second_front_, &second_back_})
      for (double& value : *colour) value = random_.number(0.1f, 0.9f);
    for (double& value : noise_) value = random_.number(-1, 1);
  }

  /// Planar, side x side x 3 bytes.
  void draw(std::uint8_t* pixels) const {
    const std::size_t plane = std::size_t(side_ * side_);
    for (dim_t y = 0; y < side_; ++y)
      for (dim_t x = 0; x < side_; ++x) {
        const Colour colour = colour_at(x, y);
        for (std::size_t c = 0; c < 3; ++c)
          pixels[c * plane + std::size_t(y * side_ + x)] =
              std::uint8_t(std::lround(255 * std::clamp(colour[c], 0.0, 1.0)));
      }
  }

 private:
  static constexpr dim_t kStrokes = 8;  // of the noise along a side

  Colour colour_at(dim_t x, dim_t y) const {
    const double u = (double(x) + 0.5 - centre_x_) / scale_, v = (double(y) + 0.5 - centre_y_) / scale_;
    const double distance = shape_distance(shape_, cosine_ * u + sine_ * v, cosine_ * v - sine_ * u);
    const bool inside = distance < 0, border = std::abs(distance) * scale_ < 0.02 * double(side_) + 0.5;
    const Colour& plain = inside ? front_ : back_;
    switch (style_) {
      case 0:
        return stripes(u, v, inside);
      case 1:
        return border ? Colour{0, 0, 0} : plain;
      case 2:
        return painted(plain, x, y);
      default:
        return border ? Colour{0, 0, 0} : Colour{1, 1, 1};
    }
  }

  Colour stripes(double u, double v, bool inside) const {
    const double along = std::cos(stripe_turn_) * u + std::sin(stripe_turn_) * v;
    const double wave = 0.5 + 0.5 * std::sin((inside ? 14 : 8) * along);
    const Colour &one = inside ? front_ : back_, &other = inside ? second_front_ : second_back_;
    Colour mixed;
    for (std::size_t c = 0; c < 3; ++c) mixed[c] = wave * one[c] + (1 - wave) * other[c];
    return mixed;
  }

  Colour painted(Colour colour, dim_t x, dim_t y) const {
    for (std::size_t c = 0; c < 3; ++c) colour[c] += 0.45 * strokes(x, y, c);
    return colour;
  }

  /// Bilinear noise between kStrokes x kStrokes places, which repeat.
  double strokes(dim_t x, dim_t y, std::size_t channel) const {
    const double along = double(x) * kStrokes / double(side_), across = double(y) * kStrokes / double(side_);
    const dim_t left = dim_t(along), top = dim_t(across);
    const double right = along - double(left), below = across - double(top);
    const auto at = [&](dim_t column, dim_t row) {
      return noise_[std::size_t((dim_t(channel) * kStrokes + row % kStrokes) * kStrokes + column % kStrokes)];
    };
    return (1 - below) * ((1 - right) * at(left, top) + right * at(left + 1, top)) +
           below * ((1 - right) * at(left, top + 1) + right * at(left + 1, top + 1));
  }

  dim_t side_;
  int shape_, style_;
  Generator random_;
  double scale_, centre_x_, centre_y_, cosine_, sine_, stripe_turn_;
  Colour front_, back_, second_front_, second_back_;
  std::array<double, 3 * kStrokes * kStrokes> noise_;
};

/// Shares of the images of a shape in the style "line".
dim_t count_of(const ShapesInStylesOptions& o, int shape, int style) {
  constexpr std::array<double, 7> kShares = {1, 0.75, 1, 0.25, 0.5, 1, 0.25};
  return style == 3 ? std::max<dim_t>(1, dim_t(double(o.images) * kShares[std::size_t(shape)])) : o.images;
}

Environment draw_style_of(const ShapesInStylesOptions& o, int style) {
  Environment out{style_names()[std::size_t(style)], {}};
  ImageDataset& images = out.images;
  images.name = "shapes-in-styles";
  images.split = "all";
  images.channels = 3;
  images.height = images.width = o.side;
  images.class_names = shape_names();
  images.num_classes = int(shape_names().size());
  images.normalization = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  std::vector<dim_t> numbers;  // of each image among those of its shape
  for (int shape = 0; shape < images.num_classes; ++shape)
    for (dim_t i = 0; i < count_of(o, shape, style); ++i) {
      images.labels.push_back(shape);
      numbers.push_back(i);
    }
  images.count = dim_t(numbers.size());
  images.pixels.resize(std::size_t(images.count * images.image_bytes()));
  const Generator random(o.seed);
  kernels::parallel_items(images.count, [&](dim_t n, int) {
    const int shape = images.labels[std::size_t(n)];
    const std::uint64_t key = std::uint64_t((numbers[std::size_t(n)] * 7 + shape) * 4 + style);
    Drawing(o.side, shape, style, random.split(key)).draw(images.pixels.data() + n * images.image_bytes());
  });
  return out;
}

}  // namespace

Environments draw_shapes_in_styles(const ShapesInStylesOptions& o) {
  if (o.side < 8 || o.side > 256)
    throw UsageError(message("[shapes_in_styles] expected a side of 8 to 256 pixels, got ", o.side));
  if (o.images < 1 || o.images > 100000)
    throw UsageError(message("[shapes_in_styles] expected 1 to 100000 images of a shape in a style, got ", o.images));
  Environments environments;
  for (int style = 0; style < int(style_names().size()); ++style) environments.push_back(draw_style_of(o, style));
  label_by_environment(environments);
  return environments;
}

}  // namespace engram
