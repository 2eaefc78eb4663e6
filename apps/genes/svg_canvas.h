#pragma once
/// A drawing in the coordinates of its view box, for charts that are more than lines over steps.

#include <string>

#include "apps/common/html.h"

namespace engram::apps {

/// Shapes are drawn in the order of the calls. Classes are those of the page's style; `title` is what a browser shows
/// when the pointer rests on the shape (nothing where it is empty).
class SvgCanvas {
 public:
  /// `label` is the drawing's accessible name, `css_class` the class of its <svg>.
  SvgCanvas(double width, double height, Markup css_class, const std::string& label);

  void line(double x1, double y1, double x2, double y2, Markup css_class);
  void text(double x, double y, Markup css_class, const std::string& text);
  void rectangle(double x, double y, double width, double height, Markup css_class, const std::string& title = {});
  void circle(double x, double y, double radius, Markup css_class, const std::string& title = {});
  /// `points` is the path's data.
  void path(const std::string& points, Markup css_class, const std::string& title = {});

  /// The drawing; call it once, last.
  Html finish();

 private:
  void attribute(Markup name, double value);
  void close(Markup tag, const std::string& title);

  Html out_;
};

/// A coordinate in a path, to a tenth of a unit.
std::string svg_number(double value);

}  // namespace engram::apps
