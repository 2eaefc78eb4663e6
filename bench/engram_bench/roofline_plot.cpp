#include "bench/engram_bench/roofline_plot.h"

#include <algorithm>
#include <cmath>

namespace engram::bench {
namespace {

using apps::Html;
using apps::Markup;

constexpr double kWidth = 760, kHeight = 420, kLeft = 60, kBottom = 40, kMargin = 14;

/// A kernel's place.
struct Place {
  const Row* row;
  double intensity, rate;  ///< operations a byte, operations a second
};

std::vector<Place> places(const Results& results) {
  std::vector<Place> all;
  for (const Row& row : results.rows) {
    const double seconds = quartiles(row.seconds).median;
    if (seconds <= 0 || row.bytes() <= 0) continue;
    const double flops = std::max(double(row.cost.flops), double(row.bytes()) / 4);
    all.push_back({&row, flops / double(row.bytes()), flops / seconds});
  }
  return all;
}

/// A logarithmic axis in whole powers of ten.
struct LogAxis {
  int low, high;
  double begin, end;  ///< coordinates of the ends

  double at(double value) const { return begin + (std::log10(value) - low) / (high - low) * (end - begin); }
};

LogAxis axis(double least, double most, double begin, double end) {
  const int low = int(std::floor(std::log10(least)));
  return {low, std::max(low + 1, int(std::ceil(std::log10(most)))), begin, end};
}

Html& attribute(Html& out, Markup name, double value) {
  return out.markup(" ").markup(name).markup("=\"").text(apps::number_text(value, 6)).markup("\"");
}

void line(Html& out, Markup css_class, double x1, double y1, double x2, double y2) {
  out.markup("<line class=\"").markup(css_class).markup("\"");
  attribute(attribute(attribute(attribute(out, "x1", x1), "y1", y1), "x2", x2), "y2", y2).markup("/>");
}

void label(Html& out, Markup anchor, double x, double y, const std::string& text) {
  out.markup("<text text-anchor=\"").markup(anchor).markup("\"");
  attribute(attribute(out, "x", x), "y", y).markup(">").text(text).markup("</text>\n");
}

void grid(Html& out, const LogAxis& x, const LogAxis& y) {
  for (int power = x.low; power <= x.high; ++power) {
    const double at = x.at(std::pow(10.0, power));
    line(out, "grid", at, y.begin, at, y.end);
    label(out, "middle", at, y.begin + 16, apps::number_text(std::pow(10.0, power)));
  }
  for (int power = y.low; power <= y.high; ++power) {
    const double at = y.at(std::pow(10.0, power));
    line(out, "grid", x.begin, at, x.end, at);
    label(out, "end", x.begin - 6, at + 4, apps::number_text(std::pow(10.0, power - 9)));
  }
  label(out, "middle", 0.5 * (x.begin + x.end), kHeight - 4, "operations a byte");
  label(out, "start", 2, 11, "GFLOP/s");
}

void points(Html& out, const std::vector<Place>& all, const Results& results, const LogAxis& x, const LogAxis& y) {
  for (const Place& place : all) {
    out.markup("<circle r=\"4\"");
    attribute(attribute(out, "cx", x.at(place.intensity)), "cy", y.at(place.rate)).markup("><title>");
    out.text(place.row->name + ": " + apps::number_text(1e6 * quartiles(place.row->seconds).median) + " us, " +
             apps::number_text(100 * share_of_roofline(*place.row, results.roofline), 3) + " % of the roofline");
    out.markup("</title></circle>\n");
  }
}

}  // namespace

Html roofline_plot(const Results& results) {
  Html out;
  const std::vector<Place> all = places(results);
  const double bandwidth = results.roofline.bytes_per_s, peak = results.roofline.flops_per_s;
  if (all.empty() || bandwidth <= 0 || peak <= 0) return out;
  const double ridge = peak / bandwidth;
  double least_x = ridge, most_x = 4 * ridge, least_y = peak, most_y = peak;
  for (const Place& place : all) {
    least_x = std::min(least_x, place.intensity);
    most_x = std::max(most_x, place.intensity);
    least_y = std::min(least_y, place.rate);
    most_y = std::max(most_y, place.rate);
  }
  const LogAxis x = axis(least_x, most_x, kLeft, kWidth - kMargin);
  const LogAxis y = axis(least_y, most_y, kHeight - kBottom, kMargin);
  out.markup("<svg class=\"roofline\" role=\"img\" aria-label=\"Roofline\"");
  out.markup(" viewBox=\"0 0 760 420\">\n");
  grid(out, x, y);
  const double left = std::max(std::pow(10.0, x.low), std::pow(10.0, y.low) / bandwidth);
  line(out, "roof", x.at(left), y.at(bandwidth * left), x.at(ridge), y.at(peak));
  line(out, "roof", x.at(ridge), y.at(peak), x.end, y.at(peak));
  points(out, all, results, x, y);
  return out.markup("</svg>\n");
}

Markup roofline_style() {
  return ".roofline{width:100%;max-width:60rem;height:auto;font-size:12px}.roofline text{fill:var(--soft)}"
         ".roofline .grid{stroke:var(--rule)}.roofline .roof{stroke:var(--bad);stroke-width:2}"
         ".roofline circle{fill:#2a7fb8;fill-opacity:.8}"
         ".heat td.cell{text-align:right;min-width:4.5rem}.heat .slow{background:#b3261e55}"
         ".heat .slower{background:#b3261e99}.heat .fast{background:#1b7f3b55}.heat .faster{background:#1b7f3b99}\n";
}

}  // namespace engram::bench
