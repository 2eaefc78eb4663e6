#include "apps/common/data_of_run.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "apps/common/main_wrapper.h"
#include "apps/common/run_dir.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

/// Reads members of a run's configuration, which may come from anybody.
class RunConfiguration {
 public:
  explicit RunConfiguration(const std::filesystem::path& run)
      : run_(run), json_(nlohmann::json::parse(read_run_config(run), nullptr, false, true)) {
    if (!json_.is_object())
      throw DataError(message("[run] expected a JSON object in the configuration of the run in ", run.string()));
  }

  /// The member instead of a value that is still `fallback`.
  template <class T>
  void take(const char* key, T& value, const T& fallback) const {
    const auto member = json_.find(key);
    if (member == json_.end() || value != fallback) return;
    try {
      value = member->get<T>();
    } catch (const nlohmann::json::exception&) {
      throw DataError(message("[run] expected the \"", key, "\" of a training in the configuration of ", run_.string(),
                              ", got ", member->dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)));
    }
  }

 private:
  const std::filesystem::path& run_;
  const nlohmann::json json_;
};

/// Whether a run made images; those of an interrupted inversion get a message of their own.
bool has_images(const std::filesystem::path& run) {
  std::error_code ignored;
  return std::filesystem::exists(run / "samples.safetensors", ignored) ||
         std::filesystem::exists(run / "batches", ignored);
}

}  // namespace

DataSettings data_of_run(const DataSettings& given, std::ostream* remarks) {
  if (!is_run_folder(given.data)) return given;
  const auto inputs = run_inputs(given.data);
  const auto data = inputs.find("data");
  if (data == inputs.end()) {
    if (has_images(given.data)) return given;
    throw DataError(message("expected images or the folder of a run that has some, got ", given.data.string(), ", ",
                            about_run(given.data), ", which has none"));
  }
  DataSettings settings = given;
  const DataSettings fallback;
  settings.data = data->second;
  const RunConfiguration run(given.data);
  run.take("dataset", settings.dataset, fallback.dataset);
  run.take("image_size", settings.image_size, fallback.image_size);
  run.take("domains", settings.domains, fallback.domains);
  run.take("test_domains", settings.test_domains, fallback.test_domains);
  for (const auto& [name, list] : {std::pair("train-list", &settings.train_list), {"test-list", &settings.test_list}})
    if (const auto file = inputs.find(name); list->empty() && file != inputs.end()) *list = file->second;
  if (remarks)
    *remarks << one_line(given.data.string()) << ": the data set of this run, " << one_line(settings.data.string())
             << "\n";
  return settings;
}

}  // namespace engram::apps
