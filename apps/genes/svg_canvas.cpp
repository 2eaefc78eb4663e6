#include "apps/genes/svg_canvas.h"

#include <cstdio>

namespace engram::apps {

std::string svg_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

SvgCanvas::SvgCanvas(double width, double height, Markup css_class, const std::string& label) {
  out_.markup("<svg class=\"").markup(css_class).markup("\" role=\"img\" viewBox=\"0 0 ").text(svg_number(width));
  out_.markup(" ").text(svg_number(height)).markup("\" aria-label=\"").text(label).markup("\">\n");
}

void SvgCanvas::attribute(Markup name, double value) {
  out_.markup(" ").markup(name).markup("=\"").text(svg_number(value)).markup("\"");
}

void SvgCanvas::close(Markup tag, const std::string& title) {
  if (title.empty()) {
    out_.markup("/>\n");
    return;
  }
  out_.markup(">").element("title", title).markup("</").markup(tag).markup(">\n");
}

void SvgCanvas::line(double x1, double y1, double x2, double y2, Markup css_class) {
  out_.markup("<line class=\"").markup(css_class).markup("\"");
  attribute("x1", x1);
  attribute("y1", y1);
  attribute("x2", x2);
  attribute("y2", y2);
  close("line", "");
}

void SvgCanvas::text(double x, double y, Markup css_class, const std::string& text) {
  out_.markup("<text class=\"").markup(css_class).markup("\"");
  attribute("x", x);
  attribute("y", y);
  out_.markup(">").text(text).markup("</text>\n");
}

void SvgCanvas::rectangle(double x, double y, double width, double height, Markup css_class, const std::string& title) {
  out_.markup("<rect class=\"").markup(css_class).markup("\"");
  attribute("x", x);
  attribute("y", y);
  attribute("width", width);
  attribute("height", height);
  close("rect", title);
}

void SvgCanvas::circle(double x, double y, double radius, Markup css_class, const std::string& title) {
  out_.markup("<circle class=\"").markup(css_class).markup("\"");
  attribute("cx", x);
  attribute("cy", y);
  attribute("r", radius);
  close("circle", title);
}

void SvgCanvas::path(const std::string& points, Markup css_class, const std::string& title) {
  out_.markup("<path class=\"").markup(css_class).markup("\" d=\"").text(points).markup("\"");
  close("path", title);
}

Html SvgCanvas::finish() {
  return out_.markup("</svg>\n");
}

}  // namespace engram::apps
