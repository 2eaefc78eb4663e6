#pragma once
/// The result of an evaluation, for people and for programs.

#include <string>
#include <vector>

#include "models/training/evaluate.h"

namespace engram::apps {

/// What was evaluated, as far as reports say it.
struct EvaluationSubject {
  std::string classifier;  ///< file name
  std::string arch;
  dim_t num_parameters = 0;
  std::string data;     ///< path as the user gave it
  std::string dataset;  ///< "cifar10"
  std::string split;    ///< "test", "all"
  std::vector<std::string> class_names;
  bool flip = false;
  bool exact = false;
  std::string device;       ///< "cpu"
  std::string device_note;  ///< how it was chosen, empty when the user named it
  double seconds = 0;
};

/// Several lines: accuracy, loss, the accuracy of each class, and the confusion table (rows are labels, columns
/// predictions). Beyond 20 classes, the ten most frequent confusions stand in for the table.
std::string evaluation_text(const EvaluationSubject& subject, const Evaluation& result);

/// One JSON object, two spaces of indent: "classifier", "arch", "data", "dataset", "split", "count", "correct",
/// "accuracy" (0 to 1), "loss", "flip", "exact", "device", "seconds", "classes" (an object each: "name", "count",
/// "correct", "accuracy", null without images) and "confusion" (rows are labels). A loss that is not finite is null.
std::string evaluation_json(const EvaluationSubject& subject, const Evaluation& result);

}  // namespace engram::apps
