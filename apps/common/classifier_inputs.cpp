#include "apps/common/classifier_inputs.h"

#include <filesystem>
#include <map>

#include "apps/common/classifier_options.h"
#include "engine/io/sha256.h"

namespace engram::apps {

void add_classifier_inputs(Program& program, const std::string& setting, const std::vector<std::string>& paths) {
  std::string joined;
  std::map<std::string, std::string> hashes;
  for (const std::string& path : paths) {
    joined += (joined.empty() ? "" : ",") + std::filesystem::absolute(path).lexically_normal().string();
    hashes[message(setting, "/", hashes.size())] = io::sha256_file_hex(classifier_file(path));
  }
  if (!paths.empty()) program.add_input(setting, joined, hashes);
}

}  // namespace engram::apps
