#pragma once
/// Scales of charts: from values to positions, and the marks along an axis.

#include <string>
#include <vector>

namespace engram::apps {

/// A mark on an axis: position between 0 and 1, and what stands beside it.
struct AxisTick {
  double position = 0;
  std::string label;
};

/// A linear or logarithmic scale over a range of values.
class ChartAxis {
 public:
  /// A linear scale over [low, high], widened a little where `margin` is positive (a fraction of the range). A range
  /// that is too small for its numbers to be told apart is widened as well. Any finite numbers are taken.
  static ChartAxis linear(double low, double high, double margin = 0);

  /// A logarithmic scale over [low, high], both positive.
  static ChartAxis logarithmic(double low, double high);

  bool is_log() const { return log_; }

  /// Marks are labelled as percentages: 0.5 is "50 %".
  ChartAxis& as_percentages() {
    percent_ = true;
    return *this;
  }

  /// Position of a value: 0 at the low end, 1 at the high end. Positive values only on a logarithmic scale.
  double position(double value) const;

  /// Between 2 and about 8 marks at round numbers.
  std::vector<AxisTick> ticks() const;

 private:
  ChartAxis(double low, double high, bool log) : low_(low), high_(high), log_(log) {}
  std::vector<AxisTick> linear_ticks() const;
  std::vector<AxisTick> log_ticks() const;
  std::string label(double value, int digits) const;

  double low_, high_;  // exponents of ten on a logarithmic scale
  bool log_;
  bool percent_ = false;
};

}  // namespace engram::apps
