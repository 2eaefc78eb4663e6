#include "models/classifier_file.h"

#include <cmath>
#include <locale>
#include <sstream>

#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "engine/io/tensor_io.h"
#include "models/data/class_names.h"
#include "models/state_names.h"

namespace engram {
namespace {

constexpr const char* kReserved[] = {"arch", "num_classes", "image", "mean", "std", "format"};
constexpr int kMaxClasses = 1'000'000;

bool is_reserved(const std::string& key) {
  for (const char* reserved : kReserved)
    if (key == reserved) return true;
  return false;
}

/// "0.4914,0.4822,0.4465", with as many digits as f32 needs.
std::string join(const std::vector<float>& values) {
  std::ostringstream text;
  text.exceptions(std::ios::badbit);  // a lack of memory leaves no shorter text
  text.imbue(std::locale::classic());
  text.precision(9);
  for (std::size_t i = 0; i < values.size(); ++i) text << (i ? "," : "") << values[i];
  return text.str();
}

/// The inverse of join: a finite number a channel.
std::vector<float> split(const std::string& text, const char* key, dim_t channels) {
  std::istringstream stream(text);
  stream.exceptions(std::ios::badbit);
  stream.imbue(std::locale::classic());
  std::vector<float> values;
  float value;
  while (stream >> value) {
    values.push_back(value);
    if (stream.peek() == ',') stream.ignore();
  }
  bool good = dim_t(values.size()) == channels && stream.eof();
  for (float v : values) good = good && std::isfinite(v) && (key[0] == 'm' || v > 0);
  if (!good)
    throw DataError(message("expected metadata \"", key, "\" of ", channels, key[0] == 'm' ? " " : " positive ",
                            "numbers with commas, one a channel, got \"", text, "\""));
  return values;
}

int parse_num_classes(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 8 && text.find_first_not_of("0123456789") == std::string::npos;
  const int count = digits ? std::stoi(text) : 0;
  if (count < 1 || count > kMaxClasses)
    throw DataError(message("expected metadata \"num_classes\" from 1 to ", kMaxClasses, ", got \"", text, "\""));
  return count;
}

/// Length of the last layer's bias in a state of unknown classes.
int guess_num_classes(const StateDict& state) {
  const dim_t outputs = head_outputs(state);
  if (outputs >= 1 && outputs <= kMaxClasses) return int(outputs);
  throw DataError(
      "expected metadata \"num_classes\" (--num-classes) or a head's bias (linear.bias, fc.bias, classifier.bias, or "
      "that of "
      "the last of numbered layers), got neither");
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// "; they fit resnet20-a: --arch resnet20-a", or nothing.
std::string fitting_hint(const StateDict& state, int num_classes, const ImageShape& image, const std::string& except) {
  std::vector<std::string> names = fitting_networks(state, num_classes, image);
  std::erase(names, except);
  if (names.empty()) return "";
  return "; the tensors fit " + joined(names, " and ") + ": use --arch " + names.front();
}

/// Loads the state under the network's names; returns what was renamed.
std::vector<std::string> load_adapted(Network& network, const StateDict& state) {
  const AdaptedState adapted = adapt_state(state, network);
  try {
    network.load_state(adapted.tensors);
  } catch (const DataError& error) {
    throw DataError(error.what() + fitting_hint(state, network.num_classes(), network.image(), network.arch()));
  }
  return adapted.remarks;
}

std::vector<std::string> read_class_names(const std::map<std::string, std::string>& metadata, int num_classes) {
  std::vector<std::string> names;
  if (const auto found = metadata.find("class_names"); found != metadata.end()) {
    std::istringstream lines(found->second);
    lines.exceptions(std::ios::badbit);
    for (std::string line; std::getline(lines, line);) names.push_back(line);
    if (int(names.size()) != num_classes)
      throw DataError(message("expected metadata \"class_names\" of ", num_classes, " lines, got ", names.size()));
    return names;
  }
  if (const auto found = metadata.find("dataset"); found != metadata.end()) names = class_names_of(found->second);
  if (int(names.size()) == num_classes) return names;
  names.clear();
  for (int c = 0; c < num_classes; ++c) names.push_back(std::to_string(c));
  return names;
}

/// Throws DataError unless there is one constant of each kind a channel.
void check_normalization(const Normalization& normalization, dim_t channels) {
  if (dim_t(normalization.mean.size()) != channels || dim_t(normalization.std.size()) != channels)
    throw DataError(message("expected a mean and a standard deviation for each of ", channels, " channels, got ",
                            normalization.mean.size(), " and ", normalization.std.size()));
}

Classifier read(const io::TensorFile& file, const ClassifierDefaults& defaults) {
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? nullptr : &found->second;
  };
  const ImageShape image = text("image") ? parse_image_shape(*text("image")) : defaults.image;
  const std::string arch = text("arch") ? *text("arch") : defaults.arch;
  if (arch.empty())
    throw DataError(message("expected metadata \"arch\" (one of ", network_names(), ") or --arch, got none",
                            fitting_hint(file.tensors, int(head_outputs(file.tensors)), image, "")));
  const int num_classes = text("num_classes")         ? parse_num_classes(*text("num_classes"))
                          : defaults.num_classes != 0 ? defaults.num_classes
                                                      : guess_num_classes(file.tensors);
  Classifier result;
  try {
    result.network = make_network(arch, num_classes, {.seed = std::nullopt, .device = defaults.device, .image = image});
  } catch (const UsageError& error) {
    throw DataError(error.what() + fitting_hint(file.tensors, num_classes, image, ""));
  }
  result.normalization = defaults.normalization;
  if (text("mean")) result.normalization.mean = split(*text("mean"), "mean", image.channels);
  if (text("std")) result.normalization.std = split(*text("std"), "std", image.channels);
  check_normalization(result.normalization, image.channels);
  for (const auto& [key, value] : file.metadata)
    if (!is_reserved(key)) result.notes[key] = value;

  result.class_names = read_class_names(file.metadata, num_classes);
  result.remarks = load_adapted(*result.network, file.tensors);
  result.network->eval();
  result.network->set_requires_grad(false);
  return result;
}

}  // namespace

Classifier load_classifier(const std::filesystem::path& path, const ClassifierDefaults& defaults) {
  const io::TensorFile file = io::load_tensors(path);
  try {
    return read(file, defaults);
  } catch (const DataError& error) {
    throw DataError(message(path.string(), ": ", error.what()));
  }
}

void save_classifier(const std::filesystem::path& path, const Network& network, const Normalization& normalization,
                     const std::map<std::string, std::string>& notes, WeightPrecision precision) {
  check_normalization(normalization, network.image().channels);
  io::SafetensorsMetadata metadata = {{"arch", network.arch()},
                                      {"num_classes", std::to_string(network.num_classes())},
                                      {"image", to_string(network.image())},
                                      {"mean", join(normalization.mean)},
                                      {"std", join(normalization.std)}};
  for (const auto& [key, value] : notes) {
    if (is_reserved(key))
      throw UsageError(message("[save_classifier] expected notes with other keys, got \"", key, "\""));
    metadata[key] = value;
  }

  std::vector<io::Bytes> data;
  std::vector<io::SafetensorsEntry> entries;
  for (const NamedTensor& named : network.named_state()) {
    const std::vector<float> values = named.tensor.to_vector();
    const bool half = precision == WeightPrecision::kF16 && named.tensor.rank() >= 2;
    if (half) {
      for (float v : values)
        if (!(std::abs(v) < 65520.f))
          throw DataError(
              message("[save_classifier] expected weights within the range of f16, got ", v, " in ", named.name));
      data.push_back(io::f32_to_f16_bytes(values));
    } else {
      const io::ByteView bytes = io::bytes_of(std::span<const float>(values));
      data.emplace_back(bytes.begin(), bytes.end());
    }
    entries.push_back({named.name, half ? io::FileDType::kF16 : io::FileDType::kF32, named.tensor.shape(), {}});
  }
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].bytes = data[i];
  io::write_safetensors(path, entries, metadata);
}

}  // namespace engram
