#include "apps/common/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/common/chart_axis.h"
#include "apps/common/pixel_font.h"

namespace engram::apps {
namespace {

constexpr Rgb kBlack = {0, 0, 0}, kGrey = {210, 210, 210};
/// Colours of lines that people tell apart who do not tell red from green (Okabe and Ito 2008).
constexpr Rgb kLineColors[] = {{0, 114, 178},  {213, 94, 0},  {0, 158, 115},   {204, 121, 167},
                               {86, 180, 233}, {230, 159, 0}, {120, 120, 120}, {0, 0, 0}};

io::Image blank(dim_t width, dim_t height) {
  return {width, height, 3, io::Bytes(std::size_t(width * height * 3), 255)};
}

dim_t text_width(const std::string& text) {
  return dim_t(text.size()) * kLetterWidth;
}

dim_t longest(const std::vector<std::string>& texts) {
  dim_t most = 0;
  for (const std::string& text : texts) most = std::max(most, text_width(text));
  return most;
}

std::string short_number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

}  // namespace

Canvas::Canvas(dim_t width, dim_t height) : image_(blank(width, height)) {}

void Canvas::fill(dim_t x, dim_t y, dim_t width, dim_t height, const Rgb& color) {
  for (dim_t row = std::max<dim_t>(0, y); row < std::min(image_.height, y + height); ++row)
    for (dim_t column = std::max<dim_t>(0, x); column < std::min(image_.width, x + width); ++column)
      std::copy(color.begin(), color.end(), image_.pixels.begin() + (row * image_.width + column) * 3);
}

void Canvas::line(double x0, double y0, double x1, double y1, const Rgb& color, dim_t thickness) {
  const int steps = std::max(1, int(std::ceil(std::max(std::abs(x1 - x0), std::abs(y1 - y0)))));
  for (int i = 0; i <= steps; ++i) {
    const double t = double(i) / steps;
    fill(std::lround(x0 + t * (x1 - x0)) - thickness / 2, std::lround(y0 + t * (y1 - y0)) - thickness / 2, thickness,
         thickness, color);
  }
}

void Canvas::text(dim_t x, dim_t y, const std::string& text) {
  draw_text(image_, x, y, text, 0);
}

void Canvas::text_left_of(dim_t x, dim_t y, const std::string& text) {
  draw_text(image_, x - text_width(text), y, text, 0);
}

void Canvas::text_upwards(dim_t x, dim_t y, const std::string& text) {
  io::Image flat = blank(text_width(text), kLetterHeight);
  draw_text(flat, 0, 0, text, 0);
  for (dim_t row = 0; row < flat.height; ++row)
    for (dim_t column = 0; column < flat.width; ++column)
      if (flat.pixels[std::size_t((row * flat.width + column) * 3)] == 0) fill(x + row, y - column - 1, 1, 1, kBlack);
}

void Canvas::image(dim_t x, dim_t y, const io::Image& image, dim_t zoom) {
  for (dim_t row = 0; row < image.height; ++row)
    for (dim_t column = 0; column < image.width; ++column) {
      const std::uint8_t* from = image.pixels.data() + (row * image.width + column) * image.channels;
      fill(x + column * zoom, y + row * zoom, zoom, zoom,
           image.channels == 3 ? Rgb{from[0], from[1], from[2]} : Rgb{from[0], from[0], from[0]});
    }
}

io::Image matrix_picture(const std::vector<std::vector<double>>& values, const std::vector<std::string>& rows,
                         const std::vector<std::string>& columns, double low, double high) {
  constexpr dim_t kMargin = 8, kScaleWidth = 12, kScaleText = 6 * kLetterWidth;
  const dim_t count = dim_t(std::max(rows.size(), columns.size()));
  const bool with_values = count <= 16;
  const dim_t cell = with_values ? 40 : std::max<dim_t>(9, 640 / count);
  const dim_t left = kMargin + longest(rows) + kMargin, top = kMargin + longest(columns) + kMargin;
  const dim_t width = cell * dim_t(columns.size()), height = cell * dim_t(rows.size());
  const dim_t scale_height = std::max<dim_t>(height, 64);
  Canvas canvas(left + width + 2 * kMargin + kScaleWidth + kScaleText, top + scale_height + kMargin);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const dim_t y = top + dim_t(i) * cell;
    canvas.text_left_of(left - kMargin, y + (cell - kLetterHeight) / 2, rows[i]);
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const dim_t x = left + dim_t(j) * cell;
      canvas.fill(x, y, cell, cell, heat_color((values[i][j] - low) / (high - low)));
      if (!with_values || !std::isfinite(values[i][j])) continue;
      const std::string number = short_number(values[i][j], 2);
      const dim_t box = text_width(number) + 3;
      canvas.fill(x + (cell - box) / 2, y + (cell - kLetterHeight) / 2 - 1, box, kLetterHeight + 1, {255, 255, 255});
      canvas.text(x + (cell - box) / 2 + 2, y + (cell - kLetterHeight) / 2, number);
    }
  }
  for (std::size_t j = 0; j < columns.size(); ++j)
    canvas.text_upwards(left + dim_t(j) * cell + (cell - kLetterHeight) / 2, top - kMargin, columns[j]);
  const dim_t scale = left + width + kMargin;
  for (dim_t i = 0; i < scale_height; ++i)
    canvas.fill(scale, top + i, kScaleWidth, 1, heat_color(1 - double(i) / double(scale_height - 1)));
  canvas.text(scale + kScaleWidth + 3, top, short_number(high, 2));
  canvas.text(scale + kScaleWidth + 3, top + scale_height - kLetterHeight, short_number(low, 2));
  return canvas.picture();
}

io::Image line_picture(const std::string& title, const std::vector<ChartSeries>& series) {
  constexpr dim_t kWidth = 640, kHeight = 360, kLeft = 64, kTop = 28, kBottom = 28, kMargin = 12, kMarker = 7;
  ValueRange steps, values;
  for (const ChartSeries& s : series) {
    values.include(value_range(s));
    for (const ChartPoint& p : s.points) steps.include(p.step);
  }
  if (values.empty()) values = {0, 1};
  if (steps.empty()) steps = {0, 1};
  const ChartAxis x_axis = ChartAxis::linear(steps.low, steps.high);
  const ChartAxis y_axis = values.wants_log_scale() ? ChartAxis::logarithmic(values.low, values.high)
                                                    : ChartAxis::linear(values.low, values.high, 0.05);
  const dim_t legend = dim_t(series.size()) * (kLetterHeight + 4);
  Canvas canvas(kLeft + kWidth + kMargin, kTop + kHeight + kBottom + legend + kMargin);
  const auto x_of = [&](double step) { return double(kLeft) + x_axis.position(step) * double(kWidth - 1); };
  const auto y_of = [&](double value) { return double(kTop) + (1 - y_axis.position(value)) * double(kHeight - 1); };
  canvas.text(kLeft, 8, title);
  for (const AxisTick& tick : y_axis.ticks()) {
    const dim_t y = kTop + std::lround((1 - tick.position) * double(kHeight - 1));
    canvas.fill(kLeft, y, kWidth, 1, kGrey);
    canvas.text_left_of(kLeft - 6, y - kLetterHeight / 2, tick.label);
  }
  for (const AxisTick& tick : x_axis.ticks()) {
    const dim_t x = kLeft + std::lround(tick.position * double(kWidth - 1));
    canvas.fill(x, kTop + kHeight, 1, 4, kBlack);
    canvas.text(x - text_width(tick.label) / 2, kTop + kHeight + 8, tick.label);
  }
  canvas.fill(kLeft, kTop, 1, kHeight, kBlack);
  canvas.fill(kLeft, kTop + kHeight, kWidth, 1, kBlack);
  for (std::size_t i = 0; i < series.size(); ++i) {
    const Rgb& color = kLineColors[i % std::size(kLineColors)];
    const auto& points = series[i].points;
    const auto is_finite = [&](std::size_t k) { return k < points.size() && std::isfinite(points[k].value); };
    for (std::size_t k = 0; k < points.size(); ++k) {
      if (!is_finite(k)) continue;
      const double x = x_of(points[k].step), y = y_of(points[k].value);
      if (k > 0 && is_finite(k - 1))
        canvas.line(x_of(points[k - 1].step), y_of(points[k - 1].value), x, y, color, 2);
      else if (!is_finite(k + 1))  // a line of one point would hardly be seen
        canvas.fill(std::lround(x) - kMarker / 2, std::lround(y) - kMarker / 2, kMarker, kMarker, color);
    }
    const dim_t y = kTop + kHeight + kBottom + dim_t(i) * (kLetterHeight + 4);
    canvas.fill(kLeft, y + 2, 24, 3, color);
    canvas.text(kLeft + 32, y, series[i].name);
  }
  return canvas.picture();
}

}  // namespace engram::apps
