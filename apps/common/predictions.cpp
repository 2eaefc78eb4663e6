#include "apps/common/predictions.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace engram::apps {

void Predictions::add(std::int32_t label, std::span<const float> logits) {
  labels_.push_back(label);
  logits_.insert(logits_.end(), logits.begin(), logits.end());
}

std::span<const float> Predictions::logits(dim_t image) const {
  const std::size_t classes = logits_.size() / labels_.size();
  return std::span(logits_).subspan(std::size_t(image) * classes, classes);
}

std::int32_t Predictions::predicted(dim_t image) const {
  const auto row = logits(image);
  return std::int32_t(std::max_element(row.begin(), row.end()) - row.begin());
}

double Predictions::probability(dim_t image) const {
  const auto row = logits(image);
  const double largest = row[std::size_t(predicted(image))];
  double total = 0;
  for (float value : row) total += std::exp(double(value) - largest);
  return std::exp(double(row[std::size_t(label(image))]) - largest) / total;
}

std::string predictions_csv(const Predictions& predictions) {
  std::string text = "index,label,predicted";
  const std::size_t classes = predictions.count() > 0 ? predictions.logits(0).size() : 0;
  for (std::size_t c = 0; c < classes; ++c) text += ",logit_" + std::to_string(c);
  text += "\n";
  char number[32];
  for (dim_t i = 0; i < predictions.count(); ++i) {
    text +=
        std::to_string(i) + "," + std::to_string(predictions.label(i)) + "," + std::to_string(predictions.predicted(i));
    for (float value : predictions.logits(i)) {
      std::snprintf(number, sizeof number, ",%.9g", double(value));
      text += number;
    }
    text += "\n";
  }
  return text;
}

}  // namespace engram::apps
