#include "models/methods/data_free/data_free_registry.h"

namespace engram {

const DataFreeRegistry& data_free_registry() {
  static const DataFreeRegistry registry = [] {
    DataFreeRegistry all("data-free");
    add_dafl(all);
    add_zskt(all);
    add_dfad(all);
    add_generative(all);
    add_pre_dfkd(all);
    add_pool_methods(all);
    return all;
  }();
  return registry;
}

std::unique_ptr<DataFreeTask> make_data_free_task(const std::string& method, const DataFreeProblem& problem) {
  return data_free_registry().make(method, problem);
}

}  // namespace engram
