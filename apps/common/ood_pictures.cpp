#include "apps/common/ood_pictures.h"

#include <algorithm>
#include <array>
#include <limits>

#include "apps/common/pixel_font.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

constexpr std::uint8_t kPaper = 255, kPen = 40;
constexpr dim_t kBorder = 8, kGap = 2, kTextLine = kLetterHeight + 3;
constexpr dim_t kSide = 420;  // of a scatter picture's square of points

using Colour = std::array<std::uint8_t, 3>;
constexpr std::array<Colour, 8> kColours = {{{31, 119, 180},
                                             {214, 39, 40},
                                             {44, 160, 44},
                                             {255, 127, 14},
                                             {148, 103, 189},
                                             {140, 86, 75},
                                             {227, 119, 194},
                                             {23, 190, 207}}};

io::Image white(dim_t width, dim_t height) {
  return {width, height, 3, io::Bytes(std::size_t(width * height * 3), kPaper)};
}

void set_pixel(io::Image& image, dim_t x, dim_t y, const Colour& colour) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  std::copy(colour.begin(), colour.end(), image.pixels.begin() + (y * image.width + x) * 3);
}

Colour pixel_of(const ImageDataset& data, dim_t index, dim_t y, dim_t x) {
  const std::uint8_t* planes = data.image(index) + y * data.width + x;
  const dim_t plane = data.height * data.width;
  if (data.channels == 2) return {planes[0], planes[plane], 0};
  if (data.channels < 3) return {planes[0], planes[0], planes[0]};
  return {planes[0], planes[plane], planes[2 * plane]};
}

void draw_enlarged(io::Image& sheet, const ImageDataset& data, dim_t index, dim_t left, dim_t top, dim_t zoom) {
  for (dim_t y = 0; y < data.height * zoom; ++y)
    for (dim_t x = 0; x < data.width * zoom; ++x)
      set_pixel(sheet, left + x, top + y, pixel_of(data, index, y / zoom, x / zoom));
}

/// The first images of a class.
std::vector<dim_t> first_of_class(const ImageDataset& data, int label, dim_t most) {
  std::vector<dim_t> indices;
  for (dim_t i = 0; i < data.count && dim_t(indices.size()) < most; ++i)
    if (data.labels[std::size_t(i)] == label) indices.push_back(i);
  return indices;
}

struct PlotRange {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  /// In [0, 1]; the middle where all values are one.
  double place(double v) const { return high > low ? (v - low) / (high - low) : 0.5; }
};

void draw_dot(io::Image& image, dim_t x, dim_t y, const Colour& colour) {
  for (dim_t dy = -1; dy <= 1; ++dy)
    for (dim_t dx = -1; dx <= 1; ++dx) set_pixel(image, x + dx, y + dy, colour);
}

}  // namespace

io::Image environment_sheet(const Environments& environments, dim_t columns) {
  if (environments.empty() || columns < 1)
    throw UsageError("[environment_sheet] expected environments and a column, got none");
  const ImageDataset& first = environments.front().images;
  const dim_t zoom = std::max<dim_t>(1, 42 / std::max(first.height, first.width));
  const dim_t step_x = first.width * zoom + kGap, step_y = first.height * zoom + kGap;
  const dim_t block = first.num_classes * step_y + kTextLine + kBorder;
  io::Image sheet = white(2 * kBorder + columns * step_x, kBorder + dim_t(environments.size()) * block);
  dim_t top = kBorder;
  for (const Environment& e : environments) {
    draw_text(sheet, kBorder, top, e.name, kPen);
    for (int label = 0; label < e.images.num_classes; ++label) {
      const std::vector<dim_t> shown = first_of_class(e.images, label, columns);
      for (std::size_t i = 0; i < shown.size(); ++i)
        draw_enlarged(sheet, e.images, shown[i], kBorder + dim_t(i) * step_x, top + kTextLine + label * step_y, zoom);
    }
    top += block;
  }
  return sheet;
}

io::Image scatter_picture(const std::string& title, const std::vector<PlanePoint>& points,
                          const std::vector<int>& groups, const std::vector<std::string>& names) {
  if (points.size() != groups.size())
    throw UsageError(message("[scatter] expected a group for each of ", points.size(), " points, got ", groups.size()));
  dim_t letters = 0;
  for (const std::string& name : names) letters = std::max(letters, dim_t(name.size()));
  const dim_t legend = (letters + 2) * kLetterWidth;
  io::Image image = white(3 * kBorder + kSide + legend, 2 * kBorder + kTextLine + kSide);
  draw_text(image, kBorder, kBorder, title, kPen);
  PlotRange x, y;
  for (const PlanePoint& p : points) {
    x.include(p.x);
    y.include(p.y);
  }
  for (std::size_t i = 0; i < points.size(); ++i)
    draw_dot(image, kBorder + dim_t(x.place(points[i].x) * (kSide - 1)),
             kBorder + kTextLine + dim_t((1 - y.place(points[i].y)) * (kSide - 1)),
             kColours[std::size_t(groups[i]) % kColours.size()]);
  dim_t line = 0;
  for (std::size_t g = 0; g < names.size(); ++g) {
    if (std::find(groups.begin(), groups.end(), int(g)) == groups.end()) continue;  // a group without points
    const dim_t left = 2 * kBorder + kSide, top = kBorder + (1 + line++) * kTextLine;
    for (dim_t dy = 0; dy < 6; ++dy)
      for (dim_t dx = 0; dx < 6; ++dx) set_pixel(image, left + dx, top + dy, kColours[g % kColours.size()]);
    draw_text(image, left + 2 * kLetterWidth, top, names[g], kPen);
  }
  return image;
}

}  // namespace engram::apps
