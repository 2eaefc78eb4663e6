#pragma once
/// Pictures made of rectangles, lines and text, and the charts that consist of those.

#include <string>
#include <vector>

#include "apps/common/heat_colors.h"
#include "apps/common/svg_chart.h"
#include "engine/io/image.h"

namespace engram::apps {

/// A white RGB image that is drawn on. What leaves it is cut off.
class Canvas {
 public:
  Canvas(dim_t width, dim_t height);

  void fill(dim_t x, dim_t y, dim_t width, dim_t height, const Rgb& color);
  /// A straight line, `thickness` pixels wide.
  void line(double x0, double y0, double x1, double y1, const Rgb& color, dim_t thickness = 1);
  /// Text as draw_text, its top left corner at (x, y), black.
  void text(dim_t x, dim_t y, const std::string& text);
  /// The same, its right or lower end there, read from below.
  void text_left_of(dim_t x, dim_t y, const std::string& text);
  void text_upwards(dim_t x, dim_t y, const std::string& text);
  /// An RGB or grey image with its pixels enlarged by a whole factor.
  void image(dim_t x, dim_t y, const io::Image& image, dim_t zoom = 1);

  const io::Image& picture() const { return image_; }

 private:
  io::Image image_;
};

/// A matrix as coloured cells: rows downwards, a name beside each row and over each column, a scale from `low` to
/// `high` at the right. Small matrices have their values in the cells.
io::Image matrix_picture(const std::vector<std::vector<double>>& values, const std::vector<std::string>& rows,
                         const std::vector<std::string>& columns, double low, double high);

/// Lines over a common axis, with axes, marks and a legend. Values that are not finite leave gaps.
io::Image line_picture(const std::string& title, const std::vector<ChartSeries>& series);

}  // namespace engram::apps
