#include "apps/common/classifier_options.h"

#include <cmath>
#include <locale>
#include <sstream>

#include "apps/common/main_wrapper.h"
#include "models/nets/network_registry.h"

namespace engram::apps {
namespace {

/// Finite numbers with commas between them, positive ones where `positive`.
std::vector<float> parse_constants(const char* option, const std::string& text, bool positive) {
  std::istringstream stream(text);
  stream.exceptions(std::ios::badbit);  // a lack of memory is no mistake in the text
  stream.imbue(std::locale::classic());
  std::vector<float> values;
  bool good = true;
  for (std::string cell; good && std::getline(stream, cell, ',');) {
    std::istringstream number(cell);
    number.exceptions(std::ios::badbit);
    number.imbue(std::locale::classic());
    float value = 0;
    good = (number >> value) && number.eof() && std::isfinite(value) && (!positive || value > 0);
    values.push_back(value);
  }
  if (!good || values.empty())
    throw UsageError(message(option, ": expected ", positive ? "positive " : "", "numbers with commas, one a channel, ",
                             "got '", text, "'"));
  return values;
}

Normalization normalization_of(const ClassifierOptions& options) {
  Normalization normalization = cifar_normalization();
  if (!options.mean.empty()) normalization.mean = parse_constants("--mean", options.mean, false);
  if (!options.std.empty()) normalization.std = parse_constants("--std", options.std, true);
  if (normalization.mean.size() != normalization.std.size())
    throw UsageError(message("--mean, --std: expected as many numbers of each, got ", normalization.mean.size(),
                             " and ", normalization.std.size()));
  return normalization;
}

}  // namespace

void add_classifier_options(Cli& cli, ClassifierOptions& options) {
  cli.option("arch", &options.arch, "Network of a file that does not name it: " + network_names())
      .names_part(check_network_name);
  cli.parts("network", network_registry().entries());
  cli.option("num-classes", &options.num_classes, "Classes of a file that does not say; 0 goes by the last layer")
      .at_least(0)
      .at_most(1000000);
  cli.option("mean", &options.mean,
             "Means of the image channels (of values 0 to 1) that a file does not say, as 0.5,0.5,0.5; else CIFAR's");
  cli.option("std", &options.std, "Standard deviations of the image channels, likewise");
}

Classifier open_classifier(const std::filesystem::path& path, const ClassifierOptions& options, const Device& device,
                           std::ostream* remarks) {
  const ClassifierDefaults defaults{.arch = options.arch,
                                    .num_classes = int(options.num_classes),
                                    .normalization = normalization_of(options),
                                    .device = device};
  Classifier classifier = load_classifier(classifier_file(path), defaults);
  for (const std::string& remark : classifier.remarks)
    if (remarks) *remarks << one_line(path.string()) << ": " << one_line(remark) << "\n";
  return classifier;
}

}  // namespace engram::apps
