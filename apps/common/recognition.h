#pragma once
/// How many of the images that were made for each class the classifier itself takes for that class.

#include <string>
#include <vector>

#include "apps/common/html.h"
#include "apps/common/predictions.h"

namespace engram::apps {

/// One class of a synthesised set.
struct ClassRecognition {
  std::string name;
  dim_t images = 0;
  dim_t recognised = 0;        ///< images whose largest logit is the class's
  double confidence = 0;       ///< mean softmax probability of the class over its images
  std::string taken_for = {};  ///< the class that most of the others are taken for; empty where all are recognised
};

/// The whole set.
struct Recognition {
  dim_t images = 0, recognised = 0;
  double confidence = 0;
  std::vector<ClassRecognition> classes;
  std::vector<std::string> advice;  ///< sentences: what to try

  double share() const { return images > 0 ? double(recognised) / double(images) : 0; }
};

/// Below this share, programs say what to try.
inline constexpr double kPoorRecognition = 0.8;

/// Counts by class. `class_names` has one name a class.
Recognition recognition_of(const Predictions& predictions, const std::vector<std::string>& class_names);

/// Whether each image is taken for another class than its own.
std::vector<bool> missed_images(const Predictions& predictions);

/// The file that holds a run's recognition.
inline constexpr const char* kRecognitionFile = "recognition.json";

/// JSON object: "images", "recognised", "share", "confidence", "classes" (objects "name", "images", "recognised",
/// "share", "confidence", "taken_for") and "advice".
std::string recognition_json(const Recognition& recognition);

/// Lines for the terminal: the share, the classes that fall below kPoorRecognition (at most ten, the worst first), and
/// the advice.
std::string recognition_text(const Recognition& recognition);

/// The section of a report that a text as recognition_json makes it asks for. Empty for any other text.
Html recognition_section(const std::string& json);

}  // namespace engram::apps
