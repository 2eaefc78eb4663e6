#include "bench/kernel_report/budget.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"

namespace engram::bench {

Budget read_budget(const std::string& path, const std::string& architecture) {
  std::ifstream in(path);
  if (!in) throw IoError(message("[counts] expected a readable file, got ", path));
  const auto fail = [&](const std::string& what) {
    return DataError(message("[counts] expected ", what, " in ", path));
  };
  const auto all = nlohmann::json::parse(in, nullptr, false);
  if (!all.is_object() || all.empty()) throw fail("a JSON object by nvcc version");
  const auto& newest = std::prev(all.end()).value();
  if (!newest.is_object() || !newest.contains(architecture)) throw fail("kernels of " + architecture);
  Budget budget;
  try {
    for (const auto& [name, entry] : newest[architecture].items()) {
      budget[name] = {entry.at("registers").get<int>(), entry.at("spill_bytes").get<std::int64_t>(),
                      entry.at("shared_bytes").get<std::int64_t>()};
    }
  } catch (const nlohmann::json::exception&) {
    throw fail("registers, spill_bytes and shared_bytes of each kernel");
  }
  return budget;
}

}  // namespace engram::bench
